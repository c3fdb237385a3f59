"""Many at once against a real PostgreSQL: dispatchers, operators who accept, decline and vanish, callers who hang up.

What must hold is read from the tables, not from what the threads believe.
"""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from random import Random
from uuid import UUID

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from intake.catalog.models import Jurisdiction
from intake.distribution import actions, lines, rounds
from intake.distribution.dispatcher import Dispatcher
from intake.distribution.models import Offer, WorkItem
from kernel import clock, db
from kernel.errors import AtiendeError, Conflict, InvalidInput
from kernel.listener import connection_string
from kernel.rows import load
from tests.factories import CITY, NOW
from tests.intake.distribution.desk import who

pytestmark = [pytest.mark.database, pytest.mark.fault]

# Each names one invariant and counts what breaks it.
BREACHES = {
    "I2 an item in no state, or in two": """
        SELECT count(*) FROM work_item LEFT JOIN offer ON work_item_id = work_item.id AND offer.state = 'pending'
        WHERE (work_item.state = 'offered') <> (offer.id IS NOT NULL)""",
    "I3 two offers, or an owner and an offer": """
        SELECT count(*) FROM (SELECT work_item_id FROM offer WHERE state = 'pending' GROUP BY 1 HAVING count(*) > 1) AS two""",
    "I3 accepted by two": """
        SELECT count(*) FROM (
            SELECT work_item_id FROM distribution_event WHERE name = 'accepted' GROUP BY 1
            HAVING count(*) > 1 + (SELECT count(*) FROM distribution_event AS back
                WHERE back.name = 'requeued' AND back.work_item_id = distribution_event.work_item_id)) AS two""",
    "I4 points": """
        SELECT count(*) FROM agent_session WHERE load_points > cap_points OR load_points <> (
            SELECT coalesce(sum(held_points), 0) FROM work_item WHERE state IN ('assigned', 'wrapping')
                AND work_item.agent_id = agent_session.agent_id
        ) + (
            SELECT coalesce(sum(held_points), 0) FROM work_item JOIN offer ON offer.work_item_id = work_item.id
            WHERE offer.state = 'pending' AND offer.agent_id = agent_session.agent_id)""",
    "I4 points of nobody": """
        SELECT count(*) FROM work_item WHERE held_points > 0 AND state NOT IN ('offered', 'assigned', 'wrapping')""",
    "I4 points of what rests, or rest of what is nobody's": """
        SELECT count(*) FROM work_item WHERE (resting_since IS NOT NULL OR rest_at IS NOT NULL) AND state <> 'assigned'
            OR resting_since IS NOT NULL AND (held_points > 0 OR rest_at IS NOT NULL)""",
    "I6 a place that moved back": """
        SELECT count(*) FROM work_item WHERE rank_at > enqueued_at - make_interval(mins => 5 * priority)""",
    "I10 accepted after the caller had gone": """
        SELECT count(*) FROM distribution_event AS gone JOIN distribution_event AS later USING (work_item_id)
        WHERE gone.name = 'abandoned' AND later.name IN ('offered', 'accepted') AND later.id > gone.id""",
    "an operator who looks at what is not shown": """
        SELECT count(*) FROM agent_session LEFT JOIN offer ON offer.id = offer_id AND offer.state = 'pending'
        WHERE (offer_id IS NOT NULL) <> (offer.id IS NOT NULL)""",
    "offered something while in another's call, or in one without a desk": """
        SELECT count(*) FROM agent_session
        WHERE beside_leg_id IS NOT NULL AND (offer_id IS NOT NULL OR state = 'offline')""",
}


def breaches(engine: Engine) -> dict[str, int]:
    with engine.connect() as connection:
        counted = {name: connection.scalar(text(sql)) for name, sql in BREACHES.items()}
    return {name: number for name, number in counted.items() if number}


_TABLES = (
    "distribution_event",
    "offer",
    "work_item",
    "agent_skill",
    "agent_session",
    "contact_queue",
    "outbox_delivery",
    "outbox_event",
    "jurisdiction",
)


@pytest.fixture
def city(engine: Engine) -> Iterator[Engine]:
    """A committed city; what the test leaves is removed again."""
    db.configure(engine)
    with db.transaction() as session:
        session.add(Jurisdiction(id=CITY, name="Ciudad Prueba", timezone="America/Mexico_City", catalog_changed_at=NOW))
    yield engine
    db.configure(None)
    with engine.begin() as connection:
        for table in _TABLES:
            connection.execute(text(f"DELETE FROM {table}"))


