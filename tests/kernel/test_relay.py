"""The relay: events become deliveries, deliveries become runs, and no crash in between loses or doubles an effect."""

import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, text

from kernel import clock, db, outbox
from kernel.dispatch import Claim, LocalPool
from kernel.jobs import run_delivery
from kernel.relay import LEASE, Relay
from tests.kernel import outbox_jobs

pytestmark = pytest.mark.database

NOW = datetime(2026, 11, 19, 19, 0, tzinfo=UTC)
ONCE = "tests.kernel.outbox_jobs.note_once"
SUBSCRIPTIONS = {"thing.happened": [ONCE], "nobody.cares": []}


class Collected:
    """A dispatcher that only keeps what it was given."""

    def __init__(self, room: int = 1000) -> None:
        self.claims: list[Claim] = []
        self._room = room
        self.forgot = False

    def has_forgotten(self) -> bool:
        forgot, self.forgot = self.forgot, False
        return forgot

    def room(self) -> int:
        return self._room - len(self.claims)

    def dispatch(self, claims: Sequence[Claim]) -> None:
        self.claims += claims


@pytest.fixture(scope="module")
def outbox_engine(engine: Engine) -> Iterator[Engine]:
    db.configure(engine)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE IF NOT EXISTS relay_effect (ref text PRIMARY KEY)"))
        connection.execute(text("CREATE TABLE IF NOT EXISTS relay_run (ref text)"))
    yield engine
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE relay_effect, relay_run"))
    db.configure(None)


@pytest.fixture
def clean(outbox_engine: Engine) -> Iterator[Engine]:
    db.configure(outbox_engine)
    empty(outbox_engine)
    yield outbox_engine
    empty(outbox_engine)
    db.configure(None)


def empty(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("TRUNCATE outbox_event, outbox_delivery, relay_effect, relay_run"))


def record(*refs: str, name: str = "thing.happened", at: datetime = NOW) -> None:
    with db.transaction() as session:
        for ref in refs:
            outbox.record(session, name, at=at, ref=ref)


def column(engine: Engine, query: str) -> list[object]:
    with engine.begin() as connection:
        return list(connection.scalars(text(query)))


def test_an_event_becomes_one_delivery_per_subscriber(clean: Engine) -> None:
    relay = Relay(clean, {"thing.happened": [ONCE, "tests.kernel.outbox_jobs.explode"]}, Collected())
    record("a")
    record("b", name="nobody.listens")
    assert relay.fan_out(NOW) == 2
    assert relay.fan_out(NOW) == 0
    assert sorted(column(clean, "SELECT job FROM outbox_delivery")) == ["tests.kernel.outbox_jobs.explode", ONCE]
    assert column(clean, "SELECT count(*) FROM outbox_event WHERE relayed_at IS NULL") == [0]


def test_an_event_that_is_rolled_back_is_never_relayed(clean: Engine) -> None:
    with db.transaction() as session:
        outbox.record(session, "thing.happened", at=NOW, ref="a")
        session.flush()
        session.rollback()
    assert Relay(clean, SUBSCRIPTIONS, Collected()).fan_out(NOW) == 0


def test_a_claim_is_a_lease_that_ends(clean: Engine) -> None:
    relay = Relay(clean, SUBSCRIPTIONS, Collected())
    record("a")
    relay.fan_out(NOW)
    first = relay.claim(NOW)
    assert len(first) == 1
    assert relay.claim(NOW + LEASE / 2) == []
    second = relay.claim(NOW + LEASE)
    assert [claim.delivery_id for claim in second] == [claim.delivery_id for claim in first]
    assert second[0].lease != first[0].lease  # RQ would take an equal job id for the job that died


def test_two_relays_share_the_work_without_overlap(clean: Engine) -> None:
    record(*(f"r{number}" for number in range(300)))
    kept = [Collected(), Collected()]
    threads = [threading.Thread(target=Relay(clean, SUBSCRIPTIONS, each).drain) for each in kept]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ids = [claim.delivery_id for each in kept for claim in each.claims]
    # A relay passes over rows the other one holds at that moment; its next round finds what is left.
    rest = Collected()
    Relay(clean, SUBSCRIPTIONS, rest).drain()
    ids += [claim.delivery_id for claim in rest.claims]
    assert len(ids) == len(set(ids)) == 300


