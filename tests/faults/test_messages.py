"""Whatever happens to a message on its way in or out: kept once, answered once. Real processes, and a provider that insists.

The numbers are those of the table in docs/delivery.md.
"""

import itertools
import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest
import redis

from kernel.ids import new_id
from tests.faults.calls import CHANNELS, Call, Kept, Provider, kept, rows
from tests.running import RunningDemo, wait_for

pytestmark = [pytest.mark.fault, pytest.mark.xdist_group("messages"), pytest.mark.timeout(300)]

# A lease of ten seconds, and a machine that does other things too.
ANSWERED_WITHIN_S = 90.0
_phones = itertools.count(55_7000_0001)


def somebody() -> str:
    """Who has never written: a phone and a Telegram chat at once."""
    return f"+52{next(_phones)}"


def sender(channel: str, phone: str) -> str:
    return phone.removeprefix("+") if channel == "telegram" else phone


def switch(demo: RunningDemo, **values: object) -> None:
    httpx.post(f"{demo.facts['standin']['url']}/settings", json=values, timeout=20).raise_for_status()


def greetings(provider: Provider, count: int) -> list[Call]:
    """One from each of as many people, by every channel in turn."""
    channels = itertools.cycle(CHANNELS)
    return [
        provider.text(channel, sender(channel, somebody()), "Hola") for channel in itertools.islice(channels, count)
    ]


def wait_until_answered(demo: RunningDemo, calls: list[Call]) -> None:
    """Every one is there once, from somebody of its own, and answered once; and no answer reached anybody twice."""
    wanted = Kept(*[len(calls)] * 5)
    wait_for(lambda: kept(demo, calls).replies >= len(calls), ANSWERED_WITHIN_S, "every answer")
    wait_for(lambda: not waiting(demo, calls), ANSWERED_WITHIN_S, "the provider to have them all")
    assert kept(demo, calls) == wanted
    # The stand-in's Telegram carries nothing to a chat that it has not seen: of these our own record has to do.
    by_twilio = [call for call in calls if call.channel != "telegram"]
    assert carried(demo, by_twilio) == dict.fromkeys(range(len(by_twilio)), 1)


SENT = """
    SELECT count(*) FROM message WHERE direction = 'outbound' AND status IN ('queued', 'sending')
    AND conversation_id IN (SELECT conversation_id FROM message WHERE provider_message_id = ANY(%s))
"""


def waiting(demo: RunningDemo, calls: list[Call]) -> int:
    return int(rows(demo, SENT, [call.key for call in calls])[0][0])


def carried(demo: RunningDemo, calls: list[Call]) -> dict[int, int]:
    """How many answers the provider carried to whoever made each call."""
    to = [text["to"].removeprefix("whatsapp:") for text in demo.texts(direction="outbound")]
    return {number: to.count(call.content["From"].removeprefix("whatsapp:")) for number, call in enumerate(calls)}


@pytest.mark.parametrize("channel", CHANNELS)
def test_1_the_same_message_fifty_times_at_once(messages_demo: RunningDemo, provider: Provider, channel: str) -> None:
    call = provider.text(channel, sender(channel, somebody()), "Hola")
    with ThreadPoolExecutor(16) as pool:
        assert set(pool.map(provider.post, [call] * 50)) == {200}
    wait_until_answered(messages_demo, [call])


def test_1_the_same_report_fifty_times_is_one_request(messages_demo: RunningDemo, provider: Provider) -> None:
    place = messages_demo.facts["open311"]["sample_address"]
    call = provider.text("sms", somebody(), f"Hay una fuga de agua en {place}")
    with ThreadPoolExecutor(16) as pool:
        assert set(pool.map(provider.post, [call] * 50)) == {200}
    wait_until_answered(messages_demo, [call])
    thread = "SELECT conversation_id FROM message WHERE provider_message_id = %s"
    assert rows(messages_demo, f"SELECT count(*) FROM report WHERE conversation_id IN ({thread})", call.key) == [(1,)]


