"""Every way a reply can fail on its way out, against the real stand-in: it arrives once, or somebody is told it is uncertain."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from threading import Timer
from uuid import UUID

import pytest
from sqlalchemy import Engine, create_engine, update
from sqlmodel import Session, col, select

from channels import delivery, registry, settling
from channels.delivery import Claim
from channels.jobs import deliver_message, sweep
from channels.sms.adapter import SmsChannel
from channels.values import OutboundMessage, ProviderMessageId
from intake.conversations import actions as conversations
from intake.conversations import arrivals, proofs
from intake.conversations.models import Conversation, Message
from intake.conversations.values import InboundMessage
from intake.people import actions as people
from intake.people import addresses, codes
from intake.people.code_models import ContactCode
from intake.people.models import Consent
from kernel import clock, db
from kernel.errors import Conflict, Unavailable
from kernel.outbox import OutboxEvent
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
from tests.factories import CITY, SMS_NUMBER


class Desk:
    """Our side: one conversation with Ana, and its messages."""

    def __init__(self, network: Network) -> None:
        self.network = network
        with db.transaction() as session:
            self.conversation_id = self.receive(session, ANA).conversation_id

    def receive(self, session: Session, sender: str) -> Message:
        inbound = InboundMessage("sms", f"IN{sender}", sender, SMS_NUMBER, "hola", received_at=clock.now())
        return arrivals.receive(session, inbound, jurisdiction_id=CITY, now=clock.now())

    def queue(self, body: str = "Listo. Folio 26 9264 1082.", kind: str = "dialogue") -> UUID:
        with db.transaction() as session:
            count = len(session.exec(select(Message.id)).all())
            return conversations.queue_message(
                session, self.conversation_id, body, client_ref=f"r{count}", author_kind=kind, now=clock.now()
            ).id

    def message(self, message_id: UUID) -> Message:
        with db.transaction() as session:
            return session.get_one(Message, message_id)

    def age(self, message_id: UUID, by: timedelta) -> None:
        """Lets time pass for one message."""
        with db.transaction() as session:
            message = session.get_one(Message, message_id)
            message.changed_at -= by

    def claim(self, message_id: UUID) -> Claim:
        """What a sender does before it is killed."""
        with db.transaction() as session:
            claimed = delivery.claim_next(session, message_id, now=clock.now())
        assert isinstance(claimed, Claim)
        return claimed

    def state(self, message_id: UUID) -> str:
        return self.message(message_id).status


@pytest.fixture
def desk(city_engine: Engine, tmp_path: Path) -> Iterator[Desk]:
    ours, theirs = free_socket(), free_socket()
    settings = make_settings(api_base_url=url_of(theirs), timeout_s=2.0)
    web = settings.web.model_copy(update={"public_base_url": url_of(ours)})
    settings = settings.model_copy(update={"web": web})
    registry.connect(settings)
    config = standin_config(tmp_path / "state.sqlite3", url_of(ours) + "/webhooks/sms", hang_s=2.5)
    with serving(center_app(settings), ours), standin(config, theirs) as network:
        yield Desk(network)
    registry.disconnect()


def test_a_reply_goes_out_and_its_receipts_come_back(desk: Desk) -> None:
    message_id = desk.queue("Listo, quedó. " * 12)
    deliver_message(str(message_id))

    eventually(lambda: desk.state(message_id) == "delivered")
    [text] = desk.network.texts()
    assert text["sid"] == desk.message(message_id).provider_message_id
    assert text["to"] == ANA
    assert text["body"] == "Listo, quedo. " * 12  # two SMS instead of three
    assert desk.message(message_id).segments == 2
    assert desk.message(message_id).body.startswith("Listo, quedó")


def test_a_job_that_runs_twice_sends_once(desk: Desk) -> None:
    message_id = desk.queue()
    for _ in range(3):
        deliver_message(str(message_id))
    assert len(desk.network.texts()) == 1


def test_a_job_that_runs_eight_times_at_once_sends_once(desk: Desk) -> None:
    message_id = desk.queue()

    def run(_: int) -> None:
        with suppress(Unavailable):  # somebody else was sending it
            deliver_message(str(message_id))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(run, range(8)))
    assert len(desk.network.texts()) == 1
    assert desk.state(message_id) in ("accepted", "sent", "delivered")


def test_replies_keep_their_order_whichever_job_runs_first(desk: Desk) -> None:
    wanted = [f"respuesta {n}" for n in range(6)]
    message_ids = [desk.queue(body) for body in wanted]

    def run(message_id: UUID) -> None:
        with suppress(Unavailable):
            deliver_message(str(message_id))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(run, reversed(message_ids)))
    assert [text["body"] for text in desk.network.texts()] == wanted


def test_a_sender_killed_before_the_call_leaves_it_uncertain_then_queued(desk: Desk) -> None:
    message_id = desk.queue()
    desk.claim(message_id)
    with pytest.raises(Unavailable):
        deliver_message(str(message_id))  # its sender may still be at it
    assert desk.state(message_id) == "sending"

    desk.age(message_id, delivery.SENDING_LEASE)
    deliver_message(str(message_id))
    assert desk.state(message_id) == "uncertain"
    assert desk.network.texts() == []

    sweep()
    assert desk.state(message_id) == "uncertain"  # too early to conclude that the provider never had it
    desk.age(message_id, settling.ABSENT_AFTER)
    sweep()
    assert desk.state(message_id) == "queued"
    deliver_message(str(message_id))
    assert len(desk.network.texts()) == 1


def test_a_sender_killed_after_the_call_is_found_by_asking(desk: Desk) -> None:
    desk.network.switch(lose=True)
    message_id = desk.queue()
    claim = desk.claim(message_id)
    sid = registry.channel_named("sms").send(claim.message)

    desk.age(message_id, delivery.SENDING_LEASE)
    sweep()
    message = desk.message(message_id)
    assert message.status in ("accepted", "sent", "delivered")
    assert message.provider_message_id == sid
    assert len(desk.network.texts()) == 1


def test_what_the_provider_answered_outlives_a_restart_of_the_database(desk: Desk, city_engine: Engine) -> None:
    desk.network.switch(lose=True)
    message_id = desk.queue()
    sms = registry.channel_named("sms")
    away = create_engine("postgresql+psycopg://x@/x?host=/nowhere")

    class LosesTheDatabase(SmsChannel):
        def send(self, message: OutboundMessage) -> ProviderMessageId:
            taken = sms.send(message)
            db.configure(away)
            Timer(0.5, db.configure, [city_engine]).start()
            return taken

    settings = make_settings()
    assert settings.sms is not None
    registry._connected["sms"] = LosesTheDatabase(settings.sms, "")
    deliver_message(str(message_id))
    assert desk.state(message_id) == "accepted"
    assert desk.message(message_id).provider_message_id == desk.network.texts()[0]["sid"]
    sms.close()
    away.dispose()


def test_a_sender_killed_after_the_call_is_found_by_the_receipts(desk: Desk) -> None:
    message_id = desk.queue()
    sid = registry.channel_named("sms").send(desk.claim(message_id).message)
    eventually(lambda: desk.state(message_id) == "delivered")
    assert desk.message(message_id).provider_message_id == sid


@pytest.mark.parametrize("outage", ["error_after", "timeout_after"])
def test_taken_but_not_said_is_uncertain_and_never_sent_again(desk: Desk, outage: str) -> None:
    desk.network.switch(outage=outage, lose=True)
    message_id = desk.queue("¿Dónde es? Escribe calle y colonia.")
    deliver_message(str(message_id))
    assert desk.state(message_id) == "uncertain"
    deliver_message(str(message_id))
    assert desk.state(message_id) == "uncertain"

    desk.network.switch(outage="none")
    desk.age(message_id, settling.ABSENT_AFTER)
    sweep()
    assert desk.state(message_id) in ("accepted", "sent", "delivered")
    assert len(desk.network.texts()) == 1


def test_a_provider_that_is_down_is_asked_later(desk: Desk) -> None:
    desk.network.switch(outage="down")
    message_id = desk.queue()
    deliver_message(str(message_id))
    desk.age(message_id, settling.ABSENT_AFTER)
    sweep()
    assert desk.state(message_id) == "uncertain"  # no answer is no evidence

    desk.network.switch(outage="none")
    sweep()
    deliver_message(str(message_id))
    assert len(desk.network.texts()) == 1


def test_a_provider_that_is_busy_took_nothing(desk: Desk) -> None:
    desk.network.switch(outage="busy")
    message_id = desk.queue()
    with pytest.raises(Unavailable):
        deliver_message(str(message_id))
    assert (desk.state(message_id), desk.message(message_id).error_code) == ("queued", "rate_limited")

    desk.network.switch(outage="none")
    desk.age(message_id, delivery.RETRY_PAUSE)
    deliver_message(str(message_id))
    assert len(desk.network.texts()) == 1


def test_a_provider_that_cannot_be_reached_took_nothing(desk: Desk) -> None:
    closed = free_socket()
    registry.connect(make_settings(api_base_url=url_of(closed)))
    message_id = desk.queue()
    with pytest.raises(Unavailable):
        deliver_message(str(message_id))
    assert (desk.state(message_id), desk.message(message_id).error_code) == ("queued", "provider_down")
    closed.close()


def test_no_account_at_all_leaves_messages_waiting(desk: Desk) -> None:
    registry.disconnect()
    message_id = desk.queue()
    with pytest.raises(Unavailable):
        deliver_message(str(message_id))
    assert desk.state(message_id) == "queued"
    sweep()


def test_four_hours_are_enough(desk: Desk) -> None:
    message_id = desk.queue()
    with db.transaction() as session:
        old = clock.now() - timedelta(hours=5)
        values = {"at": old, "changed_at": old, "attempts": 3}
        session.execute(update(Message).where(col(Message.id) == message_id).values(values))
    deliver_message(str(message_id))
    assert (desk.state(message_id), desk.message(message_id).error_code) == ("failed", "expired")
    assert desk.network.texts() == []


def test_a_forgotten_message_is_told_of_again(desk: Desk, city_engine: Engine) -> None:
    message_id = desk.queue()
    desk.age(message_id, settling.FORGOTTEN_AFTER)
    sweep()
    sweep()
    with Session(city_engine) as session:
        names = session.exec(select(OutboxEvent.name).where(OutboxEvent.name == "message.queued")).all()
    assert len(names) == 2


def test_an_address_that_is_no_phone_fails_with_a_reason(desk: Desk) -> None:
    with db.transaction() as session:
        desk.conversation_id = desk.receive(session, "anonymous").conversation_id
    message_id = desk.queue()
    deliver_message(str(message_id))
    assert (desk.state(message_id), desk.message(message_id).error_code) == ("failed", "not_a_number")


@pytest.mark.parametrize(("body", "reason"), [("á" * 1000 + "🚰", "too_long"), ("\u200b", "empty")])
def test_what_cannot_be_sent_fails_with_a_reason(desk: Desk, body: str, reason: str) -> None:
    message_id = desk.queue(body)
    deliver_message(str(message_id))
    assert (desk.state(message_id), desk.message(message_id).error_code) == ("failed", reason)
    assert desk.network.texts() == []


def test_a_phone_that_is_off_is_reported_in_our_words(desk: Desk) -> None:
    desk.network.switch(phone_off=True)
    message_id = desk.queue()
    deliver_message(str(message_id))
    eventually(lambda: desk.state(message_id) == "undelivered")
    assert desk.message(message_id).error_code == "line_unreachable"


@pytest.mark.parametrize("switches", [{"duplicate": True}, {"reorder": True}, {"delay_s": 0.3}])
def test_receipts_may_come_as_they_like(desk: Desk, switches: dict[str, object]) -> None:
    desk.network.switch(**switches)
    message_id = desk.queue()
    deliver_message(str(message_id))
    eventually(lambda: desk.state(message_id) == "delivered")


def test_somebody_who_stopped_at_the_provider_is_remembered(desk: Desk, city_engine: Engine) -> None:
    desk.network.switch(stop_words=True)
    desk.network.write(ANA, "STOP")
    first, notice = desk.queue(), desk.queue("Noticias", kind="notice")
    deliver_message(str(first))

    assert (desk.state(first), desk.message(first).error_code) == ("failed", "opted_out")
    assert desk.state(notice) == "suppressed"
    with Session(city_engine) as session:
        assert session.exec(select(Consent.is_granted)).all() == [False]
    assert desk.network.texts() == []


def test_a_notice_is_held_back_when_the_person_has_just_opted_out(desk: Desk) -> None:
    answer, notice = desk.queue("Listo"), desk.queue("Noticias", kind="notice")
    with db.transaction() as session:
        contact_point_id = session.get_one(Conversation, desk.conversation_id).contact_point_id
        people.record_consent(session, contact_point_id, purpose="notices", is_granted=False, now=clock.now())
    deliver_message(str(notice))
    assert [text["body"] for text in desk.network.texts()] == ["Listo"]
    assert desk.state(notice) == "suppressed"
    assert desk.state(answer) != "queued"


def test_the_same_words_sent_before_are_not_taken_for_this_message(desk: Desk) -> None:
    desk.network.switch(lose=True)
    first = desk.queue("¿Dónde es?")
    deliver_message(str(first))
    second = desk.queue("¿Dónde es?")
    desk.claim(second)
    desk.age(second, delivery.SENDING_LEASE)
    sweep()
    desk.age(second, settling.ABSENT_AFTER)
    sweep()
    assert desk.state(second) == "queued"


def test_words_inside_a_longer_message_are_not_that_message(desk: Desk) -> None:
    sms = registry.channel_named("sms")
    desk.network.send(To=ANA, From=SMS_NUMBER, Body="¿Dónde es? Escribe la calle.")
    asked = OutboundMessage(UUID(int=1), None, ANA, "¿Dónde es?")
    since = clock.now() - timedelta(minutes=1)
    assert sms.look_up(asked, since) == []
    desk.network.send(To=ANA, From=SMS_NUMBER, Body="¿Donde es? ")
    assert len(sms.look_up(asked, since)) == 1
    # An account on trial: the provider writes a sentence before every text.
    desk.network.send(To=ANA, From=SMS_NUMBER, Body="Sent from your Twilio trial account - ¿Dónde es?")
    assert len(sms.look_up(asked, since)) == 2


def test_a_person_settles_what_nobody_knows(desk: Desk) -> None:
    arrived, lost = desk.queue("uno"), desk.queue("dos")
    desk.claim(arrived)
    desk.age(arrived, delivery.SENDING_LEASE)
    assert desk.claim(lost).message.body == "dos"
    with pytest.raises(Conflict), db.transaction() as session:
        delivery.settle_by_hand(session, lost, arrived=True, now=clock.now())
    desk.age(lost, delivery.SENDING_LEASE)
    deliver_message(str(lost))
    with db.transaction() as session:
        delivery.settle_by_hand(session, arrived, arrived=True, now=clock.now())
        delivery.settle_by_hand(session, lost, arrived=False, now=clock.now())
    deliver_message(str(lost))
    assert desk.state(arrived) == "sent"
    assert [text["body"] for text in desk.network.texts()] == ["dos"]


def _queue_code(desk: Desk) -> tuple[UUID, UUID]:
    """A code that Ana's telephone is to show; the ids of the code and of its message."""
    with db.transaction() as session:
        inbound = InboundMessage("telegram", "T1", "777", "us", "hola", clock.now(), sender_kind="telegram")
        asker = arrivals.receive(session, inbound, jurisdiction_id=CITY, now=clock.now()).conversation_id
        thread = session.get_one(Conversation, asker)
        asked = proofs.ask(session, thread, addresses.read_phone(ANA), "es", now=clock.now())
        assert isinstance(asked, ContactCode)
        proofs.send(session, asked.id, now=clock.now())
        return asked.id, session.exec(select(Message.id).where(Message.author_kind == "proof")).one()


