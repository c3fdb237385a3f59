"""Reports about which nobody wants to hear."""

from uuid import UUID

from sqlalchemy import update
from sqlmodel import Session, col

from intake.service_requests.models import Report


def want_no_notices(session: Session, conversation_id: UUID) -> None:
    """Nobody who reported something in this thread is told what becomes of it."""
    session.execute(update(Report).where(col(Report.conversation_id) == conversation_id).values(wants_notices=False))
