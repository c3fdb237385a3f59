"""An operator at work by keyboard alone, in one window; and the desk as seen by those who cannot see it."""

import re
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import pairwise
from uuid import UUID, uuid4

import pytest
from playwright.sync_api import Page, expect
from sqlmodel import col, select

from agent_console.models import ConsoleUser
from intake.conversations import actions as threads
from intake.conversations import arrivals, notes
from intake.conversations.values import InboundMessage
from intake.distribution import actions as distribution
from intake.distribution import lifecycle
from intake.distribution.models import AgentSession, Offer, WorkItem
from kernel import clock, db
from tests.browser.cast import email_of
from tests.browser.conftest import LOOKS, LiveServer, PageAt
from tests.factories import CITY
from tests.running import wait_for

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser_desk")]


@pytest.fixture(autouse=True)
def nobody_at_work(live_server: LiveServer) -> Iterator[None]:
    """Each test begins with an empty line and closed desks, whatever other pages' tests left in somebody's hands."""
    _send_home(live_server)
    yield
    _send_home(live_server)


def _send_home(live_server: LiveServer) -> None:
    with live_server.at_work(), db.transaction() as session:
        for agent in session.exec(select(AgentSession)):
            distribution.force_off(session, agent.agent_id, why="left", now=clock.now())
        for item in session.exec(select(WorkItem).where(col(WorkItem.state).not_in(lifecycle.ENDED))):
            distribution.complete(session, item.id, disposition_code=None, now=clock.now())
        for item in session.exec(
            select(WorkItem).where(col(WorkItem.disposition_code).is_(None), WorkItem.state == "done")
        ):
            item.disposition_code = "answered"


def asks(live_server: LiveServer, body: str = "Quiero hablar con alguien", sender: str = "+525512345678") -> UUID:
    """Somebody waits for a person; the item."""
    with live_server.at_work(), db.transaction() as session:
        now = clock.now()
        inbound = InboundMessage("sms", uuid4().hex, sender, "+525500000311", body, now)
        message = arrivals.receive(session, inbound, jurisdiction_id=CITY, now=now)
        thread = threads.held(session, message.conversation_id)
        threads.hand_back(session, thread.id, now=now)
        threads.hand_to_agent(session, thread, said=message, now=now)
        found = distribution.live_of(session, thread.id)
        assert found is not None
        return found.id


def offer(live_server: LiveServer, item_id: UUID, role: str = "operator") -> UUID:
    """What the dispatcher does: again in its next round where the desk was just being heard of, and so was passed by."""

    def once() -> UUID | None:
        with live_server.at_work(), db.transaction() as session:
            user = session.exec(select(ConsoleUser).where(ConsoleUser.role == role)).one()
            made = distribution.offer(session, item_id, user.id, reason="longest_idle", now=clock.now())
            return made.id if made else None

    made = wait_for(once, 10, "the offer")
    assert made is not None
    return made


def item_of(live_server: LiveServer, item_id: UUID) -> WorkItem:
    with live_server.at_work(), db.transaction() as session:
        found = session.get_one(WorkItem, item_id)
        session.expunge(found)
        return found


def at_desk(page_at: PageAt, **how: object) -> Page:
    page = page_at("/consola/atencion", role="operator", **how)
    page.keyboard.press("F2")
    expect(page.locator("#estado")).to_contain_text("Disponible")
    return page


def test_a_thread_is_answered_and_closed_by_keyboard_alone(live_server: LiveServer, page_at: PageAt) -> None:
    page = at_desk(page_at)
    item_id = asks(live_server, "¿Cuándo viene la cuadrilla?")
    offer(live_server, item_id)
    expect(page.locator("#strip .offer")).to_contain_text("SMS para ti")
    expect(page.locator("#ring")).to_contain_text("F2 para contestar")
    expect(page.locator("#pop")).to_contain_text("¿Cuándo viene la cuadrilla?")
    expect(page.locator("#pop .folio").first).to_be_visible()
    expect(page.locator("[role=alert]")).to_have_count(1)
    page.keyboard.press("F2")
    expect(page.locator("#mine .q")).to_contain_text("55 •••• 5678")
    page.keyboard.press("r")
    expect(page.locator("#text")).to_be_focused()
    page.keyboard.type("Hoy a las 12. Avisa si xr o 1 cambia algo @#")
    expect(page.locator("#meter")).to_contain_text("Guardado")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#story .out").last).to_contain_text("Hoy a las 12. Avisa si xr o 1 cambia algo @#")
    expect(page.locator("#text")).to_be_focused()
    page.keyboard.press("F6")
    page.keyboard.press("x")
    expect(page.locator("#wrap")).to_be_focused()
    page.keyboard.press("3")
    expect(page.locator("#disposition-3")).to_be_checked()
    page.keyboard.press("Control+Enter")
    expect(page.locator("#main h1")).to_have_text("Disponible")
    done = item_of(live_server, item_id)
    assert (done.state, done.disposition_code) == ("done", "answered")


