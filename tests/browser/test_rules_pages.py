"""The pages about rules in a real browser: every width and scheme, without scripts, by keyboard."""

import os
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from sqlmodel import select

from intake.service_requests import returning, rule_use
from intake.service_requests.models import ServiceRequest
from intake.service_requests.values import Actor
from kernel import clock, db
from routing import drafts
from routing.draft_models import RoutingDraft
from routing.rule_tests import RuleTest
from tests.browser.cast import report
from tests.browser.conftest import LOOKS, LiveServer, PageAt
from tests.factories import CITY, IN_NORTE, IN_SUR

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser_rules")]
HOME = "/consola/reglas"
SHOTS = os.environ.get("ATIENDE_SHOTS")
RULES = """# Quién responde
[[rule]]
code = "BACHE-1"
priority = 20
service = "BACHE"
layer = "district"
areas = ["N"]
agency = "AGUAS"
[rule.reason]
es = "En el norte los baches los abre el agua."
en = "In the north water opens the potholes."
"""


@pytest.fixture(scope="module")
def draft_path(live_server: LiveServer) -> Iterator[str]:
    with live_server.at_work(), db.transaction() as session:
        for _ in range(3):
            report(session, "Bache")
        open_ones = session.exec(
            select(ServiceRequest).where(ServiceRequest.life == "new", ServiceRequest.agency_code == "ALC-N").limit(2)
        ).all()
        for found, reason in zip(open_ones, ("Es un hundimiento por una fuga", "La calle es del sur"), strict=False):
            crew = Actor("agency", "Cuadrilla Norte")
            returning.give_back(session, found.id, reason=reason, suggested="AGUAS", actor=crew, now=clock.now())
        rule_use.count(session, now=clock.now() + timedelta(minutes=5))
        made = drafts.create(session, CITY, "Baches del norte a Aguas", by="Iván Soto", now=clock.now())
        for test in (
            RuleTest("SUR", "BACHE", "ALC-S", *IN_SUR, "calles", note="Calle Uno, al sur"),
            RuleTest("NORTE", "BACHE", "ALC-N", *IN_NORTE, "calles", note="Mercado de La Calera"),
            RuleTest("FUGA", "FUGA", "AGUAS", *IN_NORTE, "agua"),
        ):
            drafts.add_test(session, made.id, test, by="Iván Soto", now=clock.now())
        path = f"{HOME}/borradores/{made.id}"
    yield path
    with live_server.at_work(), db.transaction() as session:
        for row in session.exec(select(RoutingDraft)).all():
            session.delete(row)


@LOOKS
@pytest.mark.parametrize("name", ["health", "draft", "returns", "publish"])
def test_every_page_is_accessible(
    page_at: PageAt, assert_accessible: Callable[[Page], None], draft_path: str, name: str, width: int, scheme: str
) -> None:
    path = {
        "health": HOME,
        "draft": draft_path,
        "returns": f"{HOME}/devoluciones",
        "publish": f"{draft_path}/publicar",
    }[name]
    page = page_at(path, width=width, scheme=scheme, role="supervisor")
    expect(page.locator("h1")).to_have_count(1)
    if SHOTS:
        page.screenshot(path=str(Path(SHOTS) / f"rules-{name}-{width}-{scheme}.png"), full_page=True)
    assert_accessible(page)


def test_a_long_pane_does_not_hang_out_of_the_window(page_at: PageAt, draft_path: str) -> None:
    page = page_at(draft_path, height=560, role="supervisor")
    assert page.evaluate("getComputedStyle(document.querySelector('main')).overflowY") == "auto"
    page.evaluate("scrollTo(0, 99999)")
    assert page.evaluate("scrollY") == 0


def test_a_mistake_is_found_without_scripts(page_at: PageAt, draft_path: str) -> None:
    page = page_at(draft_path, role="supervisor", scripts=False)
    page.get_by_label("Como el archivo rules.toml").fill(RULES.replace('agency = "AGUAS"', "agency = 7"))
    page.get_by_role("button", name="Guardar reglas").press("Enter")
    expect(page.locator(".mistakes")).to_contain_text("Línea 8")
    expect(page.get_by_label("Como el archivo rules.toml")).to_have_value(
        RULES.replace('agency = "AGUAS"', "agency = 7")
    )
    if SHOTS:
        page.screenshot(path=str(Path(SHOTS) / "rules-mistake.png"), full_page=True)
    page.get_by_label("Como el archivo rules.toml").fill(RULES)
    page.get_by_role("button", name="Guardar reglas").press("Enter")
    expect(page.locator(".mistakes")).to_have_count(0)
    expect(page.locator("#pruebas")).to_contain_text("Da Aguas de Prueba")


@pytest.mark.parametrize(("width", "scheme"), [(1366, "light"), (320, "dark")])
def test_a_planned_set_is_cancelled_without_scripts(
    page_at: PageAt,
    live_server: LiveServer,
    draft_path: str,
    width: int,
    scheme: str,
) -> None:
    with live_server.at_work(), db.transaction() as session:
        made = drafts.create(session, CITY, "Con pruebas de menos", by="Iván Soto", now=clock.now())
        drafts.add_test(session, made.id, RuleTest("B", "FUGA", "AGUAS", *IN_NORTE, "agua"), by="Iván", now=clock.now())
        path = f"{HOME}/borradores/{made.id}"
    page = page_at(f"{path}/publicar", width=width, scheme=scheme, role="supervisor", scripts=False)
    page.get_by_label("Entra en vigor").fill((clock.now() + timedelta(days=90)).date().isoformat())
    page.get_by_role("button", name="Publicar").press("Enter")
    link = page.get_by_role("link", name="Cancelar la versión")
    if SHOTS:
        page.screenshot(path=str(Path(SHOTS) / f"rules-planned-{width}-{scheme}.png"), full_page=True)
    link.press("Enter")
    expect(page.locator("main")).to_contain_text("No entrará en vigor el")
    if SHOTS:
        page.screenshot(path=str(Path(SHOTS) / f"rules-withdraw-{width}-{scheme}.png"), full_page=True)
    page.get_by_role("button", name="Cancelar la versión").press("Enter")
    expect(page.locator("h1")).to_contain_text("Reglas, versión")
    expect(page.get_by_role("link", name="Cancelar la versión")).to_have_count(0)
    page.goto(page.url.replace(HOME, path))
    expect(page.locator("#publicar")).to_have_count(1)
