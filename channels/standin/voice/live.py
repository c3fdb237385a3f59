"""What an operator's page hears of its legs, as it happens: a stream of events."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

import orjson
from fastapi import APIRouter
from fastapi.responses import StreamingResponse

from channels.standin.voice.part import PartDep, VoicePart

router = APIRouter()
# Often enough that a page that is gone is soon noticed.
_TICK_S = 1.0


@router.get("/clients/{identity}/events")
async def events(identity: str, part: PartDep, auto: bool = True) -> StreamingResponse:
    """`legs` first (those that go on), `leg` for a status, `line` for what is heard or done, `tick` between.

    auto: whether a call is taken as soon as it rings; else `answer` takes it.
    """
    return StreamingResponse(
        _frames(part, f"client:{identity}", auto),
        media_type="text/event-stream",
        headers={"cache-control": "no-store", "x-accel-buffering": "no"},
    )


async def _frames(part: VoicePart, address: str, auto: bool) -> AsyncIterator[bytes]:
    waiting: asyncio.Queue[tuple[str, Mapping[str, Any]]] = asyncio.Queue()
    loop = asyncio.get_running_loop()

    def tell(name: str, data: Mapping[str, Any]) -> None:
        loop.call_soon_threadsafe(waiting.put_nowait, (name, data))

    close = part.exchange.desks.open(address, tell, takes_by_itself=auto)
    try:
        yield b"retry: 1000\n\n"
        while True:
            try:
                name, data = await asyncio.wait_for(waiting.get(), _TICK_S)
            except TimeoutError:
                name, data = "tick", {}
            yield b"event: " + name.encode() + b"\ndata: " + orjson.dumps(data) + b"\n\n"
    finally:
        close()
