"""Reads of the catalogue. Definitions are kept in the process until the city's catalogue changes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from threading import Lock
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sqlmodel import Session, select

from intake.catalog.chains import chain_of
from intake.catalog.codes import is_like_a_code
from intake.catalog.definitions import AttributeDefinition, DuplicateRules, Option, ServiceDefinition
from intake.catalog.matching import ServiceMatch, match_services
from intake.catalog.models import Jurisdiction, Service, ServiceAttribute
from kernel import db
from kernel.errors import NotFound
from routing.clocks import Step, steps_for

__all__ = [
    "Catalog",
    "ServiceDefinition",
    "ServiceMatch",
    "catalog",
    "default_jurisdiction",
    "jurisdiction",
    "match_services",
    "service",
    "services",
]


@dataclass(frozen=True, slots=True)
class Catalog:
    """A city's active services, in their order, also by code. `changed_at` moves whenever any of it does.

    `retired`: services no longer offered, for the names of past requests.
    """

    jurisdiction_id: str
    timezone: ZoneInfo
    language: str
    changed_at: datetime
    services: tuple[ServiceDefinition, ...]
    by_code: dict[str, ServiceDefinition]
    retired: dict[str, ServiceDefinition]


class _Version(NamedTuple):
    catalog_changed_at: datetime
    xmin: str
    timezone: str
    language: str


# xmin names the transaction that last wrote the row: two catalogues with the same date are still told apart.
_VERSION = "SELECT catalog_changed_at, xmin::text, timezone, language FROM jurisdiction WHERE id = %(id)s"
_cache: dict[str, tuple[tuple[datetime, str], Catalog]] = {}
_lock = Lock()


def jurisdiction(session: Session, jurisdiction_id: str) -> Jurisdiction:
    """The city. Raises NotFound."""
    found = session.get(Jurisdiction, jurisdiction_id)
    if found is None:
        raise NotFound("No atendemos la jurisdicción {jurisdiction_id}.", jurisdiction_id=jurisdiction_id)
    return found


def default_jurisdiction(session: Session) -> Jurisdiction:
    """The city that answers when nobody named one: the one marked so, else the first by id. Raises NotFound if none."""
    found = session.exec(select(Jurisdiction).order_by(Jurisdiction.is_default.desc(), Jurisdiction.id)).first()  # type: ignore[attr-defined]  # a column at class level
    if found is None:
        raise NotFound("Todavía no hay ninguna ciudad instalada.")
    return found


def catalog(session: Session, jurisdiction_id: str) -> Catalog:
    """The city's catalogue, at the cost of one small query while it has not changed. Raises NotFound."""
    rows = db.asked_once(
        session,
        ("catalog", jurisdiction_id),
        lambda: db.fetch(session, _VERSION, {"id": jurisdiction_id}, prepare=True),
    )
    if not rows:
        raise NotFound("No atendemos la jurisdicción {jurisdiction_id}.", jurisdiction_id=jurisdiction_id)
    return catalog_at(session, jurisdiction_id, _Version._make(rows[0]))


def today(session: Session, jurisdiction_id: str, now: datetime) -> date:
    """The city's day: in its evening the next one has begun in UTC, and with it perhaps other boundaries and rules."""
    return now.astimezone(catalog(session, jurisdiction_id).timezone).date()


def catalog_at(session: Session, jurisdiction_id: str, row: Any) -> Catalog:
    """As `catalog`, for a caller that has just read `catalog_changed_at`, `xmin`, `timezone` and `language` of the city's row."""
    version = (row.catalog_changed_at, row.xmin)
    kept = _cache.get(jurisdiction_id)
    if kept is not None and kept[0] == version:
        return kept[1]
    fresh = _load(session, jurisdiction_id, ZoneInfo(row.timezone), row.language, row.catalog_changed_at)
    with _lock:
        _cache[jurisdiction_id] = (version, fresh)
    return fresh


def services(session: Session, jurisdiction_id: str) -> list[ServiceDefinition]:
    """The active services of the city, in the order it gives them. Raises NotFound for an unknown city."""
    return list(catalog(session, jurisdiction_id).services)


def service(session: Session, jurisdiction_id: str, code: str) -> ServiceDefinition:
    """The active service with this code. Raises NotFound."""
    found = catalog(session, jurisdiction_id).by_code.get(code)
    if found is None:
        raise unknown_service(code)
    return found


def unknown_service(code: str) -> NotFound:
    if not is_like_a_code(code):
        return NotFound("No existe ese servicio.", field="service_code")
    return NotFound("No existe el servicio {code}.", field="service_code", code=code)


def _load(session: Session, jurisdiction_id: str, zone: ZoneInfo, language: str, changed_at: datetime) -> Catalog:
    attributes: dict[Any, list[AttributeDefinition]] = {}
    asked = (
        select(ServiceAttribute)
        .join(Service, Service.id == ServiceAttribute.service_id)  # type: ignore[arg-type]  # a column at class level
        .where(Service.jurisdiction_id == jurisdiction_id)
    )
    for row in sorted(session.exec(asked), key=lambda row: row.position):
        attributes.setdefault(row.service_id, []).append(
            AttributeDefinition(
                code=row.code,
                datatype=row.datatype,
                is_variable=row.is_variable,
                is_required=row.is_required,
                position=row.position,
                description=row.description,
                datatype_description=row.datatype_description,
                options=tuple(Option(option["key"], option["name"]) for option in row.options),
                is_asset=row.is_asset,
                only_if={code: frozenset(accepted) for code, accepted in row.only_if.items()},
            )
        )
    rows = session.exec(select(Service).where(Service.jurisdiction_id == jurisdiction_id))
    chain = chain_of(jurisdiction(session, jurisdiction_id).settings)
    active: dict[str, ServiceDefinition] = {}
    retired: dict[str, ServiceDefinition] = {}
    for found in sorted(rows, key=lambda row: (row.position, row.code)):
        definition = _definition(found, zone, tuple(attributes.get(found.id, ())), chain)
        (active if found.is_active else retired)[found.code] = definition
    return Catalog(jurisdiction_id, zone, language, changed_at, tuple(active.values()), active, retired)


def _definition(
    row: Service, zone: ZoneInfo, attributes: tuple[AttributeDefinition, ...], chain: Sequence[Step]
) -> ServiceDefinition:
    return ServiceDefinition(
        id=row.id,
        jurisdiction_id=row.jurisdiction_id,
        code=row.code,
        name=row.name,
        description=row.description,
        kind=row.kind,
        group_code=row.group_code,
        group_name=row.group_name,
        keywords=tuple(row.keywords),
        topics=tuple(row.topics),
        said_as=tuple(row.said_as),
        promise=row.promise,
        notice=row.notice,
        icon=row.icon,
        is_emergency=row.is_emergency,
        is_sensitive=row.is_sensitive,
        position=row.position,
        timezone=zone,
        attributes=attributes,
        duplicates=DuplicateRules.of(row.duplicates),
        first_answer=row.first_answer,
        silence=row.silence,
        promise_version=row.promise_version,
        steps=steps_for(chain, row.code),
    )
