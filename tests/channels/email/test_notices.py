"""Who left an e-mail address on a form hears by mail, where there is a mailbox; elsewhere nothing waits for a channel in vain."""

from collections.abc import Iterator

import pytest
from sqlmodel import Session, select

from channels import delivery, registry
from channels.delivery import Claim
from georef.points import LonLat
from intake.conversations import notices
from intake.conversations.models import Message
from intake.people import actions as people
from intake.service_requests.actions import submit
from intake.service_requests.values import Reporter, Submission
from tests.channels.conftest import make_settings
from tests.channels.email.mails import ROSA
from tests.factories import CITY, IN_NORTE, NOW, make_city

pytestmark = pytest.mark.database


@pytest.fixture(autouse=True)
def clean() -> Iterator[None]:
    yield
    registry.disconnect()
    notices.configure({})


def reported(session: Session) -> list[Message]:
    make_city(session)
    contact = people.find_or_create(session, CITY, "email", ROSA, now=NOW)
    reporter = Reporter(contact.person_id, contact.id)
    made = submit(session, Submission(CITY, "BACHE", "web", point=LonLat(*IN_NORTE), reporter=reporter), now=NOW)
    notices.tell_reporters(session, made.id, None, now=NOW)
    return list(session.exec(select(Message)))


def test_with_a_mailbox_they_are_told_by_mail(session: Session) -> None:
    registry.connect(make_settings())
    [message] = reported(session)
    claim = delivery.claim_next(session, message.id, now=NOW)
    assert isinstance(claim, Claim)
    assert (claim.channel, claim.message.recipient, claim.message.author_kind) == ("email", ROSA, "notice")
    assert claim.message.city_name == "Ciudad Prueba"
    assert claim.message.service_request_folio
    assert claim.message.last_inbound is None


def test_without_one_nothing_waits(session: Session) -> None:
    registry.connect(make_settings().model_copy(update={"email": None}))
    assert reported(session) == []
