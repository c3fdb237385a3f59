"""What staff write for each other about a thread."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, col, select

from intake.conversations.models import ConversationNote
from kernel.errors import InvalidInput
from kernel.ids import new_id
from kernel.outbox import record

MOST = 4000


def add(
    session: Session, conversation_id: UUID, text: str, *, client_ref: str, author_name: str, now: datetime
) -> None:
    """Keeps the note; the same client_ref again keeps the first one. Raises InvalidInput for none."""
    said = text.replace("\0", "").strip()[:MOST]
    if not said:
        raise InvalidInput("Escribe la nota antes de guardarla.", field="note")
    made = insert(ConversationNote).values(
        id=new_id(), conversation_id=conversation_id, client_ref=client_ref, author_name=author_name, body=said, at=now
    )
    session.execute(made.on_conflict_do_nothing(index_elements=["conversation_id", "client_ref"]))
    record(session, "conversation.noted", at=now, conversation_id=conversation_id)


def of_threads(session: Session, conversation_ids: Sequence[UUID], since: datetime | None) -> list[ConversationNote]:
    """Oldest first; since: only what was written from then on."""
    wanted = select(ConversationNote).where(col(ConversationNote.conversation_id).in_(conversation_ids))
    if since is not None:
        wanted = wanted.where(col(ConversationNote.at) >= since)
    return list(session.exec(wanted.order_by(col(ConversationNote.at), col(ConversationNote.id)).limit(200)))
