"""What operators and supervisors do with a call. Each writes down what is wanted; the room follows within a moment.

Every one of them may be pressed twice. Raises NotFound for a call of another city, Conflict for one that is not theirs.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlmodel import Session

from intake.calls import calling_back, history, queries, recordings, rooms, sensitive
from intake.calls.line_models import CallBridge, CallLeg, CallTransfer
from intake.calls.models import Call
from intake.calls.outside import outsiders
from intake.catalog import cities
from intake.distribution import actions as distribution
from intake.distribution import items, lifecycle
from intake.distribution.models import AgentSession, WorkItem
from kernel.errors import Conflict, InvalidInput, NotFound
from kernel.rows import change, load_one

MODES = ("listen", "whisper", "talk")
_DONE = {"listen": "listened", "whisper": "whispered", "talk": "barged"}


@dataclass(frozen=True)
class Somebody:
    """Who asks."""

    id: UUID
    name: str
    jurisdiction_id: str


def hold(session: Session, call_id: UUID, by: Somebody, *, now: datetime) -> None:
    """The caller hears music, and nobody hears the caller."""
    _set_hold(session, call_id, by, is_wanted=True, now=now)


def unhold(session: Session, call_id: UUID, by: Somebody, *, now: datetime) -> None:
    _set_hold(session, call_id, by, is_wanted=False, now=now)


def _set_hold(session: Session, call_id: UUID, by: Somebody, *, is_wanted: bool, now: datetime) -> None:
    call, bridge, _ = _own(session, call_id, by)
    if bridge.is_hold_wanted == is_wanted:
        return
    change(session, bridge, is_hold_wanted=is_wanted)
    history.note(session, call.id, "held" if is_wanted else "unheld", actor=(by.id, by.name), now=now)
    rooms.touch(session, bridge, now)


def hang_up(session: Session, call_id: UUID, by: Somebody, *, now: datetime) -> None:
    """The talk is over for everybody, says the operator; their notes begin."""
    call, bridge, item = _own(session, call_id, by)
    if calling_back.is_dialling(call):
        calling_back.give_up(session, call, bridge, "stopped", now=now)
    elif item.state == lifecycle.ASSIGNED:
        distribution.finish(session, item.id, why="operator", now=now)
        history.note(session, call.id, "hung_up", actor=(by.id, by.name), now=now)
        change(session, call, ended_by="operator")
    rooms.touch(session, bridge, now)


def note_voicemail(session: Session, call_id: UUID, by: Somebody, *, now: datetime) -> None:
    """A machine has answered our call, hears the operator: it is tried again later. Raises Conflict for a call that came in."""
    call, bridge, _ = _own(session, call_id, by)
    calling_back.give_up(session, call, bridge, "voicemail", now=now)
    rooms.touch(session, bridge, now)


def choose_topic(session: Session, call_id: UUID, by: Somebody, service_code: str, *, now: datetime) -> None:
    """What it is about, says the operator: of a sensitive service nothing more is recorded until they press the key.

    Raises NotFound for a service that is not offered.
    """
    call, _, item = _own(session, call_id, by)
    is_sensitive = sensitive.is_service(session, call.jurisdiction_id, service_code)
    if item.topic != service_code:
        change(session, item, topic=service_code)
        history.note(session, call.id, "topic_chosen", actor=(by.id, by.name), now=now, service=service_code)
    if is_sensitive:
        recordings.pause(session, call.id, why=recordings.BY_SERVICE, actor=(by.id, by.name), now=now)


# Passing on


def transfer_to_line(session: Session, call_id: UUID, by: Somebody, queue_code: str, *, now: datetime) -> None:
    """Into another line of people, at its head: the caller hears music until somebody there takes it.

    Raises Conflict for a line that was closed since, NotFound.
    """
    call, bridge, item = _own(session, call_id, by)
    _no_other(session, call.id)
    if items.queue_of(session, item.jurisdiction_id, queue_code).closed_at is not None:
        raise Conflict("Esa fila ya se cerró.")
    change(session, bridge, is_hold_wanted=False)
    distribution.requeue_front(session, item.id, why="transferred", queue_code=queue_code, now=now)
    history.note(session, call.id, "transferred", actor=(by.id, by.name), now=now, queue=queue_code)
    rooms.touch(session, bridge, now)


def transfer(
    session: Session,
    call_id: UUID,
    by: Somebody,
    *,
    to_agent_id: UUID | None = None,
    to_number: str | None = None,
    consult: bool,
    now: datetime,
) -> CallTransfer:
    """To somebody by name: a colleague who is there, or one of the city's own numbers outside. The caller hears music meanwhile.

    consult: both talk first, and `complete_transfer` or `cancel_transfer` follows; without it `by` leaves at once, and has the
    caller again if nobody answers. Raises InvalidInput for a number that the city does not name.
    """
    call, bridge, item = _own(session, call_id, by)
    open_ = rooms.open_transfer(session, call.id)
    name, address = _colleague(session, by, to_agent_id) if to_agent_id else _outside(session, call, to_number or "")
    if open_ is not None and open_.from_agent_id == by.id and (open_.to_agent_id, open_.to_name) == (to_agent_id, name):
        return open_
    _no_other(session, call.id)
    if to_agent_id is None and not consult:
        raise InvalidInput("A un número de fuera se pasa hablando primero con quien contesta.")
    leg = rooms.add_leg(session, call, agent_id=to_agent_id, name=name, role="consulted", address=address, now=now)
    made = CallTransfer(
        call_id=call.id,
        kind="consulted" if consult else "blind",
        from_agent_id=by.id,
        from_agent_name=by.name,
        to_agent_id=to_agent_id,
        to_name=name,
        leg_id=leg.id,
        started_at=now,
    )
    session.add(made)
    session.flush()
    if not consult:
        for mine in rooms.live_legs(session, call.id):
            if mine.agent_id == by.id:
                change(session, mine, is_wanted=False)
    history.note(
        session, call.id, "transfer_begun", actor=(by.id, by.name), now=now, to=name, kind=made.kind, item=str(item.id)
    )
    rooms.touch(session, bridge, now)
    return made


def complete_transfer(session: Session, call_id: UUID, by: Somebody, *, now: datetime) -> None:
    """Whoever was asked takes the caller. Raises Conflict while they have not answered, and once the caller has gone."""
    call, bridge, item = _own(session, call_id, by)
    if item.state != lifecycle.ASSIGNED:
        raise Conflict("Esa llamada ya terminó.")
    made = rooms.open_transfer(session, call.id)
    if made is None or made.from_agent_id != by.id:
        raise Conflict("No hay ninguna transferencia en curso.")
    if made.state != "talking":
        raise Conflict("{name} todavía no contesta.", name=made.to_name)
    rooms.hand_over(session, call, made, now=now)
    rooms.touch(session, bridge, now)


def cancel_transfer(session: Session, call_id: UUID, by: Somebody, *, now: datetime) -> None:
    """As it was before: whoever was asked leaves, the caller is heard again. Nothing when there is none."""
    call, bridge, _ = _own(session, call_id, by)
    made = rooms.open_transfer(session, call.id)
    if made is None or made.from_agent_id != by.id:
        return
    change(session, made, state="cancelled", ended_at=now)
    leg = load_one(session, CallLeg, "WHERE id = $1", [made.leg_id])
    if leg is not None and leg.state != "ended":
        change(session, leg, is_wanted=False)
    history.note(session, call.id, "transfer_cancelled", actor=(by.id, by.name), now=now, to=made.to_name)
    rooms.touch(session, bridge, now)


def step_out(session: Session, call_id: UUID, by: Somebody, *, now: datetime) -> None:
    """Whoever was asked by a colleague, or listens, goes; the call is as before. Nothing for who is not in it so."""
    call, bridge = _of_city(session, call_id, by)
    made = rooms.open_transfer(session, call.id)
    for leg in rooms.live_legs(session, call.id):
        if leg.agent_id != by.id or leg.role == "operator" or not leg.is_wanted:
            continue
        if made is not None and made.leg_id == leg.id:
            # It is the first one's again, who says when the caller hears them.
            change(session, made, state="returned", ended_at=now)
            change(session, bridge, is_hold_wanted=made.kind == "consulted")
        change(session, leg, is_wanted=False)
        history.note(session, call.id, f"{leg.role}_left", actor=(by.id, by.name), now=now)
        rooms.touch(session, bridge, now)


def leave(session: Session, leg_id: UUID, *, now: datetime) -> None:
    """The desk of whoever was asked, or listens, is closed: they are not to hear the call any more."""
    leg = load_one(session, CallLeg, "WHERE id = $1 AND state <> 'ended'", [leg_id])
    call = load_one(session, Call, "WHERE id = $1", [leg.call_id]) if leg is not None else None
    if leg is not None and leg.agent_id is not None and call is not None:
        step_out(session, call.id, Somebody(leg.agent_id, leg.agent_name, call.jurisdiction_id), now=now)


def _colleague(session: Session, by: Somebody, agent_id: UUID) -> tuple[str, str]:
    found = load_one(session, AgentSession, "WHERE agent_id = $1", [agent_id])
    if found is None or found.jurisdiction_id != by.jurisdiction_id or found.state == "offline" or agent_id == by.id:
        raise Conflict("Esa persona no está en su puesto.")
    return found.name, ""


def _outside(session: Session, call: Call, number: str) -> tuple[str, str]:
    for one in outsiders(cities.city(session, call.jurisdiction_id).settings, call.language):
        if one.number == number:
            return one.name, one.number
    raise InvalidInput("A ese número no se pasan llamadas.", field="number")


def _no_other(session: Session, call_id: UUID) -> None:
    if rooms.open_transfer(session, call_id) is not None:
        raise Conflict("Ya hay una transferencia en curso.")


# Supervisors


def supervise(session: Session, call_id: UUID, by: Somebody, mode: str, *, now: datetime) -> CallLeg:
    """Listens, whispers to the operator, or barges in (`talk`); from one to the other without leaving. Written down each time."""
    if mode not in MODES:
        raise InvalidInput("No existe esa forma de entrar.", field="mode")
    call, bridge = _of_city(session, call_id, by)
    if call.ended_at is not None or bridge.ended_at is not None:
        raise Conflict("Esa llamada ya terminó.")
    mine = next((leg for leg in rooms.live_legs(session, call.id) if leg.agent_id == by.id), None)
    if mine is not None and mine.role != "supervisor":
        raise Conflict("Ya estás en esta llamada.")
    if mine is None:
        mine = rooms.add_leg(session, call, agent_id=by.id, name=by.name, role="supervisor", mode=mode, now=now)
    elif mine.mode == mode and mine.is_wanted:
        return mine
    else:
        rooms.sit(session, mine, now=now)
        change(session, mine, mode=mode, is_wanted=True)
    history.note(session, call.id, _DONE[mode], actor=(by.id, by.name), now=now)
    rooms.touch(session, bridge, now)
    return mine


# Whose


def _of_city(session: Session, call_id: UUID, by: Somebody) -> tuple[Call, CallBridge]:
    call = queries.held(session, call_id)
    bridge = rooms.bridge_of(session, call_id)
    if bridge is None or call.jurisdiction_id != by.jurisdiction_id:
        raise NotFound("No encontramos esa llamada.")
    return call, bridge


def _own(session: Session, call_id: UUID, by: Somebody) -> tuple[Call, CallBridge, WorkItem]:
    """The call, if it is this operator's now."""
    call, bridge = _of_city(session, call_id, by)
    item = items.held_item(session, bridge.work_item_id)
    if item.agent_id != by.id or item.state not in lifecycle.HELD:
        raise Conflict("Esa llamada ya no es tuya.")
    return call, bridge, item
