"""What an administrator can do to a key. A refusal comes back as a `Problem`, so that nothing typed is lost."""

import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from uuid import UUID

from sqlmodel import Session

from agent_console.accounts import Viewer
from intake.catalog import keys
from intake.catalog.models import ApiKey
from kernel.bodies import Form
from kernel.errors import AtiendeError, InvalidInput

# How long the secret before a new one may still work, in days.
OVERLAPS = (0, 1, 7, 30)
DEFAULT_OVERLAP = 7
_SHORTEST_REF, _LONGEST_REF = 20, 64


@dataclass(frozen=True)
class Typed:
    """What was in the form, to be shown again. `ref` makes the form's secret: sent twice, it is one key."""

    ref: str
    label: str = ""
    scopes: tuple[str, ...] = (keys.SUBMIT,)
    agency_code: str = ""
    expires: str = ""
    writes_per_minute: str = ""


@dataclass(frozen=True)
class Problem:
    """Why nothing was changed, and the field at fault."""

    field: str
    text: str
    status: int


@dataclass(frozen=True)
class Made:
    """A key and its secret, in clear for this one page."""

    key: ApiKey
    secret: str


def read(form: Form) -> Typed:
    return Typed(
        ref=form.get("ref"),
        label=" ".join(form.get("label").split()),
        scopes=tuple(form.get_all("scope")),
        agency_code=form.get("agency_code").strip(),
        expires=form.get("expires").strip(),
        writes_per_minute=form.get("writes_per_minute").strip(),
    )


def make(session: Session, viewer: Viewer, session_key: bytes, typed: Typed, *, now: datetime) -> Made | Problem:
    """The key that the form asks for; the same form again is the same key with the same secret."""
    try:
        secret = _secret(session_key, viewer, typed.ref)
        expires_at = keys.end_of(typed.expires, viewer.timezone) if typed.expires else None
        limit = _number(typed.writes_per_minute) if typed.writes_per_minute else None
        grant = keys.Grant(typed.label, typed.scopes, typed.agency_code or None, expires_at, limit)
        return Made(keys.add(session, viewer.jurisdiction_id, grant, secret, now=now), secret)
    except AtiendeError as refusal:
        return Problem(refusal.field or "label", refusal.public_text(viewer.language), refusal.status)


def rotate(
    session: Session, viewer: Viewer, session_key: bytes, key_id: UUID, *, ref: str, overlap_days: int, now: datetime
) -> Made:
    """A new secret for the key; the same form again is the same secret. Raises NotFound, Conflict, InvalidInput."""
    secret = _secret(session_key, viewer, ref)
    overlap = timedelta(days=overlap_days)
    return Made(keys.rotate(session, viewer.jurisdiction_id, key_id, secret, overlap=overlap, now=now), secret)


def _secret(session_key: bytes, viewer: Viewer, ref: str) -> str:
    """Made of the form's own random words and what only we and this session know: nobody has to keep it to say it twice."""
    if not _SHORTEST_REF <= len(ref) <= _LONGEST_REF:
        raise InvalidInput("Algo de lo que se mandó no se entiende. Vuelve atrás y revísalo.")
    return keys.secret_of(hmac.digest(session_key, f"api key\0{viewer.token}\0{ref}".encode(), sha256))


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise InvalidInput("Escribe el límite como un número entero.", field="writes_per_minute")
    return int(text)
