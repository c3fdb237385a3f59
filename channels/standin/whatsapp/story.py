"""What the WhatsApp phone shows of its thread."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from channels.standin.ledger import Ledger, Text
from channels.standin.story import GAP_S, clock
from kernel.i18n import translate

# What a phone shows: messages that reached it, and those it sent itself.
_ON_PHONE = ("delivered", "read")


@dataclass(frozen=True)
class Bubble:
    """One message. pictures: addresses; file: what else is attached; place: words and coordinates; buttons, rows: to press."""

    sid: str
    mine: bool
    body: str
    note: str
    time: str
    pictures: Sequence[str] = ()
    sounds: Sequence[str] = ()
    file: str = ""
    place: str = ""
    buttons: Sequence[Mapping[str, Any]] = ()
    rows: Sequence[Mapping[str, Any]] = ()
    open: str = ""


def bubbles(ledger: Ledger, texts: Sequence[Text], language: str) -> list[Bubble]:
    """The thread as the phone has it, oldest first."""
    shown = [text for text in texts if text.direction == "inbound" or text.status in _ON_PHONE]
    made = []
    for before, text in pairwise([None, *shown]):
        assert text is not None
        is_later = before is None or text.created_at - before.created_at > GAP_S
        made.append(_bubble(ledger, text, clock(text.created_at, "%H:%M") if is_later else "", language))
    return made


def _bubble(ledger: Ledger, text: Text, time: str, language: str) -> Bubble:
    detail, mine = text.detail, text.direction == "inbound"
    attachments = ledger.attachments(text.sid)
    pictures = [f"/cdn/{one.token}" for one in attachments if one.content_type.startswith("image/")]
    sounds = [f"/cdn/{one.token}" for one in attachments if one.content_type.startswith("audio/")]
    others = [one.content_type for one in attachments if not one.content_type.startswith(("image/", "audio/"))]
    place = ""
    if "lat" in detail:
        words = detail.get("label") or translate(language, "Ubicación")
        place = f"{words} ({detail['lat']:.5f}, {detail['lon']:.5f})"
    waiting = mine and text.status == "receiving"
    # What no phone can show is shown as something all the same.
    is_bare = not (text.body or attachments or place)
    return Bubble(
        sid=text.sid,
        mine=mine,
        body=translate(language, "(otro tipo de mensaje)") if is_bare else text.body,
        note=translate(language, "Enviando…") if waiting else "",
        time=time,
        pictures=pictures,
        sounds=sounds,
        file=", ".join(others),
        place=place,
        buttons=detail.get("buttons", ()),
        rows=detail.get("rows", ()),
        open=str(detail.get("open", "")),
    )
