"""The demo's Telegram in a real browser: by keyboard, without scripts, narrow, dark, and clean for assistive technology."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from channels.telegram.adapter import TelegramChannel
from tests.channels.servers import eventually, free_socket, serving, standin, standin_config
from tests.channels.telegram import CHAT, Telegram, bot_of_standin, channel_to, outbound
from tests.channels.test_phone_page import problems, shown
from tests.channels.test_telegram_standin import Center

PLACES = Path(__file__).resolve().parents[2] / "cities" / "jacaranda" / "places.csv"
pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("phone_page")]


@pytest.fixture
def telegram(tmp_path: Path) -> Iterator[Telegram]:
    """A stand-in whose centre takes everything and says nothing: only the page is looked at here."""
    with serving(Center().app, free_socket()) as center:
        bot = bot_of_standin(center + "/webhooks/telegram")
        config = standin_config(tmp_path / "state.sqlite3", center + "/webhooks/sms", telegram=bot, places=PLACES)
        with standin(config) as network:
            found = Telegram(network.url)
            yield found
            found.client.close()


@pytest.fixture
def bot(telegram: Telegram) -> Iterator[TelegramChannel]:
    made = channel_to(telegram.url)
    yield made
    made.close()


def bodies(telegram: Telegram, direction: str = "inbound") -> list[str]:
    return [one["body"] for one in telegram.carried(direction)]


def test_a_report_by_keyboard_alone(chromium: Browser, telegram: Telegram, bot: TelegramChannel) -> None:
    page = chromium.new_page(locale="es-MX")
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(f"{telegram.url}/telegram")
    page.keyboard.press("Tab")
    assert page.locator(":focus").inner_text() == "Ir a escribir un mensaje"
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")  # Iniciar
    eventually(lambda: bodies(telegram) == ["/start"])
    page.locator("input#body").wait_for()
    assert page.evaluate("document.activeElement.id") == "body"
    page.keyboard.type("hay un bache")
    page.keyboard.press("Enter")
    eventually(lambda: bodies(telegram) == ["/start", "hay un bache"])

    page.keyboard.type("a medio escr")
    bot.send(outbound("¿Dónde es?", asks_place=True))
    page.get_by_role("button", name="Compartir mi ubicación").wait_for()
    assert page.input_value("#body") == "a medio escr"  # what was being written is still there
    page.get_by_role("button", name="Compartir mi ubicación").press("Enter")
    eventually(lambda: len(bodies(telegram)) == 3)
    bot.send(outbound("¿Es aquí?", "Sí", "Otro lugar"))
    button = page.get_by_role("button", name="Sí", exact=True)
    button.wait_for()
    button.press("Enter")
    page.get_by_text("Ana tocó un botón").wait_for()
    assert errors == []
    page.close()


def test_everything_without_scripts(chromium: Browser, telegram: Telegram, bot: TelegramChannel) -> None:
    context = chromium.new_context(java_script_enabled=False, locale="es-MX")
    page = context.new_page()
    page.goto(f"{telegram.url}/telegram")
    page.get_by_role("button", name="Iniciar").click()
    page.fill("#body", "hay un bache")
    page.locator("#send button").click()
    assert "hay un bache" in shown(page)[1]
    page.get_by_role("button", name="Ubicación").click()
    page.locator("form[enctype] button").click()
    assert page.locator("#bubbles img").count() == 1
    page.get_by_label("Corregir mi último mensaje").fill("hay un bache hondo")
    page.get_by_role("button", name="Corregir").click()
    assert "editado" in shown(page)[1]
    bot.send(outbound("¿Es aquí?", "Sí", "No"))
    page.get_by_role("button", name="Sí", exact=True).click()
    assert "tocado" in shown(page)[-1]
    page.get_by_role("button", name="Bloquear al bot").click()
    page.get_by_role("button", name="Desbloquear al bot").click()
    page.get_by_label("Aviso repetido").check()
    page.get_by_role("button", name="Aplicar").click()
    assert page.get_by_label("Aviso repetido").is_checked()
    page.get_by_label("Quién escribe").select_option(label="Jorge Cano")
    page.get_by_role("button", name="Cambiar", exact=True).click()
    assert "Telegram de Jorge" in page.locator("h2").first.inner_text()
    assert shown(page) == []
    context.close()


@pytest.mark.parametrize(("width", "scheme"), [(1366, "light"), (1366, "dark"), (320, "light")])
def test_the_page_is_clean_at_every_size(
    chromium: Browser, telegram: Telegram, bot: TelegramChannel, width: int, scheme: Any
) -> None:
    telegram.writes("una_palabra_que_no_se_puede_partir_" * 4)
    telegram.client.post(f"/telegram/{CHAT}/files", files={"photos": ("", b"")})
    telegram.does("contact", own=False)
    bot.send(outbound("¿Qué tan grande es?", "Cabe un plato", "Más grande que la llanta de un camión"))
    bot.send(outbound("¿Dónde? Folio 26 4817 3053", asks_place=True))
    for language in ("es", "en"):
        for chat in (CHAT, 730003):
            page: Page = chromium.new_page(viewport={"width": width, "height": 768}, color_scheme=scheme)
            page.goto(f"{telegram.url}/telegram?chat={chat}&lang={language}")
            assert problems(page) == []
            assert page.evaluate("document.documentElement.scrollWidth") == width
            page.close()
