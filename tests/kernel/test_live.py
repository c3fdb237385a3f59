"""The live feed: what is committed reaches every open page, and a page that missed something is told to look again."""

import asyncio
import gc
import threading
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import psycopg
import pytest
from sqlalchemy import Engine, text
from sqlmodel import Session

from kernel import live, outbox
from kernel.listener import connection_string, listen
from kernel.live import GATHER_S, MAX_WAITING, RESYNC, Event, LiveFeed, Subscription

NOW = datetime(2026, 11, 19, 19, 0, tzinfo=UTC)


def record(engine: Engine, *numbers: int) -> None:
    with Session(engine) as session:
        for number in numbers:
            outbox.record(session, "thing.happened", at=NOW, number=number)
        session.commit()


async def take(reader: Subscription, count: int) -> list[Event]:
    taken: list[Event] = []
    while len(taken) < count:
        taken += (await asyncio.wait_for(anext(reader), 10)).events
    return taken


async def listening(feed: LiveFeed, engine: Engine) -> None:
    """Starts `feed` and returns when its connection hears, and has told all that was said to find that out."""
    feed.start(connection_string(engine))
    for number in range(-100, 0):
        probe = feed.subscribe()
        await asyncio.to_thread(record, engine, number)
        try:
            async with asyncio.timeout(0.2):  # ticks come for ever
                while not any(event.get("number") == number for event in (await anext(probe)).events):
                    pass
        except TimeoutError:
            continue
        return
    raise AssertionError("the feed hears nothing")


def with_feed(engine: Engine, use: Callable[[LiveFeed], Awaitable[None]]) -> None:
    async def run() -> None:
        feed = LiveFeed()
        await listening(feed, engine)
        try:
            await use(feed)
        finally:
            feed.close()
            await asyncio.to_thread(feed.join)

    asyncio.run(run())
    with engine.begin() as connection:
        connection.execute(text("TRUNCATE outbox_event, outbox_delivery"))


@pytest.mark.database
def test_every_reader_gets_what_is_committed_in_order(engine: Engine) -> None:
    async def use(feed: LiveFeed) -> None:
        readers = [feed.subscribe() for _ in range(3)]
        await asyncio.to_thread(record, engine, 1, 2)
        await asyncio.to_thread(record, engine, 3)
        for reader in readers:
            assert await take(reader, 3) == [{"name": "thing.happened", "number": number} for number in (1, 2, 3)]

    with_feed(engine, use)


@pytest.mark.database
def test_what_is_rolled_back_is_never_told(engine: Engine) -> None:
    async def use(feed: LiveFeed) -> None:
        reader = feed.subscribe()
        with Session(engine) as session:
            outbox.record(session, "thing.happened", at=NOW, number=1)
            session.rollback()
        await asyncio.to_thread(record, engine, 2)
        assert await take(reader, 1) == [{"name": "thing.happened", "number": 2}]

    with_feed(engine, use)


@pytest.mark.database
def test_after_a_lost_connection_every_page_looks_again(engine: Engine) -> None:
    async def use(feed: LiveFeed) -> None:
        reader = feed.subscribe()
        with engine.begin() as connection:
            killed = connection.scalars(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE query = 'SELECT pg_backend_pid()' AND pid <> pg_backend_pid() AND datname = current_database()"
                )
            ).all()
        assert killed == [True]
        assert await take(reader, 1) == [RESYNC]
        await asyncio.to_thread(record, engine, 7)
        assert await take(reader, 1) == [{"name": "thing.happened", "number": 7}]

    with_feed(engine, use)


@pytest.mark.database
def test_a_notification_that_is_no_event_of_ours_ends_nothing(engine: Engine) -> None:
    async def use(feed: LiveFeed) -> None:
        reader = feed.subscribe()
        with engine.begin() as connection:
            connection.execute(text("NOTIFY atiende_events, 'no JSON'"))
        assert await take(reader, 1) == [RESYNC]
        await asyncio.to_thread(record, engine, 8)
        assert await take(reader, 1) == [{"name": "thing.happened", "number": 8}]

    with_feed(engine, use)


@pytest.mark.parametrize("error", [psycopg.InternalError, psycopg.errors.QueryCanceled, OSError])
def test_whatever_breaks_the_connection_listening_goes_on(
    error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[str] = []
    stop = threading.Event()

    def connect(url: str, **_: object) -> None:
        tries.append(url)
        if len(tries) == 2:
            stop.set()
        raise error("broken")

    monkeypatch.setattr(psycopg, "connect", connect)
    assert list(listen("postgresql://nowhere", "x", stop, poll_s=0.1)) == []
    assert len(tries) == 2


def test_a_slow_reader_gets_one_resync_instead_of_a_backlog() -> None:
    async def run() -> None:
        feed = LiveFeed()
        slow = feed.subscribe()
        for number in range(MAX_WAITING + 1):
            feed.publish([{"name": "thing.happened", "number": number}])
        await asyncio.sleep(GATHER_S)
        feed.publish([{"name": "thing.happened", "number": "last"}])
        assert await take(slow, 2) == [RESYNC, {"name": "thing.happened", "number": "last"}]

    asyncio.run(run())


def test_what_comes_in_a_burst_wakes_a_reader_once() -> None:
    async def run() -> None:
        feed = LiveFeed()
        readers = [feed.subscribe(), feed.subscribe()]
        for number in range(40):
            feed.publish([{"name": "thing.happened", "number": number}])
        first, second = [await asyncio.wait_for(anext(reader), 10) for reader in readers]
        assert [event["number"] for event in first.events] == list(range(40))
        assert first.frames.count(b"event: change\ndata: {") == 40
        assert second.frames is first.frames, "written once for all"

    asyncio.run(run())


@pytest.mark.database
def test_in_silence_a_reader_hears_a_tick_that_is_no_event(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "TICK_S", 0.05)

    async def use(feed: LiveFeed) -> None:
        reader = feed.subscribe()
        for _ in range(2):
            assert (await asyncio.wait_for(anext(reader), 10)).frames == b"event: tick\ndata: {}\n\n"

    with_feed(engine, use)


def test_one_event_in_a_quiet_hour_is_not_held_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "GATHER_S", 60.0)

    async def run() -> None:
        feed = LiveFeed()
        reader = feed.subscribe()
        feed.publish([{"name": "thing.happened"}])
        assert await take(reader, 1) == [{"name": "thing.happened"}]

    asyncio.run(run())


def test_closing_ends_every_reader_and_new_ones_end_at_once() -> None:
    async def run() -> None:
        feed = LiveFeed()
        feed.start("postgresql://nobody@127.0.0.1:1/nothing")
        reader = feed.subscribe()
        waiting = asyncio.create_task(take(reader, 1))
        await asyncio.sleep(0)
        feed.close()
        with pytest.raises((StopAsyncIteration, RuntimeError)):
            await waiting
        assert [event async for event in feed.subscribe()] == []
        await asyncio.to_thread(feed.join)

    asyncio.run(run())


def test_a_reader_nobody_holds_is_forgotten() -> None:
    async def run() -> None:
        feed = LiveFeed()
        kept = feed.subscribe()
        gone = feed.subscribe()
        assert feed.readers == 2
        del gone
        gc.collect()
        assert feed.readers == 1
        del kept

    asyncio.run(run())
