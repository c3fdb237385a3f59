"""Makes a call's room as it is wanted: one step after the other, each between two transactions, by whoever has its lease.

What was begun and not finished, whoever died meanwhile, is finished by the next who looks: `sweep` does every other second.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from sqlmodel import Session

from channels.voice import line as lines
from channels.voice.line import Dial, Gone, LineError, Mode, Refused, Ring, Room, Uncertain, VoiceLine
from channels.voice.twilio_line import DEADLINE_S
from intake.calls import actions, calling_back, history, queries, recordings, room_reports, rooms
from intake.calls.line_models import CallBridge, CallLeg, CallRecording
from intake.calls.models import Call
from intake.calls.planning import Rest, Step, plan
from intake.catalog import cities
from intake.distribution.models import WorkItem
from kernel import clock, db
from kernel.errors import Unavailable
from kernel.outbox import record
from kernel.rows import change, load

log = structlog.get_logger(__name__)

# A little longer than a step can take: whoever had it is given up for dead after. Until then nothing changes in the room.
LEASE = timedelta(seconds=DEADLINE_S + 2)
# Looking takes more requests than one.
LOOK_LEASE = timedelta(seconds=DEADLINE_S * 2 + 2)
_MOST_STEPS = 40
_AFTER_TROUBLE = timedelta(seconds=1)
_DUE = "SELECT call_id FROM call_bridge WHERE ended_at IS NULL AND due_at <= $1 ORDER BY due_at LIMIT 200"
# Taken, and nobody has made its room: whoever was to died with it, and would be asked again only in ten or twenty seconds.
_FORGOTTEN_AFTER, _FORGOTTEN_UNTIL = timedelta(seconds=3), timedelta(minutes=2)
_FORGOTTEN = """
    SELECT id FROM work_item WHERE state = 'assigned' AND kind = 'voice' AND assigned_at BETWEEN $1 AND $2
      AND NOT EXISTS (SELECT 1 FROM call_bridge WHERE work_item_id = work_item.id) LIMIT 200