@pytest.mark.parametrize("channel", CHANNELS)
def test_2_an_album_of_somebody_new_in_five_calls_at_once(
    messages_demo: RunningDemo, provider: Provider, channel: str
) -> None:
    who = sender(channel, somebody())
    people = "SELECT count(*) FROM person"
    before = int(rows(messages_demo, people)[0][0])
    with ThreadPoolExecutor(5) as pool:
        calls = [photo(provider, channel, who, number) for number in range(5)]
        assert list(pool.map(provider.post, calls)) == [200] * 5
    found = kept(messages_demo, calls)
    assert (found.messages, found.threads, found.persons, found.addresses) == (5, 1, 1, 1)
    assert int(rows(messages_demo, people)[0][0]) == before + 1


def photo(provider: Provider, channel: str, who: str, number: int) -> Call:
    if channel == "telegram":
        call = provider.text(channel, who, "", media_group_id=f"9{who}")
        size = {"file_id": f"A{number}", "file_unique_id": f"U{number}", "width": 90, "height": 67}
        call.content["message"]["photo"] = [size]
        del call.content["message"]["text"]
        return call
    address = f"https://media.example/{number}"
    return provider.text(channel, who, "", NumMedia="1", MediaUrl0=address, MediaContentType0="image/jpeg")


INSERT = """
    INSERT INTO message (id, conversation_id, channel, direction, provider_message_id, client_ref, author_kind, author_name,
        body, media, status, attempts, at, changed_at)
    SELECT %s, conversation_id, channel, 'outbound', %s, %s, 'dialogue', '', 'Listo', '[]', 'accepted', 1, now(), now()
    FROM message WHERE provider_message_id = %s
"""


@pytest.mark.parametrize(
    ("channel", "told"),
    [("sms", ("queued", "sending", "sent", "delivered")), ("whatsapp", ("queued", "sent", "delivered", "read"))],
)
def test_3_receipts_end_alike_in_all_24_orders(
    messages_demo: RunningDemo, provider: Provider, channel: str, told: tuple[str, ...]
) -> None:
    first = provider.text(channel, somebody(), "Hola")
    provider.deliver(first)
    orders = {f"XX{new_id().hex}": order for order in itertools.permutations(told)}
    for sid in orders:
        with psycopg.connect(messages_demo.facts["database_url"]) as connection:
            connection.execute(INSERT, (new_id(), sid, sid, first.key))

    def tell(sid: str) -> list[int]:
        return [provider.post(provider.receipt(channel, sid, status)) for status in orders[sid]]

    with ThreadPoolExecutor(8) as pool:
        assert all(answers == [200] * 4 for answers in pool.map(tell, orders))
    query = "SELECT status, count(*) FROM message WHERE provider_message_id = ANY(%s) GROUP BY status"
    assert rows(messages_demo, query, list(orders)) == [(told[-1], 24)]


def test_4_a_relay_that_dies_between_commit_and_job(messages_demo: RunningDemo, provider: Provider) -> None:
    relay = wait_for(lambda: messages_demo.pid("relay"), what="a relay")
    os.kill(relay, signal.SIGSTOP)
    calls = greetings(provider, 6)
    for call in calls:
        provider.deliver(call)
    told = "SELECT count(*) FROM outbox_event WHERE name = 'message.received' AND relayed_at IS NULL"
    assert rows(messages_demo, told)[0][0] >= 6
    os.kill(relay, signal.SIGKILL)
    wait_until_answered(messages_demo, calls)


def test_5_a_worker_that_dies_while_the_provider_holds_its_message(
    messages_demo: RunningDemo, provider: Provider
) -> None:
    switch(messages_demo, outage="timeout_after")
    try:
        call = provider.text("sms", somebody(), "Hola")
        provider.deliver(call)
        wait_for(lambda: carried(messages_demo, [call]) == {0: 1}, 60, "the provider to have it")
        killed = messages_demo.kill("jobs")
    finally:  # the tests after this one need a provider that answers
        switch(messages_demo, outage="none")
    wait_for(lambda: messages_demo.pid("jobs") not in (None, killed), 60, "another worker")
    # Its report carries our own mark: what the dead worker never heard is known all the same.
    wait_until_answered(messages_demo, [call])


