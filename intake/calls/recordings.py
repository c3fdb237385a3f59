"""Recordings of calls: told before the first byte, paused where need be, heard with a reason, destroyed on their day.

Whoever writes here holds the call's row. The bytes are the business of `channels/voice/recording_files.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlmodel import Session

from intake.calls import history, queries, sensitive
from intake.calls.history import NOBODY, Actor
from intake.calls.leg_states import later_recording
from intake.calls.line_models import CallBridge, CallEvent, CallRecording
from intake.calls.models import Call
from intake.calls.planning import RecordingFacts
from intake.catalog import cities
from intake.distribution.models import WorkItem
from kernel import crypto
from kernel.errors import Conflict, NotFound, Unavailable
from kernel.outbox import record
from kernel.rows import HELD, change, load, load_one
from kernel.sealed_files import FileKey

SETTINGS = "recordings"
DEFAULT_KEEP_DAYS = 90
BY_OPERATOR, BY_SERVICE, ON_HOLD = "operator", "service", "hold"
ANNOUNCED = "recording_announced"
OPENED = "playback_opened"
# A page that was opened to listen may go on loading for so long.
LISTEN_FOR = timedelta(minutes=30)
# A provider that has not told of a finished file by then is asked.
_TOLD_WITHIN = timedelta(seconds=45)
_RETRY_PAUSE = timedelta(seconds=20)
# Somebody who said no is still being recorded.
_STOP_AGAIN = timedelta(seconds=2)
_LONGEST_PAUSE = timedelta(hours=1)
# The slowest that a voice reads out, and what lies between our answer and its first word.
_LETTERS_A_SECOND = 11
_BEGINS_WITHIN = timedelta(seconds=1)
_KEY_CONTEXT = "call_recording"
_PROVED = ("bytes_gone_at", "provider_deleted_at")
_LIVE = frozenset({"wanted", "asked", "recording"})


@dataclass(frozen=True)
class Policy:
    """Whether a city records calls, and for how long it keeps them."""

    is_on: bool
    keep_for: timedelta


def policy(settings: Mapping[str, Any]) -> Policy:
    """`[recordings]` of a city's folder; a city that says nothing records nothing."""
    given = settings.get(SETTINGS, {})
    return Policy(bool(given.get("enabled", False)), timedelta(days=int(given.get("keep_days", DEFAULT_KEEP_DAYS))))


def policy_of(session: Session, call: Call) -> Policy:
    return policy(cities.city(session, call.jurisdiction_id).settings)


def of_call(session: Session, call_id: UUID) -> CallRecording | None:
    """Of its talk."""
    tail = "WHERE call_id = $1 AND kind = 'talk' ORDER BY announced_at LIMIT 1"
    return load_one(session, CallRecording, tail, [call_id])


def exists(session: Session, recording_id: UUID) -> bool:
    return load_one(session, CallRecording, "WHERE id = $1", [recording_id]) is not None


def held(session: Session, recording_id: UUID) -> tuple[Call, CallRecording]:
    """The recording and its call, both held. Raises NotFound."""
    seen = load_one(session, CallRecording, "WHERE id = $1", [recording_id])
    if seen is None:
        raise NotFound("No encontramos esa grabación.")
    call = queries.held(session, seen.call_id)
    (found,) = load(session, CallRecording, f"WHERE id = $1 {HELD}", [recording_id])
    return call, found


# Before and while it is made


def announce(session: Session, call: Call, words: str, *, language: str, now: datetime) -> None:
    """The caller is being told, in these words: the evidence, written before anything is recorded. The last one counts."""
    history.note(session, call.id, ANNOUNCED, now=now, words=words, language=language)
    change(session, call, is_recording_announced=True)


def is_heard(session: Session, call: Call, *, now: datetime) -> bool:
    """Whether they have been told, and so long ago that they have heard the end of it, whatever came in between."""
    told = _told(session, call)
    if told is None:
        return False
    return now - told.at >= _BEGINS_WITHIN + timedelta(seconds=len(str(told.data.get("words", ""))) / _LETTERS_A_SECOND)