def test_an_offer_takes_no_focus_and_no_words(live_server: LiveServer, page_at: PageAt) -> None:
    page = at_desk(page_at)
    first = asks(live_server)
    offer(live_server, first)
    expect(page.locator("#answer")).to_be_visible()
    page.keyboard.press("F2")
    page.locator("#text").focus()
    page.keyboard.type("Estoy escribiendo")
    second = asks(live_server, "Otra persona", "+525511112222")
    offer(live_server, second)
    expect(page.locator("#answer")).to_be_visible()
    expect(page.locator("#text")).to_be_focused()
    page.keyboard.type(" y sigo")
    expect(page.locator("#text")).to_have_value("Estoy escribiendo y sigo")
    page.keyboard.press("Shift+F2")
    expect(page.locator("#answer")).to_have_count(0)
    assert item_of(live_server, second).state == "queued"
    assert item_of(live_server, first).state == "assigned"


def test_of_two_windows_one_acts(live_server: LiveServer, page_at: PageAt) -> None:
    first = at_desk(page_at)
    second = page_at("/consola/atencion", role="operator")
    expect(second.locator("#strip")).to_contain_text("Tu turno está abierto en otra ventana.")
    second.locator("#take-over").focus()
    second.keyboard.press("Enter")
    expect(second.locator("#estado")).to_contain_text("Disponible")
    expect(first.locator("#strip")).to_contain_text("Tu turno está abierto en otra ventana.")
    item_id = asks(live_server)
    offer(live_server, item_id)
    expect(second.locator("#answer")).to_be_visible()
    expect(first.locator("#answer")).to_have_count(0)


def test_a_copied_window_only_looks(live_server: LiveServer, page_at: PageAt) -> None:
    first = at_desk(page_at)
    expect(first).to_have_url(re.compile("turno="))
    copy = first.context.new_page()
    copy.goto(first.url)
    expect(copy.locator("#strip")).to_contain_text("Tu turno está abierto en otra ventana.")
    expect(first.locator("#estado")).to_contain_text("Disponible")


def test_an_offer_that_passed_has_one_key_to_come_back(live_server: LiveServer, page_at: PageAt) -> None:
    page = at_desk(page_at)
    offer_id = offer(live_server, asks(live_server))
    expect(page.locator("#answer")).to_be_visible()
    with live_server.at_work(), db.transaction() as session:
        distribution.expire(session, offer_id, now=session.get_one(Offer, offer_id).expires_at)
    expect(page.locator("#strip")).to_contain_text("No contestaste a tiempo.")
    page.keyboard.press("F2")
    expect(page.locator("#estado")).to_contain_text("Disponible")


def test_a_break_is_chosen_and_the_menu_is_gone(page_at: PageAt) -> None:
    page = at_desk(page_at)
    page.locator("#estado").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#estado")).to_contain_text("Descanso")
    expect(page.locator("#states")).not_to_have_attribute("open", re.compile(""))
    expect(page.locator("#estado")).to_be_focused()
    page.keyboard.press("F2")
    expect(page.locator("#estado")).to_contain_text("Disponible")


def test_the_keyboard_stands_where_it_did_when_the_menu_is_shown_anew(live_server: LiveServer, page_at: PageAt) -> None:
    """News of a shift come at any moment, also while its state is being chosen."""
    page = at_desk(page_at)
    page.locator("#estado").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    chosen = page.evaluate("document.activeElement.textContent")
    # Gone once that part of the page is a new one.
    page.evaluate("document.querySelector('#presence').dataset.old = 1")
    with live_server.at_work(), db.transaction() as session:
        agent = session.exec(select(AgentSession).where(AgentSession.state == "available")).one()
        agent.state_since -= timedelta(minutes=5)
    offer(live_server, asks(live_server, "¿Cuándo viene la cuadrilla?"))
    expect(page.locator("#presence[data-old]")).to_have_count(0)
    assert page.evaluate("document.activeElement.textContent") == chosen


