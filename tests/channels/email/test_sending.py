"""What a resident's mail program gets from us, and what we know when the server does not say."""

from collections.abc import Iterator
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from uuid import UUID

import pytest

from channels.email.writing import compose
from channels.errors import DeliveryError
from channels.values import LastInbound, OutboundMessage
from intake.conversations.values import Choice
from tests.channels.email.mails import CITY_ADDRESS, OUR_ID, ROSA, SENT_ID
from tests.channels.email.post import Post, post_office
from tests.factories import NOW


@pytest.fixture
def post(tmp_path: Path) -> Iterator[Post]:
    with post_office(tmp_path) as running:
        yield running


def outbound(body: str = "Listo, recibimos tu reporte.", **more: object) -> OutboundMessage:
    values: dict[str, object] = {"city_name": "Ciudad Prueba"} | more
    recipient = str(values.pop("recipient", ROSA))
    return OutboundMessage(UUID(SENT_ID), None, recipient, body, **values)  # type: ignore[arg-type]


def written(message: OutboundMessage) -> EmailMessage:
    found = message_from_bytes(
        compose(message, CITY_ADDRESS, "prueba.gob.example", now=NOW).as_bytes(), policy=policy.default
    )
    assert isinstance(found, EmailMessage)
    return found


def parts(mail: EmailMessage) -> tuple[str, str]:
    plain, html = mail.iter_parts()
    assert isinstance(plain, EmailMessage)
    assert isinstance(html, EmailMessage)
    return plain.get_content().replace("\r\n", "\n"), html.get_content()


def test_an_answer_stays_in_the_thread_and_says_it_is_automatic() -> None:
    mail = written(outbound(last_inbound=LastInbound("<m1@correo.example>", NOW, "RE: Re: Bache en Sabinos")))
    assert mail["Subject"] == "Re: Bache en Sabinos"
    assert (mail["In-Reply-To"], mail["References"]) == ("<m1@correo.example>", "<m1@correo.example>")
    assert (mail["Auto-Submitted"], mail["X-Auto-Response-Suppress"]) == ("auto-replied", "OOF, AutoReply")
    assert (mail["Message-ID"], mail["From"]) == (OUR_ID, f"311 de Ciudad Prueba <{CITY_ADDRESS}>")
    assert mail["List-Unsubscribe"] is None


def test_news_can_be_stopped_and_name_the_folio() -> None:
    mail = written(outbound(author_kind="notice", service_request_folio="2648173053", language="en"))
    assert mail["Subject"] == "Your 311 report, number 26 4817 3053"
    assert mail["List-Unsubscribe"] == f"<mailto:{CITY_ADDRESS}?subject=BAJA>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert "reply STOP" in parts(mail)[0]


def test_a_person_is_no_robot() -> None:
    assert written(outbound(author_kind="agent"))["Auto-Submitted"] is None


def test_options_are_lines_with_numbers() -> None:
    choices = (Choice("1.1", "Bache <hondo>"), Choice("1.2", "Otra cosa"))
    plain, html = parts(written(outbound("¿Cuál? 1 Bache, 2 otra.", prompt="¿Cuál de estos es?", choices=choices)))
    assert plain.startswith(
        "¿Cuál de estos es?\n\n1. Bache <hondo>\n2. Otra cosa\n\nContesta este correo con el número"
    )
    assert "<ol" in html
    assert "<li>Bache &lt;hondo&gt;</li>" in html
    assert 'lang="es"' in html


def test_no_name_or_subject_can_add_a_header() -> None:
    mail = written(
        outbound(city_name='X" <a@b>\r\nBcc: all@x', last_inbound=LastInbound("<m\r\nX: y@z>", NOW, "a\r\nBcc: c@d"))
    )
    assert mail["Bcc"] is None
    assert mail["X"] is None


def test_the_server_takes_it_and_keeps_a_copy(post: Post) -> None:
    channel = post.channel()
    assert channel.send(outbound("Una línea.\n.\n..dos puntos\nFrom aquí")) == OUR_ID
    [mail] = post.got()
    assert "Una línea." in mail.body
    assert "\n.\n..dos puntos\nFrom aquí" in mail.body
    assert [record.provider_message_id for record in channel.look_up(outbound(), NOW)] == [OUR_ID]


@pytest.mark.parametrize(
    ("switch", "recipient", "reason", "kind"),
    [
        ({"outage": "down"}, ROSA, "provider_down", "temporary"),
        ({"outage": "busy"}, ROSA, "rate_limited", "temporary"),
        ({"outage": "refuse"}, ROSA, "no_such_address", "permanent"),
        ({}, "rechaza@correo.example", "no_such_address", "permanent"),
        ({}, "rosa\r\nRCPT TO:<x@y.mx>", "not_a_mail_address", "permanent"),
    ],
)
def test_a_refusal_says_whether_to_try_again(
    post: Post, switch: dict[str, str], recipient: str, reason: str, kind: str
) -> None:
    post.switch(**switch)
    with pytest.raises(DeliveryError) as failure:
        post.channel().send(outbound(recipient=recipient))
    found = "permanent" if failure.value.permanent else "uncertain" if failure.value.uncertain else "temporary"
    assert (failure.value.reason, found) == (reason, kind)
    assert post.store.mails() == []


def test_a_wrong_password_is_ours_to_mend(post: Post) -> None:
    with pytest.raises(DeliveryError) as failure:
        post.channel(smtp_password="wrong").send(outbound())
    assert (failure.value.reason, failure.value.permanent) == ("credentials", False)


def test_an_answer_that_is_lost_leaves_us_unsure_and_the_copy_settles_it(post: Post) -> None:
    post.switch(outage="drop")
    channel = post.channel()
    with pytest.raises(DeliveryError) as failure:
        channel.send(outbound())
    assert failure.value.uncertain
    assert len(post.got()) == 1
    assert [record.status for record in channel.look_up(outbound(), NOW - timedelta(minutes=1))] == ["sent"]


def test_without_a_copy_a_person_has_to_settle_it(post: Post) -> None:
    with pytest.raises(DeliveryError) as failure:
        post.channel(sent_folder="").look_up(outbound(), NOW)
    assert failure.value.uncertain


def test_an_address_of_another_alphabet_arrives(post: Post) -> None:
    post.channel().send(outbound(recipient="josé@correo.example"))
    assert len(post.got("josé@correo.example")) == 1