def _told(session: Session, call: Call) -> CallEvent | None:
    tail = "WHERE call_id = $1 AND name = $2 ORDER BY id DESC LIMIT 1"
    return load_one(session, CallEvent, tail, [call.id, ANNOUNCED]) if call.is_recording_announced else None


def want(session: Session, call: Call, bridge: CallBridge, item: WorkItem, *, now: datetime) -> None:
    """Once caller and operator are together, and only if the caller was told, the call is to be recorded."""
    if not call.is_recording_announced or bridge.caller_state != "inside" or call.ended_at is not None:
        return
    if of_call(session, call.id) is not None or not queries.has_met(session, call.id):
        return
    rules = policy_of(session, call)
    if not rules.is_on:
        return
    told = _told(session, call)
    if told is None:
        return  # whoever says that they told it must show when and how
    row = CallRecording(
        call_id=call.id,
        jurisdiction_id=call.jurisdiction_id,
        announced_at=told.at,
        notice=str(told.data.get("words", "")),
        language=str(told.data.get("language", call.language)),
        pauses=[BY_SERVICE] if sensitive.is_about(session, call, item) else [],
        keep_until=now + rules.keep_for,
    )
    session.add(row)
    session.flush()


def facts(session: Session, call_id: UUID, *, is_held: bool) -> RecordingFacts | None:
    row = of_call(session, call_id)
    if row is None:
        return None
    return RecordingFacts(
        state="ended" if row.is_refused else row.state,
        is_paused=row.is_paused,
        wants_pause=is_held or bool(row.pauses),
        since=row.asked_at,
    )


def pause(session: Session, call_id: UUID, *, why: str = BY_OPERATOR, actor: Actor = NOBODY, now: datetime) -> None:
    """From now on nothing is recorded. Twice does it once; a call that is not recorded stays so."""
    row = _of_held_call(session, call_id)
    if row is None or why in row.pauses:
        return
    change(session, row, pauses=[*row.pauses, why])
    history.note(session, call_id, "recording_paused", actor=actor, reason=why, recording_id=row.id, now=now)
    _arrange(session, call_id, now)


def resume(session: Session, call_id: UUID, *, actor: Actor, now: datetime) -> None:
    """The sensitive part is over, says whoever pressed the key; also where it had paused by itself."""
    row = _of_held_call(session, call_id)
    if row is None or not row.pauses:
        return
    change(session, row, pauses=[])
    history.note(session, call_id, "recording_resumed", actor=actor, recording_id=row.id, now=now)
    _arrange(session, call_id, now)


def refuse(session: Session, call_id: UUID, *, actor: Actor, now: datetime) -> None:
    """The person does not want to be recorded: it ends now, and what there is of it will be destroyed, also after the call."""
    queries.held(session, call_id)
    row = of_call(session, call_id)
    if row is None or row.is_refused or row.state in ("absent", "destroyed"):
        return
    change(session, row, is_refused=True, keep_until=now, due_at=now)
    history.note(session, call_id, "recording_refused", actor=actor, recording_id=row.id, now=now)
    _arrange(session, call_id, now)


def _of_held_call(session: Session, call_id: UUID) -> CallRecording | None:
    queries.held(session, call_id)
    row = of_call(session, call_id)
    return row if row is not None and row.state in _LIVE else None


def _arrange(session: Session, call_id: UUID, now: datetime) -> None:
    record(session, "call_bridge.changed", at=now, call_id=call_id)


# What the network tells of it


