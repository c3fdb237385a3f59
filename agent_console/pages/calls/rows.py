"""Calls and recordings as the page shows them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlmodel import Session

from agent_console.accounts import Viewer
from agent_console.attachments import length_of
from agent_console.contacts import masked
from agent_console.presentation import Look, ago
from intake.calls import history
from intake.calls.line_models import VOICEMAIL, CallBridge, CallEvent, CallLeg, CallRecording
from intake.calls.models import Call
from intake.people.models import ContactPoint
from kernel.dates import day_in_words
from kernel.i18n import translate
from kernel.rows import load, load_one

MOST = 100
STATES: Mapping[str, tuple[str, str, str]] = {
    "wanted": ("Sin empezar", "quiet", "minus"),
    "asked": ("Empieza", "wait", "loop"),
    "recording": ("Se graba", "wait", "loop"),
    "ended": ("Se espera el archivo", "wait", "loop"),
    "available": ("Se trae el archivo", "wait", "loop"),
    "stored": ("Guardada", "ok", "ok"),
    "absent": ("No hay archivo", "quiet", "minus"),
    "destroyed": ("Destruida", "quiet", "minus"),
}
# Most who are asked to speak after the tone hang up.
_SOMETHING = "(kind = 'talk' OR message_id IS NOT NULL)"
_BEFORE_ITS_END = ("wanted", "asked", "recording", "absent")
SAID: Mapping[str, str] = {
    "recording_announced": "Se avisó a quien llama, {when}",
    "voicemail_invited": "Se le pidió hablar después del tono, {when}",
    "voicemail_left": "Dejó un mensaje, {when}",
    "recording_started": "Empezó, {when}",
    "recording_paused": "{name} puso pausa, {when}",
    "recording_resumed": "{name} siguió grabando, {when}",
    "recording_refused": "{name} anotó que la persona no quiere, {when}",
    "recording_ended": "Terminó, {when}",
    "recording_found_late": "La red sí la tenía: se borra, {when}",
    "recording_absent": "No quedó ningún archivo, {when}",
    "recording_stored": "Se selló y se guardó, {when}",
    "recording_deleted_at_provider": "El proveedor ya no la tiene, {when}",
    "recording_kept": "{name} la conserva más tiempo, {when}",
    "recording_released": "{name} dejó de conservarla, {when}",
    "playback_opened": "{name} la escuchó, {when}",
    "recording_destroyed": "Se destruyó su clave, {when}",
    "recording_proved_gone": "Se comprobó que ya no está en ninguna parte, {when}",
}
WHY: Mapping[str, str] = {
    "operator": "la persona dice algo delicado",
    "service": "es un asunto delicado",
    "retention": "llegó su día",
    "refused": "la persona no quiso",
}
PROOF: Mapping[str, str] = {
    "key": "Huella de la clave",
    "key_destroyed_at": "La clave se destruyó",
    "sealed_sha256": "Huella del archivo sellado",
    "had_file": "Había un archivo",
    "bytes_gone_at": "Se comprobó que ya no hay archivo",
    "provider_deleted_at": "El proveedor la borró",
}


@dataclass(frozen=True)
class Recorded:
    id: UUID
    conversation_id: UUID
    when: str
    who: str
    operators: str
    length: str
    state: Look
    code: str
    keep_until: str
    kept_because: str
    is_voicemail: bool


@dataclass(frozen=True)
class GoingOn:
    """mine: how the reader listens in, "" if they do not; is_own: they are who talks, or is asked by a colleague."""

    id: UUID
    since: datetime
    when: str
    who: str
    operators: str
    is_held: bool
    is_own: bool
    mine: str


@dataclass(frozen=True)
class Said:
    text: str
    reason: str


def recorded_rows(session: Session, viewer: Viewer, now: datetime) -> list[Recorded]:
    tail = f"WHERE jurisdiction_id = $1 AND {_SOMETHING} ORDER BY announced_at DESC LIMIT {MOST}"
    return [
        recorded_row(session, one, viewer, now) for one in load(session, CallRecording, tail, [viewer.jurisdiction_id])
    ]


def recorded_row(session: Session, row: CallRecording, viewer: Viewer, now: datetime) -> Recorded:
    call = session.get_one(Call, row.call_id)
    word, css, icon = STATES[row.state]
    # Nobody knows how long it is before it has ended.
    seconds = row.duration_s if row.state not in _BEFORE_ITS_END else None
    return Recorded(
        id=row.id,
        conversation_id=call.conversation_id,
        when=ago(row.announced_at, now, viewer.timezone, viewer.language),
        who=_who(session, call, viewer),
        operators=_operators(session, row.call_id),
        length="" if seconds is None else length_of(seconds),
        state=Look(translate(viewer.language, word), icon, css),
        code=row.state,
        keep_until=day_in_words(row.keep_until, viewer.timezone, viewer.language, now=now),
        kept_because=row.kept_because,
        is_voicemail=row.kind == VOICEMAIL,
    )


def going_on(session: Session, viewer: Viewer, now: datetime) -> list[GoingOn]:
    tail = f"WHERE jurisdiction_id = $1 AND ended_at IS NULL ORDER BY created_at LIMIT {MOST}"
    found = []
    for bridge in load(session, CallBridge, tail, [viewer.jurisdiction_id]):
        call = session.get_one(Call, bridge.call_id)
        mine = load_one(
            session,
            CallLeg,
            "WHERE call_id = $1 AND agent_id = $2 AND state <> 'ended' AND is_wanted",
            [call.id, viewer.user_id],
        )
        found.append(
            GoingOn(
                id=call.id,
                since=bridge.created_at,
                when=ago(bridge.created_at, now, viewer.timezone, viewer.language),
                who=_who(session, call, viewer),
                operators=_operators(session, call.id, live_only=True),
                is_held=bridge.is_held,
                is_own=mine is not None and mine.role != "supervisor",
                mine=mine.mode if mine and mine.role == "supervisor" else "",
            )
        )
    return found


def said_rows(session: Session, recording: CallRecording, viewer: Viewer, now: datetime) -> tuple[list[Said], bool]:
    """What was done with a recording, and whether the call's record is whole."""
    events = history.of_call(session, recording.call_id)
    shown = [event for event in events if event.name in SAID and event.recording_id in (None, recording.id)]
    return [_said(event, viewer, now) for event in shown], history.is_whole(events)


