"""What an administrator can do to a key. A refusal comes back as a `Problem`, so that nothing typed is lost."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlmodel import Session

from agent_console.accounts import Viewer
from agent_console.forms import Problem, problem_of, seed
from intake.catalog import keys
from intake.catalog.models import ApiKey
from kernel.bodies import Form
from kernel.errors import AtiendeError, InvalidInput

# How long the secret before a new one may still work, in days.
OVERLAPS = (0, 1, 7, 30)
DEFAULT_OVERLAP = 7


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
        return problem_of(refusal, viewer, "label")


def rotate(
    session: Session,
    viewer: Viewer,
    session_key: bytes,
    key_id: UUID,
    *,
    ref: str,
    seen: str | None,
    overlap_days: int,
    now: datetime,
) -> Made:
    """A new secret for the key; the same form again is the same secret. Raises NotFound, Conflict, InvalidInput."""
    secret, overlap = _secret(session_key, viewer, ref), timedelta(days=overlap_days)
    return Made(
        keys.rotate(session, viewer.jurisdiction_id, key_id, secret, seen=seen, overlap=overlap, now=now), secret
    )


def _secret(session_key: bytes, viewer: Viewer, ref: str) -> str:
    return keys.secret_of(seed(session_key, viewer, "api key", ref))


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise InvalidInput("Escribe el límite como un número entero.", field="writes_per_minute")
    return int(text)