def test_it_hands_over_no_more_than_there_is_room_for(clean: Engine) -> None:
    record("a", "b", "c")
    full = Collected(room=2)
    Relay(clean, SUBSCRIPTIONS, full).drain()
    assert len(full.claims) == 2
    assert column(clean, "SELECT count(*) FROM outbox_delivery WHERE due_at <= now()") == [1]


def test_what_was_handed_over_and_lost_is_claimed_again_at_once(clean: Engine) -> None:
    lossy = Collected()
    relay = Relay(clean, SUBSCRIPTIONS, lossy)
    record("lost", "running", "done")
    relay.drain()
    first, second, third = lossy.claims
    run_delivery(third.delivery_id)
    with clean.begin() as connection:
        held = text("UPDATE outbox_delivery SET running_until = now() + interval '1 minute' WHERE id = :id")
        connection.execute(held, {"id": second.delivery_id})
    relay.drain()
    assert len(lossy.claims) == 3
    lossy.forgot = True
    relay.drain()
    assert [claim.delivery_id for claim in lossy.claims[3:]] == [first.delivery_id]


def test_a_running_delivery_is_not_claimed_again(clean: Engine) -> None:
    outbox_jobs.gate.clear()
    outbox_jobs.started.clear()
    relay = Relay(clean, {"thing.happened": ["tests.kernel.outbox_jobs.wait_for_gate"]}, Collected())
    record("slow")
    relay.fan_out(NOW)
    (claim,) = relay.claim(NOW)
    runner = threading.Thread(target=run_delivery, args=(claim.delivery_id,))
    runner.start()
    assert outbox_jobs.started.wait(10)
    assert relay.claim(NOW + 10 * LEASE) == []
    run_delivery(claim.delivery_id)  # a second worker comes by and leaves
    outbox_jobs.gate.set()
    runner.join()
    assert column(clean, "SELECT ref FROM relay_run") == ["slow"]


def test_only_old_finished_events_are_pruned(clean: Engine) -> None:
    relay = Relay(clean, SUBSCRIPTIONS, Collected())
    record("done", "pending", "dead", name="thing.happened")
    relay.fan_out(NOW)
    first, _, third = relay.claim(NOW)
    run_delivery(first.delivery_id)
    with clean.begin() as connection:
        connection.execute(text("UPDATE outbox_delivery SET state = 'dead' WHERE id = :id"), {"id": third.delivery_id})
    assert relay.prune(NOW + timedelta(days=6)) == 0
    assert relay.prune(NOW + timedelta(days=8)) == 1
    assert column(clean, "SELECT payload ->> 'ref' FROM outbox_event ORDER BY id") == ["pending", "dead"]
    assert relay.prune(NOW + timedelta(days=91)) == 2
    assert column(clean, "SELECT id FROM outbox_delivery") == []


def test_run_wakes_on_the_commit_and_stops_when_told(clean: Engine) -> None:
    pool, stop = LocalPool(threads=2), threading.Event()
    thread = threading.Thread(target=Relay(clean, SUBSCRIPTIONS, pool).run, args=(stop,))
    thread.start()
    time.sleep(0.3)
    started = time.monotonic()
    record("a")
    while not column(clean, "SELECT ref FROM relay_effect") and time.monotonic() < started + 10:
        time.sleep(0.01)
    stop.set()
    thread.join(5)
    pool.close()
    assert not thread.is_alive()
    assert column(clean, "SELECT ref FROM relay_effect") == ["a"]


def test_it_outlives_a_pool_that_had_no_connection_for_it(clean: Engine) -> None:
    url = clean.url.render_as_string(hide_password=False)
    small = db.make_engine(url, pool_size=1, pool_overflow=0, pool_timeout_s=0.05)
    kept, stop = Collected(), threading.Event()
    thread = threading.Thread(target=Relay(small, SUBSCRIPTIONS, kept).run, args=(stop,))
    with small.connect():
        thread.start()
        record("a")
        time.sleep(0.5)
        assert thread.is_alive()
        assert kept.claims == []
    deadline = time.monotonic() + 10
    while not kept.claims and time.monotonic() < deadline:
        time.sleep(0.02)
    stop.set()
    thread.join(5)
    small.dispose()
    assert len(kept.claims) == 1


