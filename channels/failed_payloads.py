"""What a person can know and do about calls of providers that nobody could take in: see why, try again, put aside, open.

They are looked at by the city that was written to, and by every city where just that could not be read.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import parse_qsl
from uuid import UUID

import orjson
import structlog
from sqlalchemy import ColumnElement, func, or_
from sqlmodel import Session, col, select

from channels import receiving
from channels.models import InboundPayload, InboundPayloadEvent
from channels.values import Webhook
from intake.service_requests.masking.mask import mask
from kernel.errors import Conflict, InvalidInput, NotFound
from kernel.i18n import translate
from kernel.outbox import record

log = structlog.get_logger(__name__)

MOST = 100
MOST_REASON = 300
_MOST_LETTERS = 20_000
_HIDDEN = "••••"
# Numbers and addresses of people in whatever form a provider writes them; the rest is masked as public texts are.
_NUMBER = re.compile(r"(?<![\w.])\+?\d[\d\s\-]{5,}\d")
_EMAIL = re.compile(r"[\w.+\-]+@[\w\-]+(?:\.[\w\-]+)+")
_WAITS: ColumnElement[bool] = (col(InboundPayload.state) == "failed") & col(InboundPayload.set_aside_at).is_(None)
_SECRETS = re.compile(r"token|secret|signature|password|authorization|apikey|api_key", re.I)


@dataclass(frozen=True)
class By:
    """Who of the staff."""

    id: UUID
    name: str


def count(session: Session, jurisdiction_id: str, *, limit: int = 100) -> int:
    """How many wait for a person, without counting past `limit`."""
    some = select(InboundPayload.id).where(_WAITS, _is_of(jurisdiction_id)).limit(limit).subquery()
    return session.exec(select(func.count()).select_from(some)).one()


def listed(session: Session, jurisdiction_id: str, *, set_aside: bool = False) -> Sequence[InboundPayload]:
    """Those that nobody could take in, with those that are still being tried; or those that were put aside. Newest first."""
    tried = (col(InboundPayload.state) == "waiting") & (col(InboundPayload.attempts) > 0)
    which = (
        [col(InboundPayload.state) == "failed", col(InboundPayload.set_aside_at).is_not(None)]
        if set_aside
        else [or_(_WAITS, tried)]
    )
    return session.exec(
        select(InboundPayload)
        .where(*which, _is_of(jurisdiction_id))
        .order_by(col(InboundPayload.received_at).desc())
        .limit(MOST)
    ).all()


def find(session: Session, jurisdiction_id: str, payload_id: UUID) -> InboundPayload:
    """Raises NotFound, also for one of another city, or that was taken in and that nobody had to look at."""
    found = session.get(InboundPayload, payload_id, populate_existing=True)
    if found is None or found.jurisdiction_id not in (None, jurisdiction_id):
        raise NotFound("No encontramos ese mensaje.")
    if found.state != "failed" and not found.attempts and not events_of(session, found.id):
        raise NotFound("No encontramos ese mensaje.")
    return found


def events_of(session: Session, payload_id: UUID) -> Sequence[InboundPayloadEvent]:
    """What people did about it, oldest first."""
    done = select(InboundPayloadEvent).where(InboundPayloadEvent.payload_id == payload_id)
    return session.exec(done.order_by(col(InboundPayloadEvent.id))).all()


def try_again(session: Session, payload: InboundPayload, *, by: By, now: datetime) -> None:
    """Has it taken in at once by a job. Pressed twice it is tried once. Raises Conflict when it was taken in."""
    _hold(session, payload)
    if payload.state == "taken":
        raise Conflict("Ya se pudo leer; está en su conversación.")
    done = events_of(session, payload.id)
    if payload.state == "waiting" and done and done[-1].name == "tried_again":
        return
    payload.state, payload.changed_at, payload.set_aside_at = "waiting", now, None
    _note(session, payload, "tried_again", by, "", now)
    record(session, "inbound_payload.tried_again", at=now, payload_id=payload.id)


def set_aside(session: Session, payload: InboundPayload, reason: str, *, by: By, now: datetime) -> None:
    """Nobody has to look at it any more; it is kept as long as any. Raises InvalidInput without a reason, Conflict."""
    said = _said(reason, "Escribe por qué se aparta.")
    _hold(session, payload)
    if payload.state != "failed":
        raise Conflict("Ese mensaje ya no espera a nadie.")
    if payload.set_aside_at is not None:
        return
    payload.set_aside_at = now
    _note(session, payload, "set_aside", by, said, now)


def open_content(session: Session, payload: InboundPayload, reason: str, *, by: By, now: datetime) -> "Content":
    """What the provider sent, masked; that somebody read it, and why, is kept. Raises InvalidInput without a reason."""
    said = _said(reason, "Escribe para qué lo abres.")
    _note(session, payload, "opened", by, said, now)
    log.info("inbound_payload.opened", payload_id=str(payload.id), by=str(by.id))
    return content_of(receiving.call_of(payload))


@dataclass(frozen=True)
class Content:
    """fields: name and masked value, where the call has such; text: its masked words, where it has none."""

    content_type: str
    size_bytes: int
    fields: Sequence[tuple[str, str]]
    text: str
    is_cut: bool


def content_of(call: Webhook) -> Content:
    """A call as a person may read it. Pure; never raises, whatever the bytes."""
    kind = call.headers.get("content-type", "").partition(";")[0].strip().lower()
    words = call.body.decode("utf-8", "replace").replace("\0", "�")
    told, fields = words[:_MOST_LETTERS], []
    if kind == "application/x-www-form-urlencoded":
        try:
            pairs = parse_qsl(told, keep_blank_values=True, max_num_fields=300)
        except ValueError:
            pairs = []
        fields = [(name, _HIDDEN if _SECRETS.search(name) else masked(value)) for name, value in pairs]
    elif kind == "application/json":
        told = _indented(told)
    return Content(kind, len(call.body), fields, "" if fields else masked(told), len(words) > _MOST_LETTERS)


def _indented(text: str) -> str:
    try:
        return orjson.dumps(orjson.loads(text), option=orjson.OPT_INDENT_2).decode()
    except (orjson.JSONDecodeError, ValueError):
        return text


def masked(text: str) -> str:
    """Without addresses and long numbers, and then as a public text: what stays tells what is wrong, not who wrote."""
    shown = _EMAIL.sub(_HIDDEN, text)
    shown = _NUMBER.sub(lambda found: f"{_HIDDEN}{found[0][-2:]}", shown)
    return mask(shown).text


def why(payload: InboundPayload, language: str) -> str:
    """Why nobody could take it in, in words; of one that could be in the end, just that."""
    if payload.state == "taken":
        return translate(language, "Ya se pudo leer")
    error = payload.last_error or ""
    if error in _KNOWN:
        return translate(language, _KNOWN[error])
    if not payload.attempts:
        return translate(language, "No se entiende lo que mandó el proveedor")
    return translate(language, "Un error nuestro al leerlo ({error})", error=error or "?")


_KNOWN = {
    "no headers": "Un correo sin encabezados",
    "no single sender": "Un correo que no dice quién lo escribió",
    "too deeply nested": "Un correo con demasiadas partes dentro de partes",
    "OperationalError": "La base de datos no estaba",
    "InterfaceError": "La base de datos no estaba",
    "TimeoutError": "La base de datos no estaba",
    "Unavailable": "Todavía no hay ninguna ciudad en esta instalación",
    "InvalidInput": "Falta un dato, o tiene algo que no puede ser",
    "ForgedWebhook": "Falta un dato que el proveedor siempre manda",
    "UnreadablePayload": "No se entiende lo que mandó el proveedor",
    "UnreadableMail": "No se entiende lo que mandó el proveedor",
}


def _hold(session: Session, payload: InboundPayload) -> None:
    session.refresh(payload, with_for_update=True)


def _said(reason: str, missing: str) -> str:
    said = " ".join(reason.replace("\0", "").split())[:MOST_REASON]
    if not said:
        raise InvalidInput(missing, field="reason")
    return said


def _note(session: Session, payload: InboundPayload, name: str, by: By, reason: str, now: datetime) -> None:
    session.add(
        InboundPayloadEvent(payload_id=payload.id, name=name, actor_id=by.id, actor_name=by.name, reason=reason, at=now)
    )
    session.flush()


def _is_of(jurisdiction_id: str) -> ColumnElement[bool]:
    owner = col(InboundPayload.jurisdiction_id)
    return or_(owner == jurisdiction_id, owner.is_(None))
