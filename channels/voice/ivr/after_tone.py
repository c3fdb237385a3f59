"""A message after the tone, whoever tells of it first: the caller's next document, a report of its own, or our own retry.

Which of them comes, and whether the call is over by then, is not for us to choose. The recording's name says which message it is.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import parse_qs

from sqlmodel import Session

from channels.voice.ivr import twiml
from intake.calls import voicemail
from intake.calls.models import Call

_NAME = re.compile(r"RE[0-9a-fA-F]{32}")
_NAME_IN_QUERY, _SECONDS_IN_QUERY = "r", "s"


@dataclass(frozen=True, slots=True)
class Recorded:
    """name: the network's, of the recording."""

    name: str
    seconds: int

    def query(self) -> dict[str, str]:
        """As an address of ours carries it, for `told`."""
        return {_NAME_IN_QUERY: self.name, _SECONDS_IN_QUERY: str(self.seconds)}


def told(parameters: Mapping[str, str], query: str) -> Recorded | None:
    """What was recorded, if anything was. Where it lies is not asked of whoever tells."""
    name, seconds = parameters.get("RecordingSid", ""), parameters.get("RecordingDuration", "")
    if not name:
        kept = parse_qs(query)
        name, seconds = kept.get(_NAME_IN_QUERY, [""])[-1], kept.get(_SECONDS_IN_QUERY, [""])[-1]
    if not _NAME.fullmatch(name) or not re.fullmatch("[0-9]{1,6}", seconds) or int(seconds) == 0:
        return None
    return Recorded(name, min(int(seconds), twiml.VOICEMAIL_S + 10))


def keep(session: Session, call: Call, recorded: Recorded, *, now: datetime) -> None:
    """Into the thread of a held call, once."""
    voicemail.take(session, call, recorded.name, recorded.seconds, now=now)
