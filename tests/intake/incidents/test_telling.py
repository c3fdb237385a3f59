"""Everybody attached is told once when it is over or there is news, unless they want none."""

from datetime import datetime
from typing import Any
from uuid import UUID

import pytest
from sqlmodel import Session, col, select

from georef.points import LonLat
from intake.conversations import actions as conversations
from intake.conversations import incident_news, jobs
from intake.conversations.incident_news import deliveries, tell_attached
from intake.conversations.models import Conversation, Message
from intake.incidents import actions, attaching, queries
from intake.incidents import jobs as incident_jobs
from intake.incidents.actions import AlreadyOpen
from intake.incidents.models import IncidentContact, IncidentUpdate
from intake.people import actions as people
from intake.people.addresses import Address, read
from intake.people.models import ContactPoint, Person
from intake.service_requests import actions as service_requests
from intake.service_requests.models import Report, ServiceRequest
from intake.service_requests.values import Reporter, Submission
from kernel.errors import Conflict
from kernel.ids import new_id
from kernel.outbox import OutboxEvent
from tests.factories import CITY, IN_NORTE, IN_SUR, NOW, make_city
from tests.intake.incidents.cast import SUSANA, attach, draft, opened, thread

pytestmark = pytest.mark.database
OVER = {"es": "Ya paró la lluvia en Sur.", "en": "The rain in Sur is over."}


@pytest.fixture
def city(session: Session) -> Session:
    make_city(session)
    return session


GOES_ON = {"es": "Sigue lloviendo en Sur.", "en": "It still rains in Sur."}


def contact_of(session: Session, conversation_id: UUID) -> IncidentContact:
    return session.exec(select(IncidentContact).where(IncidentContact.conversation_id == conversation_id)).one()


def consent(session: Session, conversation_id: UUID, *, is_granted: bool) -> None:
    point = session.get_one(Conversation, conversation_id).contact_point_id
    people.record_consent(session, point, purpose="notices", is_granted=is_granted, words="ALTO", now=NOW)


def whatsapp(session: Session, number: str) -> UUID:
    contact_point = people.find_or_create_address(session, CITY, read("whatsapp", number), now=NOW)
    return conversations.open_conversation(session, contact_point, "whatsapp", now=NOW).id


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


def test_why_somebody_was_not_told_is_counted(city: Session) -> None:
    made = opened(city)
    out = attach(city, made, "+525512340001")
    consent(city, out, is_granted=False)
    attach(city, made, "+525512340002")
    hidden = people.find_or_create_address(city, CITY, Address("withheld", None, ""), now=NOW)
    city.add(IncidentContact(incident_id=made.id, contact_point_id=hidden.id, channel="voice", at=NOW))
    quiet = attach(city, made, "+525512340003")
    contact_of(city, quiet).wants_notices = False
    update = actions.end(city, made.id, OVER, version=1, by=SUSANA, now=NOW)
    for _ in range(2):
        jobs.tell_attached(str(update.id))
    city.expire_all()
    assert update.outcomes == {"told": 1, "opted_out": 1, "unreachable": 1, "no_notices": 1}
    assert deliveries(city, update) == [("queued", "", 1)]


