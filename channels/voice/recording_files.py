"""The files of recordings: fetched from the network by our own path to it, sealed, kept, read, and destroyed with proof.

A file is never on disk unsealed. Its key is kept when its bytes are: whoever dies in between leaves bytes that nobody can open.
"""

from datetime import datetime
from hashlib import sha256
from uuid import UUID

import structlog

from channels.errors import FetchFailed
from channels.media_fetching import read_all
from channels.voice import line as lines
from channels.voice.line import Gone, LineError, Recorded, Refused, VoiceLine
from intake.calls import queries, recordings, room_reports, voicemail
from intake.calls.line_models import VOICEMAIL, CallRecording
from intake.calls.models import Call
from intake.media import storage
from intake.media.sounds import sound_type
from kernel import clock, db, sealed_files
from kernel.errors import MisconfiguredError, NotFound, Unavailable
from kernel.rows import load, load_one
from kernel.sealed_files import FileKey

log = structlog.get_logger(__name__)

MOST_BYTES = 128 * 1024 * 1024
_DUE = "WHERE due_at <= $1 ORDER BY due_at LIMIT 50"
_EXPIRED = "WHERE state <> 'destroyed' AND kept_because = '' AND keep_until <= $1 ORDER BY keep_until LIMIT 200"
# Of what is destroyed the network may still have a file that grows.
_MAY_RUN = frozenset({"asked", "recording", "destroyed"})
_STORED_BY_STATE = {"available": "available", "absent": "absent"}


def context_of(recording_id: UUID) -> str:
    """What a sealed file is bound to: moved under another recording it does not open."""
    return f"call_recording:{recording_id}"


def keep(recording_id: UUID) -> None:
    """Stores a finished file once. Raises FetchFailed, LineError or Unavailable: tried again."""
    with db.transaction() as session:
        row = load_one(session, CallRecording, "WHERE id = $1", [recording_id])
    line = lines.line()
    if row is None or line is None or row.provider_recording_id is None:
        return
    if row.state == "available" and not row.is_refused:
        with line.fetch_recording(row.provider_recording_id) as stream:
            plain = read_all(stream, MOST_BYTES)
        _store(row.id, plain)
    _forget(row.id)


def _store(recording_id: UUID, plain: bytes) -> None:
    key, place = FileKey.new(), storage.new_key()
    sealed = sealed_files.seal(plain, key, context=context_of(recording_id))
    storage.shelf().storage.put(place, sealed)
    with db.transaction() as session:
        is_kept = recordings.note_stored(
            session,
            recording_id,
            key,
            storage_key=place,
            media_type=sound_type(plain) or "application/octet-stream",
            plain_bytes=len(plain),
            sealed_sha256=sha256(sealed).hexdigest(),
            now=clock.now(),
        )
    if not is_kept:
        storage.shelf().storage.delete(place)


def _forget(recording_id: UUID) -> None:
    """The network's copy goes, once ours is kept or none is wanted."""
    with db.transaction() as session:
        row = load_one(session, CallRecording, "WHERE id = $1", [recording_id])
    line = lines.line()
    if row is None or line is None or row.provider_recording_id is None or row.provider_deleted_at is not None:
        return
    if row.state not in ("stored", "destroyed"):
        return
    try:
        line.delete_recording(row.provider_recording_id)
    except Gone:
        log.info("voice.recording_was_gone", recording_id=str(recording_id))
    with db.transaction() as session:
        recordings.note_provider_deleted(session, recording_id, now=clock.now())


def read(row: CallRecording, start: int, end: int) -> bytes:
    """The bytes of a stored recording from `start` up to, not including, `end`. Raises NotFound, Unavailable."""
    key = recordings.key_of(row)
    assert row.storage_key is not None, "stored"
    sealed = storage.shelf().storage.get(row.storage_key)
    return sealed_files.unseal(sealed, key, context=context_of(row.id), start=start, end=end)


def sweep() -> None:
    """Everything of files that waits for another try: fetching, asking, deleting, proving."""
    now = clock.now()
    with db.transaction() as session:
        due = load(session, CallRecording, _DUE, [now])
    for row in due:
        _try(row, now)


def _try(row: CallRecording, now: datetime) -> None:
    try:
        _push_on(row, now)
    except (FetchFailed, LineError, Unavailable, MisconfiguredError) as error:
        log.info("voice.file_later", recording_id=str(row.id), state=row.state, why=str(error))
        with db.transaction() as session:
            recordings.put_off(session, row.id, now=now)


def _push_on(row: CallRecording, now: datetime) -> None:
    if row.is_refused and row.state != "destroyed":
        _end_refused(row, now)
    elif row.state == "ended":
        _ask(row, now)
    elif row.state in ("available", "stored"):
        keep(row.id)
    elif row.state == "destroyed":
        _prove(row, now)


