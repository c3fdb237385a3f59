"""Every change is told at least once under one id, signed, for as long as it takes; and one bad address holds up nobody."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import time_machine
from sqlmodel import Session, col, select
from standardwebhooks import Webhook as Verifier
from standardwebhooks import WebhookVerificationError

from georef.points import LonLat
from intake.catalog.models import EXTENSIONS_OFF, Jurisdiction
from intake.changes import numbering
from intake.service_requests import actions as service_requests
from intake.service_requests.models import ServiceRequest
from intake.service_requests.values import Actor, Submission
from intake.webhooks import actions, delivery, jobs, payload
from intake.webhooks.config import Config
from intake.webhooks.models import Webhook, WebhookDelivery
from kernel import clock as wall
from kernel.errors import Conflict, InvalidInput, NotFound
from kernel.outbox import OutboxEvent
from tests.factories import CITY, IN_NORTE, IN_SUR, NOW, make_city
from tests.intake.webhooks.receiving import Receiver

pytestmark = [pytest.mark.database, pytest.mark.usefixtures("configured")]

WORDS = "Avisen a rosa@correo.mx, 55 1234 5678"


@pytest.fixture(autouse=True)
def clock() -> Iterator[Any]:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture(autouse=True)
def city(session: Session) -> None:
    make_city(session)


def submit(session: Session, place: tuple[float, float] = IN_NORTE) -> ServiceRequest:
    submission = Submission(
        jurisdiction_id=CITY, service_code="BACHE", channel="web", description=WORDS, point=LonLat(*place)
    )
    return service_requests.submit(session, submission, now=wall.now())


def subscribe(session: Session, receiver: Receiver, **values: Any) -> tuple[Webhook, str]:
    return actions.make(session, CITY, receiver.url, made_by="Rosa", now=wall.now(), **values)


def work(session: Session) -> None:
    """What relay and worker do: number, queue, and run each job that was asked for, once."""
    session.flush()
    numbering.number(session)
    jobs.sweep()
    asked = session.exec(select(OutboxEvent).where(OutboxEvent.name == "webhook_delivery.queued")).all()
    for event in asked:
        jobs.deliver_webhook(**event.payload)
        session.delete(event)
    session.flush()
    session.expire_all()


def deliveries(session: Session) -> list[WebhookDelivery]:
    session.expire_all()
    return list(session.exec(select(WebhookDelivery).order_by(col(WebhookDelivery.id))))


def test_each_change_arrives_signed_thin_and_in_sequence(session: Session, receiver: Receiver) -> None:
    _, secret = subscribe(session, receiver)
    made = submit(session)
    work(session)
    assert [item.state for item in deliveries(session)] == ["delivered", "delivered"]
    messages = [Verifier(secret).verify(body, headers) for headers, body in receiver.received]
    assert [message["type"] for message in messages] == ["service_request.submitted", "service_request.routed"]
    assert len(set(receiver.ids)) == 2
    first, second = (message["data"] for message in messages)
    assert first["service_request_id"] == second["service_request_id"] == made.folio
    assert first["sequence"] < second["sequence"]
    assert list(first) == [
        "jurisdiction_id",
        "sequence",
        "cursor",
        "change_id",
        "service_request_id",
        "service_code",
        "status",
        "agency_responsible",
        "url",
    ]
    for _, body in receiver.received:
        assert b"rosa" not in body
        assert b"1234 5678" not in body
        assert b"lat" not in body


def test_a_letter_that_was_changed_on_the_way_is_noticed(session: Session, receiver: Receiver) -> None:
    _, secret = subscribe(session, receiver)
    submit(session)
    work(session)
    headers, body = receiver.received[0]
    with pytest.raises(WebhookVerificationError):
        Verifier(secret).verify(body.replace(b"open", b"0pen"), headers)
    with pytest.raises(WebhookVerificationError):
        Verifier(payload.new_secret()).verify(body, headers)


def test_only_what_comes_after_it_was_made_and_only_what_was_chosen(session: Session, receiver: Receiver) -> None:
    submit(session)
    numbering.number(session)
    subscribe(session, receiver, event_types=["service_request.routed"])
    submit(session)
    work(session)
    assert [item.event_type for item in deliveries(session)] == ["service_request.routed"]


def test_an_agency_is_told_of_its_requests_and_everybody_else_of_what_is_public(
    session: Session, receiver: Receiver
) -> None:
    north, _ = subscribe(session, receiver, agency_code="ALC-N")
    public, _ = subscribe(session, receiver)
    mine, other = submit(session), submit(session, IN_SUR)
    hidden = submit(session)
    hidden.is_public = False
    service_requests.add_note(
        session, mine.id, text="para la dependencia", audience="agency", actor=Actor("agent", "A"), now=NOW
    )
    work(session)
    told: dict[UUID, list[tuple[str | None, str]]] = {north.id: [], public.id: []}
    for item in deliveries(session):
        told[item.webhook_id].append((item.folio, item.event_type.removeprefix("service_request.")))
    both = ["submitted", "routed"]
    assert told[north.id] == [
        *((mine.folio, name) for name in both),
        *((hidden.folio, name) for name in both),
        (mine.folio, "noted"),
    ]
    assert told[public.id] == [(folio, name) for folio in (mine.folio, other.folio) for name in both]


def test_a_try_that_fails_is_tried_again_under_the_same_id_on_schedule(
    session: Session, receiver: Receiver, clock: Any
) -> None:
    _, secret = subscribe(session, receiver, event_types=["service_request.submitted"])
    receiver.always = (500, {})
    submit(session)
    work(session)
    (item,) = deliveries(session)
    for number, pause in enumerate(delivery.SCHEDULE, start=1):
        (item,) = deliveries(session)
        assert (item.state, item.attempts, item.http_status) == ("queued", number, 500)
        assert item.due_at - wall.now() == pause
        if number == len(delivery.SCHEDULE):
            break
        clock.shift(max(pause, timedelta(minutes=6)))  # past the pause that the address itself was given
        work(session)
    assert len(set(receiver.ids)) == 1
    assert len({body for _, body in receiver.received}) == 1
    receiver.always = (204, {})
    clock.shift(timedelta(days=1))
    work(session)
    assert [item.state for item in deliveries(session)] == ["delivered"]
    with time_machine.travel(wall.now()):
        headers, body = receiver.received[-1]
        Verifier(secret).verify(body, headers)


def test_one_message_that_is_never_taken_is_given_up_and_can_be_sent_by_hand(
    session: Session, receiver: Receiver, clock: Any
) -> None:
    webhook, _ = subscribe(session, receiver, event_types=["service_request.submitted"])
    submit(session)
    work(session)
    (item,) = deliveries(session)
    item.state, item.attempts, item.done_at = "queued", len(delivery.SCHEDULE), None
    item.due_at = wall.now()
    session.flush()
    receiver.answer(400)
    work(session)
    (item,) = deliveries(session)
    assert (item.state, item.http_status, webhook.state) == ("failed", 400, "active")
    actions.try_again(session, webhook, item.id, now=wall.now())
    work(session)
    assert [item.state for item in deliveries(session)] == ["delivered"]
    assert len(set(receiver.ids)) == 1
    with pytest.raises(NotFound):
        actions.try_again(session, webhook, uuid4(), now=wall.now())


def test_gone_means_gone(session: Session, receiver: Receiver) -> None:
    webhook, _ = subscribe(session, receiver)
    receiver.answer(410)
    submit(session)
    work(session)
    assert (webhook.state, webhook.reason) == ("disabled", "gone")
    assert {item.state for item in deliveries(session)} == {"failed"}
    assert len(receiver.received) == 1
    assert session.exec(select(OutboxEvent).where(OutboxEvent.name == "webhook.disabled")).one()
    submit(session)
    work(session)
    assert len(receiver.received) == 1
    with pytest.raises(Conflict):
        actions.resume(session, webhook, now=NOW)


def test_an_address_that_fails_for_days_is_paused_and_loses_nothing(
    session: Session, receiver: Receiver, clock: Any
) -> None:
    webhook, _ = subscribe(session, receiver, event_types=["service_request.submitted"])
    receiver.always = (503, {})
    submit(session)
    for _ in range(13):
        work(session)
        clock.shift(timedelta(hours=6))
        submit(session)
    assert (webhook.state, webhook.reason) == ("paused", "failing")
    assert session.exec(select(OutboxEvent).where(OutboxEvent.name == "webhook.paused")).one()
    tries = len(receiver.received)
    work(session)
    assert len(receiver.received) == tries
    assert {item.state for item in deliveries(session)} == {"queued"}
    receiver.always = (204, {})
    receiver.received.clear()
    actions.resume(session, webhook, now=wall.now())
    work(session)
    assert len(set(receiver.ids)) == 14, "also what was reported while it was paused"
    assert {item.state for item in deliveries(session)} == {"delivered"}


def test_an_address_that_is_down_is_not_tried_for_every_change(
    session: Session, receiver: Receiver, clock: Any
) -> None:
    webhook, _ = subscribe(session, receiver, event_types=["service_request.submitted"])
    receiver.always = (503, {})
    for _ in range(10):
        submit(session)
    work(session)
    assert len(receiver.received) == delivery.HOLD_FROM
    assert webhook.hold_until is not None
    receiver.always = (204, {})
    clock.shift(timedelta(minutes=6))
    work(session)
    clock.shift(timedelta(minutes=6))
    work(session)
    assert {item.state for item in deliveries(session)} == {"delivered"}


def test_a_receiver_that_asks_for_a_pause_gets_it(session: Session, receiver: Receiver) -> None:
    subscribe(session, receiver, event_types=["service_request.submitted"])
    receiver.answer(429, retry_after="600")
    submit(session)
    work(session)
    (item,) = deliveries(session)
    assert item.due_at == wall.now() + timedelta(seconds=600)


def test_a_delivery_whose_worker_died_is_sent_again_under_its_id(
    session: Session, receiver: Receiver, clock: Any
) -> None:
    subscribe(session, receiver, event_types=["service_request.submitted"])
    submit(session)
    numbering.number(session)
    jobs.queue_deliveries()
    (item,) = deliveries(session)
    claimed = delivery.claim(session, item.id, now=wall.now())
    assert claimed is not None
    assert delivery.claim(session, item.id, now=wall.now()) is None, "somebody is at it"
    clock.shift(timedelta(minutes=2))
    work(session)
    assert receiver.ids == [payload.message_id(item.id)]
    assert [item.state for item in deliveries(session)] == ["delivered"]


def test_the_same_job_twice_sends_once(session: Session, receiver: Receiver) -> None:
    subscribe(session, receiver, event_types=["service_request.submitted"])
    submit(session)
    work(session)
    (item,) = deliveries(session)
    jobs.deliver_webhook(str(item.id))
    assert len(receiver.received) == 1


def test_a_pause_by_hand_holds_everything_and_resuming_sends_it(session: Session, receiver: Receiver) -> None:
    webhook, _ = subscribe(session, receiver)
    actions.pause(session, webhook)
    submit(session)
    work(session)
    assert receiver.received == []
    actions.resume(session, webhook, now=wall.now())
    work(session)
    assert len(set(receiver.ids)) == 2


def test_a_city_that_turns_webhooks_off_misses_nothing(session: Session, receiver: Receiver) -> None:
    subscribe(session, receiver)
    jurisdiction = session.get_one(Jurisdiction, CITY)
    before = jurisdiction.settings
    jurisdiction.settings = before | {EXTENSIONS_OFF: ["q", "webhooks"]}
    session.flush()
    submit(session)
    work(session)
    assert receiver.received == []
    jurisdiction.settings = before
    session.flush()
    work(session)
    assert len(set(receiver.ids)) == 2


def test_a_new_secret_signs_at_once_and_the_old_one_for_a_day(session: Session, receiver: Receiver, clock: Any) -> None:
    webhook, old = subscribe(session, receiver, event_types=["service_request.submitted"])
    new = actions.rotate(session, webhook, now=wall.now())
    submit(session)
    work(session)
    headers, body = receiver.received[0]
    Verifier(old).verify(body, headers)
    Verifier(new).verify(body, headers)
    clock.shift(timedelta(hours=25))
    submit(session)
    work(session)
    headers, body = receiver.received[1]
    Verifier(new).verify(body, headers)
    with pytest.raises(WebhookVerificationError):
        Verifier(old).verify(body, headers)


def test_secrets_are_sealed(session: Session, receiver: Receiver) -> None:
    webhook, secret = subscribe(session, receiver)
    assert secret.startswith("whsec_")
    assert secret.encode() not in webhook.secret_sealed
    assert actions.secrets_of(webhook, now=NOW) == [secret]


def test_a_test_is_sent_also_to_one_that_is_paused_and_tried_once(session: Session, receiver: Receiver) -> None:
    webhook, secret = subscribe(session, receiver)
    actions.pause(session, webhook)
    receiver.answer(500)
    for _ in range(2):
        actions.send_test(session, webhook, now=wall.now())
        work(session)
    assert sorted(item.state for item in deliveries(session)) == ["delivered", "failed"]
    headers, body = receiver.received[1]
    assert Verifier(secret).verify(body, headers)["type"] == "webhook.test"
    assert json.loads(body)["data"] == {"jurisdiction_id": CITY}


def test_a_subscription_is_made_once_and_of_things_that_exist(session: Session, receiver: Receiver) -> None:
    chosen = payload.new_secret()
    made, _ = subscribe(session, receiver, secret=chosen)
    again, secret = subscribe(session, receiver, secret=chosen)
    assert (again.id, secret) == (made.id, chosen)
    with pytest.raises(Conflict):
        subscribe(session, receiver)
    with pytest.raises(InvalidInput):
        actions.make(session, CITY, "https://sistema.example/x", agency_code="NADIE", made_by="R", now=NOW)
    with pytest.raises(InvalidInput):
        actions.make(session, CITY, "https://sistema.example/x", event_types=["x"], made_by="R", now=NOW)
    with pytest.raises(InvalidInput):
        actions.make(session, CITY, "https://10.0.0.1/x", made_by="R", now=NOW)
    with pytest.raises(NotFound):
        actions.held(session, made.id, "otra.gob.example")


def test_what_is_old_is_removed(session: Session, receiver: Receiver, clock: Any) -> None:
    subscribe(session, receiver, event_types=["service_request.submitted"])
    submit(session)
    work(session)
    clock.shift(delivery.KEEP_DELIVERED + timedelta(days=1))
    jobs.sweep()
    assert deliveries(session) == []


def test_the_schedule_is_the_standards_own() -> None:
    assert sum(delivery.SCHEDULE, timedelta()) > delivery.PAUSE_AFTER
    assert sorted(delivery.SCHEDULE) == list(delivery.SCHEDULE)
    assert len(delivery.SCHEDULE) == 9
    assert isinstance(Config("x").timeout_s, float)