def test_the_digits_of_a_code_are_filled_in_on_the_way_out(desk: Desk) -> None:
    code_id, message_id = _queue_code(desk)
    deliver_message(str(message_id))
    eventually(lambda: desk.state(message_id) == "delivered")
    [text] = desk.network.texts()
    with db.transaction() as session:
        assert text["body"].startswith(f"{codes.digits_of(session, code_id)} es tu")
    assert proofs.HIDDEN in desk.message(message_id).body


def test_a_code_whose_answer_was_lost_is_found_by_its_digits(desk: Desk) -> None:
    _, message_id = _queue_code(desk)
    desk.network.switch(outage="error_after", lose=True)
    deliver_message(str(message_id))
    assert desk.state(message_id) == "uncertain"
    desk.network.switch(outage="none")
    desk.age(message_id, timedelta(minutes=2))
    sweep()
    assert desk.state(message_id) in ("accepted", "sent", "delivered")
    assert len(desk.network.texts()) == 1


@pytest.mark.parametrize(("what", "status"), [("expired", "failed"), ("opted_out", "suppressed")])
def test_a_code_that_serves_nobody_does_not_go_out(desk: Desk, what: str, status: str) -> None:
    code_id, message_id = _queue_code(desk)
    with db.transaction() as session:
        code = session.get_one(ContactCode, code_id)
        if what == "expired":
            code.asked_at -= timedelta(minutes=11)
        else:
            people.record_consent(
                session, code.target_id, purpose="notices", is_granted=False, words="ALTO", now=clock.now()
            )
    deliver_message(str(message_id))
    assert desk.state(message_id) == status
    assert desk.network.texts() == []
