"""What a provider told us is committed before anything is made of it, once, and made something of in the end."""

from datetime import timedelta

import pytest
import time_machine
from sqlmodel import Session, col, select

from channels import receiving
from channels.models import InboundPayload
from channels.receiving import KEPT_FOR, receive_call, take_in_waiting
from channels.values import Webhook, WebhookEvent
from intake.catalog.models import ChannelAddress
from intake.conversations.models import Conversation, Message
from intake.conversations.values import InboundMessage, SharedPlace
from intake.people import actions as people
from intake.people.models import ContactPoint, Person
from tests.factories import CITY, NOW, make_city


@pytest.fixture(autouse=True)
def city(session: Session) -> None:
    make_city(session)


class Pigeon:
    """A channel whose calls are one line: id, sender, words. It cannot read `?` until it is mended."""

    name = "pigeon"
    sender_kind = "telegram"
    is_mended = False

    def parse(self, webhook: Webhook) -> list[WebhookEvent]:
        if b"?" in webhook.body and not self.is_mended:
            raise LookupError
        number, sender, words = webhook.body.decode().split(" ", 2)
        return [
            InboundMessage(
                self.name, number, sender, "loft", words, webhook.received_at, sender_kind=self.sender_kind,
                place=SharedPlace(-99.1, 19.4, "Kiosco"), choice="3.1", profile_name=" Ana \0 Ruiz ", language="en",
            )
        ]  # fmt: skip


def call(body: str) -> Webhook:
    return Webhook(
        "/webhooks/pigeon", "", {"content-type": "text/plain", "authorization": "secret"}, body.encode(), NOW
    )


def payloads(session: Session) -> list[InboundPayload]:
    session.expire_all()
    return list(session.exec(select(InboundPayload).order_by(col(InboundPayload.received_at))))


def messages(session: Session) -> list[Message]:
    return list(session.exec(select(Message).order_by(col(Message.seq))))


def test_all_that_a_channel_tells_is_kept_with_the_message(session: Session) -> None:
    receive_call(Pigeon(), call("7 ana hola"))
    [message] = messages(session)
    assert (message.lon, message.lat, message.place_label, message.choice) == (-99.1, 19.4, "Kiosco", "3.1")
    assert session.exec(select(Conversation.language)).one() == "en"
    contact_point = session.exec(select(ContactPoint)).one()
    assert (contact_point.kind, people.profile_name_of(contact_point)) == ("telegram", "Ana Ruiz")
    [payload] = payloads(session)
    assert (payload.key, payload.state) == ("7", "taken")


def test_a_call_told_twice_is_one_message(session: Session) -> None:
    for _ in range(3):
        receive_call(Pigeon(), call("7 ana hola"))
    assert len(messages(session)) == len(payloads(session)) == 1


def test_what_stopped_halfway_is_taken_in_later(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(receiving, "_take_in", lambda *_, **__: None)  # the process died here
        receive_call(Pigeon(), call("7 ana hola"))
    assert messages(session) == []
    with time_machine.travel(NOW + timedelta(seconds=6), tick=False):
        take_in_waiting({"pigeon": Pigeon()})
        take_in_waiting({"pigeon": Pigeon()})
    assert [message.body for message in messages(session)] == ["hola"]
    assert payloads(session)[0].state == "taken"


def test_what_nobody_can_read_today_is_read_when_it_is_mended(session: Session) -> None:
    pigeon = Pigeon()
    receive_call(pigeon, call("7 ana ¿hola?"))
    with time_machine.travel(NOW + timedelta(seconds=6), tick=False):
        take_in_waiting({"pigeon": pigeon})
    [payload] = payloads(session)
    assert (payload.state, payload.attempts, payload.last_error) == ("waiting", 1, "LookupError")
    assert messages(session) == []
    pigeon.is_mended = True
    with time_machine.travel(NOW + timedelta(minutes=5), tick=False):
        take_in_waiting({"pigeon": pigeon})
    assert [message.body for message in messages(session)] == ["¿hola?"]
    assert payloads(session)[0].last_error is None


def test_after_many_tries_a_person_has_to_look(session: Session) -> None:
    pigeon = Pigeon()
    receive_call(pigeon, call("7 ana ¿hola?"))
    for n in range(1, 60):
        with time_machine.travel(NOW + n * timedelta(minutes=10), tick=False):
            take_in_waiting({"pigeon": pigeon})
    assert payloads(session)[0].state == "failed"


def test_one_that_cannot_be_read_does_not_hold_up_the_others(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(receiving, "_take_in", lambda *_, **__: None)
        for words in ("7 ana ¿hola?", "8 ana adiós"):
            receive_call(Pigeon(), call(words))
    with time_machine.travel(NOW + timedelta(seconds=6), tick=False):
        take_in_waiting({"pigeon": Pigeon()})
    assert [message.body for message in messages(session)] == ["adiós"]


def test_calls_are_sealed_without_their_credentials_and_forgotten_after_a_month(session: Session) -> None:
    receive_call(Pigeon(), call("7 ana hola"))
    [payload] = payloads(session)
    assert b"hola" not in payload.call_sealed
    assert "secret" not in receiving.crypto.vault().unseal(payload.call_sealed, context="inbound_payload")
    with time_machine.travel(NOW + KEPT_FOR + timedelta(seconds=1), tick=False):
        take_in_waiting({})
    assert payloads(session) == []
    assert len(messages(session)) == 1


def test_the_address_that_was_written_to_tells_the_city(session: Session) -> None:
    assert receiving.jurisdiction_of(session, "pigeon", "loft") == CITY  # the default one
    make_city(session, "other.gob.example", sms_number="+525500000399")
    session.add(ChannelAddress(channel="pigeon", address="loft", jurisdiction_id="other.gob.example"))
    session.flush()
    receive_call(Pigeon(), call("7 ana hola"))
    assert session.exec(select(Conversation.jurisdiction_id)).one() == "other.gob.example"


@pytest.mark.parametrize("order", [("phone", "whatsapp"), ("whatsapp", "phone")])
def test_one_number_on_two_networks_is_one_person_with_two_addresses(session: Session, order: tuple[str, str]) -> None:
    written = {"phone": "+525512345678", "whatsapp": "+5215512345678"}
    for number, kind in enumerate(order):
        pigeon = Pigeon()
        pigeon.sender_kind = kind
        receive_call(pigeon, call(f"{number} {written[kind]} hola"))
    points = session.exec(select(ContactPoint)).all()
    assert {point.kind: people.address_of(point) for point in points} == written
    assert len({point.person_id for point in points}) == 1
    assert len(session.exec(select(Person)).all()) == 1


def test_a_whatsapp_user_without_a_number_is_a_person_of_their_own(session: Session) -> None:
    pigeon = Pigeon()
    pigeon.sender_kind = "whatsapp"
    for number, sender in enumerate(("+5215512345678", "MX.1234567890", "MX.1234567890")):
        receive_call(pigeon, call(f"{number} {sender} hola"))
    assert len(session.exec(select(Person)).all()) == 2
