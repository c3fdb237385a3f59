"""How often a client may call: counted by key or address, together through Redis, alone without it, and told in every answer."""

import re
import shutil
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import Session
from starlette.requests import Request
from starlette.testclient import TestClient

from intake.catalog import clients, keys
from intake.catalog.models import ApiKey
from intake.open311.extensions import SETTING
from kernel.embedded.valkey import ValkeyServer
from kernel.rate_limits import RateLimiter, address_of
from kernel.settings import Limits
from kernel.web import Mounted
from tests.factories import API_KEY, CITY, NOW, make_city
from tests.intake.open311.asking import errors_of, form, posted
from tests.intake.open311.conftest import make_app

NOON = 1_800_000_000.0 - 1_800_000_000.0 % 60  # the first second of a minute


@given(limit=st.integers(1, 20), calls=st.lists(st.sampled_from("ab"), max_size=60), batch=st.integers(1, 30))
def test_a_process_alone_counts_exactly(limit: int, calls: list[str], batch: int) -> None:
    limiter = RateLimiter(None, "open311")
    let_in = dict.fromkeys("ab", 0)
    for who in calls:
        budget = limiter.spend("read", who, limit, told_at_once=batch, now=NOON)
        let_in[who] += budget.used <= limit
        assert budget.used == let_in[who] or (let_in[who], budget.used) == (limit, limit + 1)
    assert let_in == {who: min(limit, calls.count(who)) for who in "ab"}


def test_a_budget_tells_the_minute_and_comes_back_with_the_next() -> None:
    limiter = RateLimiter("none", "open311")
    first = limiter.spend("write", "a", 2, now=NOON + 18.2)
    assert first.headers == {"ratelimit-policy": '"write";q=2;w=60', "ratelimit": '"write";r=1;t=42'}
    assert limiter.spend("write", "a", 2, now=NOON + 59.9).headers["ratelimit"] == '"write";r=0;t=1'
    assert limiter.spend("write", "a", 2, now=NOON + 59.9).used == 3
    assert limiter.spend("read", "a", 2, now=NOON + 59.9).used == 1
    assert limiter.spend("write", "a", 2, now=NOON + 60).used == 1


