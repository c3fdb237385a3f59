"""The fourteen traps of the provider's signature, and that a message told of many times is one message."""

import itertools
from urllib.parse import urlencode

import pytest
from sqlalchemy import create_engine
from sqlmodel import Session, col, select
from starlette.websockets import WebSocketDisconnect
from twilio.request_validator import RequestValidator

from channels.sms.adapter import SmsChannel
from channels.twilio_api import signature
from channels.values import Webhook
from intake.conversations.models import Message
from intake.people.models import Consent
from kernel import db
from kernel.errors import ForgedWebhook
from kernel.outbox import OutboxEvent
from tests.channels.conftest import ACCOUNT, BASE_URL, NEXT_TOKEN, TOKEN, Provider, inbound, make_settings, sign
from tests.factories import NOW, make_city

VECTOR_URL = "https://example.com/myapp.php?foo=1&bar=2"
VECTOR = [
    ("CallSid", "CA1234567890ABCDE"),
    ("Caller", "+14158675310"),
    ("Digits", "1234"),
    ("From", "+14158675310"),
    ("To", "+18005551212"),
]
VECTOR_SIGNATURE = "L/OH5YylLD5NRKLltdqwSvS0BnU="


@pytest.fixture(autouse=True)
def city(session: Session) -> None:
    make_city(session)


def messages(session: Session) -> list[Message]:
    return list(session.exec(select(Message).order_by(col(Message.seq))))


def test_an_inbound_message_is_kept_and_answered_with_silence(provider: Provider, session: Session) -> None:
    answer = provider.post(inbound(body="fuga en sabinos 214"))

    assert answer.status_code == 200
    assert answer.text == "<Response></Response>"
    assert answer.headers["content-type"].startswith("text/xml")
    [message] = messages(session)
    assert (message.body, message.direction, message.status) == ("fuga en sabinos 214", "inbound", "received")
    assert session.exec(select(OutboxEvent.name)).all() == ["message.received"]


def test_the_published_vector_is_ours_too() -> None:
    assert sign(VECTOR_URL, VECTOR) == VECTOR_SIGNATURE
    signature.check([TOKEN], VECTOR_URL, signature.Form(VECTOR), VECTOR_SIGNATURE)


def test_1_a_json_body_is_refused_whatever_its_signature(provider: Provider, session: Session) -> None:
    path = "/webhooks/sms?bodySHA256=" + "0" * 64
    forged = RequestValidator(TOKEN).compute_signature(BASE_URL + path, {})
    headers = {"Content-Type": "application/json", "X-Twilio-Signature": forged}
    answer = provider.client.post(path, content=b'{"MessageSid": "SM1"}', headers=headers)

    assert answer.status_code == 403
    assert messages(session) == []


def test_1_json_that_calls_itself_a_form_is_forged(provider: Provider, session: Session) -> None:
    path = "/webhooks/sms?bodySHA256=" + "0" * 64
    forged = RequestValidator(TOKEN).compute_signature(BASE_URL + path, {})
    headers = {"Content-Type": "application/x-www-form-urlencoded", "X-Twilio-Signature": forged}
    assert provider.client.post(path, content=b'{"MessageSid": "SM1"}', headers=headers).status_code == 403
    assert provider.client.post(path, content=b"", headers=headers).status_code == 403


@pytest.mark.parametrize("body", [b"\xff\xfe", "Body=año".encode(), b"&".join(b"a=1" for _ in range(5000))])
def test_2_bytes_that_are_no_form_are_refused_not_a_crash(provider: Provider, body: bytes) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded", "X-Twilio-Signature": "x"}
    assert provider.client.post("/webhooks/sms", content=body, headers=headers).status_code == 403


def test_3_a_missing_signature_is_refused_not_a_crash(provider: Provider) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    assert provider.client.post("/webhooks/sms", content=urlencode(inbound()), headers=headers).status_code == 403
    empty = headers | {"X-Twilio-Signature": ""}
    assert provider.client.post("/webhooks/sms", content=urlencode(inbound()), headers=empty).status_code == 403


