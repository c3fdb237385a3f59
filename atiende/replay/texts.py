"""Rows as text messages: signed webhooks as the provider sends them, and short answers to what the dialogue asks back.

Only for an installation whose provider is a stand-in: replies to invented numbers must not reach a telephone network.
"""

import hashlib
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit
from uuid import UUID

import httpx
from sqlmodel import Session, col, select
from twilio.request_validator import RequestValidator

from atiende.replay.rows import Row, plain
from intake.conversations.models import Message
from intake.service_requests.models import Report, ServiceRequest
from kernel import db
from kernel.errors import MisconfiguredError
from kernel.settings import Settings

_ROUNDS = 4
_PATIENCE_S = 90.0
_POLL_S = 0.25
# "1 ROMA NORTE I, Cuauhtémoc, 2 ROMA NORTE II, Cuauhtémoc, 3 otra."
_OPTION = re.compile(r"(?:^|\s)(\d) (.+?)(?=, \d |\.|$)")


@dataclass(frozen=True)
class Texted:
    """What became of the sample. `asked`: threads in which the dialogue still wants to know something.

    `landed`: requests made in the alcaldía on record, found by words alone.
    """

    sent: int
    accepted: int
    made: int
    asked: int
    replied: int
    unanswered: int
    landed: int


@dataclass
class _Thread:
    row: Row
    sender: str
    sids: list[str]
    conversation_id: UUID | None = None
    is_accepted: bool = False


class Texter:
    """Sends signed webhooks to one installation. Raises MisconfiguredError when it has no stand-in for a provider."""

    def __init__(self, settings: Settings, base_url: str, recipient: str) -> None:
        if settings.sms is None:
            raise MisconfiguredError("Esta instalación no tiene SMS: faltan los ajustes ATIENDE_SMS_….")
        host = urlsplit(settings.sms.api_base_url).hostname or ""
        if host not in ("127.0.0.1", "localhost", "::1"):
            raise MisconfiguredError("Los mensajes de prueba solo se mandan con un proveedor simulado en esta máquina.")
        self._sms = settings.sms
        self._signed_url = f"{settings.web.public_base_url}/webhooks/sms"
        self._url = f"{base_url}/webhooks/sms"
        self._validator = RequestValidator(settings.sms.auth_token.get_secret_value())
        self._recipient = recipient
        self._client = httpx.Client(timeout=30, trust_env=False)

    def close(self) -> None:
        self._client.close()

    def send(self, sender: str, sid: str, body: str) -> bool:
        """True when the installation took the message (or had taken it before)."""
        form = {
            "MessageSid": sid,
            "SmsSid": sid,
            "AccountSid": self._sms.account_sid,
            "From": sender,
            "To": self._recipient,
            "Body": body,
            "NumMedia": "0",
        }
        signature = self._validator.compute_signature(self._signed_url, form)
        answer = self._client.post(self._url, data=form, headers={"X-Twilio-Signature": signature})
        return answer.status_code == 200


def words_of(row: Row) -> str:
    """The row as a resident would text it."""
    place = f"la colonia {row.colonia}" if row.colonia else row.address
    return ", ".join(part for part in (f"{row.kind.lower()} en {place}", row.district) if part)


def send_all(texter: Texter, layout: str, rows: Sequence[Row]) -> Texted:
    """Sends every row from an invented number of its own, answers numbered questions, and waits for what happens."""
    threads = [_Thread(row, _sender(layout, row), []) for row in rows]
    for thread in threads:
        thread.is_accepted = _say(texter, layout, thread, words_of(thread.row))
    deadline = time.monotonic() + _PATIENCE_S
    for round_number in range(1, _ROUNDS + 1):
        _wait_for_replies(threads, deadline)
        answers = [(thread, _answer(thread)) for thread in threads]
        if round_number == _ROUNDS or not any(answer for _, answer in answers):
            break
        for thread, answer in answers:
            if answer:
                _say(texter, layout, thread, answer)
    return _look(threads)


def _sender(layout: str, row: Row) -> str:
    """A number nobody has (55 00…), always the same for a row: a thread of its own, also when the sample changes."""
    return f"+525500{int(_digest(f'{layout}:{row.key}'), 16) % 1_000_000:06d}"


def _digest(word: str) -> str:
    return hashlib.md5(word.encode(), usedforsecurity=False).hexdigest()


def _say(texter: Texter, layout: str, thread: _Thread, body: str) -> bool:
    # The provider's id is made from the row, so that a second run is a repetition and not a second report.
    sid = "SM" + _digest(f"{layout}:{thread.row.key}:{len(thread.sids)}")
    thread.sids.append(sid)
    return texter.send(thread.sender, sid, body)


def _wait_for_replies(threads: Sequence[_Thread], deadline: float) -> None:
    """Until the newest message of every thread has been handled."""
    newest = [thread.sids[-1] for thread in threads if thread.is_accepted]
    while time.monotonic() < deadline:
        with db.transaction() as session:
            handled = session.exec(
                select(Message.provider_message_id, Message.conversation_id).where(
                    Message.channel == "sms",
                    col(Message.provider_message_id).in_(newest),
                    Message.status == "handled",
                )
            ).all()
        if len(handled) == len(newest):
            break
        time.sleep(_POLL_S)
    known = dict(handled)
    for thread in threads:
        thread.conversation_id = known.get(thread.sids[-1], thread.conversation_id)


def _outbound(session: Session, thread: _Thread) -> list[Message]:
    return list(
        session.exec(
            select(Message)
            .where(Message.conversation_id == thread.conversation_id, Message.direction == "outbound")
            .order_by(col(Message.seq))
        )
    )


def _reports(session: Session, thread: _Thread) -> list[UUID]:
    if thread.conversation_id is None:
        return []
    return list(session.exec(select(Report.service_request_id).where(Report.conversation_id == thread.conversation_id)))


def _answer(thread: _Thread) -> str:
    """The number a resident would answer to the last reply; "" when the thread is done or wants words."""
    with db.transaction() as session:
        if thread.conversation_id is None or _reports(session, thread):
            return ""
        replies = _outbound(session, thread)
    return choose(replies[-1].body, thread.row.district) if replies else ""


def choose(question: str, district: str) -> str:
    """Of numbered options, the first in `district`, else the last one, which is always "another"; "" without options.

    A single place to confirm stands in the question itself: `¿Es X, Tláhuac? Responde 1 sí, 2 otra.`
    """
    options = _OPTION.findall(question)
    if not options:
        return ""
    asked = question.partition("?")[0]
    for number, text in options:
        if plain(district) in plain(asked if len(options) == 2 else text):
            return str(number)
    return str(options[-1][0])


def _look(threads: Sequence[_Thread]) -> Texted:
    made = asked = replied = landed = 0
    with db.transaction() as session:
        for thread in threads:
            reports = _reports(session, thread)
            has_reply = thread.conversation_id is not None and bool(_outbound(session, thread))
            made += bool(reports)
            asked += has_reply and not reports
            replied += has_reply
            landed += any(_is_in(session, request_id, thread.row.district) for request_id in reports)
    accepted = sum(thread.is_accepted for thread in threads)
    return Texted(len(threads), accepted, made, asked, replied, len(threads) - replied, landed)


def _is_in(session: Session, request_id: UUID, district: str) -> bool:
    areas = session.get_one(ServiceRequest, request_id).areas.get("district", [])
    return plain(district) in {plain(area["name"]) for area in areas}
