"""Whether those who reported something in a thread hear what becomes of it."""

from uuid import UUID

from sqlalchemy import update
from sqlmodel import Session, col

from intake.service_requests.models import Report


def want_no_notices(session: Session, conversation_id: UUID) -> None:
    """Nobody who reported something in this thread is told what becomes of it."""
    session.execute(update(Report).where(col(Report.conversation_id) == conversation_id).values(wants_notices=False))


def want_notices(session: Session, conversation_id: UUID, service_request_id: UUID) -> None:
    """Who reported this one in this thread is told what becomes of it."""
    theirs = (col(Report.conversation_id) == conversation_id, col(Report.service_request_id) == service_request_id)
    session.execute(update(Report).where(*theirs).values(wants_notices=True))
