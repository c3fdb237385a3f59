"""What goes out on WhatsApp, against the stand-in: words, buttons, lists, templates, and what a closed window means."""

import re
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import time_machine

from channels.errors import DeliveryError
from channels.standin.whatsapp.content import approved
from channels.twilio_api import codes
from channels.values import ApprovedTemplate, LastInbound, OutboundMessage
from channels.whatsapp.adapter import WhatsappChannel
from intake.city_folder.read import read_folder
from intake.conversations.values import Choice
from kernel import clock
from tests.channels.conftest import WHATSAPP_NUMBER, make_settings
from tests.channels.servers import Network, eventually, standin, standin_config

ANA = "+5215512345678"
YES_NO = (Choice("3.1", "Sí"), Choice("3.2", "No"))
BODY = "¿Es Av. Sabinos 214? Responde 1 Sí, 2 No"


@pytest.fixture
def network(tmp_path: Path) -> Iterator[Network]:
    with standin(standin_config(tmp_path / "state.sqlite3", "http://127.0.0.1:1/webhooks/sms")) as network:
        network.whatsapp(ANA, body="hola")
        yield network


@pytest.fixture
def channel(network: Network) -> Iterator[WhatsappChannel]:
    opened = WhatsappChannel.from_settings(make_settings(api_base_url=network.url))
    assert opened is not None
    yield opened
    opened.close()


def message(body: str = "Listo. Folio 26 4817 3053.", **more: Any) -> OutboundMessage:
    values: dict[str, Any] = {"last_inbound": LastInbound("SM1", clock.now())}
    return OutboundMessage(UUID(int=1), None, ANA, body, **(values | more))


def question(**more: Any) -> OutboundMessage:
    return message(BODY, **({"prompt": "¿Es Av. Sabinos 214?", "choices": YES_NO} | more))


def sent(network: Network) -> list[dict[str, Any]]:
    listed = network.client.get(network.messages_path).json()["messages"]
    return [one for one in reversed(listed) if one["direction"] == "outbound-api"]


def test_words_go_out_as_they_are_to_the_address_as_it_came(network: Network, channel: WhatsappChannel) -> None:
    sid = channel.send(message("Quedó registrado: «Av. Sabinos» — 5 días 💧"))
    [carried] = sent(network)
    assert (carried["sid"], carried["body"]) == (sid, "Quedó registrado: «Av. Sabinos» — 5 días 💧")
    assert (carried["to"], carried["from"]) == (f"whatsapp:{ANA}", f"whatsapp:{WHATSAPP_NUMBER}")
    eventually(lambda: network.texts()[0]["status"] == "read")
    assert (network.texts()[0]["channel"], network.texts()[0]["to"]) == ("whatsapp", ANA)


def test_where_a_place_is_asked_for_it_says_how_to_send_one(network: Network, channel: WhatsappChannel) -> None:
    channel.send(message("¿Dónde es?", asks_place=True))
    channel.send(message("Where is it?", asks_place=True, language="en"))
    said = [one["body"] for one in sent(network)]
    assert said == [
        "¿Dónde es? También puedes mandar tu ubicación con el clip.",
        "Where is it? You can also send your location with the paper clip.",
    ]
    [record] = channel.look_up(message("¿Dónde es?", asks_place=True), clock.now() - timedelta(minutes=2))
    assert record.provider_message_id == sent(network)[0]["sid"]


def test_a_city_writes_from_its_own_number(network: Network, channel: WhatsappChannel) -> None:
    channel.send(replace(message(), sender="+525500000999"))
    assert sent(network)[0]["from"] == "whatsapp:+525500000999"


