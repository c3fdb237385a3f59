"""Everybody attached is told once when it is over or there is news, unless they want none."""

from datetime import datetime

import pytest
from sqlmodel import Session, col, select

from georef.points import LonLat
from intake.conversations import jobs
from intake.conversations.incident_news import tell_attached
from intake.conversations.models import Conversation, Message
from intake.incidents import actions, queries
from intake.incidents import jobs as incident_jobs
from intake.incidents.models import IncidentContact, IncidentUpdate
from intake.people import actions as people
from intake.people.addresses import read
from intake.service_requests import actions as service_requests
from intake.service_requests.models import Report, ServiceRequest
from intake.service_requests.values import Reporter, Submission
from kernel.outbox import OutboxEvent
from tests.factories import CITY, IN_NORTE, IN_SUR, NOW, make_city
from tests.intake.incidents.cast import SUSANA, attach, opened, thread

pytestmark = pytest.mark.database
OVER = {"es": "Ya paró la lluvia en Sur.", "en": "The rain in Sur is over."}


@pytest.fixture
def city(session: Session) -> Session:
    make_city(session)
    return session


def told(session: Session) -> list[str]:
    rows = session.exec(select(Message).where(Message.direction == "outbound").order_by(col(Message.seq)))
    return [row.body for row in rows]


def test_each_is_told_once_in_their_language(city: Session) -> None:
    made = opened(city)
    attach(city, made, "+525512340001")
    english = attach(city, made, "+525512340002")
    city.get_one(Conversation, english).language = "en"
    update = actions.end(city, made.id, OVER, version=1, by=SUSANA, now=NOW)
    for _ in range(2):
        jobs.tell_attached(str(update.id))
    assert told(city) == [OVER["es"], OVER["en"]]
    (first,) = city.exec(select(Message).limit(1))
    assert (first.author_kind, first.template) == ("campaign", "incident.ended")
    city.expire_all()
    assert city.get_one(IncidentUpdate, update.id).told_at is not None


def test_many_are_told_in_pieces_and_a_piece_that_is_done_again_tells_nobody_twice(city: Session) -> None:
    made = opened(city)
    for number in range(7):
        attach(city, made, f"+52551234000{number}")
    update = actions.post_update(city, made.id, OVER, version=1, by=SUSANA, now=NOW)
    assert tell_attached(update.id, now=NOW, piece=3) == 3
    # The process died before it wrote down how far it had come.
    city.expire_all()
    city.get_one(IncidentUpdate, update.id).told_up_to = 0
    city.flush()
    assert [tell_attached(update.id, now=NOW, piece=3) for _ in range(4)] == [3, 3, 1, 0]
    assert told(city) == [OVER["es"]] * 7
    some = select(OutboxEvent).where(OutboxEvent.name == "incident_update.told_some")
    assert len(city.exec(some).all()) == 3


def test_whoever_wants_no_notices_is_told_nothing(city: Session) -> None:
    made = opened(city)
    out = thread(city, "+525512340001")
    attach(city, made, "+525512340001")
    people.record_consent(city, out.contact_point_id, purpose="notices", is_granted=False, words="ALTO", now=NOW)
    update = actions.end(city, made.id, OVER, version=1, by=SUSANA, now=NOW)
    jobs.tell_attached(str(update.id))
    assert told(city) == []


def test_nobody_attached_is_an_end_all_the_same(city: Session) -> None:
    made = opened(city)
    update = actions.end(city, made.id, OVER, version=1, by=SUSANA, now=NOW)
    jobs.tell_attached(str(update.id))
    assert told(city) == []


def report(session: Session, *, lonlat: tuple[float, float] | None = IN_SUR, phone: str = "+525512340001",
           service_code: str = "FUGA", key: str = "r-1", at: datetime = NOW) -> ServiceRequest:  # fmt: skip
    contact_point = people.find_or_create_address(session, CITY, read("phone", phone), now=NOW)
    submission = Submission(
        jurisdiction_id=CITY,
        service_code=service_code,
        channel="open311",
        description="Sale agua",
        point=LonLat(*lonlat) if lonlat else None,
        reporter=Reporter(contact_point.person_id, contact_point.id, wants_notices=True),
        idempotency_key=key,
    )
    return service_requests.submit(session, submission, now=at)


def test_a_report_inside_becomes_part_and_its_reporter_is_told_by_sms(city: Session) -> None:
    made = opened(city)
    request = report(city)
    for _ in range(2):
        incident_jobs.attach_reported(str(request.id))
    assert queries.attached(city, [made.id])[made.id] == (1, 1)
    found = queries.incident_of(city, request.id)
    assert found is not None
    assert found.id == made.id
    update = actions.end(city, made.id, OVER, version=1, by=SUSANA, now=NOW)
    jobs.tell_attached(str(update.id))
    assert told(city) == [OVER["es"]]
    assert city.exec(select(Message.channel)).all() == ["sms"]


def test_a_report_elsewhere_or_of_another_matter_or_nowhere_is_no_part(city: Session) -> None:
    made = opened(city)
    for number, values in enumerate(({"lonlat": IN_NORTE}, {"service_code": "BACHE"}, {"lonlat": None})):
        request = report(city, key=f"r-{number}", **values)  # type: ignore[arg-type]  # named values
        incident_jobs.attach_reported(str(request.id))
        assert queries.incident_of(city, request.id) is None
    assert queries.attached(city, [made.id])[made.id] == (0, 0)


def test_what_was_said_to_be_apart_stays_apart(city: Session) -> None:
    made = opened(city)
    request = report(city)
    actions.keep_apart(city, made.id, request.id, now=NOW)
    incident_jobs.attach_reported(str(request.id))
    assert queries.incident_of(city, request.id) is None
    assert queries.attached(city, [made.id])[made.id] == (0, 0)


def test_whoever_joins_a_request_of_it_is_told_too(city: Session) -> None:
    opened(city)
    request = report(city)
    incident_jobs.attach_reported(str(request.id))
    other = people.find_or_create_address(city, CITY, read("phone", "+525512340009"), now=NOW)
    joined = Report(
        service_request_id=request.id, person_id=other.person_id, contact_point_id=other.id, channel="open311",
        words="También", wants_notices=True, at=NOW,
    )  # fmt: skip
    city.add(joined)
    city.flush()
    incident_jobs.attach_joined(str(request.id), str(joined.id))
    assert len(city.exec(select(IncidentContact)).all()) == 2
