"""Drafts of reports made on the web: found by the token in the address, sealed at rest, gone after a day."""

import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

import orjson
from sqlalchemy import delete
from sqlmodel import Session, col, select

from channels.app.models import WebDraft
from georef.points import LonLat
from kernel import crypto
from kernel.errors import NotFound

LIFETIME = timedelta(hours=24)
_CONTEXT = "web_draft.answers"


class Expired(NotFound):
    """The draft is past its day, or never was."""


@dataclass(frozen=True)
class Answers:
    """What has been answered so far. `lon`, `lat`: the place chosen from the gazetteer, WGS84; None when none fits.

    `candidates` holds the places offered and not yet chosen between: `[{"label", "lon", "lat", "precision_m"}]`.
    `photos`: ids of photos that are stored and wait for the report. `ruled_out`: likely duplicates of which they said that theirs
    is another, as `deciding.Shown` keeps them; `compared`: of which service and place they were asked. `settled`: which side of a
    border they said it is on; `beside`: what they were asked that about.
    """

    service_code: str
    words: str = ""
    district: str = ""
    colonia: str = ""
    street: str = ""
    reference: str = ""
    lon: float | None = None
    lat: float | None = None
    precision_m: float | None = None
    place_label: str = ""
    candidates: list[dict[str, Any]] = field(default_factory=list)
    place_done: bool = False
    attributes: dict[str, list[str]] = field(default_factory=dict)
    details_done: bool = False
    photos: list[str] = field(default_factory=list)
    notify: str = ""
    phone: str = ""
    name: str = ""
    ruled_out: list[dict[str, Any]] = field(default_factory=list)
    compared: str = ""
    settled: dict[str, str] = field(default_factory=dict)
    beside: str = ""

    @property
    def point(self) -> LonLat | None:
        return None if self.lon is None or self.lat is None else LonLat(self.lon, self.lat)

    @property
    def written_place(self) -> str:
        """The place as the resident wrote it, most specific part first."""
        return ", ".join(part for part in (self.street, self.colonia, self.district) if part)

    @property
    def address(self) -> str:
        """What the request's address says: the place as written, with its landmark note."""
        place = self.written_place or self.place_label
        return f"{place} ({self.reference})" if place and self.reference else place or self.reference

    def changed(self, **values: Any) -> "Answers":
        return replace(self, **values)


def start(session: Session, jurisdiction_id: str, answers: Answers, *, now: datetime) -> str:
    """Opens a draft and returns the token that its address carries."""
    token = secrets.token_urlsafe(18)
    draft = WebDraft(
        jurisdiction_id=jurisdiction_id,
        token_hash=_hash(token),
        answers_sealed=_seal(answers),
        created_at=now,
        expires_at=now + LIFETIME,
    )
    session.add(draft)
    return token


def load(session: Session, token: str, *, now: datetime, for_update: bool = False) -> tuple[WebDraft, Answers]:
    """The draft and its answers. for_update: a second tap waits here until the first is done. Raises NotFound when expired."""
    query = select(WebDraft).where(WebDraft.token_hash == _hash(token), WebDraft.expires_at > now)
    draft = session.exec(query.with_for_update() if for_update else query).one_or_none()
    if draft is None:
        raise Expired("Guardamos lo que escribes durante un día, y ya pasó. Empieza de nuevo, por favor.")
    values: Mapping[str, Any] = orjson.loads(crypto.vault().unseal(draft.answers_sealed, context=_CONTEXT))
    return draft, Answers(**values)


def save(session: Session, draft: WebDraft, answers: Answers) -> None:
    """Keeps `answers` in the draft."""
    draft.answers_sealed = _seal(answers)
    session.add(draft)


def forget(session: Session, *, now: datetime) -> None:
    """Removes every draft that is past its day; the requests they became stay."""
    session.connection().execute(delete(WebDraft).where(col(WebDraft.expires_at) <= now))


def _hash(token: str) -> bytes:
    return sha256(token.encode()).digest()


def _seal(answers: Answers) -> bytes:
    return crypto.vault().seal(orjson.dumps(asdict(answers)).decode(), context=_CONTEXT)
