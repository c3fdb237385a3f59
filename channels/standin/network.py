"""What the network does with a text: takes it, moves it on, and plans who is told when. Writes the ledger, calls nobody."""

import random
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from channels.sms.gsm7 import measure
from channels.standin.config import StandinConfig
from channels.standin.ledger import Errand, Ledger, Text
from channels.standin.switches import Switches

_SENT_AFTER_S, _DELIVERED_AFTER_S, _READ_AFTER_S = 0.05, 0.2, 0.6
_SECOND_COPY_AFTER_S = 0.3
_SHUFFLE_S = 3.0
_LATE_REPORT_S = 1.5
_STOP, _START = ("STOP", "STOPALL", "UNSUBSCRIBE", "END", "QUIT"), ("START", "UNSTOP")
PHONE_OFF, WINDOW_CLOSED = 30003, 63016
_WINDOW_S = 24 * 3600.0


def new_sid() -> str:
    return "SM" + secrets.token_hex(16)


@dataclass(frozen=True)
class File:
    """Something attached to a message."""

    content_type: str
    data: bytes


def take_from_resident(
    ledger: Ledger,
    config: StandinConfig,
    phone: str,
    body: str,
    *,
    channel: str = "sms",
    detail: Mapping[str, Any] | None = None,
    files: Sequence[File] = (),
) -> Text:
    """A resident writes to our number: it is kept, and the webhook will be told."""
    now = time.time()
    switches = ledger.switches()
    with ledger.together():
        text = ledger.add_text(
            new_sid(),
            "inbound",
            phone,
            config.whatsapp_number if channel == "whatsapp" else config.number,
            body,
            status="receiving",
            at=now,
            segments=measure(body).segments if channel == "sms" else 1,
            channel=channel,
            detail=detail,
        )
        for file in files:
            sid, token = "ME" + secrets.token_hex(16), secrets.token_hex(16)
            ledger.attach(text.sid, sid, file.content_type, file.data, token)
        ledger.note("resident_sent", text.phone, at=now, sid=text.sid)
        word = body.strip().upper()
        if switches.stop_words and word in _STOP + _START:
            ledger.stop(text.phone, word in _STOP)
            ledger.note("stopped" if word in _STOP else "started", text.phone, at=now)
        held_s = switches.delay_s + (random.uniform(0, _SHUFFLE_S) if switches.reorder else 0)  # noqa: S311
        _plan(ledger, text, "inbound", at=now + held_s, switches=switches)
    return text


def take_from_center(
    ledger: Ledger,
    channel: str,
    sender: str,
    recipient: str,
    body: str,
    callback: str | None,
    detail: Mapping[str, Any] | None = None,
) -> Text:
    """The centre asks to send a message: it is kept, and will reach the phone, or not."""
    now = time.time()
    switches = ledger.switches()
    with ledger.together():
        text = ledger.add_text(
            new_sid(),
            "outbound-api",
            sender,
            recipient,
            body,
            status="queued",
            at=now,
            callback=callback,
            segments=measure(body).segments if channel == "sms" else 1,
            channel=channel,
            detail=detail,
        )
        ledger.note("center_sent", text.phone, at=now, sid=text.sid, segments=text.segments)
        for status, after_s in _life(ledger, text, switches, now):
            due = now + switches.delay_s + after_s
            ledger.add_errand(text.sid, "progress", token=secrets.token_hex(16), due=due, status=status)
    return text


def _life(ledger: Ledger, text: Text, switches: Switches, now: float) -> list[tuple[str, float]]:
    """What becomes of it, and after how many seconds."""
    if text.channel == "sms":
        return [("sent", _SENT_AFTER_S), ("undelivered" if switches.phone_off else "delivered", _DELIVERED_AFTER_S)]
    if text.detail.get("refused"):
        return [("failed", _SENT_AFTER_S)]
    written_at = ledger.last_inbound_at(text.recipient, text.channel)
    is_closed = switches.window_closed or written_at is None or now - written_at > _WINDOW_S
    if is_closed and not text.detail.get("is_template"):
        return [("failed", _SENT_AFTER_S)]
    life = [("sent", _SENT_AFTER_S)]
    if not switches.phone_off:  # a phone that is off is waited for
        life.append(("delivered", _DELIVERED_AFTER_S))
        life += [] if switches.unread else [("read", _READ_AFTER_S)]
    return life


def code_of(text: Text, status: str) -> int | None:
    """The provider's code for this end of a message."""
    return {"undelivered": PHONE_OFF, "failed": text.detail.get("refused", WINDOW_CLOSED)}.get(status)


def progress(ledger: Ledger, errand: Errand) -> None:
    """A text goes one step further, and whoever asked for it is told."""
    now = time.time()
    switches = ledger.switches()
    with ledger.together():
        text = ledger.text(errand.sid)
        ledger.move(text.sid, errand.status, at=now, error_code=code_of(text, errand.status))
        ledger.finish(errand.id, "done")
        if errand.status != "sent":
            ledger.note(errand.status, text.phone, at=now, sid=text.sid)
        if not text.callback:
            return
        if switches.lose:
            ledger.note("report_lost", text.phone, at=now, sid=text.sid, status=errand.status)
            return
        late_s = _LATE_REPORT_S if switches.reorder and errand.status == "sent" else 0.0
        _plan(ledger, text, "report", at=now + late_s, switches=switches, status=errand.status)


def _plan(ledger: Ledger, text: Text, kind: str, *, at: float, switches: Switches, status: str = "") -> None:
    token = secrets.token_hex(16)
    ledger.add_errand(text.sid, kind, token=token, due=at, status=status)
    if switches.duplicate:
        ledger.add_errand(text.sid, kind, token=token, due=at + _SECOND_COPY_AFTER_S, status=status)
        ledger.note("twice", text.phone, at=time.time(), sid=text.sid, kind=kind)
