"""One delivery at a time: how it ends, when it is tried again, and what may be kept of an error."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlmodel import Session, select

from kernel import db, jobs
from kernel.jobs import MAX_ATTEMPTS, retry_after, run_delivery, run_patiently, together
from kernel.outbox import OutboxDelivery, OutboxEvent
from tests.kernel import outbox_jobs

NOW = datetime(2026, 11, 19, 19, 0, tzinfo=UTC)


@pytest.fixture
def effects(session: Session) -> Session:
    session.connection().execute(text("CREATE TEMPORARY TABLE relay_effect (ref text PRIMARY KEY) ON COMMIT DROP"))
    session.connection().execute(text("CREATE TEMPORARY TABLE relay_run (ref text) ON COMMIT DROP"))
    return session


def make_delivery(session: Session, job: str, **values: Any) -> OutboxDelivery:
    event = OutboxEvent(name="thing.happened", payload={"ref": "a"}, at=NOW, relayed_at=NOW)
    session.add(event)
    session.flush()
    assert event.id is not None
    delivery = OutboxDelivery(event_id=event.id, job=f"tests.kernel.outbox_jobs.{job}", due_at=NOW, **values)
    session.add(delivery)
    session.flush()
    return delivery


def run(session: Session, delivery: OutboxDelivery) -> OutboxDelivery:
    assert delivery.id is not None
    run_delivery(delivery.id)
    session.expire_all()
    return session.exec(select(OutboxDelivery).where(OutboxDelivery.id == delivery.id)).one()


def test_a_job_gets_the_ids_of_its_event_and_ends_done(effects: Session) -> None:
    after = run(effects, make_delivery(effects, "note_once"))
    assert (after.state, after.attempts, after.last_error) == ("done", 1, None)
    assert after.done_at is not None
    assert effects.connection().scalars(text("SELECT ref FROM relay_effect")).all() == ["a"]


def test_neither_its_first_begins_nor_its_end_waits_for_the_disk(effects: Session) -> None:
    def waits_after(statement: str, values: list[Any]) -> str:
        effects.connection().execute(text("SET LOCAL synchronous_commit = on"))
        assert len(db.change_alone(statement, values)) == 1
        found: str = effects.connection().scalar(text("SELECT current_setting('synchronous_commit')"))
        return found

    # From the third try on it may be the job that ends the server, and that it was begun must be known after it.
    begun = [make_delivery(effects, "note_once", attempts=attempts).id for attempts in range(4)]
    assert [waits_after(jobs._BEGIN, [one, NOW, NOW]) for one in begun] == ["off", "off", "on", "on"]
    assert waits_after(jobs._END, [begun[3], NOW, *[None] * 5]) == "off"


def test_a_delivery_that_is_done_or_dead_is_left_alone(effects: Session) -> None:
    for state in ("done", "dead"):
        assert run(effects, make_delivery(effects, "note_once", state=state)).state == state
    assert effects.connection().scalars(text("SELECT ref FROM relay_run")).all() == []


def test_an_unknown_id_is_nothing_to_do(effects: Session) -> None:
    run_delivery(999_999_999)


def test_a_failure_waits_longer_each_time_and_keeps_our_text(effects: Session) -> None:
    outbox_jobs.failures["a"] = 1
    failed = run(effects, make_delivery(effects, "fail_a_while"))
    assert (failed.state, failed.attempts) == ("pending", 1)
    assert failed.last_error == "Unavailable: El proveedor no contesta."
    assert failed.due_at > NOW
    after = run(effects, failed)
    assert (after.state, after.attempts, after.last_error) == ("done", 2, None)


def test_who_says_for_how_long_they_are_away_is_not_asked_sooner(effects: Session) -> None:
    before = datetime.now(UTC)
    failed = run(effects, make_delivery(effects, "be_asked_to_wait"))
    assert failed.state == "pending"
    assert before + timedelta(seconds=90) <= failed.due_at < before + timedelta(seconds=120)


def test_a_foreign_error_leaves_only_its_name(effects: Session) -> None:
    assert run(effects, make_delivery(effects, "explode")).last_error == "ValueError"


def test_jobs_that_share_a_delivery_run_in_turn_and_none_waits_for_what_another_lacks(effects: Session) -> None:
    outbox_jobs.failures["a"] = 1
    name = together("explode", *(f"tests.kernel.outbox_jobs.{job}" for job in ("fail_a_while", "note_once")))
    failed = run(effects, make_delivery(effects, name))
    assert (failed.state, failed.last_error) == ("pending", "ValueError")
    assert effects.connection().scalars(text("SELECT ref FROM relay_run")).all() == ["a"]
    # All of them again, of which each sees by itself what is left to do.
    failed = run(effects, failed)
    assert (failed.state, failed.attempts) == ("pending", 2)
    assert effects.connection().scalars(text("SELECT ref FROM relay_run")).all() == ["a", "a", "a"]


def test_one_that_has_nothing_to_do_yet_does_not_hide_the_failure_of_another(effects: Session) -> None:
    name = together("come_back_later", "tests.kernel.outbox_jobs.explode")
    assert run(effects, make_delivery(effects, name)).attempts == 1
    name = together("come_back_later", "tests.kernel.outbox_jobs.note_once")
    later = run(effects, make_delivery(effects, name))
    assert (later.state, later.attempts, later.last_error) == ("pending", 0, None)


def test_the_last_failure_is_final(effects: Session) -> None:
    before_last = make_delivery(effects, "explode", attempts=MAX_ATTEMPTS - 2)
    assert run(effects, before_last).state == "pending"
    after = run(effects, before_last)
    assert (after.state, after.attempts) == ("dead", MAX_ATTEMPTS)


def test_a_job_that_kills_its_worker_each_time_ends_dead(effects: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process that dies under its job notes nothing: only what was written before the job began is left."""

    def die(*_: object) -> None:
        raise SystemExit("killed")

    monkeypatch.setattr(jobs, "_outcome", die)
    delivery = make_delivery(effects, "note_once")
    assert delivery.id is not None
    for attempt in range(1, MAX_ATTEMPTS + 1):
        with pytest.raises(SystemExit):
            run_delivery(delivery.id)
        effects.refresh(delivery)
        assert (delivery.state, delivery.attempts) == ("pending", attempt)
        run_delivery(delivery.id)  # while its lease lasts nobody else begins, and nothing is counted
        delivery.running_until = NOW
        effects.flush()
    after = run(effects, delivery)
    assert (after.state, after.attempts, after.last_error) == ("dead", MAX_ATTEMPTS, "worker died")
    assert after.running_until is None
    assert effects.connection().scalars(text("SELECT ref FROM relay_run")).all() == []


