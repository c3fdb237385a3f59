"""What the network asks and tells of a call's room, once its signature was checked: documents for the caller, reports for us.

Nothing here waits for the network: what is to be done is told to the jobs by the event that goes with each change.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode
from uuid import UUID

import structlog
from sqlalchemy.exc import InterfaceError, OperationalError, TimeoutError
from sqlmodel import Session

from channels.voice import notice
from intake.calls import actions, calling_back, recordings, room_reports, rooms
from intake.calls.leg_states import LEG_STATUSES
from intake.calls.line_models import CallLeg
from intake.calls.models import Call
from intake.calls.states import REPORTED, is_over
from intake.catalog import cities
from intake.distribution.models import WorkItem
from kernel import db
from kernel.i18n import translate
from kernel.outbox import record
from kernel.rows import change, load_one

log = structlog.get_logger(__name__)

_LOCALES = {"es": "es-MX", "en": "en-US"}
_ROOM_EVENTS = "start end join leave hold"
# Back into the room at most so often by ourselves: after that something is broken, and the call ends.
_MOST_TIMES = 6
_SILENT = "<Response></Response>"
_HUNG_UP = "<Response><Hangup/></Response>"
_RECORDING_STATES = {"in-progress": "recording", "completed": "available", "absent": "absent", "failed": "absent"}
_AWAY = (OperationalError, InterfaceError, TimeoutError)


@dataclass(frozen=True)
class Told:
    """One verified call to us. base_url: where we are reached."""

    parameters: Mapping[str, str]
    query: Mapping[str, str]
    base_url: str
    now: datetime

    def url(self, path: str, **query: str | int) -> str:
        return f"{self.base_url}/webhooks/voice/{path}" + (f"?{urlencode(query)}" if query else "")


def bridge(told: Told) -> str:
    """The caller comes from the waiting line: told that they are recorded, if they are, and then into the room.

    Also while the database is away: what was told then has no evidence, and nothing will be recorded.
    """
    room_name, is_announced = told.query.get("room", ""), told.query.get("announced") == "1"
    language, says = told.query.get("lang", "es"), []
    try:
        with db.transaction() as session:
            found = rooms.by_room(session, room_name)
            if found is None:
                return _goodbye(language)
            call, its_bridge = found
            language = call.language
            if not _is_of(session, call, told.parameters.get("CallSid", "")):
                return _HUNG_UP if call.direction == "outbound" else _goodbye(language)
            if call.direction == "outbound":
                if not calling_back.is_dialling(call):
                    return _HUNG_UP
                actions.report(session, call, "in_progress", now=told.now)
                city = cities.city(session, call.jurisdiction_id).name
                says.append(translate(language, "Buen día. Le llamamos de {city}, como pidió.", city=city))
            if said := notice.told(session, call, language, now=told.now):
                says.append(said)
                rooms.touch(session, its_bridge, told.now)
            if its_bridge.caller_state != "inside":
                change(session, its_bridge, caller_state="moving", caller_asked_at=told.now)
    except _AWAY as error:
        log.warning("voice.bridge_without_database", error=type(error).__name__)
        says = [] if is_announced else [notice.words(language)]
    return _into_room(told, room_name, says, language)


def _is_of(session: Session, call: Call, sid: str) -> bool:
    return calling_back.name(session, call, sid) if call.direction == "outbound" else call.provider_call_id == sid


def left(told: Told) -> str:
    """The caller is out of the room, and still on the line: back into it while somebody is to serve them, else goodbye."""
    room_name, language = told.query.get("room", ""), told.query.get("lang", "es")
    times = int(told.query.get("times", "0")) if told.query.get("times", "0").isdecimal() else _MOST_TIMES
    is_wanted = True
    try:
        with db.transaction() as session:
            found = rooms.by_room(session, room_name)
            if found is not None:
                item = load_one(session, WorkItem, "WHERE id = $1", [found[1].work_item_id])
                is_wanted = item is not None and item.state in ("queued", "offered", "assigned")
                language = found[0].language
    except _AWAY as error:
        log.warning("voice.left_without_database", error=type(error).__name__)
    if not is_wanted or times >= _MOST_TIMES or not room_name:
        return _goodbye(language)
    return _into_room(told, room_name, [], language, times=times + 1)


def leg(told: Told) -> str:
    """How far the leg of an operator is."""
    leg_id, sid = _uuid(told.query.get("leg")), told.parameters.get("CallSid", "")
    status = LEG_STATUSES.get(told.parameters.get("CallStatus", ""))
    if leg_id is None or status is None or not sid:
        log.info("voice.unknown_leg_status", status=told.parameters.get("CallStatus"))
        return _SILENT
    state, why = status
    with db.transaction() as session:
        noted = room_reports.note_leg(session, leg_id, sid, state, why=why, now=told.now)
        if noted is not None and not noted[1] and state != "ended":
            record(session, "call_leg.twice", at=told.now, provider_call_id=sid)
    return _SILENT


def called(told: Told) -> str:
    """How far a call of ours to somebody outside is."""
    call_id, sid = _uuid(told.query.get("call")), told.parameters.get("CallSid", "")
    state = REPORTED.get(told.parameters.get("CallStatus", ""))
    if call_id is None or state is None or not sid:
        log.info("voice.unknown_call_status", status=told.parameters.get("CallStatus"))
        return _SILENT
    with db.transaction() as session:
        found = rooms.attempt(session, call_id)
        if found is None:
            return _SILENT
        call, its_bridge = found
        if not calling_back.name(session, call, sid):
            if not is_over(state):
                record(session, "call_leg.twice", at=told.now, provider_call_id=sid)
            return _SILENT
        before = call.state
        actions.report(session, call, state, ended_by=call.ended_by or "provider", now=told.now)
        if call.state != before and not is_over(call.state):
            rooms.touch(session, its_bridge, told.now)
    return _SILENT


def machine(told: Told) -> str:
    """Who has answered a call of ours, a person or a machine, as far as the network can tell."""
    call_id, who = _uuid(told.query.get("call")), told.parameters.get("AnsweredBy", "")
    if call_id is None or not who.startswith(("machine", "fax")):
        return _SILENT
    with db.transaction() as session:
        found = rooms.attempt(session, call_id)
        if found is not None and calling_back.name(session, found[0], told.parameters.get("CallSid", "")):
            calling_back.note_machine(session, *found, now=told.now)
            rooms.touch(session, found[1], told.now)
    return _SILENT


def conference(told: Told) -> str:
    """Who has come into the room. Who has left is told by their own leg, and the caller's by the call itself."""
    event, sid = told.parameters.get("StatusCallbackEvent", ""), told.parameters.get("CallSid", "")
    with db.transaction() as session:
        found = rooms.by_room(session, told.parameters.get("FriendlyName", ""))
        if found is None or found[1].ended_at is not None:
            return _SILENT
        call, its_bridge = found
        reference = told.parameters.get("ConferenceSid")
        if event != "conference-end" and reference and its_bridge.room_reference is None:
            change(session, its_bridge, room_reference=reference)
        if event == "participant-join" and sid == call.provider_call_id and call.ended_at is None:
            room_reports.note_caller(session, call, its_bridge, "inside", now=told.now)
        elif event == "participant-join":
            seated = load_one(session, CallLeg, "WHERE provider_call_id = $1 AND call_id = $2", [sid, call.id])
            if seated is not None:
                room_reports.move_leg(session, call, seated, "joined", now=told.now)
        elif event == "conference-end" and its_bridge.room_reference == reference:
            change(session, its_bridge, room_reference=None)
            rooms.touch(session, its_bridge, told.now)
    return _SILENT