def test_a_question_is_buttons_and_one_definition_serves_them_all(network: Network, channel: WhatsappChannel) -> None:
    channel.send(question())
    channel.send(question(prompt="¿Es el mismo reporte?"))
    assert [one["body"] for one in sent(network)] == ["¿Es Av. Sabinos 214?", "¿Es el mismo reporte?"]
    eventually(lambda: 'value="3.1|Sí"' in network.client.get("/whatsapp", params={"phone": ANA}).text)
    contents = network.client.get("/v1/Content").json()["contents"]
    assert [one["friendly_name"] for one in contents] == ["atiende_buttons_2_v1"]
    again = WhatsappChannel.from_settings(make_settings(api_base_url=network.url))
    assert again is not None
    again.send(question())
    again.close()
    assert len(network.client.get("/v1/Content").json()["contents"]) == 1
    assert "Sabinos" not in str(contents)


def test_seven_answers_are_a_list(network: Network, channel: WhatsappChannel) -> None:
    options = tuple(Choice(f"2.{n}", f"Una opción bastante larga, la número {n}") for n in range(1, 8))
    channel.send(question(choices=options))
    page = eventually(lambda: (t := network.client.get("/whatsapp", params={"phone": ANA}).text) and "2.7|" in t and t)
    assert "Una opción bastante larga, la número 7" in page
    assert 'aria-label="Ver opciones"' in page


def test_more_answers_than_a_list_holds_are_numbered(network: Network, channel: WhatsappChannel) -> None:
    channel.send(question(choices=tuple(Choice(f"2.{n}", f"{n}") for n in range(11))))
    assert sent(network)[0]["body"] == BODY


def test_while_nothing_can_be_defined_the_numbered_text_goes_out(network: Network) -> None:
    made = make_settings(api_base_url=network.url)
    assert made.whatsapp is not None
    nowhere = made.whatsapp.model_copy(update={"content_base_url": "http://127.0.0.1:1"})
    channel = WhatsappChannel(nowhere, made.web.public_base_url)
    channel.send(question())
    assert sent(network)[0]["body"] == BODY
    channel.close()


def test_a_definition_that_somebody_deleted_is_made_anew(
    network: Network, channel: WhatsappChannel, tmp_path: Path
) -> None:
    channel.send(question())
    with sqlite3.connect(tmp_path / "state.sqlite3") as ledger:
        ledger.execute("DELETE FROM content")
    for _ in range(2):
        channel.send(question())
    assert [one["body"] for one in sent(network)] == ["¿Es Av. Sabinos 214?", BODY, "¿Es Av. Sabinos 214?"]


def test_after_a_day_nothing_is_even_tried_without_a_template(network: Network, channel: WhatsappChannel) -> None:
    day_ago = LastInbound("SM1", clock.now() - timedelta(hours=24))
    for closed in (message(last_inbound=day_ago), message(last_inbound=None), question(last_inbound=day_ago)):
        for step in (channel.prepare, channel.send):
            with pytest.raises(DeliveryError) as failure:
                step(closed)
            assert (failure.value.reason, failure.value.permanent) == ("window_closed", True)
    assert sent(network) == []


def test_the_window_is_looked_at_when_it_is_sent(network: Network, channel: WhatsappChannel) -> None:
    written_at = clock.now()
    waiting = message(last_inbound=LastInbound("SM1", written_at))
    channel.prepare(waiting)
    with time_machine.travel(written_at + timedelta(hours=24), tick=True):
        with pytest.raises(DeliveryError, match="window_closed"):
            channel.send(waiting)


def test_after_a_day_the_approved_template_goes_out(network: Network, channel: WhatsappChannel) -> None:
    network.switch(window_closed=True)
    folder, _ = read_folder(Path(__file__).resolve().parents[2] / "cities" / "jacaranda")
    assert folder is not None
    found = folder.city.settings["templates"]["whatsapp"]["notice.closed_resolved"]["es"]
    told = message(
        last_inbound=None,
        template="notice.closed_resolved",
        template_params={"folio": "26 4817 3053", "agency": "Aguas de Jacaranda", "note": ""},
        approved=ApprovedTemplate(found["id"], tuple(found["variables"])),
    )
    channel.send(told)
    body = sent(network)[0]["body"]
    assert body.startswith("Tu reporte 26 4817 3053 ya quedó: Aguas de Jacaranda lo resolvió.")
    eventually(lambda: network.texts()[0]["status"] == "read")
    with pytest.raises(DeliveryError, match="template_refused"):
        channel.send(replace(told, approved=ApprovedTemplate("HX" + "0" * 32, ("folio",))))


