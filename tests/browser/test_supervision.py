"""What supervisors see of calls, recordings and their team: in every state, by keyboard, and true while they look."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from playwright.sync_api import Page, expect
from sqlmodel import Session, col, select

from intake.calls import actions as calls
from intake.calls import history, recordings
from intake.calls.line_models import CallBridge, CallLeg, CallRecording
from intake.calls.models import Call
from intake.distribution import actions as distribution
from intake.distribution import lifecycle
from intake.distribution.models import AgentSession, WorkItem
from intake.people.addresses import read_phone
from kernel import clock, db
from kernel.ids import new_id
from kernel.outbox import record
from tests.browser.conftest import LOOKS, LiveServer, PageAt
from tests.factories import CITY
from tests.running import wait_for

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser_supervision")]
CALLS, TEAM = "/consola/llamadas", "/consola/atencion/equipo"
ANA = "Ana Guadalupe Montserrat Hernández-Echeverría"


@pytest.fixture(autouse=True)
def nobody_talks(live_server: LiveServer) -> Iterator[None]:
    """Each test begins with an empty line, closed desks and no call."""
    _clear(live_server)
    yield
    _clear(live_server)


def _clear(live_server: LiveServer) -> None:
    with live_server.at_work(), db.transaction() as session:
        now = clock.now()
        for agent in session.exec(select(AgentSession).where(AgentSession.state != "offline")):
            distribution.force_off(session, agent.agent_id, why="left", now=now)
        for item in session.exec(select(WorkItem).where(col(WorkItem.state).not_in(lifecycle.ENDED))):
            distribution.complete(session, item.id, disposition_code=None, now=now)
        for bridge in session.exec(select(CallBridge).where(col(CallBridge.ended_at).is_(None))):
            bridge.ended_at = now


def at_work(live_server: LiveServer, name: str = ANA) -> UUID:
    agent_id = new_id()
    with live_server.at_work(), db.transaction() as session:
        distribution.sign_on(session, agent_id=agent_id, jurisdiction_id=CITY, name=name, now=clock.now())
    return agent_id


def put(live_server: LiveServer, agent_id: UUID, state: str, reason: str = "") -> None:
    with live_server.at_work(), db.transaction() as session:
        distribution.set_state(session, agent_id, epoch=1, state=state, reason=reason, now=clock.now())


def talking(live_server: LiveServer, agent_id: UUID, phone: str = "+525512345678") -> UUID:
    """They answered this call and talk with the caller."""
    with live_server.at_work(), db.transaction() as session:
        call = _begun(session, phone)
        item = distribution.enqueue(
            session,
            jurisdiction_id=CITY,
            kind="voice",
            source_ref=f"call:{call.provider_call_id}",
            conversation_id=call.conversation_id,
            now=clock.now(),
        )

    def taken() -> bool:
        with live_server.at_work(), db.transaction() as session:
            made = distribution.offer(session, item.id, agent_id, now=clock.now())
            if made is None:  # their desk was just being heard of: the dispatcher's next round offers it again
                return False
            distribution.accept(session, made.id, agent_id=agent_id, epoch=1, now=clock.now())
            return True

    wait_for(taken, 10, "the offer")
    with live_server.at_work(), db.transaction() as session:
        now = clock.now()
        session.add(
            CallBridge(
                call_id=call.id,
                jurisdiction_id=CITY,
                work_item_id=item.id,
                room_name=f"item-{item.id}",
                caller_state="inside",
                looked_at=now,
                due_at=now,
                created_at=now - timedelta(minutes=2),
                changed_at=now,
            )
        )
        leg = {"agent_id": agent_id, "agent_name": ANA, "address": f"client:agent-{agent_id}", "created_at": now}
        session.add(CallLeg(call_id=call.id, role="operator", state="joined", joined_at=now, **leg))
        record(session, "call_bridge.changed", at=now, call_id=call.id)
        return call.id


def _begun(session: Session, phone: str) -> Call:
    call, _ = calls.begin(
        session,
        jurisdiction_id=CITY,
        provider="twilio",
        provider_call_id=f"CA{uuid4().hex}",
        other_end=read_phone(phone),
        to_number="+525500000311",
        now=clock.now(),
    )
    return call


def changed(live_server: LiveServer, call_id: UUID, **values: Any) -> None:
    """What the room's own jobs do when the network tells them of it."""
    with live_server.at_work(), db.transaction() as session:
        bridge = session.get_one(CallBridge, call_id)
        for name, value in values.items():
            setattr(bridge, name, value)
        record(session, "call_bridge.changed", at=clock.now(), call_id=call_id)


def recorded(live_server: LiveServer, state: str, **values: Any) -> UUID:
    with live_server.at_work(), db.transaction() as session:
        now = clock.now()
        call = _begun(session, "+525587654321")
        given: dict[str, Any] = {"duration_s": 75, "media_type": "audio/wav", "key_fingerprint": "7f3a" * 8} | values
        row = CallRecording(
            call_id=call.id,
            jurisdiction_id=CITY,
            state="stored" if state == "destroyed" else state,
            announced_at=now,
            notice="Esta llamada se graba.",
            language="es",
            keep_until=now + timedelta(days=30),
            **given,
        )
        session.add(row)
        history.note(session, call.id, "recording_announced", recording_id=row.id, now=now)
        if state == "destroyed":
            recordings.destroy(session, row.id, why="retention", now=now)
            recordings.prove(session, row.id, now=now)
        return row.id