def recording(told: Told) -> str:
    """A recording has begun, is ready, or has come to nothing. Where its file is, is not asked of whoever tells."""
    recording_id, sid = _uuid(told.query.get("recording")), told.parameters.get("RecordingSid", "")
    state = _RECORDING_STATES.get(told.parameters.get("RecordingStatus", ""))
    if recording_id is None or state is None or not sid:
        return _SILENT
    duration = told.parameters.get("RecordingDuration", "")
    with db.transaction() as session:
        if recordings.exists(session, recording_id):
            recordings.note_state(
                session,
                recording_id,
                state,
                reference=sid,
                duration_s=int(duration) if duration.isdecimal() else None,
                now=told.now,
            )
    return _SILENT


# What is answered at each address below /webhooks/voice/.
DOCUMENTS: Mapping[str, Callable[[Told], str]] = {
    "bridge": bridge,
    "left": left,
    "leg": leg,
    "called": called,
    "machine": machine,
    "conference": conference,
    "recording": recording,
}


def _into_room(told: Told, room_name: str, says: Sequence[str], language: str, *, times: int = 0) -> str:
    from twilio.twiml.voice_response import Dial, VoiceResponse

    response = VoiceResponse()
    for text in says:
        response.say(text, language=_LOCALES.get(language, "es-MX"))
    dial = Dial(
        action=told.url("left", room=room_name, lang=language, times=times), method="POST", answer_on_bridge=True
    )
    dial.conference(
        room_name,
        start_conference_on_enter=True,
        end_conference_on_exit=True,
        beep="false",
        participant_label="caller",
        wait_url=told.url("music"),
        wait_method="GET",
        status_callback=told.url("conference"),
        status_callback_event=_ROOM_EVENTS,
        status_callback_method="POST",
    )
    response.append(dial)
    return str(response)


def _goodbye(language: str) -> str:
    from twilio.twiml.voice_response import VoiceResponse

    response = VoiceResponse()
    response.say(translate(language, "Gracias por llamar. Hasta luego."), language=_LOCALES.get(language, "es-MX"))
    response.hangup()
    return str(response)


def _uuid(text: str | None) -> UUID | None:
    try:
        return UUID(text or "")
    except ValueError:
        return None
