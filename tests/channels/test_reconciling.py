"""What residents wrote while nobody heard is found in the provider's own log, and only that."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from sqlalchemy import Engine
from sqlmodel import col, select

from channels import registry
from channels.jobs import reconcile
from channels.models import ReconciledUntil
from intake.conversations.models import Message
from kernel import clock, db
from tests.channels.conftest import ANA, make_settings
from tests.channels.servers import (
    Network,
    center_app,
    eventually,
    free_socket,
    serving,
    standin,
    standin_config,
    url_of,
)


@pytest.fixture
def network(city_engine: Engine, tmp_path: Path) -> Iterator[Network]:
    bound, ours = free_socket(), free_socket()
    settings = make_settings(api_base_url=url_of(bound))
    settings = settings.model_copy(update={"web": settings.web.model_copy(update={"public_base_url": url_of(ours)})})
    registry.connect(settings)
    with (
        serving(center_app(settings), ours),
        standin(standin_config(tmp_path / "state.db", f"{url_of(ours)}/webhooks/sms"), bound) as running,
    ):
        with db.transaction() as session:
            for row in session.exec(select(ReconciledUntil)):
                session.delete(row)
        yield running
    registry.disconnect()


def bodies() -> list[str]:
    with db.transaction() as session:
        inbound = select(Message.body).where(Message.direction == "inbound").order_by(col(Message.seq))
        return list(session.exec(inbound))


def later(minutes: int) -> time_machine.travel:
    return time_machine.travel(clock.now() + timedelta(minutes=minutes), tick=True)


def test_what_a_dead_webhook_missed_is_heard_once(network: Network) -> None:
    reconcile()  # from now on
    network.write(ANA, "uno")
    eventually(lambda: bodies() == ["uno"])
    network.switch(lose_inbound=True)
    network.write(ANA, "dos")
    network.write(ANA, "tres")
    reconcile()
    assert bodies() == ["uno"]  # they may still be on their way
    for _ in range(2):
        with later(3):
            reconcile()
        assert bodies() == ["uno", "dos", "tres"]


def test_what_was_written_before_this_program_was_is_not_ours(network: Network) -> None:
    network.switch(lose_inbound=True)
    network.write(ANA, "antes")
    with later(30):
        reconcile()
        reconcile()
    assert bodies() == []


def test_a_provider_that_does_not_answer_is_asked_again_for_all_of_it(network: Network) -> None:
    reconcile()
    network.switch(lose_inbound=True)
    network.write(ANA, "dos")
    network.switch(lose_inbound=True, outage="down")
    with later(3):
        reconcile()
    assert bodies() == []
    network.switch(lose_inbound=True, outage="none")
    with later(20):
        reconcile()
    assert bodies() == ["dos"]


def test_a_picture_by_whatsapp_is_found_with_its_file(network: Network) -> None:
    reconcile()
    network.switch(lose_inbound=True)
    answer = network.client.post(
        f"/whatsapp/{ANA}/messages", data={"body": "mira"}, files={"file": ("a.jpg", b"\xff\xd8\xff\xe0", "image/jpeg")}
    )
    assert answer.status_code == 303, answer.text
    with later(3):
        reconcile()
    with db.transaction() as session:
        [message] = session.exec(select(Message).where(Message.channel == "whatsapp")).all()
        assert message.body == "mira"
        assert message.media[0]["content_type"] == "image/jpeg"
        assert "/Media/ME" in message.media[0]["reference"]