def test_a_desk_that_is_not_heard_says_so_before_its_shift_is_lost(page_at: PageAt) -> None:
    page = at_desk(page_at)
    page.clock.install()
    page.reload()
    expect(page.locator("#estado")).to_contain_text("Disponible")
    expect(page.locator("#cut")).to_be_hidden()
    page.route("**/latido", lambda route: route.abort())
    page.clock.run_for(11_000)
    expect(page.locator("#cut")).to_contain_text("No hay conexión")
    page.unroute("**/latido")
    page.clock.run_for(6_000)
    expect(page.locator("#cut")).to_be_hidden()


def test_a_line_that_drops_everything_is_said_as_soon(page_at: PageAt) -> None:
    page = at_desk(page_at)
    page.clock.install()
    page.add_init_script(
        """AbortSignal.timeout = after => { const given = new AbortController(); setTimeout(() => given.abort(), after);
            return given.signal; }"""
    )
    page.reload()
    expect(page.locator("#estado")).to_contain_text("Disponible")
    page.route("**/latido", lambda route: None)
    page.clock.run_for(11_000)
    expect(page.locator("#cut")).to_be_visible()
    page.unroute("**/latido")
    page.clock.run_for(11_000)
    expect(page.locator("#cut")).to_be_hidden()


def test_a_desk_whose_own_timers_are_slowed_in_a_hidden_tab_still_beats(page_at: PageAt) -> None:
    page = at_desk(page_at)
    page.add_init_script("window.setInterval = () => 0")
    page.reload()
    expect(page.locator("#estado")).to_contain_text("Disponible")
    beats: list[float] = []
    page.on("request", lambda sent: beats.append(time.monotonic()) if sent.url.endswith("/latido") else None)
    page.wait_for_timeout(14_000)
    # Events of this desk may have it beat too; a lease is 12 seconds.
    assert any(later - earlier > 4 for earlier, later in pairwise(beats)), beats
    with page.expect_request("**/latido", timeout=2_000):
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


def test_letters_can_be_switched_off(live_server: LiveServer, page_at: PageAt) -> None:
    page = at_desk(page_at)
    offer(live_server, item_id := asks(live_server))
    expect(page.locator("#answer")).to_be_visible()
    page.keyboard.press("F2")
    expect(page.locator("#finish")).to_be_visible()
    page.locator("#letters").focus()
    page.keyboard.press("Space")
    page.locator("#main").focus()
    page.keyboard.press("x")
    page.keyboard.press("r")
    expect(page.locator("#main")).to_be_focused()
    assert item_of(live_server, item_id).state == "assigned"


@LOOKS
def test_the_desk_is_accessible_in_every_state(
    live_server: LiveServer, page_at: PageAt, assert_accessible: Callable[[Page], None], width: int, scheme: str
) -> None:
    page = page_at("/consola/atencion", role="operator", width=width, scheme=scheme)

    def look(name: str) -> None:
        assert_accessible(page)

    look("off")
    page.keyboard.press("F2")
    expect(page.locator("#estado")).to_contain_text("Disponible")
    look("available")
    page.locator("#estado").click()
    look("states")
    page.keyboard.press("Escape")
    first = asks(live_server, "¿Cuándo viene la cuadrilla? Sigue saliendo agua y ya se metió a la cochera.")
    offer(live_server, first)
    expect(page.locator("#answer")).to_be_visible()
    look("offer")
    page.keyboard.press("F2")
    expect(page.locator("#finish")).to_be_visible()
    offer(live_server, asks(live_server, "Otra persona", "+525511112222"))
    expect(page.locator("#answer")).to_be_visible()
    look("offer-while-talking")
    page.keyboard.press("Shift+F2")
    expect(page.locator("#answer")).to_have_count(0)
    look("talking")
    page.locator("#finish").click()
    expect(page.locator("#wrap")).to_be_visible()
    look("wrap")
    team = page_at("/consola/atencion/equipo", role="supervisor", width=width, scheme=scheme)
    assert_accessible(team)


