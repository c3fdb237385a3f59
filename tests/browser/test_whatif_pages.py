"""What-if in a real browser, by keyboard alone: a draft, its calculation, reading it, publishing, accepting what it proposes.

Each stage is looked at wide and narrow, light and dark. Runs last of these tests: what it publishes is in force from tomorrow.
"""

import json
import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect
from shapely.geometry import mapping
from sqlmodel import col, select

from intake.service_requests.models import ServiceRequest
from intake.whatif import jobs, rounds
from intake.whatif.models import WhatIfRun
from kernel import clock, db
from routing.models import RuleSet
from tests.browser.conftest import LiveServer, PageAt
from tests.factories import CITY
from tests.intake.whatif.cast import BETWEEN, MOVED, report

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser_rules")]
HOME = "/consola/ruteo"
Look = Callable[[Page, str], None]


@pytest.fixture
def look(assert_accessible: Callable[[Page], None]) -> Look:
    """Checks the open page in both widths and schemes, and keeps pictures where ATIENDE_PICTURES says."""

    def check(page: Page, name: str) -> None:
        for width, height in ((1366, 768), (320, 640)):
            for scheme in ("light", "dark"):
                page.set_viewport_size({"width": width, "height": height})
                page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]  # light or dark
                expect(page.locator("h1")).to_have_count(1)
                if folder := os.environ.get("ATIENDE_PICTURES"):
                    page.screenshot(path=Path(folder) / f"whatif-{name}-{width}-{scheme}.png", full_page=True)
                assert_accessible(page)
        page.set_viewport_size({"width": 1366, "height": 768})
        page.emulate_media(color_scheme="light")

    return check


def reach(page: Page, target: Locator) -> None:
    """Tab until `target` has the focus, as somebody without a mouse does."""
    expect(target).to_be_visible()
    for _ in range(90):
        page.keyboard.press("Tab")
        if target.evaluate("element => element === document.activeElement"):
            return
    raise AssertionError(f"Tab never reaches {target}")


def press(page: Page, target: Locator) -> None:
    reach(page, target)
    with page.expect_navigation():
        page.keyboard.press("Enter")


def limits(folder: Path) -> Path:
    file = folder / "limites.geojson"
    features = [
        {"type": "Feature", "properties": {"CVE": code, "NOM": name}, "geometry": mapping(shape)}
        for code, name, shape in MOVED
    ]
    file.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return file


def calculate(live_server: LiveServer) -> None:
    """What the worker does: here there is none."""
    with live_server.at_work():
        for _ in range(50):
            with db.transaction() as session:
                run = session.exec(select(WhatIfRun).order_by(col(WhatIfRun.id).desc())).first()
                assert run is not None
                if run.state not in ("waiting", "running"):
                    assert run.state == "done"
                    return
                number = str(run.id)
            jobs.advance_run(number)
    raise AssertionError("it never ends")


def propose(live_server: LiveServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The day comes on which the published limits are in force."""
    tomorrow = clock.now() + timedelta(days=1)
    with live_server.at_work(), monkeypatch.context() as patch:
        with db.transaction() as session:
            published = session.exec(select(RuleSet).order_by(col(RuleSet.version).desc())).first()
            assert published is not None
            number = published.id
        jobs.plan_reroutes(str(number))
        patch.setattr(clock, "now", lambda: tomorrow)
        with db.transaction() as session:
            planned = rounds.plan(session, number, now=tomorrow)
            assert planned is not None
            found = planned.id
        jobs.sweep()
        for _ in range(20):
            jobs.look_for_reroutes(str(found))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_mistake_is_told_and_keeps_what_was_typed(
    page_at: PageAt, assert_accessible: Callable[[Page], None], tmp_path: Path, scheme: str
) -> None:
    page = page_at(f"{HOME}/nuevo", width=320, scheme=scheme, role="supervisor", scripts=False)
    page.get_by_label("Nombre", exact=True).fill("Límite 2027")
    broken = tmp_path / "limites.geojson"
    broken.write_text('{"type": "FeatureCollection", "features": [')
    page.set_input_files("#file", broken)
    page.get_by_role("button", name="Guardar el borrador").press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("no es un mapa que se pueda leer")
    expect(page.get_by_label("Nombre", exact=True)).to_have_value("Límite 2027")
    expect(page).to_have_title("Error: Nuevo borrador · Atiende")


def test_from_a_file_to_requests_that_move_by_keyboard(
    page_at: PageAt, live_server: LiveServer, look: Look, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with live_server.at_work(), db.transaction() as session:
        folios = [report(session, BETWEEN, clock.now() - timedelta(hours=hour)).folio for hour in (1, 2, 3)]
    page = page_at(f"{HOME}/propuestas", role="supervisor")
    expect(page.get_by_role("heading", name="No hay nada por reasignar")).to_be_visible()
    look(page, "nothing")

    page.goto(f"{HOME}/nuevo")
    look(page, "new")
    reach(page, page.get_by_label("Nombre", exact=True))
    page.keyboard.type("Norte hasta la avenida")
    reach(page, page.get_by_label("Archivo"))
    page.set_input_files("#file", limits(tmp_path))  # the file chooser is the system's
    press(page, page.get_by_role("button", name="Guardar el borrador"))
    expect(page.get_by_role("heading", name="Todavía no se ha probado")).to_be_visible()
    look(page, "untried")

    press(page, page.get_by_role("button", name="Calcular"))
    expect(page.locator("#progress")).to_contain_text("Calculando…")
    look(page, "running")
    calculate(live_server)
    # Nobody reloads: the page asks for itself, and the focus stays on it.
    expect(page.get_by_role("heading", level=1)).to_contain_text("De Alcaldía Sur a Alcaldía Norte")
    look(page, "result")
    heads = page.locator(".two-maps figcaption h2")
    tops = heads.evaluate_all("all => all.map(one => Math.round(one.getBoundingClientRect().top))")
    assert tops[0] == tops[1], "both maps begin at one height"

    page.reload()
    press(page, page.get_by_role("button", name="Publicar"))
    expect(page.locator(".note.ok")).to_contain_text("Publicado: entra en vigor")
    look(page, "published")
    propose(live_server, monkeypatch)

    press(page, page.get_by_role("link", name="Ver propuestas"))
    accept = page.get_by_role("button", name="Aceptar las", exact=False).first
    expect(accept).to_be_visible()
    look(page, "proposals")
    reach(page, page.get_by_role("checkbox").first)
    page.keyboard.press("Space")
    press(page, page.get_by_role("button", name="Dejar como están las marcadas"))
    press(page, page.get_by_role("button", name="Aceptar las", exact=False).first)
    expect(page.locator(".titlebar [role=status]")).to_contain_text("se está")
    look(page, "moving")
    with live_server.at_work():
        jobs.carry_out_reroutes(CITY)
        with db.transaction() as session:
            where = session.exec(select(ServiceRequest.agency_code).where(col(ServiceRequest.folio).in_(folios))).all()
    assert sorted(map(str, where)).count("ALC-N") >= 2
    assert page.goto(f"{HOME}/propuestas")
    expect(page.get_by_role("heading", name="No hay nada por reasignar")).to_be_visible()
