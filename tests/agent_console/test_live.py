import asyncio
from collections.abc import AsyncIterator

import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from agent_console import live
from agent_console.live import _frames
from kernel.live import Batch, LiveFeed
from kernel.web import DirectStream, KeepsSend
from tests.agent_console.conftest import Console


def _read(changes: AsyncIterator[Batch], most: int) -> list[bytes]:
    async def read() -> list[bytes]:
        found = []
        frames = _frames(changes)
        async for frame in frames:
            found.append(frame)
            if len(found) == most:
                break
        await frames.aclose()
        return found

    return asyncio.run(asyncio.wait_for(read(), 10))


async def _busy() -> AsyncIterator[Batch]:
    for n in range(3):
        yield Batch([{"name": "service_request.updated", "service_request_id": str(n)}])


def test_changes_are_told_as_they_come_and_the_stream_ends_with_the_feed() -> None:
    frames = _read(_busy(), most=99)
    assert frames[0].startswith(b"retry: ")
    assert [frame.split(b"\n")[0] for frame in frames[1:]] == [b"event: change"] * 3
    assert b'"service_request_id":"2"' in frames[3]


def test_a_stream_ends_so_that_its_reader_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "_LENGTH_S", (0, 0))
    frames = _read(_busy(), most=99)
    assert frames[-2].count(b'"service_request_id":"0"') == 1
    # At once: what happens in between is heard of late.
    assert frames[-1] == b"retry: 200\n\n"


def test_a_reader_that_leaves_is_forgotten() -> None:
    async def leave() -> int:
        feed = LiveFeed()
        frames = _frames(feed.subscribe())
        await anext(frames)
        assert feed.readers == 1
        await frames.aclose()
        await asyncio.sleep(0)
        return feed.readers

    assert asyncio.run(leave()) == 0


@pytest.mark.database
def test_the_stream_is_for_those_who_are_signed_in(console: Console) -> None:
    assert console.anonymous().get("/consola/live").status_code == 303


def test_the_pieces_of_a_stream_pass_no_layer_but_its_headers_do() -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"one"
        yield b"two"

    inner: list[str] = []
    outer: list[Message] = []

    class Layer:
        def __init__(self, app: ASGIApp) -> None:
            self.app = app

        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            async def watched(message: Message) -> None:
                inner.append(message["type"])
                await send(message)

            await self.app(scope, receive, watched)

    async def receive() -> Message:
        await asyncio.sleep(60)
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        outer.append(message)

    scope = {"type": "http", "asgi": {"spec_version": "2.3"}}
    asyncio.run(KeepsSend(Layer(DirectStream(pieces())))(scope, receive, send))
    assert inner == ["http.response.start"]
    assert [message.get("body") for message in outer] == [None, b"one", b"two", b""]
    assert [message.get("more_body") for message in outer[1:]] == [True, True, False]
