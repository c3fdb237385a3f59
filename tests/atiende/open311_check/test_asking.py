"""Asking over real sockets: servers that loop, flood, drip, lie and hang up."""

import socket
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from atiende.open311_check.asking import HttpAsker
from atiende.open311_check.exchanges import Call
from atiende.open311_check.grading import grade, judge
from atiende.open311_check.register import RULES
from atiende.open311_check.verdicts import Result
from atiende.open311_check.visit import Options, Visit
from tests.atiende.open311_check.fake_city import KEY, FakeCity
from tests.sockets import served

MEGA = 1024 * 1024


@pytest.fixture(scope="module")
def rude() -> Iterator[str]:
    """A server with one bad habit per address."""
    busy = {"calls": 0}

    def flood(_: Request) -> StreamingResponse:
        return StreamingResponse((b"x" * MEGA for _ in range(50)), media_type="application/json")

    def drip(_: Request) -> StreamingResponse:
        def slow() -> Iterator[bytes]:
            for _ in range(40):
                time.sleep(0.1)
                yield b" "

        return StreamingResponse(slow())

    def bomb(_: Request) -> Response:
        return Response(zlib.compress(b"0" * 40 * MEGA), headers={"content-encoding": "deflate"})

    def twice(_: Request) -> Response:
        return Response(b"x", headers={"content-encoding": "gzip, gzip"})

    def busy_once(_: Request) -> Response:
        busy["calls"] += 1
        return Response(b"[]", 429 if busy["calls"] == 1 else 200, headers={"retry-after": "0"})

    def show(http_request: Request) -> Response:
        return Response(http_request.headers.get("x-secret", "none"))

    routes = [
        Route("/loop", lambda _: RedirectResponse("/loop")),
        Route("/ping", lambda _: RedirectResponse("/pong")),
        Route("/pong", lambda _: RedirectResponse("/ping")),
        Route("/moved", lambda _: RedirectResponse("/show")),
        Route("/elsewhere", lambda _: RedirectResponse("file:///etc/passwd")),
        Route("/show", show, methods=["GET", "POST"]),
        Route("/form", lambda _: RedirectResponse("/show"), methods=["POST"]),
        Route("/flood", flood),
        Route("/drip", drip),
        Route("/bomb", bomb),
        Route("/twice", twice),
        Route("/busy", busy_once),
        Route("/packed", lambda _: Response(zlib.compress(b"[1]"), headers={"content-encoding": "deflate"})),
    ]
    with served(Starlette(routes=routes)) as url:
        yield url


def asked(url: str, timeout_s: float = 5.0, method: str = "GET") -> tuple[int, str, bytes]:
    exchange = HttpAsker(timeout_s=timeout_s, rate=0).ask(Call(method, url, headers=(("x-secret", "yes"),)))
    return exchange.status, exchange.failure, exchange.body


@pytest.mark.parametrize(
    ("path", "failure"),
    [
        ("loop", "redirect loop"),
        ("ping", "redirect loop"),
        ("elsewhere", "redirect loop"),
        ("flood", "body too large"),
        ("bomb", "content-encoding"),
        ("twice", "content-encoding"),
    ],
)
def test_bad_habits_have_a_name(rude: str, path: str, failure: str) -> None:
    assert asked(f"{rude}/{path}")[1] == failure


def test_a_body_that_drips_is_cut_off(rude: str) -> None:
    start = time.monotonic()
    status, failure, _ = asked(f"{rude}/drip", timeout_s=0.5)
    assert (status, failure) == (0, "timeout")
    assert time.monotonic() - start < 3


def test_a_form_is_never_sent_on_and_headers_do_not_follow(rude: str) -> None:
    assert asked(f"{rude}/show")[2] == b"yes"
    assert asked(f"{rude}/moved")[2] == b"none"
    assert asked(f"{rude}/form", method="POST")[0] == 307


def test_compression_and_being_busy(rude: str) -> None:
    assert asked(f"{rude}/packed")[2] == b"[1]"
    assert asked(f"{rude}/busy")[:2] == (200, "")


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9/x", "http://no-existe.invalid/x", "http://[/x", "ftp://x/y", "http://a b/"], ids=str
)
def test_addresses_where_nobody_is(url: str) -> None:
    status, failure, _ = asked(url)
    assert status == 0
    assert failure


@contextmanager
def raw_server(talk: Callable[[socket.socket], None]) -> Iterator[str]:
    """Bytes that no HTTP library would send, to one client."""
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        client, _ = listening.accept()
        with client:
            client.recv(65536)
            talk(client)

    thread = threading.Thread(target=serve)
    thread.start()
    yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
    thread.join(10)
    listening.close()


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 9999 No\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 200_000,
    ],
    ids=lambda sent: repr(sent[:30]),
)
def test_what_is_no_http(sent: bytes) -> None:
    with raw_server(lambda client: client.sendall(sent)) as url:
        status, failure, _ = asked(url, timeout_s=2)
    assert status == 0
    assert failure


def test_headers_that_drip_are_cut_off() -> None:
    def talk(client: socket.socket) -> None:
        client.sendall(b"HTTP/1.1 200 OK\r\n")
        for _ in range(30):
            time.sleep(0.1)
            try:
                client.sendall(b"X: y\r\n")
            except OSError:
                return

    with raw_server(talk) as url:
        assert asked(url, timeout_s=0.4)[:2] == (0, "timeout")


def test_a_whole_visit_over_http() -> None:
    with served(FakeCity().app()) as url:
        visit = Visit(f"{url}/open311/v2", HttpAsker(timeout_s=10, rate=0), Options(api_key=KEY, may_write=True))
        rules = [rule for rule in RULES if rule.id not in ("discovery.endpoint-answers", "web.gzip")]
        report = grade(visit, rules)
    bad = [(g.rule.id, g.verdict.detail_in("en")) for g in report.grades if g.verdict.result is not Result.PASSED]
    assert bad == []


def test_a_list_that_redirects_is_a_warning() -> None:
    app = FakeCity().app()
    app.routes.insert(0, Route("/open311/v2/services.xml", lambda _: RedirectResponse("/open311/v2/services.json")))
    with served(app) as url:
        visit = Visit(f"{url}/open311/v2", HttpAsker(timeout_s=10, rate=0))
        found = judge(next(rule for rule in RULES if rule.id == "web.no-redirect"), visit)
    assert found.result is Result.FAILED
    assert "services.json" in found.detail_in("en")


def test_questions_are_spread_out() -> None:
    with served(FakeCity().app()) as url:
        asker = HttpAsker(timeout_s=10, rate=20)
        start = time.monotonic()
        for _ in range(4):
            asker.ask(Call("GET", f"{url}/open311/v2/services.json"))
        assert time.monotonic() - start >= 0.15
