"""The stream of a visitor's page: it says that there is news, to those whom it concerns, and ends."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

from channels.web_chat import live
from channels.web_chat.tokens import Visitor
from kernel.live import Batch
from tests.factories import CITY, NOW


class Watching:
    visitor = Visitor("ana", CITY, NOW)
    threads = frozenset(["t1"])


async def feed(*changes: dict[str, Any]) -> AsyncIterator[Batch]:
    for change in changes:
        yield Batch([change])


def frames(*changes: dict[str, Any]) -> list[str]:
    open_now: Counter[str] = Counter()

    async def read() -> list[str]:
        return [frame.decode() async for frame in live._frames(feed(*changes), Watching(), open_now)]  # type: ignore[arg-type]  # two fields of it are read

    found = asyncio.run(read())
    assert open_now == Counter()
    return found


def test_only_the_visitors_own_threads_are_news_and_nothing_of_them_is_told() -> None:
    told = frames(
        {"name": "message.received", "conversation_id": "t2", "message_id": "m1"},
        {"name": "message.settled", "conversation_id": "t1", "message_id": "m2"},
        {"name": "service_request.submitted", "service_request_id": "r1"},
        {"name": "resync"},
    )
    assert told == ["event: tick\ndata: {}\n\n", "event: change\ndata: {}\n\n", "event: change\ndata: {}\n\n"]


def test_a_stream_that_nobody_feeds_any_more_ends() -> None:
    assert frames() == ["event: tick\ndata: {}\n\n"]