def _end_refused(row: CallRecording, now: datetime) -> None:
    """The person did not want it: it ends at the network, also while they talk, and what there is of it is destroyed.

    Raises Unavailable while a start has no answer yet: what may be running without a name can neither be stopped nor proved gone.
    """
    if row.state == "asked" and not room_reports.is_settled(row.asked_at, now):
        raise Unavailable("La grabación todavía no está lista.")
    _stop(_named(row, now))
    with db.transaction() as session:
        recordings.destroy(session, row.id, why="refused", now=now)


def _named(row: CallRecording, now: datetime) -> CallRecording:
    """With the network's name of it, which is asked for where a start was never answered."""
    if row.provider_recording_id is not None or row.asked_at is None:
        return row
    try:
        known = _carrier().recordings_of(_call_of(row).provider_call_id)
    except Gone:
        return row
    if not known:
        return row
    with db.transaction() as session:
        return recordings.note_state(session, row.id, "recording", reference=known[0].reference, now=now)


def _stop(row: CallRecording) -> None:
    """Whether it was running is the network's to know: nothing is proved before it has deleted the file."""
    if row.provider_recording_id is None or row.provider_deleted_at is not None or row.state not in _MAY_RUN:
        return
    call = _call_of(row)
    if call.ended_at is not None:
        return
    try:
        _carrier().stop_recording(call.provider_call_id, row.provider_recording_id)
    except (Gone, Refused):
        log.info("voice.recording_was_over", recording_id=str(row.id))


def _carrier() -> VoiceLine:
    """Raises Unavailable: of what the network has, nothing is said without it."""
    line = lines.line()
    if line is None:
        raise Unavailable("La red telefónica no respondió; se intenta otra vez.")
    return line


def _call_of(row: CallRecording) -> Call:
    with db.transaction() as session:
        return queries.held(session, row.call_id)


def _ask(row: CallRecording, now: datetime) -> None:
    """The network has told nothing of a recording that is over."""
    if row.kind == VOICEMAIL:
        _ask_after_tone(row, now)
        return
    known = _carrier().recordings_of(_call_of(row).provider_call_id)
    mine: Recorded | None = next((one for one in known if one.reference == row.provider_recording_id), None)
    if mine is None and row.provider_recording_id is None and known:
        mine = known[0]
    state = "absent" if mine is None else _STORED_BY_STATE.get(mine.state)
    if state is None:
        raise Unavailable("La grabación todavía no está lista.")
    with db.transaction() as session:
        recordings.note_state(
            session,
            row.id,
            state,
            reference=mine.reference if mine else None,
            duration_s=mine.duration_s if mine else None,
            now=now,
        )


def _ask_after_tone(row: CallRecording, now: datetime) -> None:
    """Whatever the network has is a message, and nothing is none. Raises Unavailable while somebody may still be speaking."""
    known = _carrier().messages_of(_call_of(row).provider_call_id)
    if any(one.state not in _STORED_BY_STATE for one in known):
        raise Unavailable("La grabación todavía no está lista.")
    with db.transaction() as session:
        call = queries.held(session, row.call_id)
        for one in known:
            if one.state == "available" and one.duration_s:
                voicemail.take(session, call, one.reference, one.duration_s, now=now)
        _, mine = recordings.held(session, row.id)
        if mine.state == "ended":
            recordings.note_state(session, row.id, "absent", now=now)


def end_due() -> None:
    """Destroys the keys of what has reached its day; its bytes and the network's copy follow at once, or with the sweep."""
    now = clock.now()
    with db.transaction() as session:
        due = load(session, CallRecording, _EXPIRED, [now])
    for row in due:
        if row.is_refused:
            _try(row, now)
            continue
        with db.transaction() as session:
            is_new = recordings.destroy(session, row.id, why="retention", now=now)
        if is_new:
            log.info("voice.recording_destroyed", recording_id=str(row.id))
    sweep()


def _prove(row: CallRecording, now: datetime) -> None:
    """Deletes the bytes everywhere, then looks whether they are gone. Raises Unavailable while they are not."""
    _stop(_named(row, now))
    _forget(row.id)
    if row.storage_key is not None:
        store = storage.shelf().storage
        store.delete(row.storage_key)
        try:
            store.get(row.storage_key)
        except NotFound:
            log.info("voice.bytes_gone", recording_id=str(row.id))
        else:
            raise Unavailable("El almacén todavía tiene la grabación.")
    with db.transaction() as session:
        recordings.prove(session, row.id, now=now)
