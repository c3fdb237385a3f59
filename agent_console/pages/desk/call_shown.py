"""The call in hand as the desk shows it: whether its sound is up, held, recorded, passed on; and to whom it can be."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlmodel import Session, col, or_, select

from agent_console.accounts import Viewer
from agent_console.pages.desk.seat import CALLS
from intake.calls import calling_back, recordings, rooms
from intake.calls.line_models import CallBridge
from intake.calls.models import Call
from intake.calls.outside import Outsider, outsiders
from intake.catalog import queries as catalog
from intake.catalog.definitions import text_in
from intake.distribution.lifecycle import ASSIGNED
from intake.distribution.models import AgentSession, ContactQueue, WorkItem
from intake.distribution.values import COSTS
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


# What keeps a colleague from being asked, in the order in which it is looked for.
BUSY = {"call": "en llamada", "offer": "le llega un contacto", "break": "en pausa", "missed": "no contestó"}


@dataclass(frozen=True)
class Colleague:
    """why: what they are doing, in words, "" of who is free. can_hear: whether a call can be passed to them now."""

    id: UUID
    name: str
    why: str
    can_hear: bool


@dataclass(frozen=True)
class Whom:
    """Whom a call can be passed on to."""

    colleagues: Sequence[Colleague]
    queues: Sequence[tuple[str, str]]
    outside: Sequence[Outsider]


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
    whom: Whom


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
        whom=whom(session, viewer),
    )


def whom(session: Session, viewer: Viewer) -> Whom:
    """As it is now: who may be asked changes from one moment to the next."""
    settings = catalog.jurisdiction(session, viewer.jurisdiction_id).settings
    return Whom(_colleagues(session, viewer), _queues(session, viewer), outsiders(settings, viewer.language))


def topics(session: Session, viewer: Viewer) -> list[tuple[str, list[tuple[str, str]]]]:
    """What a call may be about: the services that are offered, by their groups."""
    found: dict[str, list[tuple[str, str]]] = {}
    for one in catalog.services(session, viewer.jurisdiction_id):
        group = found.setdefault(text_in(one.group_name, viewer.language), [])
        group.append((one.code, text_in(one.name, viewer.language)))
    return list(found.items())


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


def _colleagues(session: Session, viewer: Viewer) -> list[Colleague]:
    """Who has a desk open that calls can come to; whoever is free first."""
    talking = (
        select(WorkItem.id)
        .where(WorkItem.agent_id == AgentSession.agent_id, WorkItem.state == ASSIGNED, col(WorkItem.kind).in_(CALLS))
        .exists()
    )
    found = session.exec(
        select(AgentSession, or_(talking, col(AgentSession.beside_leg_id).is_not(None)))
        .where(
            AgentSession.jurisdiction_id == viewer.jurisdiction_id,
            AgentSession.agent_id != viewer.user_id,
            AgentSession.state != "offline",
            AgentSession.cap_points >= COSTS["voice"],
        )
        .order_by(AgentSession.name)
    ).all()
    listed = [_colleague(viewer, agent, is_talking=bool(is_talking)) for agent, is_talking in found]
    return sorted(listed, key=lambda one: (not one.can_hear, bool(one.why)))


def _colleague(viewer: Viewer, agent: AgentSession, *, is_talking: bool) -> Colleague:
    code = "call" if is_talking else "offer" if agent.offer_id is not None else agent.state
    why = translate(viewer.language, BUSY[code]) if code in BUSY else ""
    return Colleague(agent.agent_id, agent.name, why, code not in ("call", "offer"))


def _queues(session: Session, viewer: Viewer) -> list[tuple[str, str]]:
    found = session.exec(
        select(ContactQueue.code, ContactQueue.name)
        .where(ContactQueue.jurisdiction_id == viewer.jurisdiction_id, col(ContactQueue.closed_at).is_(None))
        .order_by(ContactQueue.name)
    )
    return list(found)
