"""The console as people use it: in a real browser, by keyboard, with and without scripts, light and dark, wide and narrow."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect

from intake.service_requests import actions
from intake.service_requests.queries import by_folio
from intake.service_requests.values import Actor
from kernel import clock, db
from kernel.folio import spaced
from tests.browser.cast import PASSWORD, email_of, report
from tests.browser.conftest import LOOKS, LiveServer, PageAt
from tests.running import wait_for

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser_console")]
LIST = "/consola/solicitudes"


def _pages(live_server: LiveServer) -> dict[str, str]:
    cast = live_server.cast
    return {
        "sign in": "/consola/entrar",
        "list": LIST,
        "late": f"{LIST}?due=late",
        "nothing": f"{LIST}?q=xyzzy",
        "leak": f"{LIST}/{cast.folios['leak']}",
        "photos": f"{LIST}/{cast.folios['pothole']}",
        "closed": f"{LIST}/{cast.folios['closed']}",
        "outside": f"{LIST}/{cast.folios['outside']}",
        "threads": "/consola/conversaciones",
        "thread": f"/consola/conversaciones/{cast.thread_id}",
        "staff": "/consola/personal",
        "keys": "/consola/llaves",
        "new key": "/consola/llaves/nueva",
        "review list": "/consola/revision",
        "review": f"/consola/revision/{cast.folios['named']}",
    }


NAMES = (
    "sign in",
    "list",
    "late",
    "nothing",
    "leak",
    "photos",
    "closed",
    "outside",
    "threads",
    "thread",
    "staff",
    "keys",
    "new key",
    "review list",
    "review",
)


@LOOKS
@pytest.mark.parametrize("name", NAMES)
def test_every_page_is_accessible(
    live_server: LiveServer,
    page_at: PageAt,
    assert_accessible: Callable[[Page], None],
    name: str,
    width: int,
    scheme: str,
) -> None:
    role = None if name == "sign in" else "admin"
    page = page_at(_pages(live_server)[name], width=width, scheme=scheme, role=role)
    assert_accessible(page)


@pytest.mark.parametrize("width", [1280, 683])
@pytest.mark.parametrize("name", ["list", "leak", "thread"])
def test_nothing_scrolls_sideways(live_server: LiveServer, page_at: PageAt, name: str, width: int) -> None:
    page = page_at(_pages(live_server)[name], width=width, role="operator", language="en")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_gate_catches_a_defect(
    live_server: LiveServer, page_at: PageAt, assert_accessible: Callable[[Page], None]
) -> None:
    page = page_at(LIST, role="operator")
    page.evaluate(
        "document.querySelector('label[for=find]').remove(); document.getElementById('find').placeholder = ''"
    )
    with pytest.raises(AssertionError, match="label"):
        assert_accessible(page)


def test_a_new_request_shows_by_itself_and_waits(live_server: LiveServer, page_at: PageAt) -> None:
    page = page_at(LIST, role="operator")
    expect(page.locator("#live")).to_contain_text("En vivo")
    rows = page.locator("#rows tr").count()
    with live_server.at_work(), db.transaction() as session:
        folio = report(session, "Acaba de llegar").folio
    expect(page.locator("#arrivals")).to_contain_text("1 solicitud nueva")
    # Nothing moved under the hand.
    assert page.locator("#rows tr").count() == rows
    page.locator("#arrivals a").click()
    expect(page.locator("#rows")).to_contain_text(spaced(folio))
    # The link that had the focus is gone; the newest row has it now.
    expect(page.locator("#rows a.t").first).to_be_focused()


def test_what_comes_while_an_answer_is_under_way_shows_too(live_server: LiveServer, page_at: PageAt) -> None:
    page = page_at(LIST, role="operator")
    expect(page.locator("#live")).to_contain_text("En vivo")
    # What a page asks once its line is open has been answered: a question that goes on would swallow the one below.
    asked = "performance.getEntriesByType('resource').some((one) => one.name.includes('/solicitudes/nuevas'))"
    wait_for(lambda: page.evaluate(f"{asked} && !document.querySelector('#arrivals.htmx-request')"), 10)
    held: list[Route] = []

    def hold_the_first(route: Route) -> None:
        if held:
            route.continue_()
        else:
            held.append(route)

    page.route("**/solicitudes/nuevas*", hold_the_first)
    page.evaluate("document.querySelector('#arrivals').dispatchEvent(new Event('atiende:requests'))")
    wait_for(lambda: page.evaluate("!!document.querySelector('#arrivals.htmx-request')") and held, 10)
    answer = held[0].fetch()
    with live_server.at_work(), db.transaction() as session:
        report(session, "Llega mientras tanto")
    # The news of it reaches the page, whose question has not been answered yet.
    page.wait_for_timeout(1500)
    held[0].fulfill(response=answer)
    expect(page.locator("#arrivals")).to_contain_text("1 solicitud nueva")


def test_a_row_changes_where_it_is(live_server: LiveServer, page_at: PageAt) -> None:
    with live_server.at_work(), db.transaction() as session:
        made = report(session, "Cambia de estado")
    page = page_at(LIST, role="operator")
    row = page.locator(f"#row-{made.id}")
    expect(row).to_contain_text("Nuevo")
    expect(page.locator("#live")).to_be_visible()
    row.locator("a.t").focus()
    with live_server.at_work(), db.transaction() as session:
        actor = Actor("agency", "Cuadrilla Norte")
        actions.change_status(session, made.id, life="in_progress", note="", actor=actor, now=clock.now())
    expect(row).to_contain_text("En proceso")
    # Whoever stood on the row with the keyboard still does.
    expect(row.locator("a.t")).to_be_focused()


def test_the_story_grows_while_it_is_read(live_server: LiveServer, page_at: PageAt) -> None:
    with live_server.at_work(), db.transaction() as session:
        made = report(session, "Se está leyendo")
    page = page_at(f"{LIST}/{made.folio}", role="operator")
    expect(page.locator("#live")).to_be_visible()
    page.locator("#text").fill("Lo que estoy escribiendo")
    with live_server.at_work(), db.transaction() as session:
        actor = Actor("agent", "Iván Soto")
        actions.change_status(
            session, made.id, life="in_progress", note="Va la cuadrilla.", actor=actor, now=clock.now()
        )
    expect(page.locator("#story")).to_contain_text("Va la cuadrilla.")
    expect(page.locator("#head")).to_contain_text("En proceso")
    expect(page.locator("#text")).to_have_value("Lo que estoy escribiendo")


def test_two_tabs_share_one_stream(live_server: LiveServer, page_at: PageAt) -> None:
    first = page_at(LIST, role="operator")
    streams: list[str] = []
    second = first.context.new_page()
    second.on("request", lambda asked: streams.append(asked.url) if asked.url.endswith("/live") else None)
    second.goto(LIST)
    with live_server.at_work(), db.transaction() as session:
        report(session, "Dos pestañas")
    expect(second.locator("#arrivals")).to_contain_text("solicitud")
    assert streams == []
    # The tab that listened goes away; the other takes over.
    first.close()
    left = "navigator.locks.query().then((locks) => locks.held.length === 1 && locks.pending.length === 0)"
    wait_for(lambda: second.evaluate(left), 10)
    with live_server.at_work(), db.transaction() as session:
        report(session, "Una pestaña")
    expect(second.locator("#arrivals")).to_contain_text("2 solicitudes nuevas")


@pytest.mark.parametrize("scripts", [True, False])
def test_sign_in_open_and_close_by_keyboard_alone(live_server: LiveServer, page_at: PageAt, scripts: bool) -> None:
    with live_server.at_work(), db.transaction() as session:
        folio = report(session, "Para cerrar").folio
    page = page_at("/consola/entrar", scripts=scripts)
    _press_until(page, "#email")
    page.keyboard.type(email_of("agency"))
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{LIST}")
    if scripts:
        page.keyboard.press("Control+k")
    else:
        _press_until(page, "#find")
    page.keyboard.type(spaced(folio))
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{LIST}/{folio}")
    _press_until(page, "#outcome")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    page.keyboard.type("Fuimos dos veces y no hay bache.")
    page.keyboard.press("Enter")
    page.wait_for_url("**#newest")
    expect(page.locator("#head")).to_contain_text("Cerrado sin reparar")
    with live_server.at_work(), db.transaction() as session:
        found = by_folio(session, folio)
        assert found is not None
        assert (found.life, found.outcome_code) == ("closed", "not_found")


def _press_until(page: Page, selector: str, most: int = 80) -> None:
    """Tab until this element has the focus; every stop on the way is visible and has a ring."""
    for _ in range(most):
        if page.evaluate("s => document.activeElement === document.querySelector(s)", selector):
            return
        page.keyboard.press("Tab")
        stop = page.evaluate(
            """() => {
                const e = document.activeElement, box = e.getBoundingClientRect(), look = getComputedStyle(e);
                // Between the last stop and the first, and before a busy browser has painted, nothing has the focus.
                if (e === document.body) return null;
                const around = e.closest("label, .find, .seg");
                const ring = look.outlineStyle !== "none" || (around && getComputedStyle(around).outlineStyle !== "none");
                return { html: e.outerHTML.slice(0, 120), ring, seen: box.width > 0 && box.height > 0 };
            }"""
        )
        assert stop is None or (stop["ring"] and stop["seen"]), stop
    raise AssertionError(f"{selector} is not reached by {most} tabs")


def test_f6_goes_round_the_panes_and_arrows_through_the_rows(live_server: LiveServer, page_at: PageAt) -> None:
    page = page_at(f"{LIST}/{live_server.cast.folios['leak']}", role="operator")
    where = "document.activeElement.matches('.side') ? 'side' : document.activeElement.matches('main') ? 'main' : 'ctx'"
    seen = []
    for _ in range(4):
        page.keyboard.press("F6")
        seen.append(page.evaluate(where))
    assert seen[:3] in (["side", "main", "ctx"], ["main", "ctx", "side"], ["ctx", "side", "main"])
    assert seen[3] == seen[0]
    page.goto(LIST)
    page.keyboard.press("ArrowDown")
    expect(page.locator("#rows a.t").first).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(page.locator("#rows a.t").nth(1)).to_be_focused()


def test_search_has_room_beside_all_the_tabs(page_at: PageAt) -> None:
    page = page_at(LIST, role="admin")
    account = page.locator(".menu.who").bounding_box()
    page.keyboard.press("Control+k")
    found = page.locator(".find").bounding_box()
    assert found is not None
    assert account is not None
    assert found["width"] >= 250
    assert found["x"] + found["width"] <= account["x"]
    assert page.locator(".menu.who").bounding_box() == account


def test_control_enter_sends_the_note(live_server: LiveServer, page_at: PageAt) -> None:
    page = page_at(f"{LIST}/{live_server.cast.folios['pothole']}", role="operator")
    page.locator("#text").fill("Nota por teclado")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#story")).to_contain_text("Nota por teclado")
    expect(page.locator("#text")).to_have_value("")


def test_a_lost_connection_is_said(live_server: LiveServer, page_at: PageAt) -> None:
    page = page_at(LIST, role="operator")
    expect(page.locator("#live")).to_contain_text("En vivo")
    page.clock.install()
    page.reload()
    expect(page.locator("#live")).to_contain_text("En vivo")
    page.context.set_offline(True)
    page.clock.run_for(40_000)
    expect(page.locator("#live")).to_contain_text("Sin datos desde las")


def test_no_page_complains_to_the_browser(live_server: LiveServer, page_at: PageAt) -> None:
    """A policy that is too strict, a missing file or a script error would be told on the console."""
    page = page_at(LIST, role="admin")
    told: list[str] = []
    page.on("console", lambda message: told.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: told.append(str(error)))
    for path in _pages(live_server).values():
        page.goto(path)
        page.wait_for_timeout(200)
    assert told == []


@pytest.mark.parametrize("scripts", [True, False])
def test_a_key_is_made_shown_once_renewed_and_disabled(page_at: PageAt, scripts: bool) -> None:
    label = f"App {'with' if scripts else 'without'} scripts"
    page = page_at("/consola/llaves", role="admin", scripts=scripts)
    page.get_by_role("link", name="Nueva llave").click()
    page.get_by_label("De quién es").fill(label)
    page.get_by_label("Actualizar los de su dependencia").check()
    page.get_by_role("button", name="Hacer la llave").click()
    expect(page.get_by_role("alert")).to_contain_text("di de cuál")
    page.get_by_label("Dependencia", exact=False).last.select_option("ALC-N")
    page.get_by_role("button", name="Hacer la llave").click()
    secret = page.get_by_label("Llave", exact=True).last.input_value()
    assert secret.startswith("atk_")
    expect(page.get_by_role("button", name="Copiar")).to_have_count(1 if scripts else 0)
    page.get_by_role("link", name="Ya la copié").click()
    row = page.get_by_role("row").filter(has_text=label)
    expect(row).to_contain_text(secret[:9])
    assert secret not in page.content()
    row.get_by_role("link", name="Renovar").click()
    page.get_by_role("button", name="Hacer la nueva").click()
    expect(page.get_by_label("Llave", exact=True).last).not_to_have_value(secret)
    page.get_by_role("link", name="Ya la copié").click()
    expect(row).to_contain_text(f"{secret[:9]}… sirve hasta")
    row.get_by_role("link", name="Apagar").click()
    page.get_by_role("button", name="Apagar la llave").click()
    expect(row).to_contain_text("Apagada")
    expect(row.get_by_role("link")).to_have_count(0)


def test_a_photo_is_hidden_and_shown_by_keyboard(live_server: LiveServer, page_at: PageAt) -> None:
    page = page_at(f"{LIST}/{live_server.cast.folios['pothole']}", role="operator", scripts=False)
    pictures = page.locator("#photos img")
    assert [picture.evaluate("image => image.naturalWidth") for picture in pictures.all()] == [320, 320, 320]
    page.get_by_role("button", name="Ocultar la foto 3").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Mostrar la foto 3")).to_be_visible()
    expect(page.locator(".tl")).to_contain_text("Ocultó la foto 3")
    page.get_by_role("button", name="Mostrar la foto 3").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Ocultar la foto 3")).to_be_visible()