def test_an_address_that_cannot_be_written_to_keeps_nobody_from_hearing(
    city: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = opened(city)
    broken = thread(city, "+525512340001").contact_point_id
    for number in range(3):
        attach(city, made, f"+52551234000{number + 1}")
    held = incident_news.actions.open_conversation

    def refuse(session: Session, contact_point: ContactPoint, *rest: Any, **named: Any) -> Conversation:
        if contact_point.id == broken:
            raise Conflict("no")
        return held(session, contact_point, *rest, **named)

    monkeypatch.setattr(incident_news.actions, "open_conversation", refuse)
    update = actions.end(city, made.id, OVER, version=1, by=SUSANA, now=NOW)
    jobs.tell_attached(str(update.id))
    city.expire_all()
    assert (told(city), update.outcomes) == ([OVER["es"]] * 2, {"told": 2, "refused": 1})


def test_somebody_known_at_two_addresses_is_told_once_where_they_were_heard_last(city: Session) -> None:
    made = opened(city)
    called = attach(city, made, "+525512340001")
    wrote = whatsapp(city, "+5215512340001")
    group = new_id()
    for thread_id in (called, wrote):
        city.get_one(Person, city.get_one(Conversation, thread_id).person_id).group_id = group
    attaching.attach(city, made.id, conversation_id=wrote, now=NOW)
    update = actions.end(city, made.id, OVER, version=1, by=SUSANA, now=NOW)
    jobs.tell_attached(str(update.id))
    assert city.exec(select(Message.channel)).all() == ["whatsapp"]
    # Where they asked for silence they are not told; then it is the other.
    consent(city, wrote, is_granted=False)
    again = actions.reopen(city, made.id, GOES_ON, version=2, by=SUSANA, now=NOW)
    jobs.tell_attached(str(again.id))
    assert sorted(city.exec(select(Message.channel)).all()) == ["sms", "whatsapp"]


def test_open_again_it_says_so_once_and_what_was_not_told_yet_is_no_news(city: Session) -> None:
    made = opened(city)
    for number in range(4):
        attach(city, made, f"+52551234000{number}")
    ended = actions.end(city, made.id, OVER, version=1, by=SUSANA, now=NOW)
    assert tell_attached(ended.id, now=NOW, piece=2) == 2
    again = actions.reopen(city, made.id, GOES_ON, version=2, by=SUSANA, client_ref="f-1", now=NOW)
    assert actions.reopen(city, made.id, GOES_ON, version=2, by=SUSANA, client_ref="f-1", now=NOW).id == again.id
    jobs.tell_attached(str(ended.id))
    jobs.tell_attached(str(again.id))
    assert told(city) == [OVER["es"]] * 2 + [GOES_ON["es"]] * 4
    assert queries.open_for(city, CITY, now=NOW) != []


def test_nobody_hears_that_it_goes_on_after_they_heard_that_it_is_over(city: Session) -> None:
    made = opened(city)
    for number in range(4):
        attach(city, made, f"+52551234000{number}")
    goes_on = actions.post_update(city, made.id, GOES_ON, version=1, by=SUSANA, now=NOW)
    assert tell_attached(goes_on.id, now=NOW, piece=1) == 1
    over = actions.end(city, made.id, OVER, version=2, by=SUSANA, now=NOW)
    jobs.tell_attached(str(over.id))
    jobs.tell_attached(str(goes_on.id))
    assert told(city) == [GOES_ON["es"]] + [OVER["es"]] * 4
    city.expire_all()
    assert goes_on.outcomes == {"told": 1, "over": 3}


def test_open_again_its_older_ends_and_news_stay_unsaid_and_newer_ones_are_told(city: Session) -> None:
    made = opened(city)
    attach(city, made, "+525512340001")
    news = [actions.post_update(city, made.id, {"es": "Primera."}, version=1, by=SUSANA, now=NOW)]
    news.append(actions.end(city, made.id, {"es": "Terminó."}, version=2, by=SUSANA, now=NOW))
    news.append(actions.reopen(city, made.id, {"es": "Sigue."}, version=3, by=SUSANA, now=NOW))
    news.append(actions.post_update(city, made.id, {"es": "Segunda."}, version=4, by=SUSANA, now=NOW))
    news.append(actions.end(city, made.id, OVER, version=5, by=SUSANA, now=NOW))
    again = actions.reopen(city, made.id, GOES_ON, version=6, by=SUSANA, now=NOW)
    last = actions.post_update(city, made.id, {"es": "Tercera."}, version=7, by=SUSANA, now=NOW)
    for update in [again, last, *news]:
        jobs.tell_attached(str(update.id))
    assert told(city) == [GOES_ON["es"], "Tercera."]


def test_only_what_ended_lately_and_has_no_successor_is_open_again(city: Session) -> None:
    made = opened(city)
    with pytest.raises(Conflict):
        actions.reopen(city, made.id, GOES_ON, version=1, by=SUSANA, now=NOW)
    actions.end(city, made.id, OVER, version=1, by=SUSANA, now=NOW)
    with pytest.raises(Conflict, match="24"):
        actions.reopen(city, made.id, GOES_ON, version=2, by=SUSANA, now=NOW + actions.REOPENED_WITHIN)
    other = opened(city)
    with pytest.raises(AlreadyOpen) as refused:
        actions.reopen(city, made.id, GOES_ON, version=2, by=SUSANA, now=NOW)
    assert refused.value.incident_id == other.id


def test_open_again_it_takes_the_place_of_what_was_proposed_since(city: Session) -> None:
    first = actions.propose(city, CITY, draft(), proposed_by="detector", source_ref="burst:agua", now=NOW)
    assert first is not None
    actions.accept(city, first.id, draft(), version=1, by=SUSANA, now=NOW)
    actions.end(city, first.id, OVER, version=2, by=SUSANA, now=NOW)
    second = actions.propose(city, CITY, draft(), proposed_by="detector", source_ref="burst:agua", now=NOW)
    assert second is not None
    actions.reopen(city, first.id, GOES_ON, version=3, by=SUSANA, now=NOW)
    assert (first.state, second.state) == ("open", "dismissed")


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
    attaching.keep_apart(city, made.id, request.id, now=NOW)
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