def sign_on(count: int, *, cap: int = 100) -> None:
    with db.transaction() as session:
        for number in range(count):
            actions.sign_on(
                session,
                jurisdiction_id=CITY,
                agent_id=who(f"A{number}"),
                name=f"A{number}",
                cap_points=cap,
                now=clock.now(),
            )


def ring(session: Session, ref: str, kind: str = "voice", priority: int = 0) -> None:
    actions.enqueue(session, jurisdiction_id=CITY, kind=kind, source_ref=ref, priority=priority, now=clock.now())


def test_eight_that_offer_blindly_never_pass_a_limit(city: Engine) -> None:
    """The demonstration that breaks others: eight dispatchers, ten operators of three threads each, sixty threads, no lock."""
    sign_on(10, cap=75)
    with db.transaction() as session:
        for number in range(60):
            ring(session, f"thread:{number}", "text")

    def dispatch(seed: int) -> None:
        draw = Random(seed)
        for _ in range(60):
            try:
                with db.transaction() as session:
                    played = rounds.play(session, CITY, now=clock.now(), is_alone=False)
                    if draw.random() < 0.1:
                        raise InterruptedError  # killed before it committed
            except InterruptedError:
                continue
            for made in played.made:
                with db.transaction() as session:
                    actions.accept(session, made.offer_id, agent_id=made.agent_id, epoch=1, now=clock.now())
            if not played.made:
                time.sleep(0.002)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(dispatch, range(8)))
    assert breaches(city) == {}
    with city.connect() as connection:
        loads = connection.scalars(text("SELECT load_points FROM agent_session")).all()
        states = Counter(connection.scalars(text("SELECT state FROM work_item")).all())
    assert list(loads) == [75] * 10
    assert states == {"assigned": 30, "queued": 30}


@pytest.mark.parametrize("dispatchers", [2, 4, 8])
def test_many_dispatchers_and_a_restless_room(city: Engine, dispatchers: int) -> None:
    """Operators accept, decline, miss, take by hand, go on breaks and vanish; callers hang up; everything at once."""
    sign_on(12)
    stop = threading.Event()
    url = connection_string(city)
    running = [threading.Thread(target=Dispatcher(url).run, args=(stop,)) for _ in range(dispatchers)]
    for one in running:
        one.start()
    total = 150

    def arrive() -> None:
        draw = Random(1)
        for number in range(total):
            with db.transaction() as session:
                ring(session, f"p:{number}", draw.choice(("voice", "text", "text")), draw.choice((0, 0, 1)))
            time.sleep(0.005)

    def hang_up() -> None:
        draw = Random(2)
        while not stop.is_set():
            with db.transaction() as session:
                actions.abandon(session, f"p:{draw.randrange(total)}", why="hang_up", now=clock.now())
            stop.wait(0.02)

    def work(number: int) -> None:
        agent_id, draw, epoch = who(f"A{number}"), Random(number), 1
        while not stop.is_set():
            try:
                with db.transaction() as session:
                    actions.heartbeat(session, agent_id, epoch=epoch, now=clock.now())
                with db.read_transaction() as session:
                    shown = [
                        one.id for one in load(session, Offer, "WHERE agent_id = $1 AND state = 'pending'", [agent_id])
                    ]
                    held = db.fetch(session, _HELD, [agent_id])
                # By itself: an item is held before an operator's row, never after it.
                with db.transaction() as session:
                    actions.rise(session, agent_id, who(f"leg {number}"), now=clock.now())
                with db.transaction() as session:
                    chance = draw.random()
                    if shown and chance < 0.7:
                        actions.accept(session, shown[0], agent_id=agent_id, epoch=epoch, now=clock.now())
                    elif shown:
                        actions.decline(session, shown[0], agent_id=agent_id, epoch=epoch, now=clock.now())
                    elif held and chance < 0.8:
                        actions.finish(session, held[0][0], now=clock.now())
                        actions.complete(session, held[0][0], disposition_code="done", now=clock.now())
                    elif chance < 0.82:
                        actions.sit_beside(session, agent_id, who(f"leg {number}"), now=clock.now())
                    elif chance < 0.85:
                        actions.sign_off(session, agent_id, epoch=epoch, now=clock.now())
                    elif chance < 0.9:
                        for (item_id,) in db.fetch(session, _ANY, []):
                            actions.claim(session, item_id, agent_id=agent_id, now=clock.now())
                if chance < 0.9:
                    stop.wait(0.003)
            except Conflict:
                with db.transaction() as session:
                    epoch = actions.sign_on(
                        session, jurisdiction_id=CITY, agent_id=agent_id, name=f"A{number}", now=clock.now()
                    ).epoch
            except AtiendeError:
                stop.wait(0.01)

    def is_over() -> bool:
        with city.connect() as connection:
            left = connection.scalar(text("SELECT count(*) FROM work_item WHERE ended_at IS NULL"))
            return connection.scalar(text("SELECT count(*) FROM work_item")) == total and left == 0

    with ThreadPoolExecutor(16) as pool:
        jobs = [pool.submit(arrive), pool.submit(hang_up), *(pool.submit(work, number) for number in range(12))]
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and not is_over() and not any(job.done() and job.exception() for job in jobs):
            time.sleep(0.1)
            assert not {name for name in breaches(city) if name.startswith(("I3", "I10", "offered"))}
        stop.set()
        for job in jobs:
            job.result(timeout=30)
    for one in running:
        one.join(timeout=10)
    assert is_over()
    assert breaches(city) == {}