def proof_rows(proof: Mapping[str, object], language: str) -> list[tuple[str, str]]:
    """The proof of a destruction as a person reads it; instants stay exact, as they are in the record."""
    yes, no = translate(language, "sí"), translate(language, "no")
    said = {True: yes, False: no, None: "–", "": "–"}
    return [
        (translate(language, PROOF[name]), said[value] if value in said else str(value))
        for name, value in proof.items()
        if name in PROOF
    ]


def _said(event: CallEvent, viewer: Viewer, now: datetime) -> Said:
    name = event.actor_name or translate(viewer.language, "El programa")
    when = ago(event.at, now, viewer.timezone, viewer.language)
    reason = event.reason or str(event.data.get("words", ""))
    return Said(translate(viewer.language, SAID[event.name], name=name, when=when), _reason(reason, viewer.language))


def _reason(reason: str, language: str) -> str:
    return translate(language, WHY[reason]) if reason in WHY else reason


def _who(session: Session, call: Call, viewer: Viewer) -> str:
    contact = session.get_one(ContactPoint, call.contact_point_id)
    return masked(contact) if contact.last_digits else translate(viewer.language, "Número oculto")


def _operators(session: Session, call_id: UUID, *, live_only: bool = False) -> str:
    tail = "WHERE call_id = $1 AND role = 'operator'" + (" AND state <> 'ended'" if live_only else "")
    names = dict.fromkeys(leg.agent_name for leg in load(session, CallLeg, f"{tail} ORDER BY created_at", [call_id]))
    return ", ".join(name for name in names if name) or "–"
