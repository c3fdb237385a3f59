"""One whole report with the keys alone, past a likely duplicate and past the question of a border."""

import re
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from georef.points import LonLat
from intake.service_requests import actions
from intake.service_requests.values import Submission
from kernel import clock, db
from routing.models import GazetteerPlace
from tests.browser.conftest import LiveServer, PageAt
from tests.factories import CITY

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser_resident")]
# Some twenty metres north of where Norte ends.
KIOSK = LonLat(-99.17, 19.4002)


@pytest.fixture(scope="module")
def kiosk(live_server: LiveServer) -> str:
    """A landmark near the border of two districts, where a pothole was reported an hour ago."""
    with live_server.at_work(), db.transaction() as session:
        session.add(
            GazetteerPlace(
                jurisdiction_id=CITY,
                kind="landmark",
                name="Kiosco Quetzal",
                lon=KIOSK.lon,
                lat=KIOSK.lat,
                precision_m=30,
                context="Norte",
            )
        )
        made = actions.submit(
            session,
            Submission(
                jurisdiction_id=CITY,
                service_code="BACHE",
                channel="web",
                description="Un bache hondo junto al kiosco",
                point=KIOSK,
                precision_m=30.0,
                address_string="Kiosco Quetzal",
            ),
            now=clock.now() - timedelta(hours=1),
        )
        return made.folio


def tab_to(page: Page, selector: str) -> None:
    """Tab, as often as it takes; what has the focus on the way shows it."""
    for _ in range(90):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement === document.body"):
            continue  # past the last stop, where the browser's own controls are
        ring = page.evaluate(
            "() => { const s = getComputedStyle(document.activeElement); return [s.outlineStyle, parseFloat(s.outlineWidth)] }"
        )
        assert ring[0] == "solid", page.evaluate("document.activeElement.outerHTML")
        assert ring[1] >= 2
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
    raise AssertionError(f"{selector} is not reached at {page.url}")


def go(page: Page, key: str = "Enter") -> None:
    with page.expect_navigation():
        page.keyboard.press(key)


def heading(page: Page, words: str) -> None:
    expect(page.get_by_role("heading", level=1)).to_contain_text(words)


@pytest.mark.parametrize("scripts", [True, False])
def test_a_whole_report_by_keyboard(page_at: PageAt, kiosk: str, scripts: bool) -> None:
    page = page_at("/", width=320, scripts=scripts)
    tab_to(page, "#q")
    page.keyboard.type("bache")
    go(page)
    tab_to(page, "main button[value=BACHE]")
    go(page)
    heading(page, "¿Dónde es?")
    tab_to(page, "#district")
    page.keyboard.type("Nor")
    tab_to(page, "#street")
    page.keyboard.type("Kiosco Quetzal")
    tab_to(page, "main button")
    go(page, "Space")
    if page.url.endswith("/cual"):
        tab_to(page, "input[name=which]")
        page.keyboard.press("Space")
        go(page)
    heading(page, "Cuéntanos más")
    tab_to(page, "#words")
    page.keyboard.type("Cerca del quiosco se abre la calle y pegan los coches")
    tab_to(page, "main button")
    go(page)
    heading(page, "¿Tienes fotos?")
    tab_to(page, "main button")
    go(page)
    heading(page, "¿Cómo te avisamos?")
    tab_to(page, "input[name=notify]")
    page.keyboard.press("ArrowDown")  # from "by SMS" to "do not tell me"
    go(page)
    heading(page, "Ya hay")
    tab_to(page, f"button[name=other][value='{kiosk}']")
    go(page)
    while not page.url.endswith("/lado"):  # the report of the other run of this test
        tab_to(page, "button[name=other]")
        go(page)
    heading(page, "¿Está en Norte o en Sur?")
    tab_to(page, "input[name=side]")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    tab_to(page, "main button")
    go(page, "Space")
    heading(page, "Revisa antes de enviar")
    chosen = page.locator("dl div", has_text="¿Está en Norte o en Sur?").locator("dd").first
    expect(chosen).to_have_text(re.compile("Norte|Sur"))
    tab_to(page, "main form button")
    go(page)
    heading(page, "Listo, recibimos tu reporte")
    tab_to(page, "main a.b")
    go(page)
    expect(page.locator(".tl")).to_contain_text("Recibimos el reporte.")


def test_back_and_send_again_finds_the_same_folio(page_at: PageAt) -> None:
    page = page_at("/reportar?q=bache", width=320)
    page.click("main button[value=BACHE]")
    page.select_option("#district", "?")
    page.fill("#reference", "junto al puente verde")
    page.click("main button.b")
    page.fill("#words", "Hay un hoyo")
    page.click("main button.b")
    page.click("main button.b")
    page.check("input[value=none]")
    page.click("main button.b")
    page.click("main form button.b")
    folio = page.locator(".fol").inner_text()
    for _ in range(3):
        page.go_back()
        expect(page.locator(".fol")).to_have_text(folio)
