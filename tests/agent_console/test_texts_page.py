"""The page of texts to residents: changed, tried, refused and given back, by those who may."""

import re
from html import unescape

import pytest
from sqlmodel import Session, select

from channels import registry
from intake.conversations.models import OwnText
from tests.agent_console.browserless import Browser
from tests.agent_console.conftest import Console, settings

HOME = "/consola/textos"
WHERE = f"{HOME}/dialogue.where"
PAGE = f"{WHERE}?lang=es"
CHANGED = "¿En qué lugar está?"


@pytest.fixture(autouse=True)
def channels() -> None:
    registry.connect(settings())


def kept(session: Session) -> list[tuple[str, str, str, str]]:
    session.expire_all()
    return [(row.key, row.channel, row.text, row.changed_by) for row in session.exec(select(OwnText))]


@pytest.mark.parametrize(("role", "status"), [("operator", 404), ("agency", 404), ("supervisor", 200), ("admin", 200)])
def test_who_may(console: Console, role: str, status: int) -> None:
    browser = console.enter(role)
    assert browser.client.get(HOME).status_code == status
    assert browser.client.get(WHERE).status_code == status


def test_a_text_is_tried_kept_and_given_back(console: Console) -> None:
    browser = console.enter("supervisor")
    assert "¿Dónde es?" in browser.get(PAGE).text
    tried = browser.send(PAGE, WHERE, text=CHANGED, decision="try")
    assert (tried.status_code, kept(console.session)) == (200, [])
    assert "1 SMS" in tried.text
    saved = browser.send(PAGE, WHERE, text=CHANGED, decision="save")
    assert saved.status_code == 303
    assert kept(console.session) == [("dialogue.where", "", CHANGED, "Iván Soto")]
    assert CHANGED in browser.client.get(HOME).text
    browser.send(PAGE, WHERE, decision="reset")
    assert kept(console.session) == []


def test_what_is_wrong_is_said_and_nothing_typed_is_lost(console: Console) -> None:
    browser = console.enter("supervisor")
    refused = browser.send(PAGE, WHERE, text="¿Dónde {calle}?", decision="save")
    assert refused.status_code == 400
    assert "No hay el dato calle" in refused.text
    assert "¿Dónde {calle}?" in refused.text
    assert kept(console.session) == []


def test_a_text_that_no_sms_can_carry_is_refused(console: Console) -> None:
    browser = console.enter("supervisor")
    refused = browser.send(PAGE, WHERE, text="a" * 1500, decision="save")
    assert refused.status_code == 400
    assert "demasiado largo" in refused.text


@pytest.mark.parametrize("path", [f"{HOME}/labels.yes", f"{HOME}/nothing", f"{WHERE}?channel=pigeon"])
def test_what_is_not_there(console: Console, path: str) -> None:
    assert console.enter("admin").client.get(path).status_code == 404


def test_words_are_shown_as_words(console: Console) -> None:
    browser = console.enter("admin")
    text = "<script>alert(1)</script>"
    assert browser.send(PAGE, WHERE, text=text, decision="save").status_code == 303
    assert text not in browser.client.get(HOME).text
    assert "&lt;script&gt;" in browser.client.get(WHERE).text


def test_what_the_telephone_says_is_changed_there_only(console: Console) -> None:
    browser = console.enter("supervisor")
    assert "Lo que dice el teléfono" in browser.client.get(HOME).text
    page = f"{HOME}/machine.hello?lang=es"
    shown = browser.client.get(page).text
    assert "Es el tres once de la ciudad" in shown
    assert 'name="channel" value="voice"' in shown
    assert browser.client.get(f"{page}&channel=sms").status_code == 404
    saved = browser.send(page, f"{HOME}/machine.hello", lang="es", text="Bienvenida al 311 de {city}.", decision="save")
    assert saved.status_code == 303
    assert [row[:3] for row in kept(console.session)] == [("machine.hello", "voice", "Bienvenida al 311 de {city}.")]
    assert "Bienvenida al 311" in browser.client.get(HOME).text
    browser.send(page, f"{HOME}/machine.hello", lang="es", decision="reset")
    assert kept(console.session) == []


def test_a_question_may_be_worded_for_the_ear(console: Console) -> None:
    browser = console.enter("supervisor")
    page = f"{WHERE}?lang=es&channel=voice"
    assert "un lugar conocido cercano" in browser.client.get(page).text
    assert browser.send(page, WHERE, channel="voice", text="¿En qué calle?", decision="save").status_code == 303
    assert [row[:2] for row in kept(console.session)] == [("dialogue.where", "voice")]


def _shown(browser: Browser, page: str = PAGE) -> dict[str, str]:
    """The hidden fields of the form, as they are while somebody thinks about their words."""
    [form] = re.findall(r'<form [^>]*method="post" action="/consola/textos/.*?</form>', browser.get(page).text, re.S)
    return {name: unescape(value) for name, value in re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form)}


@pytest.mark.parametrize("before", ["", 'Tu calle, "por favor"'])
def test_whoever_is_slower_is_told_what_it_says_now_and_may_decide_again(console: Console, before: str) -> None:
    first, second = console.enter("supervisor"), console.enter("admin")
    if before:
        first.send(PAGE, WHERE, text=before, decision="save")
    seen = _shown(second)
    assert first.send(PAGE, WHERE, text=CHANGED, decision="save").status_code == 303
    mine = seen | {"text": "¿En qué calle?"}
    for decision in ("save", "reset"):
        refused = second.client.post(WHERE, data=mine | {"decision": decision})
        assert refused.status_code == 409
        assert f"Iván Soto cambió este texto mientras lo veías: ahora dice «{CHANGED}»." in refused.text
        assert "¿En qué calle?</textarea>" in refused.text
        assert 'class="err" id="text-error" role="alert"' in refused.text, "as every refusal looks, and is read aloud"
        assert kept(console.session) == [("dialogue.where", "", CHANGED, "Iván Soto")]
    assert f'name="was" value="{CHANGED}"' in refused.text
    again = second.client.post(WHERE, data=mine | {"was": CHANGED, "decision": "save"})
    assert again.status_code == 303
    assert kept(console.session) == [("dialogue.where", "", "¿En qué calle?", "Rosa Cruz")]


def test_whoever_changes_what_was_given_back_meanwhile_is_told(console: Console) -> None:
    first, second = console.enter("supervisor"), console.enter("admin")
    first.send(PAGE, WHERE, text=CHANGED, decision="save")
    seen = _shown(second)
    first.send(PAGE, WHERE, decision="reset")
    refused = second.client.post(WHERE, data=seen | {"text": "¿En qué calle?", "decision": "save"})
    assert refused.status_code == 409
    assert "Alguien devolvió este texto al original mientras lo veías." in refused.text
    assert "¿En qué calle?</textarea>" in refused.text
    assert kept(console.session) == []


def test_a_second_tap_on_a_text_does_it_once(console: Console) -> None:
    browser = console.enter("supervisor")
    for decision in ("save", "reset"):
        data = _shown(browser) | {"text": CHANGED, "decision": decision}
        assert [browser.client.post(WHERE, data=data).status_code for _ in range(2)] == [303, 303]
    assert kept(console.session) == []
