"""Somebody who asked to be called back: when, at which number, and what came of each attempt."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from agent_console.accounts import Viewer
from agent_console.contacts import masked
from agent_console.presentation import ago, span_in_words
from intake.calls import calling_back, queries
from intake.calls.line_models import CallLeg
from intake.calls.models import Call
from intake.distribution.items import CALLED_AGAIN
from intake.distribution.lifecycle import QUEUED
from intake.distribution.models import DistributionEvent, WorkItem
from intake.people.models import ContactPoint
from kernel.i18n import translate

OUTCOMES: Mapping[str, str] = {
    "": "se está llamando",
    "reached": "contestó",
    "no_answer": "no contestó",
    "busy": "estaba ocupado",
    "voicemail": "contestó un buzón de voz",
    "failed": "no se pudo llamar a ese número",
    "cut": "se cortó al contestar",
    "stopped": "se dejó de llamar",
    "dropped": "no se llegó a llamar",
}
# The desk says so long what came of the attempt before.
_TOLD_FOR = timedelta(seconds=40)


@dataclass(frozen=True)
class CalledBack:
    """number: which is called, masked; is_other: not the one they called from. attempts: in words, the oldest first."""

    number: str
    is_other: bool
    asked: str
    attempts: Sequence[str]


def of_item(session: Session, viewer: Viewer, item: WorkItem | None, now: datetime) -> CalledBack | None:
    """None for what is no callback, or one that no call of ours is known of."""
    asked = queries.asked_in(session, item) if item is not None and item.kind == calling_back.KIND else None
    if asked is None or item is None:
        return None
    contact = session.get_one(ContactPoint, asked.callback_contact_point_id or asked.contact_point_id)
    return CalledBack(
        number=masked(contact),
        is_other=contact.id != asked.contact_point_id,
        asked=ago(item.enqueued_at, now, viewer.timezone, viewer.language),
        attempts=[_attempt(session, viewer, one, now) for one in calling_back.of_item(session, item.id)],
    )


def _attempt(session: Session, viewer: Viewer, call: Call, now: datetime) -> str:
    leg = session.exec(select(CallLeg).where(CallLeg.call_id == call.id, CallLeg.role == "operator")).first()
    return translate(
        viewer.language,
        "{when}: {outcome} ({who})",
        when=ago(call.started_at, now, viewer.timezone, viewer.language),
        outcome=translate(viewer.language, OUTCOMES[call.outcome]),
        who=leg.agent_name if leg and leg.agent_name else "–",
    )


def just_missed(session: Session, viewer: Viewer, now: datetime) -> str:
    """What came of this operator's attempt of a moment ago, and what happens next; "" of none."""
    tried = session.exec(
        select(Call, WorkItem)
        .join(CallLeg, col(CallLeg.call_id) == col(Call.id))
        .join(WorkItem, col(WorkItem.id) == col(Call.work_item_id))
        .where(
            Call.jurisdiction_id == viewer.jurisdiction_id,
            Call.direction == calling_back.OUTBOUND,
            col(Call.started_at) > now - timedelta(minutes=10),
            col(Call.changed_at) > now - _TOLD_FOR,
            col(Call.outcome).in_(calling_back.PAUSES),
            CallLeg.agent_id == viewer.user_id,
        )
        .order_by(col(Call.started_at).desc())
    ).first()
    if tried is None:
        return _not_needed(session, viewer, now)
    call, item = tried
    said = translate(viewer.language, OUTCOMES[call.outcome])
    if item.state != QUEUED or item.due_at is None:
        return translate(viewer.language, "Llamada devuelta: {said}. Ya no se intenta más.", said=said)
    left = span_in_words(item.due_at - now, viewer.language)
    return translate(
        viewer.language,
        "Llamada devuelta: {said}. Se intenta otra vez en {left}, en su mismo lugar.",
        said=said,
        left=left,
    )


def _not_needed(session: Session, viewer: Viewer, now: datetime) -> str:
    taken = session.exec(
        select(DistributionEvent.id).where(
            DistributionEvent.jurisdiction_id == viewer.jurisdiction_id,
            col(DistributionEvent.at) > now - _TOLD_FOR,
            DistributionEvent.agent_id == viewer.user_id,
            DistributionEvent.name == "requeued",
            col(DistributionEvent.data)["why"].astext == CALLED_AGAIN,
        )
    ).first()
    if taken is None:
        return ""
    return translate(viewer.language, "No hace falta devolver la llamada: esa persona ya habló con alguien de aquí.")
