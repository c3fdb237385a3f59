"""The demo phone in a real browser: by keyboard, without scripts, narrow, dark, and clean for assistive technology."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.channels.conftest import ANA
from tests.channels.servers import Network, center_app, eventually, free_socket, serving, standin, standin_config
from tests.factories import SMS_NUMBER

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("phone_page")]

AXE = Path(__file__).resolve().parents[2] / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@pytest.fixture
def network(tmp_path: Path, settings: Any) -> Iterator[Network]:
    """A stand-in whose centre refuses everything: only the phone is looked at here."""
    with serving(center_app(settings), free_socket()) as center:
        with standin(standin_config(tmp_path / "state.sqlite3", center + "/webhooks/sms")) as network:
            yield network


def problems(page: Page) -> list[str]:
    page.evaluate(AXE.read_text())
    found = page.evaluate("rules => axe.run(document, {runOnly: rules})", RULES)
    return [f"{rule['id']}: {node['html'][:100]}" for rule in found["violations"] for node in rule["nodes"]]


def shown(page: Page) -> list[str]:
    return page.locator("#bubbles li:not(.tm)").all_text_contents()


def test_a_text_is_written_by_keyboard_alone(chromium: Browser, network: Network) -> None:
    page = chromium.new_page(locale="es-MX")
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(network.url)
    page.keyboard.press("Tab")
    assert page.locator(":focus").inner_text() == "Ir a escribir un mensaje"
    page.keyboard.press("Enter")
    page.keyboard.type("fuga en sabinos 214")
    page.keyboard.press("Enter")

    eventually(lambda: [text["body"] for text in network.texts("inbound")] == ["fuga en sabinos 214"])
    eventually(lambda: len(shown(page)) == 1)
    assert page.evaluate("document.activeElement.id") == "body"
    assert page.input_value("#body") == ""
    network.send(To=ANA, From=SMS_NUMBER, Body="Listo")
    eventually(lambda: len(shown(page)) == 2)  # by itself
    assert "Listo" in shown(page)[1]
    assert errors == []
    page.close()


def test_a_text_is_written_without_scripts(chromium: Browser, network: Network) -> None:
    context = chromium.new_context(java_script_enabled=False, locale="es-MX")
    page = context.new_page()
    page.goto(network.url)
    page.fill("#body", "hay un bache")
    page.get_by_role("button", name="Enviar").click()
    assert "hay un bache" in shown(page)[0]
    network.send(To=ANA, From=SMS_NUMBER, Body="Listo")
    # The page looks again by itself a few times after a text was sent.
    page.locator("#bubbles li").filter(has_text="Listo").wait_for()

    page.goto(network.url)  # one that does not
    page.get_by_label("SMS repetido").check()
    page.get_by_label("Cuando el centro contesta, la red").select_option("busy")
    page.get_by_role("button", name="Aplicar").click()
    assert page.get_by_label("SMS repetido").is_checked()
    assert network.client.get("/settings").json()["outage"] == "busy"
    page.get_by_label("Quién escribe").select_option(label="Jorge, 55 8765 4321")
    page.get_by_role("button", name="Cambiar", exact=True).click()
    assert "SMS de Jorge" in page.locator("h2").first.inner_text()
    assert shown(page) == []
    context.close()


@pytest.mark.parametrize(("width", "scheme"), [(1366, "light"), (1366, "dark"), (320, "light")])
def test_the_page_is_clean_at_every_size(chromium: Browser, network: Network, width: int, scheme: Any) -> None:
    network.write(ANA, "una_palabra_que_no_se_puede_partir_" * 4)
    network.send(To=ANA, From=SMS_NUMBER, Body="Listo. Folio 26 4817 3053.")
    eventually(lambda: network.texts()[0]["status"] == "delivered")
    for language in ("es", "en"):
        page = chromium.new_page(viewport={"width": width, "height": 768}, color_scheme=scheme)
        page.goto(f"{network.url}/?lang={language}")
        assert problems(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") == width
        page.close()
