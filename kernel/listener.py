"""Waits for PostgreSQL notifications on a connection of its own, and comes back by itself when the server goes away.

A transaction pooler (PgBouncer) swallows LISTEN. Behind one a query is asked at every time-out instead, so that whoever waits
here hears late rather than never.
"""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import LiteralString

import psycopg
import structlog
from psycopg import sql
from sqlalchemy import Engine

from kernel.db import is_direct

log = structlog.get_logger(__name__)

_FIRST_RETRY_S = 0.2
_LAST_RETRY_S = 3.0


@dataclass(frozen=True)
class Batch:
    """What came since the last one: payloads in the order of their commits, none after a time-out.

    is_fresh: notifications may have been missed before this batch: the connection is new, or hears none and `mark` has moved.
    """

    payloads: tuple[str, ...]
    is_fresh: bool = False


def connection_string(engine: Engine) -> str:
    """The engine's address as libpq reads it, password included."""
    return engine.url.set(drivername="postgresql").render_as_string(hide_password=False)


def listen(
    url: str, channel: str, stop: threading.Event, *, poll_s: float, mark: LiteralString | None = None
) -> Iterator[Batch]:
    """Batches from `channel` until `stop` is set; one at least every `poll_s` seconds while the server answers.

    mark: a query whose one value moves with every notification, asked every `poll_s` seconds where notifications do not arrive.
    The first batch after every (re)connection is empty and fresh. A server that is away is tried again for ever.
    """
    retry_s = _FIRST_RETRY_S
    is_away = False
    while not stop.is_set():
        try:
            with psycopg.connect(url, autocommit=True, connect_timeout=5, prepare_threshold=None) as connection:
                connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
                if is_away:
                    log.info("listening again", channel=channel)
                is_away, retry_s = False, _FIRST_RETRY_S
                yield Batch((), is_fresh=True)
                # Not by a notification to oneself: it comes back with the very statement that sent it, pooler or not.
                if mark is None or is_direct(connection):
                    while not stop.is_set():
                        notifies = connection.notifies(timeout=poll_s, stop_after=1)
                        yield Batch(tuple(notify.payload for notify in notifies))
                else:
                    log.info("behind a pooler no notification arrives, asking instead", channel=channel)
                    yield from _ask(connection, mark, stop, poll_s)
        except (psycopg.Error, OSError) as error:
            if not is_away:
                log.warning("cannot listen, trying again", channel=channel, error=type(error).__name__)
            is_away = True
            stop.wait(retry_s)
            retry_s = min(retry_s * 2, _LAST_RETRY_S)


def _ask(connection: psycopg.Connection, mark: LiteralString, stop: threading.Event, poll_s: float) -> Iterator[Batch]:
    before = connection.execute(mark).fetchone()
    while not stop.wait(poll_s):
        now = connection.execute(mark).fetchone()
        yield Batch((), is_fresh=now != before)
        before = now
