"""A reply to news of long ago is about that news, though its thread was closed meanwhile; nobody replies to another's."""

import pytest
from sqlmodel import Session, select

from georef.points import LonLat
from intake.conversations import actions, arrivals, queries
from intake.conversations.actions import IDLE_AFTER
from intake.conversations.models import Conversation, Message
from intake.conversations.values import InboundMessage
from intake.people import actions as people
from intake.service_requests.actions import submit
from intake.service_requests.models import ServiceRequest
from intake.service_requests.values import Submission
from tests.channels.email.mails import CITY_ADDRESS, OUR_ID, ROSA
from tests.factories import CITY, IN_NORTE, NOW, make_city

pytestmark = pytest.mark.database
LATER = NOW + IDLE_AFTER * 2


@pytest.fixture
def told(session: Session) -> ServiceRequest:
    """News to Rosa by mail, two weeks before she answers."""
    make_city(session)
    request = submit(session, Submission(CITY, "BACHE", "web", point=LonLat(*IN_NORTE)), now=NOW)
    contact = people.find_or_create(session, CITY, "email", ROSA, now=NOW)
    thread = actions.open_conversation(session, contact, "email", now=NOW)
    news = actions.queue_message(
        session, thread.id, "Ya quedó.", client_ref="n", author_kind="notice", service_request_id=request.id, now=NOW
    )
    news.provider_message_id = OUR_ID
    session.flush()
    return request


def answer(session: Session, sender: str, reply_to: str | None) -> Message:
    inbound = InboundMessage(
        "email", "<m9@x>", sender, CITY_ADDRESS, "No es cierto", LATER, sender_kind="email", reply_to=reply_to
    )
    return arrivals.receive(session, inbound, jurisdiction_id=CITY, now=LATER)


def test_it_is_about_what_it_replies_to(session: Session, told: ServiceRequest) -> None:
    message = answer(session, ROSA, OUR_ID)
    assert len(session.exec(select(Conversation)).all()) == 2, "the old thread was closed"
    found = queries.notice_before(session, message)
    assert found is not None
    assert found.id == told.id


def test_a_mail_that_names_nothing_begins_anew(session: Session, told: ServiceRequest) -> None:
    assert queries.notice_before(session, answer(session, ROSA, None)) is None


def test_news_of_somebody_else_is_no_news_of_ours(session: Session, told: ServiceRequest) -> None:
    assert queries.notice_before(session, answer(session, "olga@correo.example", OUR_ID)) is None