def test_a_sweep_runs_by_the_clock_and_may_fail(clean: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    runs: Counter[str] = Counter()

    def sweep() -> None:
        runs["sweep"] += 1
        raise ValueError("this round fails")

    monkeypatch.setattr(outbox_jobs, "sweep", sweep, raising=False)
    stop = threading.Event()
    relay = Relay(clean, SUBSCRIPTIONS, Collected(), periodic={"tests.kernel.outbox_jobs.sweep": 0.05})
    thread = threading.Thread(target=relay.run, args=(stop,))
    thread.start()
    deadline = time.monotonic() + 10
    while runs["sweep"] < 2 and time.monotonic() < deadline:
        record("wake")
        time.sleep(0.05)
    stop.set()
    thread.join(5)
    assert runs["sweep"] >= 2


# What may befall a delivery, in any order: handed over and run; run twice; taken by a worker that dies; its lease ends;
# the relay that fanned out dies and another one starts; it fails a few times.
STEPS = st.lists(st.sampled_from(["relay", "run", "run_twice", "lose", "expire", "record"]), min_size=1, max_size=14)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS, failing=st.integers(0, 3))
def test_whatever_happens_each_delivery_ends_done_and_its_effect_happens_once(
    clean: Engine, steps: list[str], failing: int
) -> None:
    empty(clean)
    now, handed, refs = clock.now(), list[Claim](), ["r0"]
    outbox_jobs.failures.clear()
    outbox_jobs.failures["r0"] = failing
    record("r0")

    def new_relay() -> Relay:
        return Relay(clean, {"thing.happened": ["tests.kernel.outbox_jobs.fail_a_while"]}, Collected())

    for step in steps:
        if step == "record":
            refs.append(f"r{len(refs)}")
            record(refs[-1])
        elif step == "relay":
            relay = new_relay()
            relay.fan_out(now)
            handed += relay.claim(now)
        elif step == "expire":
            now += LEASE
        elif handed and step == "lose":
            handed.pop()
        elif handed:
            claim = handed[0] if step == "run_twice" else handed.pop(0)
            run_delivery(claim.delivery_id)
    for _ in range(12):
        now += timedelta(hours=1)
        relay = new_relay()
        relay.fan_out(now)
        for claim in [*handed, *relay.claim(now)]:
            run_delivery(claim.delivery_id)
    assert column(clean, "SELECT DISTINCT state FROM outbox_delivery") == ["done"]
    assert sorted(map(str, column(clean, "SELECT ref FROM relay_effect"))) == sorted(refs)
    assert column(clean, "SELECT count(*) FROM outbox_delivery") == [len(refs)]


def test_no_transaction_is_open_while_a_job_runs(clean: Engine) -> None:
    """A job may call a provider, and nothing of ours may wait for a provider."""
    relay = Relay(clean, {"thing.happened": ["tests.kernel.outbox_jobs.look_for_open_transactions"]}, Collected())
    record("a")
    relay.fan_out(NOW)
    (claim,) = relay.claim(NOW)
    run_delivery(claim.delivery_id)
    assert column(clean, "SELECT state || coalesce(last_error, '') FROM outbox_delivery") == ["done"]


def test_a_run_whose_worker_died_is_taken_up_when_its_time_ends(clean: Engine) -> None:
    relay = Relay(clean, SUBSCRIPTIONS, Collected())
    record("a")
    relay.fan_out(NOW)
    (claim,) = relay.claim(NOW)
    for until, state in (("now() + interval '1 minute'", "pending"), ("now() - interval '1 second'", "done")):
        with clean.begin() as connection:
            connection.execute(text(f"UPDATE outbox_delivery SET running_until = {until}"))
        run_delivery(claim.delivery_id)
        assert column(clean, "SELECT state FROM outbox_delivery") == [state]


def test_what_goes_first_and_what_may_wait(clean: Engine) -> None:
    first, bulk = "tests.kernel.outbox_jobs.fail_a_while", "tests.kernel.outbox_jobs.explode"
    jobs = {"thing.happened": [ONCE], "bulk.happened": [bulk], "answer.ready": [first]}
    relay = Relay(clean, jobs, Collected(), first=[first], bulk=[bulk])
    for name in ("bulk.happened", "bulk.happened", "thing.happened", "bulk.happened", "thing.happened", "answer.ready"):
        record(name, name=name)
    relay.fan_out(NOW)
    with clean.begin() as connection:
        jobs_of = {row.id: row.job for row in connection.execute(text("SELECT id, job FROM outbox_delivery"))}
    assert [jobs_of[claim.delivery_id] for claim in relay.claim(NOW, 4)] == [first, ONCE, ONCE, bulk]
    assert [jobs_of[claim.delivery_id] for claim in relay.claim(NOW, 4)] == [bulk, bulk]
