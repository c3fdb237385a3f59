"""A dozen strangers against one house, by text message: each is served as ever, and a supervisor is asked to look."""

import pytest
import time_machine
from sqlmodel import Session, select

from atiende.subscriptions import SUBSCRIPTIONS
from channels.receiving import receive_call
from channels.registry import CHANNELS
from intake.conversations.advance import advance
from intake.conversations.models import Conversation, Message
from intake.service_requests import jobs, targeting
from intake.service_requests.models import ServiceRequest
from kernel.outbox import OutboxEvent
from tests.channels.conftest import inbound, make_settings
from tests.factories import CITY, NOW, make_city
from tests.journeys.test_same_report import form

pytestmark = [pytest.mark.database, pytest.mark.journey]
LOOKS = {f"{jobs.__name__}.{look.__name__}": look for look in (jobs.look_at_address, jobs.look_at_joined_address)}


@time_machine.travel(NOW, tick=False)
def test_a_dozen_strangers_against_one_house(session: Session) -> None:
    make_city(session)
    channel = CHANNELS["sms"](make_settings())
    assert channel is not None
    for number in range(targeting.MANY_PEOPLE):
        assert targeting.waiting(session, CITY) == []
        words = inbound(
            f"SM{number}", "hay un bache en avenida sabinos 214, el carmen", From=f"+5255123456{number:02d}"
        )
        assert receive_call(channel, form("/webhooks/sms", words))
        for thread in session.exec(select(Conversation)).all():
            advance(session, thread.id, now=NOW)
        look_again(session)
    channel.close()
    ((flag, request),) = targeting.waiting(session, CITY)
    assert (flag.reason, flag.basis["people"]) == ("many_people", targeting.MANY_PEOPLE)
    # The map knows the street alone. Nothing is hidden, and each of them has a folio.
    assert (request.precision_m or 0) > 60
    made = session.exec(select(ServiceRequest)).all()
    assert [one.life for one in made] == ["new"] * targeting.MANY_PEOPLE
    told = "".join("".join(one.body.split()) for one in session.exec(select(Message)))
    assert all(one.folio in told for one in made)


def look_again(session: Session) -> None:
    """What the relay starts of all that was recorded, as far as it looks at addresses; twice is once."""
    for event in session.exec(select(OutboxEvent)).all():
        for path in " + ".join(SUBSCRIPTIONS.get(event.name, ())).split(" + "):
            if path in LOOKS:
                LOOKS[path](**event.payload)