def test_threads_count_together() -> None:
    limiter = RateLimiter(None, "open311")
    let_in: list[bool] = []

    def call() -> None:
        for _ in range(200):
            let_in.append(limiter.spend("read", "a", 500, told_at_once=7, now=NOON).used <= 500)

    threads = [threading.Thread(target=call) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(let_in) == 500


@pytest.fixture
def valkey() -> Iterator[ValkeyServer]:
    folder = Path(tempfile.mkdtemp(prefix="atiende-"))
    folder.chmod(0o755)
    server = ValkeyServer(folder / "data")
    server.start()
    yield server
    server.stop()
    shutil.rmtree(folder, ignore_errors=True)


def test_processes_count_together_through_redis(valkey: ValkeyServer) -> None:
    one, two = RateLimiter(valkey.url, "open311"), RateLimiter(valkey.url, "open311")
    assert [limiter.spend("write", "a", 3, now=NOON).used for limiter in (one, two, one, two)] == [1, 2, 3, 4]
    # Reads are told in parts: the other process hears of them late, by one part at most.
    for _ in range(40):
        one.spend("read", "a", 100, told_at_once=10, now=NOON)
    assert 30 <= two.spend("read", "a", 100, told_at_once=10, now=NOON).used <= 41


def test_losing_redis_slows_and_refuses_nobody_and_is_made_good(valkey: ValkeyServer) -> None:
    limiter = RateLimiter(valkey.url, "open311")
    assert limiter.spend("write", "a", 100, now=NOON).used == 1
    valkey.stop()
    start = time.monotonic()
    assert [limiter.spend("write", "a", 100, now=NOON).used for _ in range(50)] == list(range(2, 52))
    assert time.monotonic() - start < 2
    assert limiter.spend("write", "a", 51, now=NOON).used == 52  # counting goes on here
    valkey.start()
    limiter._ask_again_at = 0.0
    assert limiter.spend("write", "b", 100, now=NOON).used == 1
    assert RateLimiter(valkey.url, "open311").spend("write", "b", 100, now=NOON).used == 2


def test_a_redis_that_says_nothing_is_waited_for_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        limiter = RateLimiter(f"redis://127.0.0.1:{mute.getsockname()[1]}/0", "open311")
        start = time.monotonic()
        assert [limiter.spend("write", "a", 100, now=NOON).used for _ in range(100)] == list(range(1, 101))
        assert time.monotonic() - start < 2


@pytest.fixture(autouse=True)
def no_key_is_known_yet() -> None:
    clients._cache.clear()


def _from(host: str | None) -> Request:
    return Request({"type": "http", "headers": [], "client": (host, 1) if host else None})


def test_an_address_is_told_to_nobody_and_a_site_is_one_caller() -> None:
    def who(host: str | None) -> str:
        return address_of(_from(host), b"k")

    assert re.fullmatch("[0-9a-f]{24}", who("203.0.113.9"))
    assert who("203.0.113.9") == who("::ffff:203.0.113.9") != who("203.0.113.8")
    assert who("2001:db8:1:2::1") == who("2001:db8:1:2:ffff::9") != who("2001:db8:1:3::1")
    assert who("fe80::1%eth0") == who("fe80::2")
    assert who(None) != who("not:an:address")
    assert address_of(_from("203.0.113.9"), b"k") != address_of(_from("203.0.113.9"), b"other")


def client_with(**limits: int) -> TestClient:
    app = make_app()
    settings = app.state.settings.model_copy(update={"limits": Limits(**limits)})
    mounted = next(layer.kwargs["app_there"].plain for layer in app.user_middleware if layer.cls is Mounted)
    mounted.state.settings = settings
    mounted.state.rate_limiter = RateLimiter(None, "open311", tell_time=lambda: NOON + 1)
    return TestClient(app, base_url="http://testserver/open311/v2/", raise_server_exceptions=False)


def left(answer: Any) -> int:
    found = re.fullmatch(r'"(?:read|write)";r=(\d+);t=\d+', answer.headers["ratelimit"])
    assert found, answer.headers
    return int(found[1])


@pytest.mark.database
def test_too_many_reads_are_told_in_the_format_asked_for(session: Session, fmt: str) -> None:
    make_city(session)
    client = client_with(reads_per_minute=3)
    paths = [f"services.{fmt}", f"requests.{fmt}", f"requests/0.{fmt}"]
    answers = [client.get(path) for path in paths]
    assert [answer.status_code for answer in answers] == [200, 200, 404]
    assert [left(answer) for answer in answers] == [2, 1, 0]
    refused = client.get(f"services.{fmt}", headers={"Accept-Language": "en"})
    (text,) = errors_of(refused, fmt, 429)
    assert text.startswith("Too many calls")
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    assert left(refused) == 0
    assert refused.headers["ratelimit-policy"] == '"read";q=3;w=60'
    assert "RateLimit" in refused.headers["access-control-expose-headers"]
    assert refused.headers["access-control-allow-origin"] == "*"
    # Whoever posts is another matter, and a preflight asks for nothing.
    assert client.post(f"requests.{fmt}", data=form()).status_code == 200
    assert client.options(f"requests.{fmt}").status_code == 204


@pytest.mark.database
def test_each_key_has_its_own_budget_and_the_keys_own_limit_wins(session: Session, fmt: str) -> None:
    make_city(session)
    client = client_with(writes_per_minute=4)
    busy = keys.create(session, CITY, "busy", now=NOW, writes_per_minute=2)
    free = keys.create(session, CITY, "free", now=NOW, writes_per_minute=0)
    posted(client)  # the process knows the city's keys from here on

    def post(key: str, n: int) -> Any:
        return client.post(f"requests.{fmt}", data=form(api_key=key, description=f"Hoyo {n}"))

    assert [post(busy, n).status_code for n in range(3)] == [200, 200, 429]
    assert [post(free, n).status_code for n in range(6)] == [200] * 6
    assert "ratelimit" not in post(free, 7).headers
    assert [post(API_KEY, n).status_code for n in range(5)] == [200, 200, 200, 200, 429]
    errors_of(post(API_KEY, 9), fmt, 429)
    # Guessing keys is counted by address: one call went there before the keys were known.
    assert [post(f"wrong{n}", n).status_code for n in range(4)] == [403, 403, 403, 429]


@pytest.mark.database
def test_a_refused_report_is_not_kept(session: Session) -> None:
    make_city(session)
    client = client_with(writes_per_minute=1)
    posted(client)
    posted(client, description="La segunda, ya por llave")
    assert client.post("requests.json", data=form(description="La tercera")).status_code == 429
    assert len(client.get("requests.json").json()) == 2


@pytest.mark.database
def test_what_cannot_be_read_is_counted_by_address(session: Session, fmt: str) -> None:
    make_city(session)
    client = client_with(writes_per_minute=3, reads_per_minute=1)
    wrong = [
        {"content": b"{}", "headers": {"content-type": "application/json"}},
        {"content": b"x", "headers": {"content-type": "multipart/form-data; boundary=a"}},
        {"content": b"a=%ff", "headers": {"content-type": "application/x-www-form-urlencoded"}},
    ]
    answers = [client.post(f"requests.{fmt}", **body) for body in wrong]  # type: ignore[arg-type]  # each has its own keys
    assert [answer.status_code for answer in answers] == [415, 400, 400]
    assert [left(answer) for answer in answers] == [2, 1, 0]
    errors_of(client.post(f"requests.{fmt}", **wrong[0]), fmt, 429)  # type: ignore[arg-type]  # as above
    errors_of(client.get(f"requests.{fmt}?status=%00"), fmt, 400)
    errors_of(client.get(f"requests.{fmt}?status=%00"), fmt, 429)


@pytest.mark.database
def test_no_limit_says_nothing(session: Session, fmt: str) -> None:
    make_city(session)
    client = client_with(reads_per_minute=0, writes_per_minute=0)
    for answer in (client.get(f"services.{fmt}"), client.post(f"requests.{fmt}", data=form())):
        assert answer.status_code == 200
        assert "ratelimit" not in answer.headers


@pytest.mark.database
def test_a_city_may_do_without_saying_what_is_left(session: Session, fmt: str) -> None:
    city = make_city(session)
    client = client_with(reads_per_minute=8, writes_per_minute=1)
    paths = [f"discovery.{fmt}", f"services.{fmt}", f"requests.{fmt}", f"requests/0.{fmt}", f"tokens/t-0.{fmt}"]
    assert all("ratelimit" in client.get(path).headers for path in paths)
    city.settings = city.settings | {SETTING: ["rate_limits"]}
    session.flush()
    # The first is counted by address: the key is not known before.
    posts = [client.post(f"requests.{fmt}", data=form(description=f"Hoyo {n}")) for n in range(2)]
    answers = [*posts, *(client.get(path) for path in paths[:3])]
    assert [answer.status_code for answer in answers] == [200] * 5
    refused = [client.get(f"services.{fmt}"), client.post(f"requests.{fmt}", data=form(description="Otro"))]
    for answer in refused:
        errors_of(answer, fmt, 429)
        assert "retry-after" in answer.headers
    assert [name for answer in (*answers, *refused) for name in answer.headers if name.startswith("ratelimit")] == []
    # Of a city that is not ours nobody knows what it does without.
    assert "ratelimit" in client_with().get(f"services.{fmt}?jurisdiction_id=nadie.example").headers


@pytest.mark.database
def test_the_last_use_is_kept_at_most_once_a_minute(
    client: TestClient, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[object] = []
    keep = keys.note_use
    monkeypatch.setattr(keys, "note_use", lambda *given, **named: (written.append(given[1]), keep(*given, **named)))
    for n in range(3):
        posted(client, description=f"Hoyo {n}")
    (key,) = [key for key in keys.listed(session) if key.label == "test"]
    session.refresh(key)
    assert written == [key.id]
    assert key.last_used_at is not None
    client.post("requests.json", data=form(api_key="wrong"))
    client.get("requests.json", params={"api_key": API_KEY})
    assert written == [key.id]


@pytest.mark.database
def test_an_accepted_report_stays_accepted_when_its_use_cannot_be_kept(
    client: TestClient, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sqlalchemy.exc import OperationalError

    def fail(*given: object, **named: object) -> None:
        raise OperationalError("UPDATE", {}, Exception("gone"))

    monkeypatch.setattr(keys, "note_use", fail)
    assert posted(client)
    assert session.get(ApiKey, keys.listed(session)[0].id)
