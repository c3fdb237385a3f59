"""One entry of a story, whatever it tells of."""

from dataclasses import dataclass
from datetime import datetime

from agent_console.attachments import Part


@dataclass(frozen=True)
class Offered:
    """One answer that was offered to press."""

    label: str
    was_pressed: bool


@dataclass(frozen=True)
class Entry:
    """One entry. css: "", out, nota, b (agency) or sys (one line); `message_id` is set when a person must settle a message.

    parts: what came with it; text is "" where it had no words. about: id of the request it is about. received: ids of the
    resident's messages it shows, an album's all together. edited: its writer changed it later.
    """

    at: datetime
    css: str
    icon: str
    who: str
    how: str
    text: str
    audience: tuple[str, str] | None = None
    is_bad: bool = False
    message_id: str = ""
    anchor: str = ""
    parts: tuple[Part, ...] = ()
    about: str = ""
    received: tuple[str, ...] = ()
    subject: str = ""
    offered: tuple[Offered, ...] = ()
    edited: bool = False