def note_state(
    session: Session,
    recording_id: UUID,
    state: str,
    *,
    reference: str | None = None,
    duration_s: int | None = None,
    now: datetime,
) -> CallRecording:
    """A report, in any order and as often as it comes. A file that is there records `call_recording.available` once.

    What was refused or destroyed before the network had given it a name ends there now, and is proved gone anew.
    """
    call, row = held(session, recording_id)
    if row.provider_recording_id not in (None, reference) and reference is not None:
        return row
    if row.state == "destroyed" and row.provider_recording_id is None and reference is not None:
        history.note(session, call.id, "recording_found_late", recording_id=row.id, now=now)
        proof = {key: value for key, value in row.proof.items() if key not in _PROVED}
        change(session, row, proof=proof, due_at=now)
    stands = later_recording(row.state, state)
    if stands != row.state:
        name = {"recording": "recording_started", "ended": "recording_ended", "absent": "recording_absent"}.get(stands)
        if name is not None:
            history.note(session, call.id, name, recording_id=row.id, now=now)
    change(
        session,
        row,
        provider_recording_id=row.provider_recording_id or reference,
        duration_s=duration_s if duration_s is not None else row.duration_s,
        started_at=now if stands == "recording" and row.started_at is None else row.started_at,
    )
    if stands == row.state:
        return row
    due_at = now if row.is_refused else {"ended": now + _TOLD_WITHIN, "available": now}.get(stands)
    change(session, row, state=stands, due_at=due_at)
    if stands == "available":
        record(session, "call_recording.available", at=now, recording_id=row.id)
    return row


def note_not_begun(session: Session, recording_id: UUID, *, now: datetime) -> None:
    """It was asked for, and the network has nothing of it: asked for anew, unless it was refused or is over meanwhile."""
    _, row = held(session, recording_id)
    if row.state == "asked":
        change(session, row, state="wanted", due_at=now if row.is_refused else None)


def note_call_over(session: Session, call_id: UUID, *, now: datetime) -> None:
    """With the call its recording has ended; the file is told of later, or asked for."""
    row = of_call(session, call_id)
    if row is None:
        return
    if row.state == "wanted":
        note_state(session, row.id, "absent", now=now)
    elif row.state in _LIVE:
        note_state(session, row.id, "ended", now=now)


# The file


def key_of(row: CallRecording) -> FileKey:
    """Raises NotFound once it was destroyed."""
    if row.key_sealed is None:
        raise NotFound("Esta grabación ya se destruyó.")
    return FileKey(bytes.fromhex(crypto.vault().unseal(row.key_sealed, context=_KEY_CONTEXT)))


def note_stored(
    session: Session,
    recording_id: UUID,
    key: FileKey,
    *,
    storage_key: str,
    media_type: str,
    plain_bytes: int,
    sealed_sha256: str,
    now: datetime,
) -> bool:
    """The sealed file is in our store: from here on its key is kept. False when it was stored before, or destroyed."""
    call, row = held(session, recording_id)
    if row.state != "available" or row.is_refused:
        return False
    change(
        session,
        row,
        state="stored",
        key_sealed=crypto.vault().seal(key.secret.hex(), context=_KEY_CONTEXT),
        key_fingerprint=key.fingerprint,
        storage_key=storage_key,
        media_type=media_type,
        plain_bytes=plain_bytes,
        sealed_sha256=sealed_sha256,
        stored_at=now,
        due_at=now,
    )
    history.note(
        session, call.id, "recording_stored", recording_id=row.id, now=now, bytes=plain_bytes, key=key.fingerprint
    )
    return True


def note_provider_deleted(session: Session, recording_id: UUID, *, now: datetime) -> None:
    call, row = held(session, recording_id)
    if row.provider_deleted_at is None:
        is_done = row.state == "stored" and not row.is_refused
        change(session, row, provider_deleted_at=now, due_at=None if is_done else row.due_at)
        history.note(session, call.id, "recording_deleted_at_provider", recording_id=row.id, now=now)


def put_off(session: Session, recording_id: UUID, *, now: datetime) -> None:
    """It did not work now: tried again, less and less often."""
    _, row = held(session, recording_id)
    runs_on = row.is_refused and row.state in _LIVE
    pause_ = _STOP_AGAIN if runs_on else min(_RETRY_PAUSE * 2 ** min(row.attempts, 8), _LONGEST_PAUSE)
    change(session, row, attempts=row.attempts + 1, due_at=now + pause_)


