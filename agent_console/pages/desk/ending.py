"""How a contact ended: the short list, what it proposes, and that nothing was said meanwhile that nobody read."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlmodel import Session, and_, col, func, or_, select

from agent_console import threads
from agent_console.accounts import Viewer
from intake.calls.line_models import CallBridge, CallLeg
from intake.calls.models import Call
from intake.catalog import queries as catalog
from intake.catalog.definitions import text_in
from intake.catalog.models import Service
from intake.conversations import actions as conversations
from intake.conversations import notes
from intake.conversations.models import Conversation, Message
from intake.distribution import actions as distribution
from intake.distribution import dispositions, labelling
from intake.distribution.lifecycle import DONE
from intake.distribution.models import WorkItem
from intake.service_requests.models import ServiceRequest
from kernel.errors import Conflict, InvalidInput


@dataclass(frozen=True)
class Choice:
    """One answer, and whether it is proposed."""

    code: str
    name: str
    is_proposed: bool


def choices_of(session: Session, viewer: Viewer, item: WorkItem) -> list[Choice]:
    """The short list for this contact, in the viewer's language."""
    requests, groups = _about(session, viewer, item)
    listed = dispositions.offered(_of_city(session, viewer), groups)
    chosen = dispositions.proposed(listed, hints(session, item, requests))
    return [Choice(one.code, text_in(one.name, viewer.language), one.code == chosen) for one in listed]


def _of_city(session: Session, viewer: Viewer) -> Sequence[dispositions.Disposition]:
    return dispositions.of_city(catalog.jurisdiction(session, viewer.jurisdiction_id).settings)


def _about(session: Session, viewer: Viewer, item: WorkItem) -> tuple[Sequence[ServiceRequest], set[str]]:
    """What the person reported, and which service groups this contact is about: those of its own reports, if it has any."""
    thread = session.get(Conversation, item.conversation_id) if item.conversation_id else None
    requests = threads.requests_of(session, viewer, threads.somebody(session, thread)) if thread is not None else []
    now_made = [one for one in requests if one.requested_at >= item.enqueued_at]
    codes = {one.service_code for one in now_made or requests[:1]} | {item.topic}
    groups = session.exec(
        select(Service.group_code).where(
            Service.jurisdiction_id == viewer.jurisdiction_id, col(Service.code).in_(codes)
        )
    )
    return requests, {item.topic, *groups}


def hints(session: Session, item: WorkItem, requests: Sequence[ServiceRequest]) -> list[str]:
    """What may be seen of it by itself (`dispositions.HINTS`)."""
    found = []
    if any(one.requested_at >= item.enqueued_at for one in requests):
        found.append("reported")
    since = item.assigned_at or item.enqueued_at
    said = (
        select(func.count())
        .select_from(Message)
        .where(Message.conversation_id == item.conversation_id, col(Message.at) >= since)
    )
    if item.conversation_id is not None and not session.exec(said).one() and not _was_talked(session, item):
        found.append("silent")
    if requests:
        found.append("known_folio")
    return found


def _was_talked(session: Session, item: WorkItem) -> bool:
    """Whether they and a caller were on the line together: what is said in a call is no message."""
    joined = select(CallLeg.id).where(
        CallLeg.call_id == Call.id, CallLeg.role == "operator", col(CallLeg.joined_at).is_not(None)
    )
    talked = (
        select(Call.id)
        .join(CallBridge, col(CallBridge.call_id) == col(Call.id))
        .where(CallBridge.work_item_id == item.id)
        .where(or_(col(Call.outcome) == "reached", and_(col(Call.direction) == "inbound", joined.exists())))
    )
    return session.exec(talked.limit(1)).first() is not None


def newest_heard(session: Session, conversation_id: UUID | None) -> int:
    """The number of the last message that the resident wrote; 0 of none."""
    if conversation_id is None:
        return 0
    newest = select(func.max(Message.seq)).where(
        Message.conversation_id == conversation_id, Message.direction == "inbound"
    )
    return session.exec(newest).one() or 0


def settle(
    session: Session,
    viewer: Viewer,
    item_id: UUID,
    code: str,
    *,
    seen: int,
    note: str = "",
    ref: str = "",
    now: datetime,
) -> None:
    """The contact is over, and this became of it; the automatic dialogue answers next time. Twice does it once.

    seen: the last message that the operator had before them. note: what they wrote for colleagues and had not sent, under the ref
    of its form; kept only with the rest. Raises InvalidInput without an answer of the list, Conflict when the resident wrote
    meanwhile, or when the contact is somebody else's.
    """
    _settle(session, viewer, item_id, code, seen=seen, now=now)
    item = session.get_one(WorkItem, item_id)
    if item.conversation_id is not None and note.replace("\0", "").strip():
        notes.add(session, item.conversation_id, note, client_ref=ref, author_name=viewer.name, now=now)


def _settle(session: Session, viewer: Viewer, item_id: UUID, code: str, *, seen: int, now: datetime) -> None:
    if code not in {one.code for one in _of_city(session, viewer)}:
        raise InvalidInput("Elige en qué quedó el contacto.", field="disposition")
    item = session.get(WorkItem, item_id)
    if item is not None and item.state == DONE:
        labelling.label(session, item_id, code, agent_id=viewer.user_id, now=now)
        return
    thread = conversations.held(session, item.conversation_id) if item and item.conversation_id else None
    is_text = item is not None and item.kind == "text"
    if thread is not None and is_text and thread.waiting_since and newest_heard(session, thread.id) > seen:
        raise Conflict("Escribió de nuevo mientras cerrabas: léelo antes de terminar.", field="disposition")
    distribution.complete(session, item_id, disposition_code=code, agent_id=viewer.user_id, now=now)
    if thread is not None and thread.state == "with_agent" and thread.taken_by in (viewer.user_id, None):
        conversations.hand_back(session, thread.id, now=now)
