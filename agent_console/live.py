"""What changed, as it changes: server-sent events that carry ids only. The browser then asks for the fragment it shows."""

import random
from collections.abc import AsyncGenerator, AsyncIterator
from datetime import timedelta

from fastapi import APIRouter, Request
from fastapi.responses import Response

from agent_console.access import ViewerDep
from kernel import clock
from kernel.live import TICK, Batch
from kernel.web import DirectStream

router = APIRouter()
# A stream ends by itself, and the browser opens it again: that is when a disabled account or an ended session is noticed. Not all
# in the same moment, and at once: an operator hears of nothing in between.
_LENGTH_S = (240, 300)
_AGAIN = b"retry: 200\n\n"


async def _frames(changes: AsyncIterator[Batch]) -> AsyncGenerator[bytes]:
    """`change` for each event, and `tick` at the start and in silence."""
    ends_at = clock.now() + timedelta(seconds=random.uniform(*_LENGTH_S))  # noqa: S311  # no secret
    yield b"retry: 2000\n\n" + TICK.frames
    async for batch in changes:
        yield batch.frames
        if clock.now() > ends_at:
            yield _AGAIN
            return


@router.get("/live", include_in_schema=False)
async def live(http_request: Request, viewer: ViewerDep) -> Response:
    """Names and ids of what happened; whoever may see it asks for it through the ordinary pages."""
    changes = http_request.app.state.live.subscribe()
    return DirectStream(
        _frames(changes),
        media_type="text/event-stream",
        headers={"cache-control": "no-store", "x-accel-buffering": "no"},
    )
