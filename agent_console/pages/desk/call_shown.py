"""The call in hand as the desk shows it: whether its sound is up, held, recorded, passed on; and to whom it can be."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlmodel import Session, col, select

from agent_console.accounts import Viewer
from agent_console.pages.desk.seat import CALLS
from intake.calls import calling_back, recordings, rooms
from intake.calls.line_models import CallBridge
from intake.calls.models import Call
from intake.calls.outside import Outsider, outsiders
from intake.catalog import queries as catalog
from intake.distribution.lifecycle import ASSIGNED
from intake.distribution.models import AgentSession, ContactQueue, WorkItem
from kernel import clock
from kernel.i18n import translate

STAGES = {
    "opening": "Abriendo tu línea…",
    "dialling": "Por marcar…",
    "calling": "Llamando a … {digits}",
    "told_who": "Contestó: oye quién llama",
    "told_recorded": "La persona oye el aviso de grabación",
    "coming": "La persona está por entrar…",
}
_RECORDED = frozenset({"asked", "recording"})


@dataclass(frozen=True)
class Passing:
    """A transfer under way: to whom, and whether they have answered."""

    to: str
    is_talking: bool
    is_mine: bool


@dataclass(frozen=True)
class CallShown:
    """is_up: caller and operator hear each other; until then stage says in words what happens.

    recording: `on`, `paused`, `announced` or "" (the call is not recorded). calls_back: the call is ours; is_reached: somebody
    has answered it.
    """

    id: UUID
    is_up: bool
    stage: str
    calls_back: bool
    is_reached: bool
    is_held: bool
    recording: str
    passing: Passing | None
    colleagues: Sequence[tuple[UUID, str]]
    queues: Sequence[tuple[str, str]]
    outside: Sequence[Outsider]


def call_of(session: Session, viewer: Viewer, items: Sequence[WorkItem]) -> tuple[WorkItem, CallShown | None] | None:
    """The call that this operator has, and its room once there is one; None without a call."""
    item = next((one for one in items if one.kind in CALLS and one.state == ASSIGNED), None)
    if item is None:
        return None
    call = rooms.named(session, item)
    return item, shown(session, viewer, call) if call is not None else None


def shown(session: Session, viewer: Viewer, call: Call) -> CallShown:
    """As this operator sees it."""
    bridge = rooms.bridge_of(session, call.id)
    legs = rooms.live_legs(session, call.id)
    mine = next((leg for leg in legs if leg.agent_id == viewer.user_id), None)
    transfer = rooms.open_transfer(session, call.id)
    passing = None
    if transfer is not None:
        is_mine = transfer.from_agent_id == viewer.user_id
        passing = Passing(transfer.to_name, transfer.state == "talking", is_mine)
    is_there = mine is not None and mine.state == "joined"
    return CallShown(
        id=call.id,
        is_up=bridge is not None and bridge.caller_state == "inside" and is_there,
        stage=translate(
            viewer.language, STAGES[_stage(session, call, bridge, is_there=is_there)], digits=call.to_number[-4:]
        ),
        calls_back=call.direction == calling_back.OUTBOUND,
        is_reached=not calling_back.is_attempt(call),
        is_held=bridge is not None and (bridge.is_hold_wanted or bridge.is_held),
        recording=_recording(session, call),
        passing=passing,
        colleagues=_colleagues(session, viewer),
        queues=_queues(session, viewer),
        outside=outsiders(catalog.jurisdiction(session, viewer.jurisdiction_id).settings, viewer.language),
    )


def _stage(session: Session, call: Call, bridge: CallBridge | None, *, is_there: bool) -> str:
    """What happens while the two do not hear each other yet; one of `STAGES`."""
    if bridge is None or not is_there:
        return "opening"
    if calling_back.is_dialling(call) and call.state == "in_progress":
        return "told_who"
    if calling_back.is_dialling(call):
        return "calling" if bridge.caller_state == "moving" else "dialling"
    if bridge.caller_state == "moving" and not recordings.is_heard(session, call, now=clock.now()):
        return "told_recorded"
    return "coming"


def _recording(session: Session, call: Call) -> str:
    row = recordings.of_call(session, call.id)
    if row is None or row.is_refused or row.state not in {"wanted", *_RECORDED}:
        return ""
    if row.pauses:
        return "paused"
    return "on" if row.state in _RECORDED else "announced"


def _colleagues(session: Session, viewer: Viewer) -> list[tuple[UUID, str]]:
    found = session.exec(
        select(AgentSession.agent_id, AgentSession.name)
        .where(
            AgentSession.jurisdiction_id == viewer.jurisdiction_id,
            AgentSession.agent_id != viewer.user_id,
            col(AgentSession.state) != "offline",
        )
        .order_by(AgentSession.name)
    )
    return list(found)


def _queues(session: Session, viewer: Viewer) -> list[tuple[str, str]]:
    found = session.exec(
        select(ContactQueue.code, ContactQueue.name)
        .where(ContactQueue.jurisdiction_id == viewer.jurisdiction_id, col(ContactQueue.closed_at).is_(None))
        .order_by(ContactQueue.name)
    )
    return list(found)
