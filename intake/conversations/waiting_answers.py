"""Answers that wait: what somebody asked while a breaker stood open for their number, until a person lets them be answered."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Text
from sqlmodel import Field, Session, SQLModel

from intake.conversations.models import Conversation, Message
from kernel import db
from kernel.db import Instant
from kernel.rows import load

_KEEP = """
    INSERT INTO waiting_answer (breaker_id, conversation_id, message_id, folio, at) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (breaker_id, conversation_id)
    DO UPDATE SET message_id = excluded.message_id, folio = excluded.folio, at = excluded.at
    RETURNING 1
"""
_TAKE = """
    DELETE FROM waiting_answer WHERE (breaker_id, conversation_id) = (
        SELECT breaker_id, conversation_id FROM waiting_answer WHERE breaker_id = $1 ORDER BY at LIMIT 1 FOR UPDATE SKIP LOCKED
    ) RETURNING message_id, folio
"""
_COUNT = "SELECT breaker_id, count(*) FROM waiting_answer WHERE breaker_id = ANY($1) GROUP BY 1"
_DROP = "DELETE FROM waiting_answer WHERE breaker_id = $1 RETURNING 1"


class WaitingAnswer(SQLModel, table=True):
    """Somebody who asked for the state of a folio (None: of their newest) and is not answered: a thread's newest ask."""

    __tablename__ = "waiting_answer"

    breaker_id: UUID = Field(foreign_key="spending_breaker.id", primary_key=True)
    conversation_id: UUID = Field(foreign_key="conversation.id", primary_key=True)
    message_id: UUID = Field(foreign_key="message.id")
    folio: str | None = Field(default=None, sa_type=Text)
    at: datetime = Field(sa_type=Instant)


def keep(session: Session, breaker_id: UUID, message: Message, folio: str | None, *, now: datetime) -> None:
    session.flush()
    db.fetch(session, _KEEP, [breaker_id, message.conversation_id, message.id, folio, now], prepare=True)


def take(session: Session, breaker_id: UUID) -> tuple[Conversation, Message, str | None] | None:
    """The next one that waits, which waits no more once this transaction is committed."""
    session.flush()
    found = db.fetch(session, _TAKE, [breaker_id], prepare=True)
    if not found:
        return None
    message_id, folio = found[0]
    (message,) = load(session, Message, "WHERE id = $1", [message_id])
    (conversation,) = load(session, Conversation, "WHERE id = $1", [message.conversation_id])
    return conversation, message, folio


def count(session: Session, breaker_ids: list[UUID]) -> dict[UUID, int]:
    """How many wait for each."""
    session.flush()
    return {breaker_id: int(many) for breaker_id, many in db.fetch(session, _COUNT, [breaker_ids], prepare=True)}


def drop(session: Session, breaker_id: UUID) -> None:
    """Nobody is answered: it was an attack. What they wrote stays in their threads."""
    db.fetch(session, _DROP, [breaker_id])