def test_a_job_that_is_not_there_counts_as_a_failure(effects: Session) -> None:
    after = run(effects, make_delivery(effects, "no_such_job"))
    assert (after.state, after.last_error) == ("pending", "AttributeError")


def test_waits_grow_to_a_quarter_of_an_hour() -> None:
    waits = [retry_after(attempts) for attempts in range(1, MAX_ATTEMPTS)]
    assert waits[:4] == [timedelta(seconds=seconds) for seconds in (0.5, 2, 8, 32)]
    assert waits == sorted(waits)
    assert waits[-1] == timedelta(minutes=15)
    assert timedelta(minutes=30) < sum(waits, timedelta()) < timedelta(hours=2)


def test_while_the_database_is_away_a_worker_waits_and_then_leaves_it_to_the_lease(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(jobs.time, "sleep", pauses.append)
    gone = db.make_engine(f"postgresql://nobody@/nothing?host={tmp_path}")
    db.configure(gone)
    try:
        run_patiently(1)
        with pytest.raises(OperationalError):
            run_delivery(1)
    finally:
        db.configure(None)
        gone.dispose()
    assert pauses == sorted(pauses)
    assert 5 < sum(pauses) < 10


def test_a_worker_that_waited_runs_the_job_once(effects: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    delivery = make_delivery(effects, "note_once")
    assert delivery.id is not None
    here = db.bind()
    gone = db.make_engine("postgresql://nobody@127.0.0.1:1/nothing")
    db.configure(gone)
    monkeypatch.setattr(jobs.time, "sleep", lambda pause_s: db.configure(here))
    run_patiently(delivery.id)
    gone.dispose()
    assert effects.connection().scalars(text("SELECT ref FROM relay_run")).all() == ["a"]


def test_a_job_whose_time_has_not_come_has_not_failed(effects: Session) -> None:
    delivery = make_delivery(effects, "come_back_later", attempts=MAX_ATTEMPTS - 1)
    for _ in range(3):
        delivery.due_at = NOW
        after = run(effects, delivery)
        assert (after.state, after.attempts, after.last_error) == ("pending", MAX_ATTEMPTS - 1, None)
        assert after.due_at == datetime(2026, 11, 20, 8, tzinfo=UTC)
