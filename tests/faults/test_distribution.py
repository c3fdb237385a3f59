"""Dispatchers as processes, killed with SIGKILL while people wait, and a database that drops everybody: whole again at once."""

import base64
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from random import Random

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError

from intake.distribution import actions
from intake.distribution.models import Offer
from kernel import clock, db
from kernel.errors import AtiendeError
from kernel.rows import load
from tests.factories import CITY
from tests.intake.distribution.desk import who
from tests.intake.distribution.test_at_once import breaches, ring, sign_on
from tests.intake.distribution.test_at_once import city as city  # the fixture
from tests.running import wait_for

pytestmark = [pytest.mark.database, pytest.mark.fault]
WHOLE_WITHIN_S = 15.0
DROP = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


def start(engine: Engine) -> "subprocess.Popen[bytes]":
    key = base64.b64encode(b"k" * 32).decode()
    environ = {
        **{name: value for name, value in os.environ.items() if not name.startswith("ATIENDE_")},
        "DATABASE_URL": engine.url.render_as_string(hide_password=False),
        "ATIENDE_WEB_PUBLIC_BASE_URL": "http://127.0.0.1:1",
        "ATIENDE_SECRETS_DATA_KEY": key,
        "ATIENDE_SECRETS_LOOKUP_KEY": key,
        "ATIENDE_SECRETS_SESSION_KEY": key,
    }
    return subprocess.Popen([sys.executable, "-m", "atiende", "dispatcher"], env=environ, stdin=subprocess.DEVNULL)


class Staff:
    """Operators at their desks: each accepts what it is shown, talks a little, and ends it."""

    def __init__(self, count: int) -> None:
        self.stop = threading.Event()
        self.vanished: set[int] = set()
        self.failures: list[BaseException] = []
        sign_on(count)
        self.threads = [threading.Thread(target=self._work, args=(number,)) for number in range(count)]
        for thread in self.threads:
            thread.start()

    def _work(self, number: int) -> None:
        agent_id, draw = who(f"A{number}"), Random(number)
        while not self.stop.wait(0.05) and number not in self.vanished:
            try:
                self._turn(agent_id, draw)
            except (AtiendeError, SQLAlchemyError):
                continue
            except BaseException as error:
                self.failures.append(error)
                raise

    def _turn(self, agent_id, draw: Random) -> None:  # type: ignore[no-untyped-def]
        with db.transaction() as session:
            now = clock.now()
            (known,) = db.fetch(session, "SELECT epoch, state FROM agent_session WHERE agent_id = $1", [agent_id])
            if known[1] == "offline":
                actions.sign_on(session, jurisdiction_id=CITY, agent_id=agent_id, name="Operador", now=now)
                return
            actions.heartbeat(session, agent_id, epoch=known[0], now=now)
            if known[1] == "missed":
                actions.set_state(session, agent_id, epoch=known[0], state="available", now=now)
            for shown in load(session, Offer, "WHERE agent_id = $1 AND state = 'pending'", [agent_id]):
                actions.accept(session, shown.id, agent_id=agent_id, epoch=known[0], now=now)
            held = db.fetch(session, "SELECT id FROM work_item WHERE agent_id = $1 AND ended_at IS NULL", [agent_id])
            if held and draw.random() < 0.3:
                actions.complete(session, held[0][0], disposition_code="done", now=now)

    def end(self) -> None:
        self.stop.set()
        for thread in self.threads:
            thread.join()


@pytest.fixture
def staff(city: Engine) -> Iterator[Staff]:
    made = Staff(6)
    yield made
    made.end()
    assert made.failures == []


def live(engine: Engine) -> int:
    with engine.connect() as connection:
        return int(connection.scalar(text("SELECT count(*) FROM work_item WHERE ended_at IS NULL")) or 0)


def call(count: int, ref: str) -> None:
    for number in range(count):
        with db.transaction() as session:
            ring(session, f"{ref}:{number}", "voice" if number % 3 else "text")
        time.sleep(0.01)


def test_a_dispatcher_killed_in_the_middle_leaves_nothing_behind(city: Engine, staff: Staff) -> None:
    running = [start(city), start(city)]
    try:
        wait_for(lambda: live(city) == 0)
        for turn in range(4):
            call(25, f"k{turn}")
            running[turn % 2].send_signal(signal.SIGKILL)
            running[turn % 2].wait()
            running[turn % 2] = start(city)
        wait_for(lambda: live(city) == 0, 60)
        assert breaches(city) == {}
    finally:
        for one in running:
            one.kill()
            one.wait()


def test_without_any_dispatcher_people_wait_and_with_the_next_they_are_served(city: Engine, staff: Staff) -> None:
    first = start(city)
    call(10, "a")
    first.kill()
    first.wait()
    call(5, "b")
    time.sleep(1)
    assert breaches(city) == {}
    second = start(city)
    try:
        wait_for(lambda: live(city) == 0, 60)
    finally:
        second.kill()
        second.wait()
    assert breaches(city) == {}


def test_the_database_drops_everybody(city: Engine, staff: Staff) -> None:
    running = start(city)
    try:
        call(20, "a")
        with city.connect() as connection:
            connection.execute(text(DROP))
        city.dispose()  # what this process kept is dead too
        began = time.monotonic()
        wait_for(lambda: live(city) == 0, 60)
        assert time.monotonic() - began < WHOLE_WITHIN_S * 2
        assert running.poll() is None
        assert breaches(city) == {}
    finally:
        running.kill()
        running.wait()


def test_operators_whose_cable_is_pulled_lose_nobody(city: Engine, staff: Staff) -> None:
    """A third of the desks fall silent in the middle of offers and talks: the rest serve everybody, within the lease."""
    running = start(city)
    try:
        call(20, "a")
        staff.vanished |= {0, 1}
        began = time.monotonic()
        call(10, "b")
        wait_for(lambda: live(city) == 0, 60)
        assert time.monotonic() - began < WHOLE_WITHIN_S * 2
        wait_for(lambda: _states(city, "A0") == _states(city, "A1") == "offline")
        assert breaches(city) == {}
    finally:
        running.kill()
        running.wait()


def _states(engine: Engine, name: str) -> str:
    with engine.connect() as connection:
        found = connection.scalar(text("SELECT state FROM agent_session WHERE agent_id = :id"), {"id": who(name)})
        return str(found)
