"""What the network does with a text: takes it, moves it on, and plans who is told when. Writes the ledger, calls nobody."""

import random
import secrets
import time

from channels.sms.gsm7 import measure
from channels.standin.config import StandinConfig
from channels.standin.ledger import Errand, Ledger, Text
from channels.standin.switches import Switches

_SENT_AFTER_S, _DELIVERED_AFTER_S = 0.05, 0.2
_SECOND_COPY_AFTER_S = 0.3
_SHUFFLE_S = 3.0
_LATE_REPORT_S = 1.5
_STOP, _START = ("STOP", "STOPALL", "UNSUBSCRIBE", "END", "QUIT"), ("START", "UNSTOP")
PHONE_OFF = 30003


def new_sid() -> str:
    return "SM" + secrets.token_hex(16)


def take_from_resident(ledger: Ledger, config: StandinConfig, phone: str, body: str) -> Text:
    """A resident sends a text to our number: it is kept, and the webhook will be told."""
    now = time.time()
    switches = ledger.switches()
    with ledger.together():
        text = ledger.add_text(
            new_sid(),
            "inbound",
            phone,
            config.number,
            body,
            status="receiving",
            at=now,
            segments=measure(body).segments,
        )
        ledger.note("resident_sent", phone, at=now, sid=text.sid)
        word = body.strip().upper()
        if switches.stop_words and word in _STOP + _START:
            ledger.stop(phone, word in _STOP)
            ledger.note("stopped" if word in _STOP else "started", phone, at=now)
        held_s = switches.delay_s + (random.uniform(0, _SHUFFLE_S) if switches.reorder else 0)  # noqa: S311
        _plan(ledger, text, "inbound", at=now + held_s, switches=switches)
    return text


def take_from_center(ledger: Ledger, sender: str, recipient: str, body: str, callback: str | None) -> Text:
    """The centre asks to send a text: it is kept, and will reach the phone."""
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
            segments=measure(body).segments,
        )
        ledger.note("center_sent", recipient, at=now, sid=text.sid, segments=text.segments)
        last = "undelivered" if switches.phone_off else "delivered"
        for status, after_s in (("sent", _SENT_AFTER_S), (last, _DELIVERED_AFTER_S)):
            due = now + switches.delay_s + after_s
            ledger.add_errand(text.sid, "progress", token=secrets.token_hex(16), due=due, status=status)
    return text


def progress(ledger: Ledger, errand: Errand) -> None:
    """A text goes one step further, and whoever asked for it is told."""
    now = time.time()
    switches = ledger.switches()
    with ledger.together():
        text = ledger.text(errand.sid)
        code = PHONE_OFF if errand.status == "undelivered" else None
        ledger.move(text.sid, errand.status, at=now, error_code=code)
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