"""


@dataclass(frozen=True)
class Task:
    """A step with what it takes to carry it out. mine: the lease under which it is done."""

    step: Step
    mine: datetime
    call_id: UUID
    caller: str
    room_name: str
    reference: str
    sender: str
    is_announced: bool = True
    leg_id: UUID | None = None
    address: str = ""
    provider_leg_id: str = ""
    mode: Mode = "talk"
    coached: str | None = None
    recording_id: UUID | None = None
    recording: str = ""
    number: str = ""
    asked_at: datetime | None = None


def arrange(call_id: UUID, *, line: VoiceLine | None = None) -> None:
    """Goes on until nothing is left to do now. Returns at once where somebody else is at it: they see what has changed.

    Raises Unavailable when the network does not do what it is asked: tried again by whoever called, and by the sweep.
    """
    line = line or lines.line()
    if line is None:
        log.warning("voice.no_line", call_id=str(call_id))
        return
    mine: datetime | None = None
    for _ in range(_MOST_STEPS):
        with db.transaction() as session:
            task = _next(session, call_id, mine, now=clock.now())
        if task is None:
            return
        mine = task.mine
        try:
            note = _carry_out(line, task)
        except LineError as error:
            _note_trouble(task, error)
            continue
        with db.transaction() as session:
            _noted(session, task, note)
    log.error("voice.no_end", call_id=str(call_id))


def sweep(line: VoiceLine | None = None) -> None:
    """Looks at every room that is due: whatever was lost is found here."""
    now = clock.now()
    with db.transaction() as session:
        forgotten = db.fetch(session, _FORGOTTEN, [now - _FORGOTTEN_UNTIL, now - _FORGOTTEN_AFTER], prepare=True)
    for (work_item_id,) in forgotten:
        with db.transaction() as session:
            rooms.follow_item(session, work_item_id, now=now)
    with db.transaction() as session:
        due = [row[0] for row in db.fetch(session, _DUE, [now], prepare=True)]
    for call_id in due:
        try:
            arrange(call_id, line=line)
        except Unavailable as error:
            log.info("voice.later", call_id=str(call_id), why=str(error))


def _next(session: Session, call_id: UUID, mine: datetime | None, *, now: datetime) -> Task | None:
    """The next step, marked as begun; None when there is none now, or somebody else does it."""
    call = queries.held(session, call_id)
    bridge = rooms.bridge_of(session, call_id)
    if bridge is None or bridge.ended_at is not None:
        return None
    if bridge.arranging_until is not None and bridge.arranging_until > now and bridge.arranging_until != mine:
        return None
    item = rooms.settle(session, call, bridge, now=now)
    calling_back.look(session, call, item, is_owner_lost=rooms.is_owner_lost(session, call, item), now=now)
    if call.ended_at is not None:
        room_reports.note_caller(session, call, bridge, "gone", now=now)
        room_reports.end_item(session, call, now=now)
        recordings.note_call_over(session, call_id, now=now)
    recordings.want(session, call, bridge, item, now=now)
    step = plan(rooms.situation(session, call, bridge, item, now=now), now)
    if isinstance(step, Rest):
        change(session, bridge, arranging_until=None, due_at=step.until)
        return None
    if step.do == "close":
        change(session, bridge, arranging_until=None, ended_at=now)
        history.note(session, call_id, "room_closed", now=now)
        if not calling_back.is_named(call):
            actions.report(session, call, "canceled", ended_by="machine", now=now)
        return None
    if step.do == "drop":
        room_reports.move_leg(session, call, _leg(session, UUID(step.leg)), "ended", now=now)
    lease = now + (LOOK_LEASE if step.do.startswith("look") else LEASE)
    change(session, bridge, arranging_until=lease, due_at=lease)
    return _begun(session, call, bridge, step, lease, now)


def _begun(session: Session, call: Call, bridge: CallBridge, step: Step, lease: datetime, now: datetime) -> Task:
    """Writes down that it is being done, before it is: whoever finds it so later knows that it may have been."""
    city = cities.city(session, call.jurisdiction_id)
    leg = _leg(session, UUID(step.leg)) if step.leg else None
    mode, coached = rooms.manner_of(leg, rooms.live_legs(session, call.id)) if leg else ("talk", None)
    recording = recordings.of_call(session, call.id)
    if step.do in ("move", "dial"):
        change(session, bridge, caller_state="moving", caller_asked_at=now, is_held=False)
    elif step.do == "ring" and leg is not None:
        # Whom a supervisor may whisper to is known once they are in.
        heard_as = "talk" if leg.mode == "talk" else "listen"
        change(session, leg, state="asked", asked_at=now, attempts=leg.attempts + 1, mode_done=heard_as, coached=None)
    elif step.do == "start_recording" and recording is not None:
        change(session, recording, state="asked", asked_at=now)
    return Task(
        step=step,
        mine=lease,
        call_id=call.id,
        caller=call.provider_call_id,
        room_name=bridge.room_name,
        reference=bridge.room_reference or "",
        sender=cities.address_on(session, city, "voice") or _our_number(session, call, bridge),
        is_announced=not recordings.policy(city.settings).is_on or recordings.is_heard(session, call, now=now),
        leg_id=leg.id if leg else None,
        address=leg.address if leg else "",
        provider_leg_id=(leg.provider_call_id or "") if leg else "",
        mode=mode,  # type: ignore[arg-type]  # the table checks the words
        coached=coached,
        recording_id=recording.id if recording else None,
        recording=(recording.provider_recording_id or "") if recording else "",
        number=(calling_back.number_of(session, call) or "") if step.do in ("dial", "look_call") else "",
        asked_at=bridge.caller_asked_at,
    )


def _our_number(session: Session, call: Call, bridge: CallBridge) -> str:
    """Which of our numbers was called, in a city that names none."""
    if call.direction == "inbound":
        return call.to_number
    (item,) = load(session, WorkItem, "WHERE id = $1", [bridge.work_item_id])
    asked = queries.asked_in(session, item)
    return asked.to_number if asked is not None else ""


def _leg(session: Session, leg_id: UUID) -> CallLeg:
    (found,) = load(session, CallLeg, "WHERE id = $1", [leg_id])
    return found


# Outside any transaction

Note = Callable[[Session, Call, CallBridge, datetime], None]


def _carry_out(line: VoiceLine, task: Task) -> Note:
    """Does it, and says how to write down what came of it. Raises LineError."""
    do, leg_id = task.step.do, task.leg_id
    if do == "move":
        line.bridge(task.caller, task.room_name, is_announced=task.is_announced)
        return _nothing
    if do == "send_back":
        line.send_back(task.caller)
        return _note_back
    if do == "ring" and leg_id is not None:
        ring = Ring(task.address, str(leg_id), task.sender, is_heard=task.mode == "talk")
        sid, reference = line.ring(task.room_name, ring)
        return lambda session, call, bridge, now: _note_rung(session, call, bridge, leg_id, sid, reference, now)
    if do == "dial":
        if not task.number:
            raise Refused("foreign_number")
        sid = line.dial(Dial(task.number, task.room_name, str(task.call_id), task.sender))
        return lambda session, call, bridge, now: _note_dialled(session, call, sid)
    if do == "look_call":
        known = line.calls_to(task.number, since=task.asked_at or task.mine - LOOK_LEASE)
        return lambda session, call, bridge, now: _note_found(session, call, bridge, known, now)
    if do == "look":
        room = line.look(task.room_name)
        seated = room is not None and room.seat_of(task.caller) is not None
        is_up = seated or line.is_up(task.caller)
        return lambda session, call, bridge, now: _note_look(session, call, bridge, room, is_up, now)
    if do == "check_caller":
        if line.is_up(task.caller):
            return lambda session, call, bridge, now: _lose(session, call, now)
        raise Gone("caller")
    if do in ("hold", "unhold"):
        (line.hold if do == "hold" else line.unhold)(task.reference, task.caller)
        return lambda session, call, bridge, now: _note_held(session, bridge, do == "hold", now)
    if do == "coach":
        line.coach(task.reference, task.provider_leg_id, mode=task.mode, coached=task.coached)
        return lambda session, call, bridge, now: _note_coached(session, bridge, task, now)
    if do in ("hang_up_leg", "hang_up_caller"):
        line.hang_up(task.provider_leg_id if do == "hang_up_leg" else task.caller)
        return lambda session, call, bridge, now: _note_hung_up(session, call, bridge, leg_id, now)
    return _record(line, task)


def _record(line: VoiceLine, task: Task) -> Note:
    do, recording_id = task.step.do, task.recording_id
    if recording_id is None:
        return _nothing
    if do == "start_recording":
        made = line.start_recording(task.caller, label=str(recording_id))
        return lambda session, call, bridge, now: _note_recording(session, recording_id, made.reference, now)
    if do == "look_recording":
        known = line.recordings_of(task.caller)
        if known:
            return lambda session, call, bridge, now: _note_recording(session, recording_id, known[0].reference, now)
        return lambda session, call, bridge, now: recordings.note_not_begun(session, recording_id, now=now)
    if do in ("pause", "resume"):
        (line.pause_recording if do == "pause" else line.resume_recording)(task.caller, task.recording)
        return lambda session, call, bridge, now: change(session, _row(session, recording_id), is_paused=do == "pause")
    return _nothing


def _id(leg_id: UUID | None) -> UUID:
    assert leg_id is not None, "the step is about a leg"
    return leg_id


def _row(session: Session, recording_id: UUID) -> CallRecording:
    (found,) = load(session, CallRecording, "WHERE id = $1", [recording_id])
    return found


# What came of it


def _noted(session: Session, task: Task, note: Note) -> None:
    call = queries.held(session, task.call_id)
    bridge = rooms.bridge_of(session, task.call_id)
    assert bridge is not None
    note(session, call, bridge, clock.now())


def _nothing(session: Session, call: Call, bridge: CallBridge, now: datetime) -> None:
    """It tells of itself when it has come about."""


def _note_back(session: Session, call: Call, bridge: CallBridge, now: datetime) -> None:
    room_reports.note_caller(session, call, bridge, "outside", now=now)
    history.note(session, call.id, "back_in_line", now=now)


def _note_rung(
    session: Session, call: Call, bridge: CallBridge, leg_id: UUID, sid: str, reference: str, now: datetime
) -> None:
    if bridge.room_reference is None:
        change(session, bridge, room_reference=reference)
    leg = _leg(session, leg_id)
    if leg.provider_call_id is None:
        change(session, leg, provider_call_id=sid)


def _note_held(session: Session, bridge: CallBridge, is_held: bool, now: datetime) -> None:
    change(session, bridge, is_held=is_held)
    _show(session, bridge, now)


def _note_coached(session: Session, bridge: CallBridge, task: Task, now: datetime) -> None:
    change(session, _leg(session, _id(task.leg_id)), mode_done=task.mode, coached=task.coached)
    _show(session, bridge, now)


def _show(session: Session, bridge: CallBridge, now: datetime) -> None:
    """There is nothing left to arrange, but whoever looks at the call sees it only now."""
    change(session, bridge, changed_at=now)
    record(session, "call_bridge.arranged", at=now, call_id=bridge.call_id)


def _note_dialled(session: Session, call: Call, sid: str) -> None:
    if not calling_back.name(session, call, sid):
        log.info("voice.dialled_twice", call_id=str(call.id))


def _note_found(session: Session, call: Call, bridge: CallBridge, known: Sequence[str], now: datetime) -> None:
    """Whether a call that was asked for, without an answer, was made after all. If it was not, it is asked for anew."""
    if calling_back.is_named(call):
        return
    theirs = {one.provider_call_id for one in load(session, Call, "WHERE provider_call_id = ANY($1)", [list(known)])}
    mine = next((sid for sid in known if sid not in theirs), None)
    if mine is not None:
        calling_back.name(session, call, mine)
    else:
        room_reports.note_caller(session, call, bridge, "outside", now=now)


def _note_look(session: Session, call: Call, bridge: CallBridge, room: Room | None, is_up: bool, now: datetime) -> None:
    change(session, bridge, looked_at=now, room_reference=room.reference if room else None)
    if not is_up:
        room_reports.note_gone(session, call.id, now=now)
        return
    for leg in rooms.live_legs(session, call.id):
        if leg.state == "wanted":
            continue
        seat = room.seat_of(leg.provider_call_id, label=str(leg.id)) if room else None
        if seat is not None:
            state = "joined" if seat.is_connected else "ringing"
            room_reports.move_leg(session, call, leg, state, provider_call_id=seat.provider_call_id, now=now)
        elif room_reports.is_settled(leg.joined_at or leg.asked_at, now):
            room_reports.note_absent_leg(session, call, leg, now=now)
    caller = room.seat_of(call.provider_call_id) if room else None
    if caller is not None:
        room_reports.note_caller(session, call, bridge, "inside", now=now)
        change(session, bridge, is_held=caller.is_held)
    elif bridge.caller_state != "outside" and room_reports.is_settled(bridge.caller_asked_at, now):
        if calling_back.is_dialling(call):
            change(session, bridge, caller_asked_at=now)  # it rings, or they are being told who calls
        else:
            room_reports.note_caller(session, call, bridge, "outside", now=now)


def _lose(session: Session, call: Call, now: datetime) -> None:
    room_reports.lose_operator(session, call.id, now=now)


def _note_hung_up(session: Session, call: Call, bridge: CallBridge, leg_id: UUID | None, now: datetime) -> None:
    if leg_id is not None:
        room_reports.move_leg(session, call, _leg(session, leg_id), "ended", why="completed", now=now)
    else:
        room_reports.note_caller(session, call, bridge, "gone", now=now)
        state = "completed" if call.answered_at is not None else "canceled"
        actions.report(session, call, state, ended_by=call.ended_by or "operator", now=now)


def _note_recording(session: Session, recording_id: UUID, reference: str, now: datetime) -> None:
    recordings.note_state(session, recording_id, "recording", reference=reference, now=now)


def _note_trouble(task: Task, error: LineError) -> None:
    """What did not come about. Raises Unavailable unless there is something else to do next."""
    log.info("voice.trouble", call_id=str(task.call_id), do=task.step.do, kind=type(error).__name__, why=error.reason)
    with db.transaction() as session:
        call = queries.held(session, task.call_id)
        bridge = rooms.bridge_of(session, task.call_id)
        assert bridge is not None
        now = clock.now()
        if isinstance(error, Gone):
            _note_missing(session, task, call, bridge, now)
            return
        if isinstance(error, Refused) and task.step.do == "ring":
            room_reports.move_leg(session, call, _leg(session, _id(task.leg_id)), "ended", why="failed", now=now)
            return
        if isinstance(error, Refused) and task.step.do == "dial":
            room_reports.note_caller(session, call, bridge, "outside", now=now)
            calling_back.not_reached(session, call, bridge, "failed", is_last=not task.number, now=now)
            return
        if isinstance(error, Refused) and task.step.do == "coach":
            _put_out(session, call, _leg(session, _id(task.leg_id)), error.reason, now)
            return
        if isinstance(error, Refused) and task.step.do == "start_recording":
            recordings.note_state(session, _id(task.recording_id), "absent", now=now)
            return
        if not isinstance(error, Uncertain):
            _take_back(session, task, bridge, now)
        change(session, bridge, arranging_until=None, due_at=now + _AFTER_TROUBLE)
    raise Unavailable("La red telefónica no respondió; se intenta otra vez.")


def _put_out(session: Session, call: Call, leg: CallLeg, why: str, now: datetime) -> None:
    """Better out of the room than heard by whom they did not mean."""
    change(session, leg, is_wanted=False)
    history.note(session, call.id, f"{leg.role}_left", actor=(leg.agent_id, leg.agent_name), reason=why, now=now)


def _take_back(session: Session, task: Task, bridge: CallBridge, now: datetime) -> None:
    """It was certainly not done: asked for anew, without a look."""
    if task.step.do in ("move", "dial"):
        change(session, bridge, caller_state="outside")
    elif task.step.do == "ring":
        change(session, _leg(session, _id(task.leg_id)), state="wanted")
    elif task.step.do == "start_recording":
        recordings.note_not_begun(session, _id(task.recording_id), now=now)


def _note_missing(session: Session, task: Task, call: Call, bridge: CallBridge, now: datetime) -> None:
    """Whom or what it was about is not there any more."""
    do = task.step.do
    if do in ("move", "send_back", "check_caller", "start_recording"):
        room_reports.note_gone(session, call.id, now=now)
    elif do == "hang_up_caller":
        _note_hung_up(session, call, bridge, None, now)
    elif do == "hang_up_leg":
        room_reports.move_leg(session, call, _leg(session, _id(task.leg_id)), "ended", why="gone", now=now)
    elif do == "ring":
        change(session, _leg(session, _id(task.leg_id)), state="wanted")
    elif do in ("pause", "resume"):
        recordings.note_state(session, _id(task.recording_id), "ended", now=now)
    elif do in ("hold", "unhold", "coach"):
        # Somebody left meanwhile, or it is another room by now: the next look says which.
        change(session, bridge, room_reference=None)
