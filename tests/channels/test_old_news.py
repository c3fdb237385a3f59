"""News of an incident that waits for its turn while the incident ends, or goes on again."""

from datetime import timedelta

import pytest
from sqlmodel import Session, col, select

from channels import delivery, reasons
from channels.delivery import Claim, Nothing
from intake.conversations import jobs
from intake.conversations.models import Message
from intake.incidents import actions
from intake.incidents.models import IncidentUpdate
from tests.factories import NOW, make_city
from tests.intake.incidents.cast import SUSANA, attach, opened

pytestmark = pytest.mark.database


@pytest.fixture
def city(session: Session) -> Session:
    make_city(session)
    return session


def sent(session: Session) -> list[str]:
    """What the network gets, one after another."""
    waiting = session.exec(select(Message).order_by(col(Message.seq).desc())).first()
    assert waiting is not None
    found, now = [], NOW
    while isinstance(claim := delivery.claim_next(session, waiting.id, now=now), Claim):
        found.append(claim.message.body)
        delivery.move(session, session.get_one(Message, claim.message.message_id), "accepted", reason=None, now=now)
        now += timedelta(minutes=1)
    assert claim is Nothing.DONE
    return found


def tell(*news: IncidentUpdate) -> None:
    for update in news:
        jobs.tell_attached(str(update.id))


def test_what_waits_is_not_sent_once_it_is_over_and_says_why(city: Session) -> None:
    made = opened(city)
    attach(city, made, "+525512340001")
    tell(actions.post_update(city, made.id, {"es": "Sigue sin agua."}, version=1, by=SUSANA, now=NOW))
    tell(actions.end(city, made.id, {"es": "Ya hay agua."}, version=2, by=SUSANA, now=NOW))
    assert sent(city) == ["Ya hay agua."]
    old = city.exec(select(Message).where(Message.body == "Sigue sin agua.")).one()
    assert (old.status, old.error_code) == ("suppressed", "no_news")
    assert reasons.in_words("no_news", "en") == "It was no news any more."


def test_an_end_that_waits_is_not_sent_once_it_goes_on(city: Session) -> None:
    made = opened(city)
    attach(city, made, "+525512340001")
    tell(actions.end(city, made.id, {"es": "Ya hay agua."}, version=1, by=SUSANA, now=NOW))
    tell(actions.reopen(city, made.id, {"es": "Sigue sin agua."}, version=2, by=SUSANA, now=NOW))
    tell(actions.post_update(city, made.id, {"es": "Van pipas."}, version=3, by=SUSANA, now=NOW))
    assert sent(city) == ["Sigue sin agua.", "Van pipas."]