def test_6_redis_is_emptied_again_and_again(messages_demo: RunningDemo, provider: Provider) -> None:
    queue = redis.Redis.from_url(messages_demo.facts["redis_url"])
    calls = greetings(provider, 21)
    with ThreadPoolExecutor(4) as pool:
        posts = [pool.submit(provider.deliver, call) for call in calls]
        while not all(post.done() for post in posts):
            queue.flushall()
            time.sleep(0.05)
        [post.result() for post in posts]
    queue.flushall()
    queue.close()
    started = time.monotonic()
    wait_until_answered(messages_demo, calls)
    print(f"\nall answered {time.monotonic() - started:.1f} s after the last FLUSHALL", end="")


@contextmanager
def database_down(demo: RunningDemo) -> Iterator[None]:
    """Nobody gets a connection, and who had one has lost it."""
    parts = urlsplit(demo.facts["database_url"])
    name = parts.path.removeprefix("/")
    with psycopg.connect(parts._replace(path="/postgres").geturl(), autocommit=True) as admin:
        admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')  # type: ignore[arg-type]  # our own name
        admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))
        try:
            yield
        finally:
            admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')  # type: ignore[arg-type]


def test_7_the_database_is_down(messages_demo: RunningDemo, provider: Provider) -> None:
    calls = greetings(provider, 12)
    with ThreadPoolExecutor(12) as pool:
        with database_down(messages_demo):
            started = time.monotonic()
            posts = [pool.submit(provider.deliver, call) for call in calls]
            wait_for(lambda: provider.answers["503"] >= len(calls), 30, "the provider to be told to call again")
            time.sleep(max(0.0, 4 - (time.monotonic() - started)))
            assert provider.answers["200"] == 0
        [post.result() for post in posts]
    assert set(provider.answers) == {"200", "503"}
    wait_until_answered(messages_demo, calls)


@pytest.mark.parametrize("channel", CHANNELS)
def test_8_what_is_forged_is_refused_and_never_an_error(
    messages_demo: RunningDemo, provider: Provider, channel: str
) -> None:
    call = provider.text(channel, sender(channel, somebody()), "Hola")
    url = provider.url(channel)
    name = next(iter(provider.headers(call)))
    attempts: list[dict[str, str]] = [
        {},
        {name: ""},
        {name: "no es la firma"},
        {name: "A" * 5000},
        provider.headers(call, token="of somebody else"),
    ]
    if channel != "telegram":
        attempts += [
            provider.headers(call, url=url.replace("http://", "https://")),
            provider.headers(call, url=url + "/status"),
            provider.headers(call, url=url + "?x=1"),
            {"X-Twilio-Signature": provider.headers(call)["X-Twilio-Signature"].lower()},
        ]
    assert [provider.post(call, headers) for headers in attempts] == [403] * len(attempts)
    assert kept(messages_demo, [call]).messages == 0
    # The same call with its proof is taken; what was replayed changes nothing.
    assert [provider.post(call) for _ in range(3)] == [200] * 3
    assert kept(messages_demo, [call]).messages == 1


@pytest.mark.parametrize("channel", ["sms", "whatsapp"])
def test_8_a_form_signed_as_if_it_were_json(messages_demo: RunningDemo, provider: Provider, channel: str) -> None:
    """Twilio's own helper believes any body whose hash stands in the address, when it is given no form."""
    call = provider.text(channel, somebody(), "Hola")
    for kind in ("application/json", "text/plain", "application/x-www-form-urlencoded"):
        path = "?bodySHA256=" + "0" * 64
        empty = Call(channel, {}, path=path)
        headers = provider.headers(empty) | {"Content-Type": kind}
        answer = provider.client.post(provider.url(channel) + path, json=dict(call.content), headers=headers)
        assert answer.status_code == 403, kind
    assert kept(messages_demo, [call]).messages == 0


@pytest.mark.parametrize("channel", ["sms", "whatsapp"])
def test_9_no_header_says_where_we_are(messages_demo: RunningDemo, provider: Provider, channel: str) -> None:
    call = provider.text(channel, somebody(), "Hola")
    ours = urlsplit(provider.url(channel))
    evil = ours._replace(scheme="https", netloc="evil.example").geturl()
    spoofed = {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https", "X-Original-URL": evil}
    spoofed |= {"Forwarded": "host=evil.example;proto=https"}
    for host in ({}, {"Host": "evil.example"}):
        assert provider.post(call, provider.headers(call, url=evil) | spoofed | host) == 403
    assert kept(messages_demo, [call]).messages == 0
    assert provider.post(call, provider.headers(call) | spoofed) == 200