def test_4_only_the_published_address_is_signed(provider: Provider) -> None:
    path = "/webhooks/sms"
    assert provider.post(inbound("SM1"), signed_url="http://311.prueba.gob.example" + path).status_code == 403
    assert provider.post(inbound("SM2"), signed_url="http://testserver" + path).status_code == 403
    evil = {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https", "X-Forwarded-Prefix": "/x"}
    assert provider.post(inbound("SM3"), signed_url="https://evil.example" + path, headers=evil).status_code == 403
    assert provider.post(inbound("SM4"), headers=evil).status_code == 200


def test_4_path_and_query_count_as_they_were_sent(provider: Provider) -> None:
    assert provider.post(inbound("SM1"), "/webhooks/sms?a=%7E&b=&a=~").status_code == 200
    other = provider.post(inbound("SM2"), "/webhooks/sms?a=%7E", signed_url=BASE_URL + "/webhooks/sms?a=~")
    assert other.status_code == 403


def test_5_blank_values_are_signed_too(provider: Provider, session: Session) -> None:
    assert provider.post(inbound(body="", NumMedia="0", FromCity="")).status_code == 200
    assert messages(session)[0].body == ""


def test_6_a_repeated_parameter_counts_once_each(provider: Provider) -> None:
    pairs = [*inbound(), ("Extra", "b"), ("Extra", "a"), ("Extra", "b")]
    assert provider.post(pairs).status_code == 200


@pytest.mark.parametrize("port", ["", ":443"])
def test_7_the_default_port_may_be_signed_or_not(provider: Provider, port: str) -> None:
    url = f"https://311.prueba.gob.example{port}/webhooks/sms"
    assert provider.post(inbound(), signed_url=url).status_code == 200


def test_8_blanks_around_a_text_are_part_of_it(provider: Provider, session: Session) -> None:
    assert provider.post(inbound(body="  hola \n")).status_code == 200
    trimmed = sign(BASE_URL + "/webhooks/sms", inbound("SM2", body="hola"))
    headers = {"Content-Type": "application/x-www-form-urlencoded", "X-Twilio-Signature": trimmed}
    sent = provider.client.post("/webhooks/sms", content=urlencode(inbound("SM2", body=" hola ")), headers=headers)
    assert sent.status_code == 403
    assert [message.body for message in messages(session)] == ["  hola \n"]


def test_9_the_same_letters_under_other_names_are_no_message(provider: Provider, session: Session) -> None:
    pairs = inbound()
    moved = [("AccountSid" + ACCOUNT, "") if name == "AccountSid" else (name, value) for name, value in pairs]
    assert sign("", moved) == sign("", pairs)
    assert provider.post(moved).status_code == 403
    assert provider.post([p for p in pairs if p[0] not in ("MessageSid", "SmsSid")]).status_code == 403
    assert provider.post([p for p in pairs if p[0] != "From"]).status_code == 403
    assert provider.post(inbound(AccountSid="AC" + "9" * 32)).status_code == 403
    assert messages(session) == []


def test_a_demo_takes_what_is_signed_whatever_account_it_names() -> None:
    channel = SmsChannel.from_settings(make_settings(any_account=True))
    assert channel is not None
    body = inbound(AccountSid="AC" + "9" * 32)
    headers = {"content-type": "application/x-www-form-urlencoded"}
    for signed, is_taken in ((sign(BASE_URL + "/webhooks/sms", body), True), (sign("elsewhere", body), False)):
        webhook = Webhook(
            path="/webhooks/sms",
            query="",
            headers=headers | {"x-twilio-signature": signed},
            body=urlencode(body).encode(),
            received_at=NOW,
        )
        if is_taken:
            channel.verify(webhook)
        else:
            with pytest.raises(ForgedWebhook):
                channel.verify(webhook)


def test_10_a_replayed_call_changes_nothing(provider: Provider, session: Session) -> None:
    for _ in range(5):
        assert provider.post(inbound()).status_code == 200
    assert len(messages(session)) == 1
    assert len(session.exec(select(OutboxEvent)).all()) == 1


def test_11_the_next_token_is_accepted_while_tokens_rotate() -> None:
    url = BASE_URL + "/webhooks/sms"
    channel = registry_channel(next_auth_token=NEXT_TOKEN)
    for token in (TOKEN, NEXT_TOKEN):
        channel.verify(webhook(inbound(), sign(url, inbound(), token)))
    with pytest.raises(ForgedWebhook):
        channel.verify(webhook(inbound(), sign(url, inbound(), "another")))
    channel.close()


def test_12_a_number_we_do_not_know_is_still_read(provider: Provider, session: Session) -> None:
    assert provider.post(inbound(To="+525599999999", MessagingServiceSid="MG" + "1" * 32)).status_code == 200
    assert len(messages(session)) == 1


def test_13_only_the_auth_token_signs(provider: Provider) -> None:
    assert provider.post(inbound(), token="an-api-key-secret").status_code == 403


def test_14_no_socket_is_opened_without_a_signature(provider: Provider) -> None:
    with pytest.raises(WebSocketDisconnect), provider.client.websocket_connect("/webhooks/sms"):
        pass


def test_the_fragment_of_the_published_address_is_not_signed(session: Session) -> None:
    channel = registry_channel(base_url=BASE_URL + "/#rc=3&rp=5xx")
    channel.verify(webhook(inbound(), sign(BASE_URL + "/webhooks/sms", inbound())))
    channel.close()


def test_parameters_nobody_announced_are_welcome(provider: Provider) -> None:
    assert provider.post(inbound(ExternalUserId="x", RcsSomething="1", ÑandúField="sí")).status_code == 200


def test_pictures_are_kept_as_data(provider: Provider, session: Session) -> None:
    provider.post(inbound(NumMedia="1", MediaUrl0="https://media.example/1", MediaContentType0="image/jpeg"))
    assert messages(session)[0].media == [
        {"kind": "photo", "reference": "https://media.example/1", "content_type": "image/jpeg"}
    ]
    assert provider.post(inbound("SM2", NumMedia="muchas")).status_code == 200


def test_a_stop_that_the_provider_handled_is_kept_as_evidence(provider: Provider, session: Session) -> None:
    provider.post(inbound("SM1", body="PARA YA", OptOutType="STOP"))
    provider.post(inbound("SM1", body="PARA YA", OptOutType="STOP"))
    provider.post(inbound("SM2", body="VUELVE", OptOutType="START"))
    kept = session.exec(select(Consent).order_by(col(Consent.at), col(Consent.id))).all()
    assert [(consent.is_granted, consent.words) for consent in kept] == [(False, "PARA YA"), (True, "VUELVE")]


def test_a_stop_told_again_does_not_undo_the_start_after_it(provider: Provider, session: Session) -> None:
    for sid, word in (("SM1", "STOP"), ("SM2", "START"), ("SM1", "STOP")):
        assert provider.post(inbound(sid, body=word, OptOutType=word)).status_code == 200
    kept = session.exec(select(Consent).order_by(col(Consent.at), col(Consent.id))).all()
    assert [consent.is_granted for consent in kept] == [False, True]


@pytest.mark.parametrize("name", ["MessageSid", "From", "To", "Body", "MediaUrl0"])
def test_a_nul_that_was_signed_is_left_out_not_a_crash(provider: Provider, session: Session, name: str) -> None:
    sent = dict(inbound(body="fuga", NumMedia="1", MediaUrl0="https://x.example/1"))
    answer = provider.post(list((sent | {name: f"{sent[name]}\0"}).items()))
    assert answer.status_code == 200
    [message] = messages(session)
    assert (message.body, message.provider_message_id) == ("fuga", sent["MessageSid"])


def test_a_body_beyond_any_message_is_cut_off(provider: Provider) -> None:
    assert provider.post(inbound(body="a" * 70_000)).status_code == 413


def test_unknown_channels_and_methods(provider: Provider) -> None:
    assert provider.post(inbound(), "/webhooks/pigeon").status_code == 404
    assert provider.client.get("/webhooks/sms").status_code == 405


def test_a_database_that_is_away_asks_the_provider_to_call_again(provider: Provider, session: Session) -> None:
    bind = db.bind()
    away = create_engine("postgresql+psycopg://x@/x?host=/nowhere")
    db.configure(away)
    try:
        assert provider.post(inbound()).status_code == 503
    finally:
        db.configure(bind)
        away.dispose()
    assert provider.post(inbound()).status_code == 200


def test_receipts_end_alike_in_every_order(provider: Provider, session: Session) -> None:
    provider.post(inbound())
    conversation = messages(session)[0].conversation_id
    for number, order in enumerate(itertools.permutations(["queued", "sent", "delivered", "sent"])):
        message = Message(
            conversation_id=conversation,
            channel="sms",
            direction="outbound",
            provider_message_id=f"OUT{number}",
            client_ref=f"r{number}",
            status="accepted",
            at=NOW,
            changed_at=NOW,
        )
        session.add(message)
        session.commit()
        for status in order:
            pairs = [("MessageSid", f"OUT{number}"), ("AccountSid", ACCOUNT), ("MessageStatus", status)]
            assert provider.post(pairs, "/webhooks/sms/status").status_code == 200
        session.refresh(message)
        assert message.status == "delivered"


def test_a_receipt_of_nothing_of_ours_or_of_a_new_word_is_taken_calmly(provider: Provider) -> None:
    for status in ("delivered", "teleported", "received"):
        pairs = [("MessageSid", "SM404"), ("AccountSid", ACCOUNT), ("MessageStatus", status), ("ErrorCode", "99999")]
        assert provider.post(pairs, "/webhooks/sms/status?ref=not-an-id").status_code == 200
    pairs = [("MessageSid", "SM404"), ("AccountSid", ACCOUNT)]
    assert provider.post(pairs, "/webhooks/sms/status").status_code == 403


def registry_channel(base_url: str = BASE_URL, **sms):  # type: ignore[no-untyped-def]
    from channels.sms.adapter import SmsChannel

    made = make_settings(**sms).sms
    assert made is not None
    return SmsChannel(made, base_url)


def webhook(pairs: list[tuple[str, str]], signed: str, path: str = "/webhooks/sms") -> Webhook:
    headers = {"content-type": "application/x-www-form-urlencoded", "x-twilio-signature": signed}
    return Webhook(path, "", headers, urlencode(pairs).encode(), NOW)