_HELD = (
    "SELECT id FROM work_item WHERE agent_id = $1 AND state IN ('assigned', 'wrapping') ORDER BY assigned_at LIMIT 1"
)
_ANY = "SELECT id FROM work_item WHERE state IN ('queued', 'offered', 'assigned') ORDER BY random() LIMIT 1"


def test_of_two_who_accept_and_one_who_hangs_up_one_wins(city: Engine) -> None:
    """Two windows and a caller, a hundred times: one owner or none, and the losers are told."""
    sign_on(1)
    outcomes: Counter[str] = Counter()
    with ThreadPoolExecutor(3) as pool:
        for turn in range(100):
            with db.transaction() as session:
                ring(session, f"call:{turn}")
            with db.transaction() as session:
                (made,) = rounds.play(session, CITY, now=clock.now()).made
                epoch = session.connection().scalar(text("SELECT epoch FROM agent_session"))
            gate = threading.Barrier(3)

            def accept(offer_id: UUID = made.offer_id, epoch: int = epoch, gate: threading.Barrier = gate) -> str:
                gate.wait()
                try:
                    with db.transaction() as session:
                        actions.accept(session, offer_id, agent_id=who("A0"), epoch=epoch, now=clock.now())
                except Conflict:
                    return "refused"
                return "accepted"

            def hang_up(ref: str = f"call:{turn}", gate: threading.Barrier = gate) -> str:
                gate.wait()
                with db.transaction() as session:
                    gone = actions.abandon(session, ref, why="hang_up", now=clock.now())
                    assert gone is not None
                    return gone.state

            first, second, gone = (
                future.result() for future in (pool.submit(accept), pool.submit(accept), pool.submit(hang_up))
            )
            outcomes[gone] += 1
            assert (gone == "abandoned") == (first == second == "refused") or gone == "wrapping"
            assert breaches(city) == {}
            with db.transaction() as session:
                actions.heartbeat(session, who("A0"), epoch=epoch, now=clock.now())
                for (item_id,) in db.fetch(session, _HELD, [who("A0")]):
                    actions.complete(session, item_id, disposition_code=None, now=clock.now())
    assert sum(outcomes.values()) == 100


def test_of_all_who_take_one_thread_one_has_it(city: Engine) -> None:
    """One thread that waits, taken by hand by everybody at once."""
    with db.transaction() as session:
        ring(session, "thread:1", "text")
        item_id = session.connection().scalar(text("SELECT id FROM work_item"))

    def claim(number: int) -> None:
        with db.transaction() as session:
            actions.claim(session, item_id, agent_id=who(f"A{number}"), now=clock.now())

    sign_on(8)
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(claim, [number % 8 for number in range(200)]))
    assert breaches(city) == {}
    with city.connect() as connection:
        assert sorted(connection.scalars(text("SELECT load_points FROM agent_session"))) == [0] * 7 + [25]


@pytest.mark.parametrize("off_s", [-300, 300])
def test_a_dispatcher_whose_clock_is_off_gives_nobody_up(
    city: Engine, monkeypatch: pytest.MonkeyPatch, off_s: int
) -> None:
    sign_on(1)
    with db.transaction() as session:
        ring(session, "call:1")
    true = clock.now
    monkeypatch.setattr(clock, "now", lambda: true() + timedelta(seconds=off_s))
    Dispatcher(connection_string(city)).tick(threading.Event())
    with city.connect() as connection:
        assert connection.scalar(text("SELECT state FROM agent_session")) == "available"
        left = connection.scalar(text("SELECT expires_at FROM offer WHERE state = 'pending'")) - true()
    assert timedelta(seconds=10) < left <= timedelta(seconds=15)


