"""Whom an answer about a request goes to."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlmodel import Session

from intake.conversations.models import Conversation
from intake.people.models import ContactPoint
from intake.service_requests.models import Report

_CHANNELS = {"phone": "sms", "email": "email"}


@dataclass(frozen=True)
class Addressee:
    """An open thread, or (conversation_id None) an address that a thread can be opened with."""

    conversation_id: UUID | None
    contact_point_id: UUID
    channel: str


def addressee_of(session: Session, reports: Sequence[Report]) -> Addressee | None:
    """The newest reporter who can be written to: in their thread, else by SMS or e-mail. None when nobody can."""
    for report in reversed(reports):
        if report.conversation_id is not None:
            thread = session.get_one(Conversation, report.conversation_id)
            return Addressee(thread.id, thread.contact_point_id, thread.channel)
        contact = session.get(ContactPoint, report.contact_point_id) if report.contact_point_id else None
        if contact is not None and contact.kind in _CHANNELS:
            return Addressee(None, contact.id, _CHANNELS[contact.kind])
    return None
