"""Numbers follow the order in which changes become visible: a follower with a cursor misses nothing, whoever commits late."""

import random
import threading
import time
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import Engine, text
from sqlmodel import Session, col, select

from georef.points import LonLat
from intake.changes import numbering, queries
from intake.changes.jobs import number_changes
from intake.changes.models import ServiceRequestChange
from intake.changes.queries import Reader
from intake.service_requests import actions
from intake.service_requests.events import add_event
from intake.service_requests.models import ServiceRequest, ServiceRequestEvent
from intake.service_requests.values import Actor, Submission
from kernel import clock, db
from tests.factories import CITY, IN_NORTE, NOW, make_city

pytestmark = pytest.mark.database

AGENT = Actor("agent", "Amir")
PUBLIC = Reader(CITY)


def submit(session: Session, words: str = "Hay un bache") -> ServiceRequest:
    submission = Submission(
        jurisdiction_id=CITY, service_code="BACHE", channel="web", description=words, point=LonLat(*IN_NORTE)
    )
    return actions.submit(session, submission, now=clock.now())


def note(session: Session, service_request_id: UUID, words: str) -> None:
    actions.add_note(session, service_request_id, text=words, audience="public", actor=AGENT, now=clock.now())


def follow(seq: int, limit: int = 1000) -> tuple[list[str], int]:
    """What a follower reads behind `seq`, and where it is then."""
    with db.transaction() as session:
        numbering.number(session)
    with db.transaction() as session:
        rows = queries.after(session, PUBLIC, seq, limit=limit)
    return [row.note for row in rows if row.name == "noted"], rows[-1].seq if rows else seq


def test_what_is_committed_late_is_read_after_what_was_committed_before(own_engine: Engine) -> None:
    with db.transaction() as session:
        ids = [submit(session).id for _ in range(2)]
    _, seq = follow(0)
    with Session(own_engine) as slow:
        slow.begin()
        note(slow, ids[0], "escrita primero, visible después")
        slow.flush()
        with db.transaction() as quick:
            note(quick, ids[1], "escrita después, visible primero")
        seen, seq = follow(seq)
        assert seen == ["escrita después, visible primero"]
        assert follow(seq) == ([], seq)
        slow.commit()
    seen, seq = follow(seq)
    assert seen == ["escrita primero, visible después"]
    with db.transaction() as session:
        noted = select(ServiceRequestEvent).where(ServiceRequestEvent.name == "noted")
        first, second = session.exec(noted.order_by(col(ServiceRequestEvent.id))).all()
        assert first.note == "escrita primero, visible después"
        assert first.id is not None
        assert second.id is not None
        assert first.id < second.id, "the ids alone would have hidden it from the follower for good"


def test_a_transaction_that_holds_a_request_does_not_hold_the_numbers_of_others(own_engine: Engine) -> None:
    with db.transaction() as session:
        held, free = submit(session).id, submit(session).id
    _, seq = follow(0)
    with db.transaction() as session:
        note(session, held, "sobre el reporte que alguien tiene abierto")
    with Session(own_engine) as slow:
        slow.begin()
        actions.lock(slow, held)
        with db.transaction() as session:
            note(session, free, "otro")
        assert follow(seq)[0] == ["sobre el reporte que alguien tiene abierto", "otro"]


def test_what_is_rolled_back_leaves_nothing_and_stops_nobody(own_engine: Engine) -> None:
    with db.transaction() as session:
        made = submit(session).id
    _, seq = follow(0)
    with Session(own_engine) as slow:
        slow.begin()
        note(slow, made, "no pasó")
        slow.flush()
        slow.rollback()
    with db.transaction() as session:
        note(session, made, "sí pasó")
    assert follow(seq)[0] == ["sí pasó"]


def test_a_numberer_that_dies_leaves_its_changes_to_the_next(own_engine: Engine) -> None:
    with db.transaction() as session:
        note(session, submit(session).id, "una nota")
    with Session(own_engine) as dying:
        dying.begin()
        assert numbering.number(dying) == 3
        dying.rollback()
    assert follow(0)[0] == ["una nota"]