def test_a_skill_taken_away_while_it_rings_leaves_everything_whole(city: Engine) -> None:
    """Who is shown it may still answer; the next of that kind goes past them, and a line is no line without its items."""
    with db.transaction() as session:
        actions.open_queue(session, CITY, "crisis", name="Crisis", skill="crisis")
    sign_on(2)
    with db.transaction() as session:
        actions.grant_skill(session, who("A0"), "crisis", jurisdiction_id=CITY)
        for number in range(2):
            actions.enqueue(
                session,
                jurisdiction_id=CITY,
                kind="text",
                source_ref=f"t:{number}",
                queue_code="crisis",
                now=clock.now(),
            )
    with db.transaction() as session:
        (made,) = rounds.play(session, CITY, now=clock.now()).made
    with db.transaction() as session:
        actions.revoke_skills(session, CITY, "crisis")
    with db.transaction() as session:
        assert actions.accept(session, made.offer_id, agent_id=who("A0"), epoch=1, now=clock.now()).state == "assigned"
    with db.transaction() as session:
        assert rounds.play(session, CITY, now=clock.now()).made == []
    with pytest.raises(IntegrityError), db.transaction() as session:
        session.connection().execute(text("DELETE FROM contact_queue WHERE code = 'crisis'"))
    # Closed: who is there still is everybody's.
    with db.transaction() as session:
        actions.open_queue(session, CITY, "crisis", name="Crisis", skill="crisis", closed_at=clock.now())
    with db.transaction() as session:
        (closed,) = rounds.play(session, CITY, now=clock.now()).made
    assert closed.agent_id == who("A1")
    assert breaches(city) == {}


def test_two_supervisors_who_save_at_once_wait_for_each_other(city: Engine) -> None:
    """Who serves a line is written in some order: two orders at once used to end one of the two by a deadlock."""
    sign_on(6)
    by, names = who("Tomás"), [who(f"A{number}") for number in range(6)]
    with db.transaction() as session:
        code = lines.open_line(session, CITY, "Predial", by=by, now=clock.now()).code

    def save(first: int) -> None:
        for turn in range(25):
            join = {name for number, name in enumerate(names) if (number + turn + first) % 2}
            with db.transaction() as session:
                lines.set_operators(session, CITY, code, join=join, leave=set(names) - join, by=by, now=clock.now())

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(save, range(4)))
    with db.transaction() as session:
        assert sum(one.is_able for one in lines.operators(session, CITY, code)) == 3


def test_a_line_opened_twice_at_once_is_one(city: Engine) -> None:
    def open_it(_: int) -> bool:
        try:
            with db.transaction() as session:
                lines.open_line(session, CITY, "Predial", by=who("Tomás"), now=clock.now())
        except InvalidInput:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(open_it, range(4))) == 1


def test_who_leaves_takes_nothing_along_that_a_colleague_takes_in_that_moment(city: Engine) -> None:
    """It is offered to one, and claimed by the other; who leaves waits for its row, and finds it with a colleague."""
    sign_on(2)
    first, second = who("A0"), who("A1")
    with db.transaction() as session:
        ring(session, "call:1")
        (item,) = load(session, WorkItem, "WHERE source_ref = $1", ["call:1"])
        made = actions.offer(session, item.id, first, now=clock.now())
        assert made is not None
    with ThreadPoolExecutor(1) as pool:
        with db.transaction() as session:
            actions.claim(session, item.id, agent_id=second, now=clock.now())

            def leave() -> None:
                with db.transaction() as other:
                    actions.sign_off(other, first, epoch=1, now=clock.now())

            leaving = pool.submit(leave)
            _until_somebody_waits(city)
        leaving.result(timeout=20)
    with db.transaction() as session:
        (item,) = load(session, WorkItem, "WHERE source_ref = $1", ["call:1"])
    assert (item.state, item.agent_id) == ("assigned", second)


def _until_somebody_waits(city: Engine) -> None:
    deadline = time.monotonic() + 10
    with city.connect() as connection:
        while not connection.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted")):
            assert time.monotonic() < deadline, "nobody waits for a row"
            time.sleep(0.01)