# Hearing it


def open_playback(
    session: Session, recording_id: UUID, *, jurisdiction_id: str, actor: Actor, reason: str, now: datetime
) -> CallEvent:
    """Somebody says why they listen; what comes back lets them, and nobody else, for half an hour."""
    call, row = held(session, recording_id)
    if row.jurisdiction_id != jurisdiction_id:
        raise NotFound("No encontramos esa grabación.")
    if row.state != "stored":
        raise Conflict("Esta grabación no se puede oír.")
    return history.note(session, call.id, OPENED, actor=actor, reason=reason, recording_id=row.id, now=now)


def playable(
    session: Session, recording_id: UUID, playback_id: int, *, jurisdiction_id: str, actor_id: UUID, now: datetime
) -> CallRecording:
    """The recording, for whoever opened it a while ago. Raises NotFound for anybody else."""
    row = load_one(session, CallRecording, "WHERE id = $1", [recording_id])
    opened = load_one(session, CallEvent, "WHERE id = $1", [playback_id])
    if (
        row is None
        or row.state != "stored"
        or row.jurisdiction_id != jurisdiction_id
        or opened is None
        or (opened.name, opened.recording_id, opened.actor_id) != (OPENED, recording_id, actor_id)
        or now - opened.at > LISTEN_FOR
    ):
        raise NotFound("No encontramos esa grabación.")
    return row


# Its end


def keep(session: Session, recording_id: UUID, *, because: str, was: str, actor: Actor, now: datetime) -> None:
    """Kept past its day, for as long as `because` stands; "" lets it go. Twice does it once.

    was: why it was kept when `actor` looked, "" if it was not. Raises Conflict when that has changed, or it is too late.
    """
    call, row = held(session, recording_id)
    if row.state == "destroyed":
        raise Conflict("Esta grabación ya se destruyó.")
    if row.kept_because == because:
        return
    if row.kept_because != was:
        raise Conflict(
            "Mientras la veías, alguien cambió si se conserva o por qué. Nada se guardó: mira cómo está y decide otra vez."
        )
    change(session, row, kept_because=because)
    name = "recording_kept" if because else "recording_released"
    history.note(session, call.id, name, actor=actor, reason=because, recording_id=row.id, now=now)


def destroy(session: Session, recording_id: UUID, *, why: str, actor: Actor = NOBODY, now: datetime) -> bool:
    """Destroys the key: from this commit on nobody can hear it. Its bytes follow, and the proof of it."""
    call, row = held(session, recording_id)
    if row.state == "destroyed":
        return False
    change(
        session,
        row,
        state="destroyed",
        key_sealed=None,
        destroyed_at=now,
        destroyed_why=why,
        due_at=now,
        attempts=0,
        proof={
            "key": row.key_fingerprint,
            "sealed_sha256": row.sealed_sha256,
            "key_destroyed_at": now.isoformat(),
            "had_file": row.storage_key is not None,
        },
    )
    history.note(
        session,
        call.id,
        "recording_destroyed",
        actor=actor,
        reason=why,
        recording_id=row.id,
        now=now,
        key=row.key_fingerprint,
        sha256=row.sealed_sha256,
    )
    return True


def prove(session: Session, recording_id: UUID, *, now: datetime) -> None:
    """The store was asked for the bytes and has none, and neither has the network: the proof is whole.

    Raises Unavailable while the network has it.
    """
    call, row = held(session, recording_id)
    if row.provider_recording_id is not None and row.provider_deleted_at is None:
        raise Unavailable("La red telefónica todavía tiene la grabación.")
    if "bytes_gone_at" in row.proof:
        return
    provider = row.provider_deleted_at
    seen = (now.isoformat(), provider.isoformat() if provider else None)
    proof = {**row.proof, **dict(zip(_PROVED, seen, strict=True))}
    change(session, row, proof=proof, due_at=None)
    history.note(session, call.id, "recording_proved_gone", recording_id=row.id, now=now, key=row.key_fingerprint)
