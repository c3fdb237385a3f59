"""The inbox and a conversation by keyboard alone, and as seen by those who cannot see it."""

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from playwright.sync_api import Page, expect

from intake.conversations import actions as threads
from intake.conversations import arrivals
from intake.conversations.values import Choice, InboundMedia, InboundMessage, SharedPlace
from kernel import clock, db
from tests.browser.conftest import LOOKS, LiveServer, PageAt
from tests.factories import CITY, IN_NORTE

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser_chat")]


def _asks_by_telegram(live_server: LiveServer) -> UUID:
    with live_server.at_work(), db.transaction() as session:
        now = clock.now()

        def write(body: str, chat: str = "4242", **values: object) -> UUID:
            inbound = InboundMessage(
                "telegram",
                uuid4().hex,
                chat,
                "bot",
                body,
                now,
                sender_kind="telegram",
                **values,  # type: ignore[arg-type]  # of one message
            )
            return arrivals.receive(session, inbound, jurisdiction_id=CITY, now=now).conversation_id

        id_ = write("Hay una fuga", profile_name="Rosita", shared_phone="+525544443333")
        threads.queue_message(
            session,
            id_,
            "¿Cuál?",
            prompt="¿Cuál?",
            choices=[Choice("1.1", "Fuga de agua"), Choice("1.2", "Drenaje")],
            client_ref=uuid4().hex,
            author_kind="dialogue",
            now=now,
        )
        write("Fuga de agua", choice="1.1")
        write("", place=SharedPlace(*IN_NORTE, label="Av. Sabinos 214"))
        write("", media=[InboundMedia("video", reference="x", content_type="video/mp4", file_name="fuga.mp4")])
        threads.hand_to_agent(session, threads.held(session, id_), now=now - timedelta(hours=3))
        # Whoever has waited longest comes first.
        threads.held(session, id_).waiting_since = now - timedelta(hours=3)
        return id_


def test_a_conversation_is_found_taken_and_answered_by_keyboard(live_server: LiveServer, page_at: PageAt) -> None:
    id_ = _asks_by_telegram(live_server)
    page = page_at("/consola/conversaciones", role="operator")
    page.keyboard.press("ArrowDown")
    expect(page.locator(f"#t-{id_}")).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/conversaciones/{id_}")
    page.locator("#take").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#head")).to_contain_text("Con Amir Torres")
    page.locator("#text").focus()
    page.keyboard.type("Ya va la cuadrilla")
    expect(page.locator("#meter")).to_contain_text("Guardado")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#story .out").last).to_contain_text("Ya va la cuadrilla")
    expect(page.locator("#text")).to_have_value("")
    expect(page.locator("#text")).to_be_focused()
    expect(page.locator("#story .out").last).to_be_in_viewport()


def _one_who_writes(live_server: LiveServer, channel: str, sender: str, kind: str) -> UUID:
    with live_server.at_work(), db.transaction() as session:
        inbound = InboundMessage(channel, uuid4().hex, sender, "", "Hay una fuga", clock.now(), sender_kind=kind)
        return arrivals.receive(session, inbound, jurisdiction_id=CITY, now=clock.now()).conversation_id


@pytest.mark.parametrize("scripts", [True, False])
def test_two_threads_are_made_one_person_s_and_parted_again(
    live_server: LiveServer, page_at: PageAt, scripts: bool
) -> None:
    digits = f"{uuid4().int % 10**8:08d}"
    thread = _one_who_writes(live_server, "telegram", f"77{digits}", "telegram")
    _one_who_writes(live_server, "sms", f"+5255{digits}", "phone")
    page = page_at(f"/consola/conversaciones/{thread}", role="operator", scripts=scripts)
    who = page.locator("#who")
    who.get_by_text("Es la misma persona que…").click()
    who.get_by_label("Folio, teléfono, correo o los últimos 4 números").fill(f"55{digits}")
    who.get_by_role("button", name="Buscar").click()
    expect(who.get_by_role("radio").last).to_be_checked()
    who.get_by_label("¿Cómo lo sabes?").fill("Me dio su folio")
    who.get_by_role("button", name="Es la misma persona").click()
    expect(who).to_contain_text("Me dio su folio")
    expect(who.locator(".reached li")).to_have_count(2)

    who.get_by_text("No es la misma persona").click()
    who.get_by_role("button", name="Separar").click()
    expect(who.get_by_role("alert")).to_be_visible()  # without a reason nothing is undone
    who.get_by_label("¿Cómo lo sabes?").first.fill("Era su vecina")
    who.get_by_role("button", name="Separar").click()
    expect(who.locator(".reached li")).to_have_count(1)
    expect(who).to_contain_text("Era su vecina")


@pytest.mark.parametrize("width", [320, 1366])
def test_the_button_that_sends_stays_at_the_right(live_server: LiveServer, page_at: PageAt, width: int) -> None:
    page = page_at(f"/consola/conversaciones/{_asks_by_telegram(live_server)}", role="operator", width=width)
    send = page.get_by_role("button", name="Enviar")
    for text in ("", "Ya va la cuadrilla"):
        page.locator("#text").fill(text)
        if text:
            expect(page.locator("#meter")).to_contain_text("Guardado")
        button, around = send.bounding_box(), page.locator(".composer").bounding_box()
        assert button
        assert around
        assert around["x"] + around["width"] - button["x"] - button["width"] < 16


@LOOKS
def test_both_pages_are_accessible(
    live_server: LiveServer, page_at: PageAt, assert_accessible: Callable[[Page], None], width: int, scheme: str
) -> None:
    id_ = _asks_by_telegram(live_server)
    for path in ("/consola/conversaciones", f"/consola/conversaciones/{id_}"):
        page = page_at(path, role="operator", width=width, scheme=scheme)
        for summary in page.locator("#who summary").all():
            summary.click()
        assert_accessible(page)
