"""kill -9 of each part while 200 residents write: every message that was accepted is there once, every reply went out once.

One demo is used for all five kills. The test is the provider: it signs, posts, and posts again what got no 2xx, as Twilio is
set to do. What left the program is read from the stand-in's own record.
"""

import secrets
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import psycopg
import pytest

from channels.standin.postman import signature
from tests.running import PARTS, RunningDemo, running_demo, wait_for

pytestmark = [pytest.mark.fault, pytest.mark.xdist_group("streams"), pytest.mark.timeout(900)]

STREAM = 200
KILL_AFTER = 60
SENDERS = 8
TRY_FOR_S = 60.0
# A reply whose sender died is in doubt after 40 seconds, and a sweep that runs twice a minute says so.
SETTLED_WITHIN_S = 90.0


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDemo]:
    with running_demo(tmp_path_factory.mktemp("streams")) as demo:
        yield demo


class Stream:
    """200 texts from 200 phones. Every fourth one is a whole report, the others a greeting: each asks for one reply."""

    def __init__(self, demo: RunningDemo, number: int) -> None:
        self.demo = demo
        place = demo.facts["open311"]["sample_address"]
        self.bodies = {
            f"+5255{number + 1}8{index:06d}": f"Hay una fuga de agua en {place}" if index % 4 == 0 else "Hola"
            for index in range(STREAM)
        }
        self.sids = {phone: "SM" + secrets.token_hex(16) for phone in self.bodies}
        self.answers: Counter[str] = Counter()
        self.accepted: set[str] = set()
        self._lock = threading.Lock()

    def run(self, part: str) -> None:
        """Posts everything, kills `part` on the way; returns when all is accepted and `part` is back."""
        url = str(self.demo.facts["sms"]["webhook"])
        killed = None
        with httpx.Client(timeout=15, trust_env=False) as client, ThreadPoolExecutor(SENDERS) as pool:
            posts = [pool.submit(self._deliver, client, url, phone) for phone in self.bodies]
            # The network doubles what it is unsure of.
            posts += [pool.submit(self._deliver, client, url, phone) for phone in list(self.bodies)[::10]]
            wait_for(lambda: len(self.accepted) >= KILL_AFTER, 60, f"{KILL_AFTER} accepted messages")
            killed = self.demo.kill(part)
            for post in posts:
                post.result()
        wait_for(lambda: self.demo.pid(part) not in (None, killed), 30, f"{part} to come back")
        wait_for(self.demo.is_ready, 30, "/readyz")

    def _deliver(self, client: httpx.Client, url: str, phone: str) -> None:
        form = self._form(phone)
        headers = {"X-Twilio-Signature": signature(self.demo.facts["sms"]["auth_token"], url, form)}
        deadline = time.monotonic() + TRY_FOR_S
        while True:
            try:
                answer = str(client.post(url, data=form, headers=headers).status_code)
            except httpx.TransportError as error:
                answer = type(error).__name__
            with self._lock:
                self.answers[answer] += 1
                if answer == "200":
                    self.accepted.add(form["MessageSid"])
                    return
            assert answer == "503" or not answer.isdecimal(), f"the webhook refused a good message: {answer}"
            assert time.monotonic() < deadline, f"not accepted in {TRY_FOR_S} s: {self.answers}"
            time.sleep(0.3)

    def _form(self, phone: str) -> dict[str, str]:
        sid = self.sids[phone]
        return {
            "MessageSid": sid,
            "SmsSid": sid,
            "SmsMessageSid": sid,
            "AccountSid": self.demo.setting("ATIENDE_SMS_ACCOUNT_SID"),
            "From": phone,
            "To": str(self.demo.facts["sms"]["number"]),
            "Body": self.bodies[phone],
            "NumMedia": "0",
            "NumSegments": "1",
            "ApiVersion": "2010-04-01",
        }


def count(demo: RunningDemo, query: str) -> Mapping[Any, int]:
    """`query` gives a key and a number per row."""
    with psycopg.connect(demo.facts["database_url"], autocommit=True) as connection:
        return {row[0]: row[1] for row in connection.execute(query)}  # type: ignore[call-overload]


OUTBOUND = "SELECT status, count(*) FROM message WHERE direction = 'outbound' GROUP BY status"
PENDING = "SELECT job, count(*) FROM outbox_delivery WHERE state = 'pending' GROUP BY job"
DEAD = "SELECT job, count(*) FROM outbox_delivery WHERE state = 'dead' GROUP BY job"
INBOUND = "SELECT status, count(*) FROM message WHERE direction = 'inbound' GROUP BY status"
BY_SID = "SELECT provider_message_id, count(*) FROM message WHERE direction = 'inbound' GROUP BY 1"
REPLIES = "SELECT client_ref, count(*) FROM message WHERE direction = 'outbound' GROUP BY 1"
REQUESTS = "SELECT 'sms', count(*) FROM service_request WHERE channel = 'sms'"


def wait_until_quiet(demo: RunningDemo) -> None:
    """Returns when no job is left and no message is under way; fails when nothing moves for longer than a lease."""
    seen, moved_at = None, time.monotonic()
    while True:
        now = (count(demo, INBOUND), count(demo, OUTBOUND), count(demo, PENDING))
        inbound, outbound, pending = now
        if not pending and "received" not in inbound and not {"queued", "sending"} & outbound.keys():
            return
        if now != seen:
            seen, moved_at = now, time.monotonic()
        assert time.monotonic() < moved_at + SETTLED_WITHIN_S, f"nothing moves any more: {now}"
        time.sleep(0.5)


def test_no_kill_loses_or_doubles_a_message_or_a_reply(demo: RunningDemo) -> None:
    requests_before = count(demo, REQUESTS)["sms"]
    streams = {}
    for number, part in enumerate(PARTS):
        started = time.monotonic()
        streams[part] = Stream(demo, number)
        streams[part].run(part)
        print(f"\nkill -9 {part}: {dict(streams[part].answers)} in {time.monotonic() - started:.1f} s", end="")

    started = time.monotonic()
    wait_until_quiet(demo)
    outbound = count(demo, OUTBOUND)
    print(f"\nquiet after {time.monotonic() - started:.1f} s: outbound {dict(outbound)}")

    accepted = {sid for stream in streams.values() for sid in stream.accepted}
    assert len(accepted) == STREAM * len(PARTS)
    assert count(demo, BY_SID) == dict.fromkeys(accepted, 1)
    assert count(demo, DEAD) == {}
    assert count(demo, REQUESTS)["sms"] - requests_before == len(accepted) // 4
    replies = count(demo, REPLIES)
    assert len(replies) == len(accepted)
    assert set(replies.values()) == {1}

    uncertain = outbound.get("uncertain", 0)
    sent = Counter(text["to"] for text in demo.texts(direction="outbound"))
    doubled = {phone: times for phone, times in sent.items() if times > 1}
    assert doubled == {}
    missing = {phone for stream in streams.values() for phone in stream.bodies} - sent.keys()
    assert len(missing) <= uncertain
    assert set(outbound) <= {"accepted", "sent", "delivered", "uncertain"}
