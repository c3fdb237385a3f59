"""The demo's telephone in a real browser: by keyboard, without scripts, narrow, dark, and clean for assistive technology."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from channels.standin.voice.exchange import WITHHELD
from tests.channels.conftest import ANA
from tests.channels.servers import eventually
from tests.channels.telephone import VOICE_NUMBER, Exchange, telephone
from tests.channels.test_phone_page import problems

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("phone_page")]
MENU = (
    '<Gather input="dtmf speech" action="/menu" numDigits="1" language="es-MX">'
    '<Say language="es-MX">Para agua, marque uno.</Say></Gather><Redirect>/voice</Redirect>'
)
WHERE = '<Gather input="speech" action="/done"><Say language="es-MX">¿En qué calle?</Say></Gather>'


@pytest.fixture
def city(tmp_path: Path) -> Iterator[Exchange]:
    with telephone(tmp_path / "state.sqlite3", city_name="Ciudad Jacaranda") as made:
        made.documents |= {"/voice": MENU, "/menu": WHERE, "/done": '<Say>Listo.</Say><Pause length="60"/>'}
        yield made


def heard(page: Page) -> list[str]:
    return [words.removeprefix("Centro: ").strip() for words in page.locator("#bubbles li.city").all_text_contents()]


def test_a_call_by_keyboard_alone(chromium: Browser, city: Exchange) -> None:
    page = chromium.new_page(locale="es-MX")
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(f"{city.phone.url}/voice")
    page.keyboard.press("Tab")
    assert page.locator(":focus").inner_text() == "Ir al teléfono"
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")  # Llamar
    page.locator(".pad").first.wait_for()
    eventually(lambda: heard(page) == ["Para agua, marque uno."])
    page.keyboard.press("1")
    eventually(lambda: heard(page)[-1] == "¿En qué calle?")
    page.focus("#words")
    page.keyboard.type("Sabinos 1")  # a digit in what is written is no key
    page.keyboard.press("Enter")
    eventually(lambda: heard(page)[-1] == "Listo.")
    assert [form.get("Digits") for form in city.forms("/menu")] == ["1"]
    assert [form["SpeechResult"] for form in city.forms("/done")] == ["Sabinos 1"]
    assert page.evaluate("document.activeElement.id") == "words"
    page.focus("#dial")
    page.keyboard.press("Enter")  # Colgar
    page.locator("#phone-state[data-state=over]").wait_for()
    assert page.evaluate("document.activeElement.id") == "dial"
    expect(page.locator("#entries")).to_contain_text("Tecla 1")
    expect(page.locator("#entries")).to_contain_text("Se avisa al centro: completed")
    assert errors == []
    page.close()


def test_a_call_without_scripts(chromium: Browser, city: Exchange) -> None:
    context = chromium.new_context(java_script_enabled=False, locale="es-MX")
    page = context.new_page()
    page.goto(f"{city.phone.url}/voice?phone=oculto")
    page.get_by_role("button", name="Llamar").click()
    page.locator(".pad").first.wait_for()
    page.get_by_role("button", name="1", exact=True).click()
    page.locator("#bubbles li.city").nth(1).wait_for()
    page.get_by_role("button", name="Colgar").click()
    page.get_by_role("button", name="Llamar otra vez").wait_for()
    assert city.forms("/voice")[0]["From"] == WITHHELD
    context.close()


def test_the_city_calls_and_the_phone_rings(chromium: Browser, city: Exchange) -> None:
    page = chromium.new_page(locale="es-MX")
    page.goto(f"{city.phone.url}/voice")
    made = city.twilio().calls.create(to=ANA, from_=VOICE_NUMBER, url=f"{city.url}/done")
    page.get_by_role("button", name="Contestar").click()
    eventually(lambda: heard(page) == ["Listo."])
    assert city.look(made.sid)["status"] == "in-progress"
    page.close()


def test_a_centre_that_does_not_answer_is_said_in_words(chromium: Browser, city: Exchange) -> None:
    city.documents.clear()
    page = chromium.new_page(locale="es-MX")
    page.goto(f"{city.phone.url}/voice")
    page.get_by_role("button", name="Llamar").click()
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("Este centro no contesta llamadas")
    expect(alert).to_contain_text("/voice (404)")
    page.close()


def test_a_second_press_does_not_call_twice(city: Exchange) -> None:
    form = {"phone": ANA, "lang": "es"}
    for _ in range(3):
        assert city.phone.client.post("/voice/call", data=form).status_code == 303
    calls = city.phone.client.get("/calls", params={"phone": ANA}).json()
    assert len(calls) == 1


@pytest.mark.parametrize(("width", "scheme"), [(1366, "light"), (320, "dark")])
@pytest.mark.parametrize("language", ["es", "en"])
def test_it_is_clean_in_every_state(chromium: Browser, city: Exchange, width: int, scheme: str, language: str) -> None:
    context = chromium.new_context(
        viewport={"width": width, "height": 768},
        color_scheme=scheme,  # type: ignore[arg-type]  # one of two words
        locale=language,
    )
    page = context.new_page()
    page.goto(f"{city.phone.url}/voice?lang={language}")
    assert problems(page) == []
    page.click("#dial")
    page.locator(".pad").first.wait_for()
    eventually(lambda: heard(page))
    assert problems(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.click("#dial")
    page.locator("#phone-state[data-state=over]").wait_for()
    assert problems(page) == []
    context.close()


def test_faults_are_switched_on_the_page(city: Exchange) -> None:
    form = {"phone": ANA, "lang": "es", "lose": "1", "slow": "1", "outage": "busy", "nobody": "busy"}
    assert city.phone.client.post("/voice/settings", data=form).status_code == 303
    assert city.phone.client.get("/voice/settings").json() == {
        "delay_s": 4.0, "duplicate": False, "reorder": False, "lose": True, "outage": "busy", "nobody": "busy",
        "end_first": False,
    }  # fmt: skip