def test_a_template_takes_no_line_breaks_and_we_send_none(network: Network, channel: WhatsappChannel) -> None:
    network.switch(window_closed=True)
    [sid, text] = next(iter(approved().items()))
    names = tuple(f"v{n}" for n in range(1, 5))
    told = message(
        last_inbound=None,
        approved=ApprovedTemplate(sid, names),
        template_params=dict.fromkeys(names, " Cambiamos\nel  tubo.\t     Ya quedó. "),
    )
    channel.send(told)
    assert sent(network)[0]["body"] == re.sub(r"\{\{\d\}\}", "Cambiamos el tubo. Ya quedó.", text)


def test_more_fields_than_the_template_has_fail_later(network: Network, channel: WhatsappChannel) -> None:
    network.switch(window_closed=True)
    [sid, _] = next(iter(approved().items()))
    names = tuple(f"v{n}" for n in range(1, 6))
    told = message(last_inbound=None, approved=ApprovedTemplate(sid, names), template_params=dict.fromkeys(names, "x"))
    channel.send(told)
    eventually(lambda: network.texts()[0]["status"] == "failed")
    assert network.client.get(network.messages_path).json()["messages"][0]["error_code"] == 63028
    assert codes.reason(63028) == "template_refused"
    page = network.client.get("/whatsapp", params={"phone": ANA}).text
    assert "la plantilla no tiene tantos datos" in page


def test_every_text_of_the_demo_city_that_is_named_is_approved() -> None:
    folder, _ = read_folder(Path(__file__).resolve().parents[2] / "cities" / "jacaranda")
    assert folder is not None
    named = folder.city.settings["templates"]["whatsapp"]
    assert {one["id"] for languages in named.values() for one in languages.values()} == set(approved())
    for languages in named.values():
        for one in languages.values():
            text = approved()[one["id"]]
            assert all("{{" + str(n) + "}}" in text for n in range(1, len(one["variables"]) + 1))


def test_what_twilio_finds_closed_ends_the_same(network: Network, channel: WhatsappChannel) -> None:
    network.switch(window_closed=True)
    channel.send(message())
    eventually(lambda: network.texts()[0]["status"] == "failed")
    assert network.client.get(network.messages_path).json()["messages"][0]["error_code"] == 63016


def test_a_lost_answer_is_found_by_its_words_or_its_question(network: Network, channel: WhatsappChannel) -> None:
    since = clock.now() - timedelta(minutes=2)
    for what in (message(), question()):
        network.switch(outage="error_after")
        with pytest.raises(DeliveryError) as failure:
            channel.send(what)
        assert failure.value.uncertain
        network.switch(outage="none")
        [record] = channel.look_up(what, since)
        assert record.provider_message_id == sent(network)[-1]["sid"]
    assert channel.look_up(message("otra cosa"), since) == []


def test_of_a_template_its_absence_is_no_evidence(network: Network, channel: WhatsappChannel) -> None:
    told = message(last_inbound=None, approved=ApprovedTemplate("HX1"))
    with pytest.raises(DeliveryError) as failure:
        channel.look_up(told, clock.now() - timedelta(minutes=2))
    assert failure.value.uncertain


def test_stop_at_the_provider_is_an_opt_out(network: Network, channel: WhatsappChannel) -> None:
    network.switch(stop_words=True)
    network.whatsapp(ANA, body="STOP")
    with pytest.raises(DeliveryError) as failure:
        channel.send(message())
    assert (failure.value.reason, failure.value.permanent) == ("opted_out", True)
