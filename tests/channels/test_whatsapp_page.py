"""The WhatsApp phone in a real browser: pressed, shared and sent from, with and without scripts; clean and narrow."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from playwright.sync_api import Browser

from channels.values import LastInbound, OutboundMessage
from channels.whatsapp.adapter import WhatsappChannel
from intake.conversations.values import Choice
from kernel import clock
from tests.channels.conftest import ANA, make_settings
from tests.channels.servers import Network, center_app, eventually, free_socket, serving, standin, standin_config
from tests.channels.test_phone_page import problems
from tests.intake.media.pictures import jpeg

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("phone_page")]
PLACES = Path(__file__).resolve().parents[2] / "cities" / "jacaranda" / "places.csv"


@pytest.fixture
def network(tmp_path: Path, settings: Any) -> Iterator[Network]:
    with serving(center_app(settings), free_socket()) as center:
        config = standin_config(tmp_path / "state.sqlite3", center + "/webhooks/sms", places=PLACES)
        with standin(config) as network:
            network.whatsapp(ANA, body="hola")
            channel = WhatsappChannel.from_settings(make_settings(api_base_url=network.url))
            assert channel is not None
            last = LastInbound("1", clock.now())
            choices = (Choice("1.1", "Sí"), Choice("1.2", "No"))
            channel.send(
                OutboundMessage(
                    UUID(int=1), None, ANA, "¿Es? 1 Sí, 2 No", prompt="¿Es?", choices=choices, last_inbound=last
                )
            )
            channel.close()
            eventually(lambda: network.texts()[0]["status"] == "read")
            yield network


@pytest.mark.parametrize("scripts", [True, False])
def test_all_that_a_phone_does(chromium: Browser, network: Network, scripts: bool, tmp_path: Path) -> None:
    context = chromium.new_context(locale="es-MX", java_script_enabled=scripts)
    page = context.new_page()
    address = f"{network.url}/whatsapp?phone=%2B525512345678"
    page.goto(address)
    page.get_by_role("button", name="Sí", exact=True).click()
    eventually(lambda: network.texts("inbound")[-1]["body"] == "Sí")
    page.goto(address)
    page.get_by_text("Compartir un lugar").click()
    page.locator(".map button").nth(3).click()
    eventually(lambda: len(network.texts("inbound")) == 3)
    page.goto(address)
    page.get_by_text("Mandar una foto o un archivo").click()
    (tmp_path / "bache.jpg").write_bytes(jpeg())
    page.set_input_files("#file", tmp_path / "bache.jpg")
    page.get_by_role("button", name="Mandar", exact=True).click()
    eventually(lambda: len(network.texts("inbound")) == 4)
    page.goto(address)
    eventually(lambda: page.locator("#bubbles img").count() == 1)
    assert "Ubicación" in page.locator("#bubbles").inner_text() or "21." in page.locator("#bubbles").inner_text()
    context.close()


@pytest.mark.parametrize(("width", "scheme"), [(1366, "light"), (320, "dark")])
def test_it_is_clean_and_fits(chromium: Browser, network: Network, width: int, scheme: Any) -> None:
    context = chromium.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme, locale="es-MX")
    page = context.new_page()
    page.goto(f"{network.url}/whatsapp?phone=%2B525512345678")
    for summary in page.locator("details.more summary").all():
        summary.click()
    assert problems(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    context.close()
