"""What changed, as it changes: server-sent events that carry ids only. The browser then asks for the fragment it shows."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import orjson
from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse

from agent_console.access import ViewerDep
from kernel import clock

router = APIRouter()
_TICK_S = 10.0
# A stream ends by itself, and the browser opens it again: that is when a disabled account or an ended session is noticed.
_LENGTH = timedelta(minutes=5)


def _frame(event: str, data: dict[str, Any]) -> bytes:
    return b"event: " + event.encode() + b"\ndata: " + orjson.dumps(data) + b"\n\n"


async def _frames(changes: AsyncIterator[dict[str, Any]]) -> AsyncIterator[bytes]:
    """`change` for each event, `tick` every 10 seconds so that silence can be told from a lost connection."""
    ends_at = clock.now() + _LENGTH
    yield b"retry: 2000\n\n" + _frame("tick", {})
    waiting = asyncio.ensure_future(anext(changes))
    try:
        while clock.now() < ends_at:
            done, _ = await asyncio.wait({waiting}, timeout=_TICK_S)
            if not done:
                yield _frame("tick", {})
                continue
            try:
                change = waiting.result()
            except StopAsyncIteration:
                return
            yield _frame("change", change)
            waiting = asyncio.ensure_future(anext(changes))
    finally:
        waiting.cancel()


@router.get("/live", include_in_schema=False)
async def live(http_request: Request, viewer: ViewerDep) -> StreamingResponse:
    """Names and ids of what happened; whoever may see it asks for it through the ordinary pages."""
    changes = http_request.app.state.live.subscribe()
    return StreamingResponse(
        _frames(changes),
        media_type="text/event-stream",
        headers={"cache-control": "no-store", "x-accel-buffering": "no"},
    )
