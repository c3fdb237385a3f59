"""Past requests with doubtful public texts, onto the review list: few, and those that somebody may still act upon.

A hundred thousand of them would hide what residents write today. Of the others the strict text is public.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import func, or_
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from intake.service_requests import published, reviewing
from intake.service_requests.lifecycle import CLOSED
from intake.service_requests.models import PublicTextReview, ServiceRequest
from intake.service_requests.place_names import places_of

# Most masked texts have a doubt; whoever has only telephone numbers does not look through a million rows for one.
_LOOKED_AT = 20


def ask_for_review(session: Session, jurisdiction_id: str, source: str, *, limit: int, now: datetime) -> int:
    """Puts on the list what is not there yet of the newest `limit` open requests of the register with a doubt; how many."""
    places = places_of(session, jurisdiction_id)
    asked = found = 0
    for row in session.exec(_masked(jurisdiction_id, source).limit(limit * _LOOKED_AT)).all():
        doubts = published.of_submission(row.description, row.address_string, {}, places).doubts
        if not doubts:
            continue
        found += 1
        if not _is_known(session, row.id):
            reviewing.ask(session, row, doubts, now=now)
            asked += 1
        if found == limit:
            break
    return asked


def _masked(jurisdiction_id: str, source: str) -> SelectOfScalar[ServiceRequest]:
    said, where = col(ServiceRequest.public_description), col(ServiceRequest.public_address)
    return (
        select(ServiceRequest)
        .where(
            col(ServiceRequest.jurisdiction_id) == jurisdiction_id,
            col(ServiceRequest.source) == source,
            col(ServiceRequest.is_public),
            col(ServiceRequest.life) != CLOSED,
            or_(said != ServiceRequest.description, where != func.coalesce(ServiceRequest.address_string, "")),
        )
        .order_by(col(ServiceRequest.requested_at).desc(), col(ServiceRequest.id).desc())
    )


def _is_known(session: Session, service_request_id: UUID) -> bool:
    return session.get(PublicTextReview, service_request_id) is not None
