"""The page of waiting lines: opened, served and closed by keyboard alone, and readable in every state."""

from collections.abc import Callable, Iterator
from uuid import uuid4

import pytest
from playwright.sync_api import Page, expect
from sqlmodel import col, select

from intake.distribution import actions as distribution
from intake.distribution import lines
from intake.distribution.models import ContactQueue
from kernel import clock, db
from kernel.ids import new_id
from tests.browser.conftest import LOOKS, LiveServer, PageAt
from tests.factories import CITY

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser_supervision")]
LINES = "/consola/atencion/filas"
ANA = "Ana Guadalupe Montserrat Hernández-Echeverría"


@pytest.fixture(autouse=True)
def no_lines(live_server: LiveServer) -> Iterator[None]:
    yield
    with live_server.at_work(), db.transaction() as session:
        opened = select(ContactQueue).where(col(ContactQueue.skill).is_not(None), col(ContactQueue.closed_at).is_(None))
        for line in session.exec(opened):
            lines.close_line(session, CITY, line.code, by=new_id(), now=clock.now())


def at_work(live_server: LiveServer) -> None:
    with live_server.at_work(), db.transaction() as session:
        distribution.sign_on(session, agent_id=new_id(), jurisdiction_id=CITY, name=ANA, now=clock.now())


def tab_to(page: Page, selector: str) -> None:
    for _ in range(80):
        page.keyboard.press("Tab")
        if page.evaluate("chosen => document.activeElement.matches(chosen)", selector):
            return
    raise AssertionError(f"the keyboard does not reach {selector}")


def test_a_line_is_opened_served_and_closed_by_keyboard_alone(live_server: LiveServer, page_at: PageAt) -> None:
    at_work(live_server)
    name = f"Predial {uuid4().hex[:6]}"
    page = page_at(LINES, role="supervisor")
    tab_to(page, "#name")
    page.keyboard.type(name)
    page.keyboard.press("Enter")
    line = page.locator("section", has=page.get_by_role("heading", name=name))
    expect(line).to_contain_text("Nadie en turno")
    tab_to(page, "section[aria-labelledby^='nombre-line-'] input[name=operator]")
    page.keyboard.press("Space")
    tab_to(page, "button")
    page.keyboard.press("Enter")
    expect(line.locator("input[name=operator]:checked")).to_have_count(1)
    tab_to(page, "form[action$=cerrar] button")
    page.keyboard.press("Enter")
    expect(line).to_have_count(0)


@LOOKS
def test_it_is_accessible_in_every_state(
    live_server: LiveServer, page_at: PageAt, assert_accessible: Callable[[Page], None], width: int, scheme: str
) -> None:
    at_work(live_server)
    with live_server.at_work(), db.transaction() as session:
        for name in ("Predial y tenencia", "Lengua de señas mexicana y otras lenguas que se hablan en la ciudad"[:60]):
            lines.open_line(session, CITY, name, by=new_id(), now=clock.now())
    page = page_at(LINES, width=width, scheme=scheme, role="supervisor")
    assert_accessible(page)
    for folded in page.locator("summary:visible", has_text="Cuándo contestan otros").all():
        folded.click()
    assert_accessible(page)
    page.locator("input[name=mon]").first.fill("de nueve a seis")
    page.locator("input[name=mon]").first.press("Enter")
    expect(page.get_by_role("alert")).to_be_visible()
    assert_accessible(page)
    page.locator("#name").fill("Predial y tenencia")
    page.locator("#name").press("Enter")
    expect(page.locator("#name")).to_be_focused()
    assert_accessible(page)