def test_many_writers_and_followers_at_once_miss_and_repeat_nothing(own_engine: Engine) -> None:
    with db.transaction() as session:
        ids = [submit(session).id for _ in range(8)]
    written: set[str] = set()
    done = threading.Event()
    failures: list[BaseException] = []

    def write(writer: int) -> None:
        chance = random.Random(writer)
        try:
            for number in range(25):
                words = f"{writer}-{number}"
                with db.transaction() as session:
                    note(session, ids[writer], words)
                    session.flush()
                    time.sleep(chance.random() * 0.02)  # the later it commits, the more others have overtaken it
                written.add(words)
        except BaseException as error:
            failures.append(error)

    heard: list[list[str]] = [[] for _ in range(2)]

    def listen(follower: int) -> None:
        seq = 0
        try:
            while True:
                is_last = done.is_set()
                words, seq = follow(seq, limit=7)
                heard[follower] += words
                if is_last and not words and seq >= newest():
                    return
        except BaseException as error:
            failures.append(error)

    def newest() -> int:
        with db.transaction() as session:
            return queries.newest_seq(session, CITY)

    writers = [threading.Thread(target=write, args=(writer,)) for writer in range(8)]
    followers = [threading.Thread(target=listen, args=(follower,)) for follower in range(2)]
    for thread in writers + followers:
        thread.start()
    for thread in writers:
        thread.join(60)
    done.set()
    for thread in followers:
        thread.join(60)
    assert failures == []
    assert len(written) == 200
    for words in heard:
        assert len(words) == len(set(words)), "nothing is seen twice"
        assert set(words) == written, "nothing is missed"
    assert heard[0] == heard[1], "everybody sees the same order"


def test_an_update_is_published_ahead_of_whoever_asked_up_to_now(own_engine: Engine) -> None:
    """The time of a change is given when it can be seen, not when it was written."""
    with db.transaction() as session:
        made = submit(session).id
    follow(0)
    with Session(own_engine) as slow:
        slow.begin()
        note(slow, made, "tarde")
        slow.flush()
        time.sleep(1.1)
        asked_until = clock.now()
        slow.commit()
    follow(0)
    with db.transaction() as session:
        change = session.exec(select(ServiceRequestChange).order_by(col(ServiceRequestChange.seq).desc())).first()
        assert change is not None
        event = session.get_one(ServiceRequestEvent, change.event_id)
        assert event.at < asked_until < change.published_at
        assert change.published_at.microsecond == 0


def test_a_clock_that_goes_back_a_little_publishes_nothing_in_the_past(session: Session) -> None:
    make_city(session)
    made = submit(session).id
    numbering.number(session, lambda: NOW)
    note(session, made, "después")
    session.flush()
    numbering.number(session, lambda: NOW - timedelta(seconds=20))
    times = session.exec(select(ServiceRequestChange.published_at).order_by(col(ServiceRequestChange.seq))).all()
    assert set(times) == {NOW + numbering.AHEAD}


def test_a_clock_that_was_years_ahead_binds_nobody(session: Session) -> None:
    make_city(session)
    made = submit(session).id
    numbering.number(session, lambda: NOW + timedelta(days=3650))
    note(session, made, "después")
    session.flush()
    numbering.number(session, lambda: NOW)
    last = session.exec(
        select(ServiceRequestChange.published_at).order_by(col(ServiceRequestChange.seq).desc())
    ).first()
    assert last == NOW + numbering.AHEAD


def test_only_what_somebody_outside_may_read_is_numbered(session: Session) -> None:
    make_city(session)
    made = submit(session).id
    for audience in ("internal", "reporter", "agency"):
        actions.add_note(session, made, text=audience, audience=audience, actor=AGENT, now=NOW)  # type: ignore[arg-type]  # the words above
    numbering.number(session)
    names = session.exec(
        select(ServiceRequestEvent.name, ServiceRequestEvent.audience)
        .join(ServiceRequestChange, col(ServiceRequestChange.event_id) == col(ServiceRequestEvent.id))
        .order_by(col(ServiceRequestChange.seq))
    ).all()
    assert list(names) == [("submitted", "public"), ("routed", "public"), ("noted", "agency")]


def test_events_of_a_release_that_knew_no_numbers_are_found(session: Session) -> None:
    make_city(session)
    made = submit(session).id
    session.connection().execute(text("UPDATE service_request_event SET is_pending_change = false"))
    assert numbering.number(session) == 0
    number_changes(str(made))
    assert len(session.exec(select(ServiceRequestChange)).all()) == 2
    number_changes(str(made))
    assert len(session.exec(select(ServiceRequestChange)).all()) == 2


def test_a_request_that_goes_to_another_agency_is_told_to_both(session: Session) -> None:
    make_city(session)
    made = submit(session)
    assert made.agency_code == "ALC-N"
    numbering.number(session)
    made.agency_code = "ALC-S"
    add_event(session, made.id, "routed", "public", AGENT, at=NOW, data={"agency_code": "ALC-S"})
    session.flush()
    numbering.number(session)
    left = queries.after(session, Reader(CITY, "ALC-N"), 0, limit=10)
    came = queries.after(session, Reader(CITY, "ALC-S"), 0, limit=10)
    assert [(row.name, row.is_farewell) for row in left] == [("submitted", False), ("routed", False), ("routed", True)]
    assert [(row.name, row.is_farewell) for row in came] == [("routed", False)]
    everybody = queries.after(session, PUBLIC, 0, limit=10)
    assert [row.name for row in everybody] == ["submitted", "routed", "routed"]
