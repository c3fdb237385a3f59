"""Incidents by keyboard alone, from nothing to told and ended; and how they look, to staff and to residents."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import UUID

import pytest
from playwright.sync_api import Page, expect
from sqlmodel import select

from intake.incidents import actions
from intake.incidents.actions import By
from intake.incidents.models import Incident
from kernel import clock, db
from kernel.ids import new_id
from tests.browser.conftest import LOOKS, LiveServer, PageAt
from tests.factories import CITY
from tests.intake.incidents.cast import draft

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser_incidents")]
HOME = "/consola/incidentes"
SUSANA = By(new_id(), "Susana Díaz")
PICTURES = os.environ.get("ATIENDE_PICTURES", "")


@pytest.fixture(autouse=True)
def nothing_open(live_server: LiveServer) -> Iterator[None]:
    """Other pages' tests see none of these."""
    yield
    with live_server.at_work(), db.transaction() as session:
        for one in session.exec(select(Incident)):
            if one.state == "open":
                actions.end(session, one.id, {"es": "Ya."}, version=one.version, by=SUSANA, now=clock.now())
            elif one.state == "proposed":
                actions.dismiss(session, one.id, version=one.version, by=SUSANA, now=clock.now())


def opened(live_server: LiveServer) -> UUID:
    with live_server.at_work(), db.transaction() as session:
        made = actions.open_incident(session, CITY, draft(), by=SUSANA, is_another=True, now=clock.now())
        actions.post_update(session, made.id, {"es": "La cuadrilla ya llegó."}, version=1, by=SUSANA, now=clock.now())
        return made.id


def proposed(live_server: LiveServer) -> UUID:
    basis = {"people": 42, "usual": 3.5, "chance": 1e-9, "weeks": 8}
    with live_server.at_work(), db.transaction() as session:
        made = actions.propose(
            session,
            CITY,
            draft(kind="other", basis=basis),
            proposed_by="detector",
            source_ref="burst:x",
            now=clock.now(),
        )
        assert made is not None
        return made.id


def reach(page: Page, selector: str) -> None:
    """Tab, as often as it takes; what has the focus on the way shows it."""
    wanted = page.locator(selector)
    for _ in range(150):
        if wanted.evaluate("element => element === document.activeElement"):
            return
        page.keyboard.press("Tab")
        shown = page.evaluate(
            """() => { const at = document.activeElement, box = at.getBoundingClientRect();
                return at === document.body || (box.width > 0 && box.height > 0); }"""
        )
        assert shown, page.evaluate("document.activeElement.outerHTML")
    raise AssertionError(f"Tab never reaches {selector}")


def picture(page: Page, name: str) -> None:
    if PICTURES:
        page.screenshot(path=Path(PICTURES) / f"{name}.png", full_page=True)


def test_opened_told_lent_ended_and_opened_again_by_keyboard_alone(live_server: LiveServer, page_at: PageAt) -> None:
    page = page_at(HOME, role="supervisor")
    reach(page, f"a[href='{HOME}/nuevo']")
    page.keyboard.press("Enter")
    reach(page, "input[name=kind]:checked")
    page.keyboard.press("ArrowDown")
    reach(page, "#title-es")
    page.keyboard.type("Sin luz en Sur")
    reach(page, "#written-es")
    page.keyboard.type("Sabemos de la falta de luz en Sur.")
    reach(page, "input[name=topic][value='g:luz']")
    page.keyboard.press("Space")
    reach(page, "input[name=where]:checked")
    reach(page, "input[name=area][value='district:S']")
    page.keyboard.press("Space")
    reach(page, "main form button[type=submit]")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("Sin luz en Sur")
    expect(page.locator(".hook-head")).to_contain_text("Abierto")

    reach(page, "#update-es")
    page.keyboard.type("Vuelve a las 20 h.")
    reach(page, "form[action$='/noticia'] button")
    page.keyboard.press("Enter")
    expect(page.locator(".happened")).to_contain_text("Vuelve a las 20 h.")

    reach(page, "form[action$='/terminar'] button")
    page.keyboard.press("Enter")
    expect(page.locator(".hook-head")).to_contain_text("Terminado")
    reach(page, "form[action$='/reabrir'] button")
    page.keyboard.press("Enter")
    expect(page.locator(".hook-head")).to_contain_text("Abierto")
    expect(page.locator(".happened")).to_contain_text("Se volvió a abrir")


def test_a_refusal_is_where_the_focus_goes_and_loses_nothing(page_at: PageAt) -> None:
    page = page_at(f"{HOME}/nuevo", role="supervisor", scripts=False)
    page.fill("#title-es", "Sin luz")
    page.fill("#written-es", "Sabemos.")
    page.click("main form button[type=submit]")
    assert page.title().startswith("Error:")
    expect(page.locator("#title-es")).to_have_value("Sin luz")
    expect(page.locator("main .err")).to_contain_text("Elige dónde es")


@LOOKS
@pytest.mark.parametrize("which", ["list", "new", "one", "proposal", "alerts", "none"])
def test_pages_of_staff(
    live_server: LiveServer,
    page_at: PageAt,
    assert_accessible: Callable[[Page], None],
    width: int,
    scheme: str,
    which: str,
) -> None:
    made = opened(live_server) if which in ("list", "one") else None
    waits = proposed(live_server) if which in ("list", "proposal") else None
    path = {"new": "/nuevo", "one": f"/{made}", "proposal": f"/{waits}", "alerts": "/alertas"}.get(which, "")
    page = page_at(f"{HOME}{path}", role="supervisor", width=width, scheme=scheme)
    assert_accessible(page)
    picture(page, f"incidents-{which}-{width}-{scheme}")


@LOOKS
@pytest.mark.parametrize("language", ["es", "en"])
def test_residents_read_it_before_anything_else(
    live_server: LiveServer,
    page_at: PageAt,
    assert_accessible: Callable[[Page], None],
    width: int,
    scheme: str,
    language: str,
) -> None:
    opened(live_server)
    page = page_at("/" if language == "es" else "/en", width=width, scheme=scheme, language=language)
    box = page.locator("main .box.warn").first
    expect(box).to_contain_text("Sabemos de la lluvia en Sur" if language == "es" else "We know of the rain in Sur")
    assert_accessible(page)
    picture(page, f"residents-home-{language}-{width}-{scheme}")
