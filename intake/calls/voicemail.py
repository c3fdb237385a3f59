"""What is said after the tone: asked for, kept once under the network's name of it, and from then on a recording like any other.

It is expected from the moment that the tone is announced, so that whatever tells of it may be lost: then the network is asked.
Whoever writes here holds the call's row.
"""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlmodel import Session

from intake.calls import history, recordings, turns, waiting
from intake.calls.line_models import VOICEMAIL, CallRecording
from intake.calls.models import Call
from intake.conversations import actions as conversations
from kernel import db
from kernel.rows import change, load_one

# Of what a message of the thread is.
PART = "voicemail"
# The invitation, two minutes of message, and what the network takes to tell.
_TOLD_WITHIN = timedelta(minutes=4)
_EXPECTED = """
    WHERE call_id = $1 AND kind = 'voicemail' AND state = 'ended' AND provider_recording_id IS NULL
    ORDER BY announced_at LIMIT 1
"""
_UNREAD = """
    SELECT call_id, id FROM call_recording
    WHERE kind = 'voicemail' AND message_id IS NULL AND state IN ('available', 'stored') LIMIT 100
"""


def expect(session: Session, call: Call, words: str, *, now: datetime) -> CallRecording:
    """They are asked, in these words, to speak after the tone: nobody has to tell of it for it to be found."""
    told: dict[str, Any] = {
        "announced_at": now,
        "notice": words,
        "language": call.language,
        "due_at": now + _TOLD_WITHIN,
    }
    row = load_one(session, CallRecording, _EXPECTED, [call.id])
    if row is not None:
        change(session, row, **told)
    else:
        row = CallRecording(
            call_id=call.id,
            jurisdiction_id=call.jurisdiction_id,
            kind=VOICEMAIL,
            state="ended",
            keep_until=now + recordings.policy_of(session, call).keep_for,
            **told,
        )
        session.add(row)
        session.flush()
    history.note(session, call.id, "voicemail_invited", recording_id=row.id, words=words, now=now)
    return row


def take(session: Session, call: Call, name: str, seconds: int, *, now: datetime) -> None:
    """A message is there, also long after the call: once, whoever tells of it. name: the network's, of the recording."""
    row = load_one(session, CallRecording, "WHERE provider_recording_id = $1", [name])
    if row is None:
        row = load_one(session, CallRecording, _EXPECTED, [call.id]) or expect(session, call, "", now=now)
        recordings.note_state(session, row.id, "available", reference=name, duration_s=seconds, now=now)
    if row.call_id == call.id and row.kind == VOICEMAIL and row.message_id is None:
        _put_into_thread(session, call, row, now=now)


def put_unread_into_threads(*, now: datetime) -> None:
    """Those that a release fetched which did not know them."""
    with db.transaction() as session:
        found: list[tuple[UUID, UUID]] = db.fetch(session, _UNREAD, [])
    for call_id, recording_id in found:
        with db.transaction() as session:
            call, row = recordings.held(session, recording_id)
            assert call.id == call_id
            if row.message_id is None:
                _put_into_thread(session, call, row, now=now)


def _put_into_thread(session: Session, call: Call, row: CallRecording, *, now: datetime) -> None:
    """A message that a person answers, with the way to its sound."""
    # The thread goes before the line's rows, as everywhere.
    conversations.held(session, call.conversation_id)
    waiting.leave(session, call, why="message", now=now)
    name = row.provider_recording_id or str(row.id)
    conversation, message, _ = turns.hear(session, call, "", name=name, now=now)
    part = {"kind": PART, "reference": str(row.id), "seconds": row.duration_s}
    change(session, message, status="handled", media=[part], changed_at=now)
    change(session, row, message_id=message.id)
    history.note(session, call.id, "voicemail_left", recording_id=row.id, now=now)
    conversations.hand_to_agent(session, conversation, now=now)
