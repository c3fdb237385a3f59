"""What becomes of a call once somebody took it: each job may run twice, and looks at what is before it asks for anything."""

from contextlib import suppress
from uuid import UUID

from channels.voice import arranging, recording_files
from channels.voice import line as lines
from channels.voice.arranging import arrange
from channels.voice.line import Gone
from intake.calls import rooms, voicemail
from kernel import clock, db


def follow_work_item(work_item_id: str, **_: object) -> None:
    """Somebody took a call, lost it, passed it on or ended it: its room follows."""
    with db.transaction() as session:
        call_id = rooms.follow_item(session, UUID(work_item_id), now=clock.now())
    if call_id is not None:
        arrange(call_id)


def arrange_call(call_id: str, **_: object) -> None:
    """Something of the room is wanted otherwise, or has changed by itself."""
    arrange(UUID(call_id))


def keep_recording(recording_id: str, **_: object) -> None:
    """Fetches a finished recording, seals it, and has the network forget it."""
    recording_files.keep(UUID(recording_id))


def hang_up_twice(provider_call_id: str, **_: object) -> None:
    """Somebody was rung twice: the second call ends. Raises LineError: tried again."""
    line = lines.line()
    if line is not None:
        with suppress(Gone):
            line.hang_up(provider_call_id)


def sweep() -> None:
    """What was lost or left behind: rooms every other second, files that wait for another try."""
    arranging.sweep()
    recording_files.sweep()


def end_recordings() -> None:
    """Destroys what has reached its day; and what was said after a tone is read, before that."""
    voicemail.put_unread_into_threads(now=clock.now())
    recording_files.end_due()
