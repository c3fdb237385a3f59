"""Reads of calls."""

from uuid import UUID

from sqlmodel import Session

from intake.calls.models import Call
from kernel.errors import NotFound
from kernel.rows import HELD, load_one

_BY_PROVIDER = "WHERE provider = $1 AND provider_call_id = $2"


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


def of_conversation(session: Session, conversation_id: UUID) -> Call | None:
    """The newest call of a thread."""
    tail = "WHERE conversation_id = $1 ORDER BY started_at DESC, id DESC LIMIT 1"
    return load_one(session, Call, tail, [conversation_id])
