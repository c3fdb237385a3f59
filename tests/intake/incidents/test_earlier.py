"""Reports from before an incident: which are offered, one action that attaches them, and one that takes it back."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlmodel import Session, col, select

from intake.conversations import jobs
from intake.conversations.models import Message
from intake.incidents import actions, attaching, earlier, queries
from intake.incidents.models import Incident, IncidentUpdate
from intake.service_requests.models import ServiceRequest
from kernel.errors import Conflict, InvalidInput
from tests.factories import IN_NORTE, NOW, make_city
from tests.intake.incidents.cast import SUSANA, WRITTEN, attach, opened, thread
from tests.intake.incidents.test_telling import OVER, report, told

pytestmark = pytest.mark.database


@pytest.fixture
def city(session: Session) -> Session:
    make_city(session)
    return session


def before(session: Session, number: int, *, hours: float = 1, **values: Any) -> ServiceRequest:
    """A report so many hours before the incident, by somebody of their own."""
    phone = f"+52551234{1000 + number}"
    return report(session, key=f"b-{number}", phone=phone, at=NOW - timedelta(hours=hours), **values)


def found(session: Session, incident: Incident, hours: int = 6, now: datetime = NOW) -> list[str]:
    return [one.folio for one in earlier.found(session, incident, hours=hours, now=now)]


def attach_all(session: Session, incident: Incident, *requests: ServiceRequest, **values: Any) -> IncidentUpdate:
    ids = [request.id for request in requests]
    return earlier.attach(
        session, incident.id, ids, dict(WRITTEN), version=incident.version, by=SUSANA, now=NOW, **values
    )


def test_what_is_offered_is_open_about_it_inside_and_no_part_yet(city: Session) -> None:
    made = opened(city)
    wanted = [before(city, 1, hours=1), before(city, 2, hours=5)]
    before(city, 3, hours=7)
    before(city, 4, lonlat=IN_NORTE)
    before(city, 5, lonlat=None)
    before(city, 6, service_code="BACHE")
    apart, over = before(city, 7), before(city, 8)
    attaching.keep_apart(city, made.id, apart.id, now=NOW)
    over.life, over.outcome_code, over.closed_at = "closed", "resolved", NOW
    city.flush()
    assert found(city, made) == [one.folio for one in wanted]
    assert len(found(city, made, hours=24)) == 3
    assert found(city, made, hours=2) == [wanted[0].folio]


def test_they_become_part_and_are_told_once_now_and_once_at_the_end(city: Session) -> None:
    made = opened(city)
    attach(city, made, "+525512349999")  # has heard it already
    requests = [before(city, 1), before(city, 2)]
    update = attach_all(city, made, *requests, client_ref="r1")
    assert attach_all(city, made, *requests, client_ref="r1").id == update.id
    for _ in range(2):
        jobs.tell_attached(str(update.id))
    assert told(city) == [WRITTEN["es"]] * 2
    assert queries.attached(city, [made.id])[made.id] == (3, 2)
    assert found(city, made) == []
    end = actions.end(city, made.id, OVER, version=made.version, by=SUSANA, now=NOW)
    jobs.tell_attached(str(end.id))
    assert sorted(told(city)) == sorted([WRITTEN["es"]] * 2 + [OVER["es"]] * 3)


def test_taken_back_nobody_is_told_of_the_end_and_what_waits_is_not_said(city: Session) -> None:
    made = opened(city)
    requests = [before(city, 1), before(city, 2), before(city, 3)]
    update = attach_all(city, made, *requests)
    jobs.tell_attached(str(update.id))
    sent = city.exec(select(Message).where(Message.direction == "outbound").order_by(col(Message.seq))).all()
    sent[0].status = "sent"
    city.flush()
    own = thread(city, "+525512341003")
    attaching.attach(city, made.id, conversation_id=own.id, now=NOW)  # says by themselves that theirs is part
    earlier.take_back(city, made.id, update.id, version=made.version, by=SUSANA, now=NOW)
    city.expire_all()
    assert [message.status for message in sent[:2]] == ["sent", "suppressed"]
    assert queries.attached(city, [made.id])[made.id] == (1, 0)
    assert set(found(city, made)) == {request.folio for request in requests}
    with pytest.raises(Conflict):
        earlier.take_back(city, made.id, update.id, version=made.version, by=SUSANA, now=NOW)
    end = actions.end(city, made.id, OVER, version=made.version, by=SUSANA, now=NOW)
    jobs.tell_attached(str(end.id))
    assert told(city).count(OVER["es"]) == 1


def test_taken_back_before_they_were_told_says_nothing(city: Session) -> None:
    made = opened(city)
    update = attach_all(city, made, before(city, 1))
    earlier.take_back(city, made.id, update.id, version=made.version, by=SUSANA, now=NOW)
    jobs.tell_attached(str(update.id))
    assert told(city) == []


def test_once_it_is_over_whoever_was_attached_from_before_hears_only_that(city: Session) -> None:
    made = opened(city)
    update = attach_all(city, made, before(city, 1))
    end = actions.end(city, made.id, OVER, version=made.version, by=SUSANA, now=NOW)
    for news in (update, end):
        jobs.tell_attached(str(news.id))
    assert told(city) == [OVER["es"]]


def test_what_cannot_be_attached_is_refused(city: Session) -> None:
    made = opened(city)
    with pytest.raises(InvalidInput):
        attach_all(city, made, before(city, 1, lonlat=IN_NORTE))
    with pytest.raises(Conflict):
        earlier.attach(city, made.id, [before(city, 2).id], dict(WRITTEN), version=7, by=SUSANA, now=NOW)
    actions.end(city, made.id, OVER, version=made.version, by=SUSANA, now=NOW)
    with pytest.raises(Conflict):
        attach_all(city, made, before(city, 3))
