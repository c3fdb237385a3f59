"""The step of the web and the card of the console as people see them: wide and narrow, light and dark, without scripts."""

import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import update
from sqlmodel import Session, col, select

from georef.points import LonLat
from intake.catalog.models import Jurisdiction, Service
from intake.service_requests import actions
from intake.service_requests.models import ServiceRequest
from intake.service_requests.values import Submission
from kernel import clock, db
from tests.browser.conftest import LOOKS, LiveServer, PageAt
from tests.factories import CITY

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser_resident")]
SPOT = LonLat(-99.13, 19.36)


def there(session: Session, words: str, metres: float, hours: float) -> ServiceRequest:
    submission = Submission(
        jurisdiction_id=CITY,
        service_code="FUGA",
        channel="web",
        description=words,
        point=LonLat(SPOT.lon, SPOT.lat + metres / 110_700),
        precision_m=20.0,
        address_string="Mercado de La Calera, puerta 2",
    )
    return actions.submit(session, submission, now=clock.now() - timedelta(hours=hours))


@pytest.fixture(scope="module")
def leaks(live_server: LiveServer) -> list[str]:
    """Two leaks beside the market, away from the places of the other tests."""
    with live_server.at_work():
        return _made()


def _made() -> list[str]:
    with db.transaction() as session:
        session.execute(update(Service).where(col(Service.code) == "FUGA").values(duplicates={"radius_m": 200}))
        session.execute(update(Jurisdiction).values(catalog_changed_at=clock.now()))
        first = there(session, "Sale agua limpia de la banqueta desde ayer, frente a la tortillería", 8, 17)
        second = there(session, "Fuga de agua frente al mercado, se está haciendo un charco grande", 40, 3)
        return [first.folio, second.folio]


def arrive(page: Page) -> None:
    """The way to the step, for a leak at the market."""
    page.locator("button[value=FUGA]").first.click()
    page.select_option("#district", "Sur")
    page.fill("#street", "Mercado de La Calera")
    page.click("button:has-text('Seguir')")
    if "/cual" in page.url:
        page.check("input[value='0']")
        page.click("button:has-text('Seguir')")
    page.fill("#words", "Sale agua de la banqueta frente a la tortillería")
    page.click("button:has-text('Seguir')")
    if "/fotos" in page.url:
        page.click("button:has-text('Seguir')")
    page.check("input[value=none]")
    page.click("button:has-text('Seguir')")


def picture(page: Page, name: str) -> None:
    """Kept where ATIENDE_PICTURES says, for who looks at them."""
    if folder := os.environ.get("ATIENDE_PICTURES"):
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


@LOOKS
def test_the_step_is_accessible(
    page_at: PageAt, leaks: list[str], assert_accessible: Callable[[Page], None], width: int, scheme: str
) -> None:
    page = page_at("/", width=width, scheme=scheme)
    arrive(page)
    expect(page.locator("article.card")).to_have_count(2)
    assert_accessible(page)
    picture(page, f"alike-{width}-{scheme}")


def test_the_same_needs_no_script(page_at: PageAt, leaks: list[str]) -> None:
    page = page_at("/", width=320, scripts=False)
    arrive(page)
    page.locator("button[name=same]").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Listo, sumamos tu reporte")
    picture(page, "joined-320")
    page.go_back()
    expect(page.get_by_role("heading", level=1)).to_have_text("Listo, sumamos tu reporte")


@LOOKS
def test_the_card_is_accessible(
    page_at: PageAt, leaks: list[str], assert_accessible: Callable[[Page], None], width: int, scheme: str
) -> None:
    page = page_at(f"/consola/solicitudes/{leaks[1]}", width=width, scheme=scheme, role="operator")
    card = page.locator("article.dup").first
    expect(card).to_contain_text("mismo servicio")
    card.scroll_into_view_if_needed()
    assert_accessible(page)
    picture(page, f"card-{width}-{scheme}")


def test_staff_join_and_separate(page_at: PageAt, live_server: LiveServer, leaks: list[str]) -> None:
    page = page_at(f"/consola/solicitudes/{leaks[1]}", role="operator", scripts=False)
    page.locator("button[name=same]").first.click()
    expect(page.locator("#duplicates")).to_contain_text("Es duplicado de otra")
    picture(page, "merged-1366")
    page.locator("button[name=separate]").click()
    expect(page.locator("#duplicates")).not_to_contain_text("Es duplicado de otra")
    with live_server.at_work(), db.transaction() as session:
        assert session.exec(select(ServiceRequest).where(ServiceRequest.folio == leaks[1])).one().parent_id is None