def test_the_calls_page_is_true_while_it_is_read(live_server: LiveServer, page_at: PageAt) -> None:
    page = page_at(CALLS, role="supervisor")
    expect(page.locator("#going-on")).to_contain_text("Nadie habla ahora con un operador")
    expect(page.locator("#live")).to_contain_text("En vivo")
    call_id = talking(live_server, at_work(live_server))
    row = page.locator(f"#llamada-{call_id}")
    expect(row).to_contain_text(ANA)
    expect(row.locator("[data-since]")).to_contain_text("02:")
    expect(page.locator("#going-on .note")).to_contain_text("Tu turno no está abierto")

    # A swap under whoever stands on a button leaves them there.
    page.locator(f"#whisper-{call_id}").focus()
    changed(live_server, call_id, is_held=True)
    expect(row).to_contain_text("En espera, con música")
    expect(page.locator(f"#whisper-{call_id}")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(f"#whisper-{call_id}")).to_have_attribute("aria-pressed", "true")
    # And after pressing it they go on from the same call.
    expect(page).to_have_url(f"{live_server.base_url}{CALLS}#llamada-{call_id}")
    page.keyboard.press("Tab")
    expect(page.locator(f"#listen-{call_id}")).to_be_focused()

    changed(live_server, call_id, ended_at=clock.now())
    expect(page.locator("#going-on")).to_contain_text("Nadie habla ahora con un operador")


def test_nobody_listens_to_themselves(live_server: LiveServer, page_at: PageAt) -> None:
    page = page_at("/consola/atencion", role="supervisor")
    page.keyboard.press("F2")
    expect(page.locator("#estado")).to_contain_text("Disponible")
    with live_server.at_work(), db.transaction() as session:
        me = session.exec(select(AgentSession).where(AgentSession.name == "Iván Soto")).one().agent_id
    call_id = talking(live_server, me)
    page.goto(CALLS)
    expect(page.locator(f"#llamada-{call_id}")).to_contain_text("Hablas tú")
    expect(page.locator(f"#listen-{call_id}")).to_have_count(0)
    expect(page.locator("#going-on .note")).to_have_count(0)


@LOOKS
def test_calls_and_recordings_are_accessible_in_every_state(
    live_server: LiveServer, page_at: PageAt, assert_accessible: Callable[[Page], None], width: int, scheme: str
) -> None:
    page = page_at(CALLS, role="supervisor", width=width, scheme=scheme)
    assert_accessible(page)
    talking(live_server, at_work(live_server))
    held = talking(live_server, at_work(live_server, "Beto"), "+525599990000")
    changed(live_server, held, is_held=True)
    made = {state: recorded(live_server, state) for state in ("recording", "stored", "absent", "destroyed")}
    made["kept"] = recorded(live_server, "stored", kept_because="Juicio 7, hasta que haya sentencia")
    page.goto(CALLS)
    expect(page.locator("#going-on tbody tr")).to_have_count(2)
    assert_accessible(page)
    for recording_id in made.values():
        page.goto(f"{CALLS}/grabaciones/{recording_id}")
        assert_accessible(page)
    page.goto(f"{CALLS}/grabaciones/{made['destroyed']}")
    expect(page.locator("main")).to_contain_text("Huella de la clave")
    expect(page.locator("main")).not_to_contain_text("key_destroyed_at")
    page.goto(f"{CALLS}/grabaciones/{made['stored']}")
    page.locator("#open-reason").press("Enter")
    expect(page.locator("#open-reason")).to_be_focused()
    assert page.title().startswith("Error:")
    assert_accessible(page)
    page.locator("#open-reason").fill("Queja 12 de 2026")
    page.keyboard.press("Enter")
    expect(page.locator("audio")).to_be_visible()
    assert_accessible(page)


@LOOKS
def test_the_team_is_accessible_in_every_state(
    live_server: LiveServer, page_at: PageAt, assert_accessible: Callable[[Page], None], width: int, scheme: str
) -> None:
    page = page_at(TEAM, role="supervisor", width=width, scheme=scheme)
    expect(page.locator("#team")).to_contain_text("Nadie en turno")
    assert_accessible(page)
    talking(live_server, at_work(live_server))
    for name, state, reason in (("Beto", "available", ""), ("Carla", "break", "meal"), ("Dora", "available", "")):
        agent_id = at_work(live_server, name)
        if state == "break":
            put(live_server, agent_id, state, reason)
    put(live_server, agent_id, "leaving")
    with live_server.at_work(), db.transaction() as session:
        waits = _begun(session, "+525599990001")
        given = {"kind": "voice", "source_ref": f"call:{waits.provider_call_id}"}
        distribution.enqueue(
            session, jurisdiction_id=CITY, conversation_id=waits.conversation_id, now=clock.now(), **given
        )
    page.goto(f"{TEAM}?todos=true")
    expect(page.locator("#team")).to_contain_text("0001")
    assert_accessible(page)


def test_a_supervisor_keeps_the_keyboard_while_the_team_changes(live_server: LiveServer, page_at: PageAt) -> None:
    agent_id = at_work(live_server)
    page = page_at(TEAM, role="supervisor")
    expect(page.locator("#live")).to_contain_text("En vivo")
    page.locator(f"#end-{agent_id}").focus()
    other = at_work(live_server, "Beto")
    expect(page.locator(f"#quien-{other}")).to_contain_text("Disponible")
    expect(page.locator(f"#end-{agent_id}")).to_be_focused()
    page.locator(f"#turn-{agent_id}").focus()
    page.keyboard.press("Enter")
    expect(page.locator(f"#quien-{agent_id}")).to_contain_text("Falla técnica")
    page.keyboard.press("Tab")
    expect(page.locator(f"#turn-{agent_id}")).to_be_focused()
