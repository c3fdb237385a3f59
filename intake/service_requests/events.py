"""What happened to a request, one row each, never edited.

Names: submitted, placed, routed, status_changed, noted, replied, photo_added, photo_unreadable, photo_hidden, photo_shown,
text_reviewed, message_attached, message_detached, border_settled, escalated, promise_moved, joined, merged, duplicate_added,
unmerged, duplicate_removed. `data` by name: submitted {channel}; placed {placed, label, score, precision_m, candidates};
routed {agency_code, agency_name, expected_at, outcome}, or by a person {agency_code, agency_name, before, before_name,
by_hand}; status_changed {life, before, outcome_code}; noted {life, outcome_code} as they were; photo_* {media_file_id,
number}; text_reviewed {state, fields}; message_* {message_ids, channel}; border_settled {side, question, agency_code};
escalated {step, of, share, name, tells, due}; promise_moved {before, after, reason}; joined {channel, report_count,
is_new_person}; merged {parent_id, parent_folio, before, counted, moved}; unmerged {parent_id, parent_folio}; duplicate_added
and duplicate_removed {duplicate_id, folio, report_count}; any update from an agency's system adds {update_id,
external_status}.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlmodel import Session

from intake.service_requests.models import ServiceRequestEvent
from intake.service_requests.values import Actor, Audience
from kernel.inserts import Row

# Audiences that follow changes from outside the console.
_FOLLOWED = ("public", "agency")


def add_event(
    session: Session,
    service_request_id: UUID,
    name: str,
    audience: Audience,
    actor: Actor,
    *,
    at: datetime,
    note: str = "",
    data: dict[str, Any] | None = None,
    public_note: str | None = None,
) -> ServiceRequestEvent:
    """The new event, not yet flushed. `public_note`: what everybody reads of the note of a public one."""
    values = event_row(service_request_id, name, audience, actor, at=at, note=note, data=data, public_note=public_note)
    event = ServiceRequestEvent(**values.values)
    session.add(event)
    return event


def event_row(
    service_request_id: UUID,
    name: str,
    audience: Audience,
    actor: Actor,
    *,
    at: datetime,
    note: str = "",
    data: dict[str, Any] | None = None,
    public_note: str | None = None,
) -> Row:
    """An event for who writes it themselves."""
    return Row(
        ServiceRequestEvent,
        {
            "service_request_id": service_request_id,
            "name": name,
            "audience": audience,
            "actor_kind": actor.kind,
            "actor_name": actor.name,
            "note": note,
            "public_note": public_note,
            "data": data or {},
            "at": at,
            "is_pending_change": audience in _FOLLOWED,
        },
    )