def test_a_thread_that_waits_for_its_resident_stands_apart(live_server: LiveServer, page_at: PageAt) -> None:
    page = at_desk(page_at)
    item_id = asks(live_server)
    offer(live_server, item_id)
    expect(page.locator("#answer")).to_be_visible()
    page.keyboard.press("F2")
    page.locator("#text").fill("¿En qué calle?")
    page.keyboard.press("Control+Enter")
    page.locator("#rest").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#mine")).to_contain_text("Esperan a la persona")
    expect(page.locator("#mine .capacity")).to_contain_text("0 de 100 puntos")
    assert item_of(live_server, item_id).resting_since is not None
    with live_server.at_work(), db.transaction() as session:
        distribution.heard(session, item_id, now=clock.now())
    expect(page.locator("#mine")).not_to_contain_text("Esperan a la persona")
    expect(page.locator("#mine .capacity")).to_contain_text("25 de 100 puntos")


def in_hand(live_server: LiveServer, page: Page, body: str = "Hola", sender: str = "+525512345678") -> UUID:
    """A contact that was answered with the keyboard."""
    item_id = asks(live_server, body, sender)
    offer(live_server, item_id)
    expect(page.locator("#answer")).to_be_visible()
    page.keyboard.press("F2")
    expect(page.locator("#mark")).to_have_attribute("data-item", str(item_id))
    return item_id


def test_what_is_written_outlives_every_button_and_the_end_of_the_contact(
    live_server: LiveServer, page_at: PageAt
) -> None:
    page = at_desk(page_at)
    item_id = in_hand(live_server, page)
    note = page.locator("[name=note]")
    note.fill("Vive sola, tercer piso")
    page.locator("#estado").click()
    page.locator("#states .breaks button").first.click()
    expect(page.locator("#estado")).to_contain_text("Descanso")
    expect(note).to_have_value("Vive sola, tercer piso")
    page.keyboard.press("F2")
    expect(page.locator("#estado")).to_contain_text("Disponible")
    other = in_hand(live_server, page, "Otra persona", "+525511112222")
    expect(note).to_have_value("")
    page.locator(f"#q-{item_id}").click()
    expect(page.locator("#mark")).not_to_have_attribute("data-item", str(other))
    expect(note).to_have_value("Vive sola, tercer piso")
    note.focus()
    with live_server.at_work(), db.transaction() as session:
        distribution.finish(session, item_id, now=clock.now())
    expect(page.locator("#wrap")).to_be_visible()
    expect(note).to_have_value("Vive sola, tercer piso")
    page.locator("#disposition-3").check()
    before = page.locator("#wrap [data-until]").get_attribute("data-until")
    page.get_by_role("button", name="Un minuto más").click()
    expect(page.locator("#wrap [data-until]")).not_to_have_attribute("data-until", str(before))
    expect(page.locator("#disposition-3")).to_be_checked()
    page.get_by_role("button", name="Guardar nota").click()
    expect(page.locator("#story")).to_contain_text("Vive sola, tercer piso")
    expect(note).to_have_value("")


def test_a_note_that_was_not_sent_is_saved_with_what_became_of_the_contact(
    live_server: LiveServer, page_at: PageAt
) -> None:
    page = at_desk(page_at)
    first = in_hand(live_server, page)
    note = page.locator("[name=note]")
    note.fill("Vive sola")
    page.locator("#finish").click()
    expect(page.locator("#wrap [name=note]")).to_have_value("Vive sola")
    note.press_sequentially(", tercer piso")
    page.locator("#disposition-3").check()
    page.keyboard.press("Control+Enter")
    expect(page.locator("#main h1")).to_have_text("Disponible")
    second = in_hand(live_server, page)
    expect(page.locator("#story")).to_contain_text("Vive sola, tercer piso")
    expect(note).to_have_value("")
    note.fill("La llave está con el portero")
    with live_server.at_work(), db.transaction() as session:
        distribution.complete(session, second, disposition_code=None, now=clock.now())
    expect(page.locator("#owed [name=note]")).to_have_value("La llave está con el portero")
    page.locator("#owed [name=disposition]").first.check()
    page.locator("#owed .primary").click()
    expect(page.locator("#owed")).to_have_count(0)
    with live_server.at_work(), db.transaction() as session:
        thread_id = session.get_one(WorkItem, first).conversation_id
        assert thread_id
        saved = [note.body for note in notes.of_threads(session, [thread_id], None)]
    assert saved[-2:] == ["Vive sola, tercer piso", "La llave está con el portero"]


