"""Tells a visitor's open page that its thread has something new: no words, no ids, only that it should ask."""

from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import StreamingResponse

from channels.web_chat.access import GuestDep, refuse_other_sites
from channels.web_chat.thread import conversation_ids
from channels.web_chat.tokens import Visitor
from kernel import clock
from kernel.errors import Forbidden, TooMany
from kernel.live import RESYNC, TICK, Batch
from kernel.sessions import SessionDep
from kernel.web import SettingsDep

router = APIRouter()
# A stream ends by itself and the page opens another: that is when a token that ended is noticed.
_LENGTH = timedelta(minutes=5)
# Tabs of one visitor. More are a machine.
_MOST_OPEN = 8


class Watching:
    """visitor, and the threads whose events are theirs."""

    def __init__(self, http_request: Request, session: SessionDep, guest: GuestDep, settings: SettingsDep) -> None:
        refuse_other_sites(http_request, settings)
        if guest.visitor is None:
            raise Forbidden("Esta conversación ya no se puede abrir en este equipo.")
        self.visitor: Visitor = guest.visitor
        self.threads = conversation_ids(session, guest.visitor)


@router.get("/vivo")
async def live(http_request: Request, watching: Annotated[Watching, Depends()]) -> StreamingResponse:
    """`change` whenever the thread changed, `tick` so that silence can be told from a lost connection."""
    open_now: Counter[str] = http_request.app.state.chat_streams
    if open_now[watching.visitor.id] >= _MOST_OPEN:
        raise TooMany("Hay demasiadas ventanas abiertas de esta conversación.", retry_after_s=60)
    changes = http_request.app.state.live.subscribe()
    return StreamingResponse(
        _frames(changes, watching, open_now),
        media_type="text/event-stream",
        headers={"cache-control": "no-store", "x-accel-buffering": "no"},
    )


async def _frames(changes: AsyncIterator[Batch], watching: Watching, open_now: Counter[str]) -> AsyncIterator[bytes]:
    open_now[watching.visitor.id] += 1
    ends_at = clock.now() + _LENGTH
    try:
        yield TICK.frames
        async for batch in changes:
            if any(change == RESYNC or change.get("conversation_id") in watching.threads for change in batch.events):
                yield b"event: change\ndata: {}\n\n"
            elif batch is TICK:
                yield TICK.frames
            if clock.now() > ends_at:
                return
    finally:
        open_now[watching.visitor.id] -= 1
        if not open_now[watching.visitor.id]:
            del open_now[watching.visitor.id]
