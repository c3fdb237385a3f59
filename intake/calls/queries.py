"""Reads of calls."""

from datetime import datetime
from uuid import UUID

from sqlmodel import Session

from intake.calls.line_models import CallLeg
from intake.calls.models import Call
from intake.conversations.in_line import call_of_source
from intake.distribution.models import WorkItem
from kernel import db
from kernel.errors import NotFound
from kernel.rows import HELD, load_one

_BY_PROVIDER = "WHERE provider = $1 AND provider_call_id = $2"
_SILENT = """
    SELECT id FROM call WHERE ended_at IS NULL AND direction = 'inbound' AND changed_at < $1
      AND NOT EXISTS (SELECT 1 FROM call_bridge WHERE call_id = call.id AND ended_at IS NULL)
    ORDER BY changed_at LIMIT $2
"""
_ROOM = "SELECT 1 FROM call_bridge WHERE call_id = $1 AND ended_at IS NULL"

_MET = """
    SELECT 1 FROM call JOIN call_leg ON call_leg.call_id = call.id
    WHERE conversation_id = $1 AND joined_at <= coalesce(call.ended_at, joined_at)
      AND (direction = 'inbound' OR outcome = 'reached') LIMIT 1
"""


def by_provider(session: Session, provider: str, provider_call_id: str) -> Call | None:
    """The call that the provider calls so."""
    return load_one(session, Call, _BY_PROVIDER, [provider, provider_call_id])


def held_by_provider(session: Session, provider: str, provider_call_id: str) -> Call | None:
    """As `by_provider`, locked until this transaction ends."""
    return load_one(session, Call, f"{_BY_PROVIDER} {HELD}", [provider, provider_call_id])


def held(session: Session, call_id: UUID) -> Call:
    """The call, locked until this transaction ends, as it is now. Raises NotFound."""
    found = load_one(session, Call, f"WHERE id = $1 {HELD}", [call_id])
    if found is None:
        raise NotFound("No encontramos esa llamada.")
    return found


def has_met(session: Session, call_id: UUID) -> bool:
    """Whether anybody of ours was ever in the room of this call, before it was over: a browser may answer a moment too late."""
    tail = "WHERE call_id = $1 AND joined_at <= coalesce((SELECT ended_at FROM call WHERE id = $1), joined_at) LIMIT 1"
    return load_one(session, CallLeg, tail, [call_id]) is not None


def has_met_in(session: Session, conversation_id: UUID) -> bool:
    """As `has_met`, of any call of this thread; of ours, of one in which they were reached."""
    return bool(db.fetch(session, _MET, [conversation_id], prepare=True))


def asked_in(session: Session, item: WorkItem) -> Call | None:
    """The call in which somebody asked to be called back."""
    sid = call_of_source(item.source_ref)
    return load_one(session, Call, "WHERE provider_call_id = $1 AND direction = 'inbound'", [sid])


def of_conversation(session: Session, conversation_id: UUID) -> Call | None:
    """The newest call of a thread."""
    tail = "WHERE conversation_id = $1 ORDER BY started_at DESC, id DESC LIMIT 1"
    return load_one(session, Call, tail, [conversation_id])


def silent_since(session: Session, before: datetime, *, limit: int) -> list[UUID]:
    """Calls to us that go on, with nobody but the machine, and were last heard of before then, longest first."""
    return [row[0] for row in db.fetch(session, _SILENT, [before, limit], prepare=True)]


def has_room(session: Session, call_id: UUID) -> bool:
    """Whether somebody is looking after its room: they see by themselves when the caller is gone."""
    return bool(db.fetch(session, _ROOM, [call_id], prepare=True))