def test_a_slow_answer_takes_no_place_and_no_words_of_a_newer_one(live_server: LiveServer, page_at: PageAt) -> None:
    page = at_desk(page_at)
    first = in_hand(live_server, page)
    second = in_hand(live_server, page, "Otra persona", "+525511112222")
    page.evaluate(
        """slow => { const asked = window.fetch; window.late = 0; window.fetch = async (url, how) => {
            const answer = await asked(url, how);
            if (String(url).includes("contacto=" + slow)) {
                await new Promise(done => { window.release = done; });
                window.late += 1;
            }
            return answer; }; }""",
        str(first),
    )
    page.locator(f"#q-{first}").click()
    page.locator(f"#q-{second}").click()
    wait_for(lambda: page.evaluate("Boolean(window.release)"), 10, "the slow answer")
    expect(page.locator(f"#q-{second}")).to_be_focused()
    page.locator("#text").fill("para la segunda")
    page.evaluate("window.release()")
    wait_for(lambda: page.evaluate("window.late"), 10, "the slow answer's end")
    page.wait_for_timeout(300)
    expect(page.locator("#mark")).to_have_attribute("data-item", str(second))
    expect(page.locator("#text")).to_have_value("para la segunda")
    expect(page.locator("#text")).to_be_focused()


def test_whoever_writes_does_not_go_on_to_another_person(live_server: LiveServer, page_at: PageAt) -> None:
    page = at_desk(page_at)
    first = in_hand(live_server, page)
    second = in_hand(live_server, page, "Otra persona", "+525511112222")
    page.locator("#text").focus()
    page.keyboard.type("Para ti")
    page.clock.set_fixed_time(clock.now())
    with live_server.at_work(), db.transaction() as session:
        distribution.complete(session, second, disposition_code="answered", now=clock.now())
    expect(page.locator("#mark")).to_have_attribute("data-item", str(first))
    expect(page.locator("#main")).to_be_focused()
    page.keyboard.type(" y x")
    expect(page.locator("#text")).to_have_value("")
    assert item_of(live_server, first).state == "assigned"


def test_a_key_that_could_not_be_sent_says_so_and_can_be_pressed_again(
    live_server: LiveServer, page_at: PageAt
) -> None:
    page = at_desk(page_at)
    item_id = asks(live_server)
    offer(live_server, item_id)
    expect(page.locator("#answer")).to_be_visible()
    page.route("**/contestar", lambda route: route.abort())
    page.keyboard.press("F2")
    expect(page.get_by_role("status").filter(has_text="No salió")).to_be_visible()
    page.unroute("**/contestar")
    page.keyboard.press("F2")
    expect(page.locator("#finish")).to_be_visible()
    expect(page.locator("#failed")).to_be_hidden()


def test_a_window_that_could_not_find_its_shift_goes_on_to_find_it(page_at: PageAt) -> None:
    page = at_desk(page_at)
    page.route("**/atencion?turno=*", lambda route: route.abort())
    page.goto("/consola/atencion")
    expect(page.locator("#failed")).to_contain_text("No salió")
    page.unroute("**/atencion?turno=*")
    expect(page.locator("#estado")).to_contain_text("Disponible")


def test_a_desk_that_is_taken_away_is_gone_from_the_screen(live_server: LiveServer, page_at: PageAt) -> None:
    page = at_desk(page_at)
    in_hand(live_server, page, "Palabras de alguien")
    expect(page.locator("#story")).to_contain_text("Palabras de alguien")

    def work_as(role: str, agency: str | None = None) -> None:
        with live_server.at_work(), db.transaction() as session:
            user = session.exec(select(ConsoleUser).where(ConsoleUser.email == email_of("operator"))).one()
            user.role, user.agency_code = role, agency

    work_as("agency", "ALC-N")
    try:
        expect(page.get_by_text("Palabras de alguien")).to_have_count(0)
        expect(page.locator("#estado")).to_have_count(0)
    finally:
        work_as("operator")
