"""Service discovery: where the API is, what it speaks, and when its services last changed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlmodel import Session, select

from intake.catalog.models import Jurisdiction
from intake.open311.context import language_in
from intake.open311.extensions import EXTENSIONS, off_in
from intake.open311.formats import JSON, MEDIA_TYPES, XML
from intake.open311.forms import Fields
from intake.open311.paging import MAX_ROWS
from kernel.errors import NotFound
from kernel.i18n import translate

SPECIFICATION = "http://wiki.open311.org/GeoReport_v2"


@dataclass(frozen=True, slots=True)
class Discovery:
    """The document, when what it tells last changed, and the extensions that the city it speaks for does without."""

    document: Mapping[str, Any]
    changed_at: datetime
    extensions_off: frozenset[str]


def discovery(session: Session, query: Fields, base_url: str) -> Discovery:
    """base_url: the installation's public address, without a trailing slash. Raises NotFound for an unknown jurisdiction.

    Without a jurisdiction_id it speaks for the whole installation: the default city's contact, the latest change of any city.
    """
    cities = list(session.exec(select(Jurisdiction).order_by(Jurisdiction.is_default.desc(), Jurisdiction.id)))  # type: ignore[attr-defined]  # a column at class level
    asked = query.one("jurisdiction_id")
    cities = [city for city in cities if asked in (None, city.id)]
    if not cities:
        raise NotFound("No atendemos esa jurisdiction_id.", field="jurisdiction_id")
    settings = cities[0].settings
    language = language_in(query, cities[0].language)
    # UTC, so that changesets sort as text the whole year round.
    changed_at = max(city.catalog_changed_at for city in cities).astimezone(UTC)
    changeset = changed_at.isoformat(timespec="seconds").replace("+00:00", "Z")
    contact = ", ".join(str(settings[key]) for key in ("contact", "phone") if settings.get(key))
    off = off_in(settings)
    endpoint = {
        "specification": SPECIFICATION,
        "url": f"{base_url}/open311/v2",
        "changeset": changeset,
        "type": settings.get("open311_type", "production"),
        "formats": [MEDIA_TYPES[fmt].split(";")[0] for fmt in (XML, JSON)],
        "extensions": [
            {"name": extension.name, "description": translate(language, extension.description)}
            for extension in EXTENSIONS.values()
            if extension.name not in off
        ],
    }
    document = {
        "changeset": changeset,
        "contact": contact or base_url,
        "key_service": settings.get("key_service") or base_url,
        "endpoints": [endpoint],
        "max_requests": MAX_ROWS,
    }
    return Discovery(document, changed_at.replace(microsecond=0), off)
