"""The resident's pages in a real browser: every step of a report, without scripts, wide and narrow, light and dark."""

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.cast import pothole
from tests.browser.conftest import LOOKS, LiveServer, PageAt

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser_resident")]


def steps(page: Page) -> Iterator[str]:
    """Walks through a report and stops, by name, at every page on the way."""
    yield "home"
    page.fill("#q", "no prende la luz del poste")
    page.click("text=Seguir")
    yield "what"
    page.click("main button[name=service_code] >> nth=0")
    page.click("button:has-text('Seguir')")
    yield "place with errors"
    page.select_option("#district", "Norte")
    page.fill("#street", "Avenida Sabinos 214")
    page.click("button:has-text('Seguir')")
    if page.url.endswith("/cual"):
        yield "which"
        page.check("input[name=which] >> nth=0")
        page.click("button:has-text('Seguir')")
    page.fill("#words", "El poste lleva tres noches apagado")
    page.click("button:has-text('Seguir')")
    yield "details with errors"
    page.check("input[name=a_TIPO_FALLA] >> nth=0")
    page.click("button:has-text('Seguir')")
    yield "photos"
    page.set_input_files("#media", [{"name": "a.jpg", "mimeType": "image/jpeg", "buffer": b"no photo at all"}])
    page.click("button:has-text('Seguir')")
    yield "photos with errors"
    page.set_input_files("#media", [{"name": "a.jpg", "mimeType": "image/jpeg", "buffer": pothole(0)}])
    page.click("button:has-text('Seguir')")
    yield "contact"
    page.check("input[value=none]")
    page.click("button:has-text('Seguir')")
    yield "check"
    page.click("text=Enviar reporte")
    yield "done"
    page.goto("/folio?f=12")
    yield "wrong folio"
    page.goto("/ayuda")
    yield "help"


@LOOKS
def test_every_step_is_accessible(
    page_at: PageAt, assert_accessible: Callable[[Page], None], width: int, scheme: str
) -> None:
    page = page_at("/", width=width, scheme=scheme, scripts=True)
    seen = []
    for step in steps(page):
        assert_accessible(page)
        seen.append(step)
    assert "done" in seen


def test_a_report_needs_no_script_and_its_folio_leads_back(page_at: PageAt) -> None:
    page = page_at("/", width=320, scripts=False)
    for step in steps(page):
        if step == "done":
            expect(page.get_by_role("heading", level=1)).to_have_text("Listo, recibimos tu reporte")
            folio = "".join(page.locator(".fol span").all_inner_texts())
            page.goto(f"/folio?f={folio}")
            expect(page.locator(".pill")).to_have_text("Nuevo")
            expect(page.locator(".tl")).to_contain_text("Recibimos el reporte.")
            return
    raise AssertionError("the report was never done")


def test_a_report_by_keyboard_alone(page_at: PageAt) -> None:
    page = page_at("/reportar?q=bache", width=320)
    page.locator("main button[name=service_code]").first.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("¿Dónde es?")
    page.keyboard.press("Tab")  # the link that skips to the content comes first
    expect(page.locator(":focus")).to_have_text("Ir al contenido")
    page.locator("#district").focus()
    page.keyboard.type("Nor")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.type("Avenida Sabinos 214")
    page.keyboard.press("Enter")
    expect(page).not_to_have_url(re.compile("/lugar$"))


def test_errors_take_the_focus_and_lead_to_the_field(page_at: PageAt) -> None:
    page = page_at("/reportar?q=bache")
    page.click("main button[name=service_code] >> nth=0")
    page.click("button:has-text('Seguir')")
    expect(page.locator(".err")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#district")).to_be_focused()


def test_english_goes_all_the_way(page_at: PageAt) -> None:
    page = page_at("/en/reportar?q=pothole", language="en")
    page.click("main button[name=service_code] >> nth=0")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Where is it?")
    page.click("text=Español")
    expect(page.get_by_role("heading", level=1)).to_contain_text("¿Dónde es?")


@LOOKS
def test_a_report_is_accessible_in_every_state(
    page_at: PageAt,
    live_server: LiveServer,
    assert_accessible: Callable[[Page], None],
    width: int,
    scheme: str,
) -> None:
    page = page_at("/", width=width, scheme=scheme)
    for story in ("leak", "pothole", "late", "waiting", "closed", "outside"):
        page.goto(f"/folio/{live_server.cast.folios[story]}")
        why = page.locator("summary")
        if why.count():
            why.click()
        assert_accessible(page)


def test_nothing_to_tap_is_small(page_at: PageAt, live_server: LiveServer) -> None:
    page = page_at("/", width=320)
    for path in ("/", "/reportar?q=hay un herido", "/folio", "/ayuda", f"/folio/{live_server.cast.folios['waiting']}"):
        page.goto(path)
        small = page.evaluate(
            """() => [...document.querySelectorAll("a, button, input, select, summary")]
                .filter(e => !e.classList.contains("skip") && e.type !== "hidden")
                .filter(e => e.getBoundingClientRect().height < 44).map(e => e.outerHTML)"""
        )
        assert small == [], path


def test_letters_twice_as_large_fit_the_narrowest_phone(page_at: PageAt, live_server: LiveServer) -> None:
    page = page_at("/", width=320)
    for path in ("/", "/reportar?q=hay un herido", "/folio?f=12", f"/folio/{live_server.cast.folios['waiting']}"):
        page.goto(path)
        page.add_style_tag(content="html{font-size:200%} body{font-size:2.125rem !important}")
        assert page.evaluate("document.documentElement.scrollWidth") <= 320, path
