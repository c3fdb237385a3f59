"""The chat in a real browser: with and without scripts, wide and narrow, by keyboard, live, and inside a foreign page."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, ClassVar

import pytest
from playwright.sync_api import Frame, Page, Route, expect
from sqlmodel import col, select

from intake.catalog.models import Jurisdiction
from intake.conversations import actions as conversations
from intake.conversations.models import Conversation, Message
from kernel import clock, db
from tests.browser.cast import pothole
from tests.browser.conftest import LOOKS, LiveServer, PageAt, installation
from tests.factories import CITY
from tests.running import wait_for

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser_chat")]

THEIRS = ".msg:not(.me)"


@pytest.fixture(scope="module")
def live_server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """One with somebody who answers, apart from the others, which nobody changes by himself."""
    worker = getattr(request.config, "workerinput", {}).get("workerid", "main")
    with installation(f"web_chat_{worker}", tmp_path_factory.mktemp("photos"), "worker") as made:
        yield made


def say(page: Page | Frame, words: str) -> None:
    """Writes and waits for the answer."""
    before = page.locator(THEIRS).count()
    page.fill("#body", words)
    page.click(".send")
    expect(page.locator(THEIRS)).not_to_have_count(before)


def finish(page: Page) -> None:
    """Answers what is still asked with the first answer there is, until the folio is said."""
    for _ in range(6):
        if page.locator("a.part").count():
            return
        before = page.locator(THEIRS).count()
        if page.locator("button[name=choice]").count():
            page.locator("button[name=choice]").first.click()
        else:
            page.fill("#body", "1")
            page.click(".send")
        expect(page.locator(THEIRS)).not_to_have_count(before)
    raise AssertionError(page.locator("#log").inner_text())


def answer_newest(live_server: LiveServer, words: str) -> None:
    """Amir answers in the thread that began last."""
    with live_server.at_work(), db.transaction() as session:
        begun = col(Conversation.created_at).desc()
        thread = session.exec(select(Conversation).where(Conversation.channel == "web_chat").order_by(begun)).first()
        assert thread is not None
        conversations.queue_message(
            session,
            thread.id,
            words,
            client_ref=f"amir-{thread.id}",
            author_kind="agent",
            author_name="Amir Torres",
            now=clock.now(),
        )


def received(live_server: LiveServer, words: str) -> int:
    """How many messages of these words came in."""
    with live_server.at_work(), db.transaction() as session:
        return len(session.exec(select(Message).where(Message.body == words)).all())


@pytest.mark.parametrize("scripts", [True, False])
@pytest.mark.parametrize("width", [1366, 320])
def test_a_whole_report_by_chat(page_at: PageAt, live_server: LiveServer, width: int, scripts: bool) -> None:
    page = page_at("/chat", width=width, scripts=scripts)
    say(page, f"hay un bache enorme ({width} {scripts})")
    say(page, "Avenida Sabinos, El Carmen")
    finish(page)
    expect(page.locator("a.part").first).to_have_attribute("href", re.compile(r"/folio/\d{10}"))
    page.reload()
    expect(page.locator(".me .said").first).to_have_text(f"hay un bache enorme ({width} {scripts})")


@LOOKS
def test_every_state_is_accessible(
    page_at: PageAt, assert_accessible: Callable[[Page], None], width: int, scheme: str
) -> None:
    page = page_at("/chat", width=width, scheme=scheme)
    assert_accessible(page)
    page.click(".send")
    expect(page.locator("#state")).to_have_text("Escribe un mensaje, o agrega una foto.")
    assert_accessible(page)
    page.set_input_files(
        "#media", [{"name": "a-very-long-name-of-a-photo.jpg", "mimeType": "image/jpeg", "buffer": pothole(0)}]
    )
    expect(page.locator("#files li")).to_have_count(1)
    assert_accessible(page)
    say(page, "hay un bache o fuga en la calle")
    expect(page.locator("button[name=choice]").first).to_be_visible()
    assert_accessible(page)
    page.goto("/en/chat/nada")
    assert_accessible(page)


def test_by_keyboard_alone(page_at: PageAt) -> None:
    page = page_at("/chat", width=320)
    page.locator("#body").focus()
    page.keyboard.type("hay un bache o fuga en la calle")
    page.keyboard.press("Enter")
    expect(page.locator("button[name=choice]").first).to_be_visible()
    expect(page.locator("#body")).to_be_focused()
    for _ in range(12):
        page.keyboard.press("Shift+Tab")
        if page.evaluate("document.activeElement.name === 'choice'"):
            break
    ring = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert ring == "solid"
    top, bottom = page.evaluate(
        """() => [document.activeElement, document.getElementById("say")].map(
            (one, n) => one.getBoundingClientRect()[n ? "top" : "bottom"])"""
    )
    assert top <= bottom + 1, "what has the focus is not under the composer"
    before = page.locator(THEIRS).count()
    page.keyboard.press("Space")
    expect(page.locator(THEIRS)).not_to_have_count(before)
    expect(page.locator("#body")).to_be_focused()
    page.keyboard.type("una línea")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("y otra")
    expect(page.locator("#body")).to_have_value("una línea\ny otra")


def test_an_agents_answer_appears_by_itself(page_at: PageAt, live_server: LiveServer) -> None:
    page = page_at("/chat")
    say(page, "quiero hablar con una persona")
    page.wait_for_timeout(1000)
    answer_newest(live_server, "Hola, soy Amir.")
    answer = page.locator(THEIRS, has_text="Hola, soy Amir.")
    expect(answer).to_be_visible()
    expect(answer.locator(".who")).to_contain_text("Amir")


def test_a_double_tap_is_one_message(page_at: PageAt, live_server: LiveServer) -> None:
    page = page_at("/chat")
    page.fill("#body", "doble toque aquí")
    page.evaluate("() => { const b = document.querySelector('.send'); b.click(); b.click(); b.click(); }")
    expect(page.locator(".me:not(.going)")).to_have_count(1)
    assert received(live_server, "doble toque aquí") == 1


def test_a_message_on_a_dead_line_waits_and_is_sent_once(page_at: PageAt, live_server: LiveServer) -> None:
    page = page_at("/chat")
    tries = 0

    def dead(route: Route) -> None:
        nonlocal tries
        if route.request.method != "POST":
            route.continue_()
            return
        tries += 1
        if tries == 1:
            route.abort()  # it never left
        elif tries == 2:
            route.fetch()  # it arrived, and the answer was lost
            route.abort()
        else:
            route.continue_()

    page.route("**/chat", dead)
    page.fill("#body", "línea muerta")
    page.click(".send")
    expect(page.locator(".me.going .at")).to_have_text("Enviando…")
    expect(page.locator("#state")).to_have_text("Sin conexión. Se manda en cuanto vuelva.")
    expect(page.locator(".me:not(.going) .said")).to_have_text("línea muerta")
    expect(page.locator(".me")).to_have_count(1)
    assert tries == 3
    assert received(live_server, "línea muerta") == 1


def test_what_waits_and_what_is_half_written_survive_a_reload(page_at: PageAt, live_server: LiveServer) -> None:
    page = page_at("/chat")
    page.route("**/chat", lambda route: route.abort() if route.request.method == "POST" else route.continue_())
    page.fill("#body", "esto espera")
    page.click(".send")
    expect(page.locator(".me.going")).to_have_count(1)
    page.fill("#body", "y esto va a medias")
    page.unroute("**/chat")
    page.reload()
    expect(page.locator("#body")).to_have_value("y esto va a medias")
    expect(page.locator(".me:not(.going) .said")).to_have_text("esto espera")
    assert received(live_server, "esto espera") == 1


def test_what_is_refused_stands_in_the_field_again(page_at: PageAt) -> None:
    page = page_at("/chat")
    page.set_input_files("#media", [{"name": "a.jpg", "mimeType": "image/jpeg", "buffer": b"no photo at all"}])
    page.fill("#body", "mira la foto")
    page.click(".send")
    expect(page.locator("#state")).to_contain_text("foto")
    expect(page.locator("#body")).to_have_value("mira la foto")
    expect(page.locator("#files li")).to_have_count(1)
    expect(page.locator(".msg")).to_have_count(0)


def test_my_place_is_asked_of_the_browser_only_when_wanted(page_at: PageAt, live_server: LiveServer) -> None:
    page = page_at("/chat")
    page.context.grant_permissions(["geolocation"])
    page.context.set_geolocation({"longitude": -99.15, "latitude": 19.421, "accuracy": 9})
    say(page, "hay un bache")
    page.click("#opts .here")
    expect(page.locator(".me:not(.going) .part")).to_contain_text("Tu ubicación")
    with live_server.at_work(), db.transaction() as session:
        kept = session.exec(
            select(Message).where(col(Message.lon).is_not(None)).order_by(col(Message.seq).desc())
        ).first()
        assert kept is not None
        assert (kept.lon, kept.lat) == (-99.15, 19.421)


def test_a_browser_that_gives_no_place_says_what_to_do(page_at: PageAt) -> None:
    page = page_at("/chat")
    page.click(".tools .here")
    expect(page.locator("#state")).to_contain_text("Escríbelo: calle, colonia")


def test_closing_forgets_it_here(page_at: PageAt) -> None:
    page = page_at("/chat")
    page.fill("#body", "equipo compartido")
    page.click(".send")
    expect(page.locator(".me:not(.going)")).to_have_count(1)
    page.click("text=Cerrar esta conversación aquí")
    expect(page.locator(".msg")).to_have_count(0)


def test_nothing_to_tap_is_small_and_letters_twice_as_large_fit_the_narrowest_phone(page_at: PageAt) -> None:
    page = page_at("/chat", width=320)
    say(page, "hay un bache o fuga en la calle")
    small = page.evaluate(
        """() => [...document.querySelectorAll("a, button, textarea")]
            .filter(e => !e.classList.contains("skip") && e.offsetParent)
            .filter(e => e.getBoundingClientRect().height < 44).map(e => e.outerHTML)"""
    )
    assert small == []
    page.evaluate("document.documentElement.style.fontSize = '200%'")
    assert page.evaluate("document.documentElement.scrollWidth") <= 320


# ── In a page of another site ──


class _Site(BaseHTTPRequestHandler):
    html: ClassVar[bytes] = b""

    def do_GET(self) -> None:
        body = self.html if self.path == "/" else b""
        self.send_response(200)
        self.send_header("content-type", "text/html; charset=utf-8")
        # What the documentation says is enough.
        centre = re.search(rb'src="(http://[^/]+)', self.html)
        assert centre
        allowed = centre[1].decode()
        self.send_header("content-security-policy", f"default-src 'none'; script-src {allowed}; frame-src {allowed}")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def site(live_server: LiveServer) -> Iterator[str]:
    """A page of another origin that embeds the chat, with a policy of its own."""
    _Site.html = f"""<!doctype html><html lang="es"><head><meta charset="utf-8"><title>Portal</title></head>
        <body><h1>Portal</h1><p><a href="{live_server.base_url}/chat" data-atiende-chat>Escríbenos</a></p>
        <script src="{live_server.base_url}/chat/widget.js" data-city="{CITY}" async></script></body></html>""".encode()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Site)
    Thread(target=server.serve_forever, daemon=True).start()
    # Another name of the same machine: another site, to which no cookie of ours goes.
    yield f"http://localhost:{server.server_port}/"
    server.shutdown()
    server.server_close()


@pytest.fixture
def foreign(live_server: LiveServer) -> Iterator[str]:
    """The address of a page that may hold the chat."""
    with live_server.at_work(), db.transaction() as session:
        city = session.get_one(Jurisdiction, CITY)
        city.settings = {**city.settings, "web_chat_origins": ["http://localhost:*"]}
        session.add(city)
    with site(live_server) as url:
        yield url


def frame_of(page: Page) -> Frame:
    for _ in range(200):  # the frame is in a shadow, where no selector looks
        if len(page.frames) > 1:
            break
        page.wait_for_timeout(100)
    frame = page.frames[-1]
    frame.wait_for_selector("#body")
    return frame


def open_dialog(page: Page) -> Frame:
    """With the keys: past the link, to the button in its shadow."""
    page.wait_for_selector("[data-atiende]", state="attached")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    return frame_of(page)


def test_the_widget_works_in_a_foreign_page_and_comes_back_after_a_reload(page_at: PageAt, foreign: str) -> None:
    page = page_at("/chat")
    errors: list[str] = []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.goto(foreign)
    frame = open_dialog(page)
    say(frame, "hay un bache, desde el portal")
    page.reload()
    frame = open_dialog(page)
    expect(frame.locator(".me .said").first).to_have_text("hay un bache, desde el portal")
    assert page.evaluate("Object.keys(localStorage)") == []
    assert errors == []


def test_escape_closes_the_dialog_from_inside_the_frame_and_focus_goes_back(page_at: PageAt, foreign: str) -> None:
    page = page_at("/chat", width=320, height=640)
    page.goto(foreign)
    frame = open_dialog(page)
    expect(frame.locator("#body")).to_be_focused()
    tree = page.locator("[data-atiende]")
    page.keyboard.press("Escape")
    wait_for(lambda: dialogs(page) == [] and has_focus(page, "Chatea con la ciudad"), 10)
    expect(tree).to_be_attached()
    page.click("text=Escríbenos")  # the link of the page opens it as well
    wait_for(lambda: dialogs(page), 10)
    expect(frame.locator("#body")).to_be_focused()
    assert page.url == foreign


def seen_by_readers(page: Page) -> list[tuple[str, str, dict[str, Any]]]:
    """Role, name and states of everything in the page, its closed shadows too, as a screen reader is told."""
    nodes = page.context.new_cdp_session(page).send("Accessibility.getFullAXTree")["nodes"]
    return [
        (
            node["role"]["value"],
            node.get("name", {}).get("value", ""),
            {one["name"]: one["value"].get("value") for one in node.get("properties", [])},
        )
        for node in nodes
        if not node.get("ignored") and "role" in node
    ]


def dialogs(page: Page) -> list[str]:
    return [name for role, name, _ in seen_by_readers(page) if role == "dialog"]


def has_focus(page: Page, name: str) -> bool:
    return any(states.get("focused") for _, seen, states in seen_by_readers(page) if seen == name)


def test_the_button_and_the_dialog_say_what_they_are_and_what_came_while_it_was_closed(
    page_at: PageAt, live_server: LiveServer, foreign: str
) -> None:
    page = page_at("/chat")
    page.goto(foreign)
    page.wait_for_selector("[data-atiende]", state="attached")
    button = next(states for role, name, states in seen_by_readers(page) if name == "Chatea con la ciudad")
    assert (button["expanded"], button["hasPopup"]) == (False, "dialog")
    frame = open_dialog(page)
    say(frame, "quiero hablar con una persona")
    dialog = next(states for role, _, states in seen_by_readers(page) if role == "dialog")
    assert dialog["modal"]
    assert dialogs(page) == ["Chat con Ciudad Prueba"]
    page.keyboard.press("Escape")
    wait_for(lambda: dialogs(page) == [] and has_focus(page, "Chatea con la ciudad"), 10)
    answer_newest(live_server, "Ya lo estamos viendo.")
    for _ in range(100):
        if any(name == "Chatea con la ciudad. 1 mensaje nuevo" for _, name, _ in seen_by_readers(page)):
            return
        page.wait_for_timeout(200)
    raise AssertionError("nobody is told of the message")


def test_a_site_that_the_city_did_not_name_gets_no_frame(page_at: PageAt, foreign: str) -> None:
    page = page_at("/chat")
    page.goto(foreign.replace("localhost", "127.0.0.1"))
    page.wait_for_selector("[data-atiende]", state="attached")
    page.click("text=Escríbenos")
    page.wait_for_timeout(1000)
    assert page.frames[-1].locator("#body").count() == 0


@LOOKS
def test_the_dialog_is_accessible(
    page_at: PageAt, foreign: str, assert_accessible: Callable[[Page], None], width: int, scheme: str
) -> None:
    page = page_at("/chat/marco", width=width, scheme=scheme)
    assert_accessible(page)
