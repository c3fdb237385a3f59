"""A provider of a running demo: signs its calls by its own recipe, and posts them again until they are taken."""

import itertools
import secrets
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx
import psycopg

from channels.standin.postman import signature
from tests.running import RunningDemo

TRY_FOR_S = 60.0
# Whoever writes by each channel, as the channel names them.
CHANNELS = ("sms", "whatsapp", "telegram")
_updates = itertools.count(900_000_001)


@dataclass(frozen=True)
class Call:
    """One call of a webhook. content: a form, or the JSON that Telegram sends; key: the provider's id of the message."""

    channel: str
    content: Mapping[str, Any]
    key: str = ""
    path: str = ""


@dataclass
class Provider:
    """answers: how often each answer came. Safe to share between threads."""

    demo: RunningDemo
    answers: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.client = httpx.Client(timeout=15, trust_env=False)
        self._lock = threading.Lock()
        self._account = self.demo.setting("ATIENDE_SMS_ACCOUNT_SID")

    def url(self, channel: str) -> str:
        return str(self.demo.facts[channel]["webhook"])

    def text(self, channel: str, sender: str, body: str, **more: str) -> Call:
        """Somebody writes. sender: a phone, or for Telegram the number of a chat."""
        if channel == "telegram":
            number = next(_updates)
            chat = {"id": int(sender), "type": "private", "first_name": "Ana"}
            said: dict[str, Any] = {"message_id": number, "from": chat | {"is_bot": False}, "chat": chat}
            del said["from"]["type"]
            said |= {"date": int(time.time()), "text": body, **more}
            return Call(channel, {"update_id": number, "message": said}, f"{sender}:{number}")
        sid = ("MM" if channel == "whatsapp" else "SM") + secrets.token_hex(16)
        prefix = "whatsapp:" if channel == "whatsapp" else ""
        form = {"MessageSid": sid, "SmsSid": sid, "SmsMessageSid": sid, "AccountSid": self._account}
        form |= {"From": prefix + sender, "To": prefix + str(self.demo.facts[channel]["number"]), "Body": body}
        form |= {"NumMedia": "0", "NumSegments": "1", "ApiVersion": "2010-04-01"}
        if channel == "whatsapp":
            form |= {"ProfileName": "Ana", "WaId": sender.removeprefix("+"), "MessageType": "text"}
        return Call(channel, form | more, sid)

    def receipt(self, channel: str, sid: str, status: str) -> Call:
        form = {"MessageSid": sid, "SmsSid": sid, "AccountSid": self._account, "MessageStatus": status}
        return Call(channel, form | {"SmsStatus": status, "ApiVersion": "2010-04-01"}, path="/status")

    def headers(self, call: Call, **signing: str) -> dict[str, str]:
        """What proves a call. signing: another `token` or another `url` than the right one."""
        facts = self.demo.facts[call.channel]
        if call.channel == "telegram":
            return {"X-Telegram-Bot-Api-Secret-Token": signing.get("token", facts["secret_token"])}
        url = signing.get("url", self.url(call.channel) + call.path)
        return {"X-Twilio-Signature": signature(signing.get("token", facts["auth_token"]), url, call.content)}

    def post(self, call: Call, headers: Mapping[str, str] | None = None) -> int:
        """One attempt; the status of the answer."""
        url = self.url(call.channel) + call.path
        body = {"json": call.content} if call.channel == "telegram" else {"data": call.content}
        answer = self.client.post(url, headers=self.headers(call) if headers is None else headers, **body)
        return answer.status_code

    def deliver(self, call: Call) -> None:
        """Posts until it is taken, as Twilio is set to do. Anything but 200, 503 or no answer is a failure."""
        deadline = time.monotonic() + TRY_FOR_S
        while True:
            try:
                answer = str(self.post(call))
            except httpx.TransportError as error:
                answer = type(error).__name__
            with self._lock:
                self.answers[answer] += 1
            if answer == "200":
                return
            assert answer == "503" or not answer.isdecimal(), f"the webhook refused a good call: {answer}"
            assert time.monotonic() < deadline, f"not taken in {TRY_FOR_S} s: {self.answers}"
            time.sleep(0.2)


def rows(demo: RunningDemo, query: str, *values: Any) -> list[tuple[Any, ...]]:
    with psycopg.connect(demo.facts["database_url"], autocommit=True) as connection:
        return connection.execute(query, values).fetchall()  # type: ignore[arg-type]  # a literal of a test


@dataclass(frozen=True)
class Kept:
    """Of some calls: messages, threads, persons, addresses, and what was answered in those threads."""

    messages: int
    threads: int
    persons: int
    addresses: int
    replies: int


_KEPT = """
    WITH kept AS (SELECT id, conversation_id FROM message WHERE provider_message_id = ANY(%s) AND direction = 'inbound'),
    thread AS (SELECT * FROM conversation WHERE id IN (SELECT conversation_id FROM kept))
    SELECT (SELECT count(*) FROM kept), count(*), count(DISTINCT person_id), count(DISTINCT contact_point_id),
        (SELECT count(*) FROM message WHERE direction = 'outbound' AND conversation_id IN (SELECT id FROM thread))
    FROM thread
"""


def kept(demo: RunningDemo, calls: Sequence[Call]) -> Kept:
    (found,) = rows(demo, _KEPT, [call.key for call in calls])
    return Kept(*found)
