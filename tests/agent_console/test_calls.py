"""Calls for supervisors: who sees them, that listening needs a reason, and what the sound is answered with."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import time_machine
from sqlalchemy import Connection
from sqlalchemy.engine import NestedTransaction
from sqlmodel import Session, select

from agent_console.pages.desk import ending
from channels.voice import line as lines
from channels.voice.line import Recorded
from intake.calls import line_actions, queries, voicemail
from intake.calls.line_models import CallEvent, CallRecording, CallTransfer
from intake.catalog.models import Jurisdiction
from intake.distribution import actions as distribution
from intake.media import storage
from intake.media.storage import Folder, Shelf
from kernel import clock, db
from kernel.settings import Media
from tests.agent_console.browserless import Browser
from tests.agent_console.conftest import Console
from tests.channels.voice.desk import SID, Desk, transfer, waiting_call
from tests.channels.voice.pretend_line import PretendLine
from tests.factories import CITY

pytestmark = pytest.mark.database
LIST = "/consola/llamadas"
SOUND = b"RIFF\0\0\0\0WAVE" + b"sound" * 20_000


@pytest.fixture
def desk(console: Console, session: Session, shelf: Shelf) -> Iterator[Desk]:
    """A call that Ana took, in a city that records."""
    with _waiting(session) as made:
        made.connect(made.operator("Ana"))
        yield made


@contextmanager
def _waiting(session: Session) -> Iterator[Desk]:
    line = PretendLine()
    lines.configure(line)
    city = session.get_one(Jurisdiction, CITY)
    city.settings = {**city.settings, "recordings": {"enabled": True, "keep_days": 30}}
    session.add(city)
    session.flush()
    with time_machine.travel(clock.now(), tick=False) as time:
        yield waiting_call(session, line, time)
    lines.configure(None)


def post(browser: Browser, page: str, path: str, **values: str) -> Any:
    """With the token of a page's form."""
    found = re.search(r'name="csrf" value="([^"]+)"', browser.get(page).text)
    assert found is not None
    return browser.client.post(path, data={"csrf": found[1], **values})


def finished(desk: Desk) -> CallRecording:
    desk.line.end(SID)
    desk.hear()
    row = desk.session.exec(select(CallRecording).where(CallRecording.kind == "talk")).one()
    told = {"RecordingSid": "RE" + "0" * 32, "RecordingStatus": "completed", "RecordingDuration": "75"}
    desk.tell("recording", {"recording": str(row.id)}, told)
    desk.work()
    desk.session.refresh(row)
    assert row.state == "stored"
    return row


def test_only_supervisors_and_administrators_find_it(console: Console, desk: Desk) -> None:
    row = finished(desk)
    for role in ("operator", "agency"):
        browser = console.enter(role)
        assert browser.get(LIST).status_code == 404
        assert browser.get(f"{LIST}/grabaciones/{row.id}").status_code == 404
    for role in ("supervisor", "admin"):
        page = console.enter(role).get(LIST).text
        assert "Guardada" in page
        assert "1:15" in page
        assert "5512345678" not in page


def test_listening_needs_a_reason_and_is_the_listeners_own(console: Console, desk: Desk) -> None:
    row = finished(desk)
    here = f"{LIST}/grabaciones/{row.id}"
    browser = console.enter("supervisor")
    page = browser.get(here)
    assert "<audio" not in page.text
    refused = post(browser, here, f"{here}/escuchar", reason=" ")
    assert refused.status_code == 400
    assert "<audio" not in refused.text
    assert desk.session.exec(select(CallEvent).where(CallEvent.name == "playback_opened")).all() == []
    opened = post(browser, here, f"{here}/escuchar", reason="queja 12 de 2026")
    assert opened.status_code == 200
    found = re.search(r'<audio[^>]* src="([^"]+)"', opened.text)
    assert found is not None
    event = desk.session.exec(select(CallEvent).where(CallEvent.name == "playback_opened")).one()
    assert (event.reason, event.actor_name) == ("queja 12 de 2026", "Iván Soto")

    whole = browser.get(found[1])
    assert (whole.status_code, whole.headers["content-type"]) == (200, "audio/wav")
    assert whole.content == SOUND
    assert whole.headers["cache-control"] == "no-store"
    part = browser.get(found[1], headers={"Range": "bytes=12-21"})
    assert (part.status_code, part.content) == (206, b"soundsound")
    assert part.headers["content-range"] == f"bytes 12-21/{len(SOUND)}"
    assert browser.get(found[1], headers={"Range": "bytes=-5"}).content == b"sound"
    assert browser.get(found[1], headers={"Range": f"bytes={len(SOUND)}-"}).status_code == 416

    assert console.enter("admin").get(found[1]).status_code == 404, "somebody else says why themselves"
    assert "queja 12 de 2026" in browser.get(here).text
    desk.time.shift(31 * 60)
    assert console.enter("supervisor").get(found[1]).status_code == 404


class Looking(Folder):
    """A folder that notes, when it is read, which transaction is the innermost that is open."""

    def __init__(self, root: Path, connection: Connection) -> None:
        super().__init__(root)
        self.connection, self.seen = connection, list[NestedTransaction | None]()

    def get(self, key: str) -> bytes:
        self.seen.append(self.connection.get_nested_transaction())
        return super().get(key)


def test_no_transaction_is_open_while_the_store_is_read(
    console: Console, session: Session, desk: Desk, tmp_path: Path
) -> None:
    row = finished(desk)
    here = f"{LIST}/grabaciones/{row.id}"
    browser = console.enter("supervisor")
    opened = post(browser, here, f"{here}/escuchar", reason="queja 12 de 2026")
    found = re.search(r'<audio[^>]* src="([^"]+)"', opened.text)
    assert found is not None
    connection = session.connection()
    looking = Looking(tmp_path / "media", connection)
    storage.configure(Shelf(looking, Media(), "https://311.prueba.example"))
    assert browser.get(found[1]).content == SOUND
    assert looking.seen == [connection.get_nested_transaction()], "the test's own, and none of the handler's"


def left(desk: Desk) -> CallRecording:
    """What somebody said after the tone."""
    name = "RE" + "7" * 32
    desk.line.messages[name] = SID, Recorded(name, "available", 12)
    with db.transaction() as session:
        call = queries.held(session, desk.call.id)
        voicemail.take(session, call, name, 12, now=clock.now())
    desk.work()
    row = desk.session.exec(select(CallRecording).where(CallRecording.kind == "voicemail")).one()
    assert row.state == "stored"
    return row


def test_whoever_answers_threads_hears_what_was_said_after_the_tone_and_it_is_written_down(
    console: Console, desk: Desk
) -> None:
    talk, row = finished(desk), left(desk)
    here = f"{LIST}/grabaciones/{row.id}"
    browser = console.enter("operator")
    thread = browser.get(f"/consola/conversaciones/{desk.call.conversation_id}").text
    assert f'href="{here}"' in thread
    assert "Mensaje después del tono" in thread
    assert "0:12" in thread
    assert "<audio" not in thread
    page = browser.get(here).text
    assert "<audio" not in page
    assert "Conservar" not in page
    assert f'href="{LIST}"' not in page.partition("<main")[2]
    assert post(browser, here, f"{here}/escuchar", reason="").status_code == 400
    opened = post(browser, here, f"{here}/escuchar", reason="Atender el mensaje")
    found = re.search(r'<audio[^>]* src="([^"]+)"', opened.text)
    assert found is not None
    assert browser.get(found[1]).content == SOUND
    event = desk.session.exec(select(CallEvent).where(CallEvent.name == "playback_opened")).one()
    assert (event.recording_id, event.reason) == (row.id, "Atender el mensaje")
    assert post(browser, here, f"{here}/conservar", reason="juicio 7").status_code == 404
    of_talk = f"{LIST}/grabaciones/{talk.id}"
    assert post(browser, here, f"{of_talk}/escuchar", reason="curiosidad").status_code == 404
    assert console.enter("agency").get(here).status_code == 404
    listed = console.enter("supervisor").get(LIST).text
    assert "Mensaje después del tono" in listed
    assert "Conservar" in console.enter("supervisor").get(here).text


def test_a_tone_after_which_nobody_spoke_is_not_listed(console: Console, desk: Desk) -> None:
    with db.transaction() as session:
        row = voicemail.expect(session, queries.held(session, desk.call.id), "Hable.", now=clock.now())
    assert str(row.id) not in console.enter("supervisor").get(LIST).text


def test_a_recording_is_kept_for_a_reason_and_let_go(console: Console, desk: Desk) -> None:
    row = finished(desk)
    here = f"{LIST}/grabaciones/{row.id}"
    browser = console.enter("supervisor")
    post(browser, here, f"{here}/conservar", reason="juicio 7")
    assert console.fresh(row).kept_because == "juicio 7"
    assert "Se conserva: juicio 7" in browser.get(here).text
    browser.send(here, f"{here}/conservar", release="1")
    assert console.fresh(row).kept_because == ""


def test_a_reason_to_keep_it_is_not_replaced_by_whoever_did_not_see_it(console: Console, desk: Desk) -> None:
    row = finished(desk)
    here = f"{LIST}/grabaciones/{row.id}"
    ivan, rosa = console.enter("supervisor"), console.enter("admin")
    older = rosa.get(here).text
    ivan.send(here, f"{here}/conservar", reason="juicio 12/2026")
    answer = rosa.send_from(older, f"{here}/conservar", reason="queja 5")
    assert console.fresh(row).kept_because == "juicio 12/2026"
    assert answer.status_code == 409
    assert "Se conserva: juicio 12/2026" in answer.text
    assert "alguien cambió si se conserva o por qué" in answer.text
    assert 'name="reason" value="queja 5"' in answer.text
    assert rosa.send_from(older, f"{here}/conservar", reason="juicio 12/2026").status_code == 303, "it is so"
    assert rosa.send_from(answer.text, f"{here}/conservar", reason="queja 5 y juicio 12/2026").status_code == 303
    assert console.fresh(row).kept_because == "queja 5 y juicio 12/2026", "by whoever saw it"


def test_whoever_lets_it_go_knows_for_what_it_was_kept(console: Console, desk: Desk) -> None:
    row = finished(desk)
    here = f"{LIST}/grabaciones/{row.id}"
    ivan, rosa = console.enter("supervisor"), console.enter("admin")
    ivan.send(here, f"{here}/conservar", reason="queja 5")
    older = rosa.get(here).text
    ivan.send(here, f"{here}/conservar", release="1")
    ivan.send(here, f"{here}/conservar", reason="juicio 12/2026")
    answer = rosa.send_from(older, f"{here}/conservar", release="1")
    assert console.fresh(row).kept_because == "juicio 12/2026"
    assert answer.status_code == 409
    assert "Se conserva: juicio 12/2026" in answer.text
    assert 'id="release-error" role="alert"' in answer.text
    assert rosa.send_from(answer.text, f"{here}/conservar", release="1").status_code == 303
    assert console.fresh(row).kept_because == ""


def test_a_supervisor_listens_and_it_is_written_down(console: Console, desk: Desk) -> None:
    browser = console.enter("supervisor")
    page = browser.get(LIST).text
    assert "Ana" in page
    answer = post(browser, LIST, f"{LIST}/{desk.call.id}/entrar", how="whisper")
    assert answer.status_code == 303
    event = desk.session.exec(select(CallEvent).where(CallEvent.name == "whispered")).one()
    assert event.actor_name == "Iván Soto"
    assert 'aria-pressed="true">Susurrar' in browser.get(LIST).text
    post(browser, LIST, f"{LIST}/{desk.call.id}/entrar", how="leave")
    assert "aria-pressed" not in browser.get(LIST).text
    assert post(browser, LIST, f"{LIST}/{desk.call.id}/entrar", how="dance").status_code == 400


def test_an_operator_says_what_the_call_is_about(console: Console, session: Session, shelf: Shelf) -> None:
    browser, here = console.enter("operator"), "/consola/atencion"
    here = browser.send(here, f"{here}/abrir", rings="true").headers["location"].split("#")[0]
    with _waiting(session) as desk:
        desk.connect(line_actions.Somebody(console.users["operator"], "Olga", CITY))
        address = f"/consola/atencion/llamadas/{desk.item.id}/asunto"
        assert '<option value="BACHE">' in browser.get(here).text
        assert browser.send(here, address, service_code="").status_code == 400
        assert browser.send(here, address, service_code="NADA").status_code == 404
        assert browser.send(here, address, service_code="BACHE").status_code == 303
        assert desk.item.topic == "BACHE"
        assert '<option value="BACHE" selected>' in browser.get(here).text


@pytest.mark.parametrize(("act", "to"), [("entregar", ""), ("pasar", "line:agua")])
def test_a_call_that_ended_meanwhile_is_passed_to_nobody_and_the_record_says_nothing_of_it(
    console: Console, session: Session, shelf: Shelf, act: str, to: str
) -> None:
    browser, here = console.enter("operator"), "/consola/atencion"
    here = browser.send(here, f"{here}/abrir", rings="true").headers["location"].split("#")[0]
    distribution.open_queue(session, CITY, "agua", name="Agua", skill="agua")
    with _waiting(session) as desk:
        olga, luis = line_actions.Somebody(console.users["operator"], "Olga", CITY), desk.operator("Luis")
        desk.connect(olga)
        if act == "entregar":
            transfer(desk, olga, luis, consult=True)
            desk.answer(luis)
            desk.hear()
        else:
            with db.transaction() as inner:
                line_actions.hold(inner, desk.call.id, olga, now=clock.now())
        page, item, before = browser.get(here).text, desk.item, desk.history()
        was_held = desk.bridge.is_hold_wanted
        with db.transaction() as inner:
            distribution.finish(inner, item.id, why="hung_up", now=clock.now())
        values = {"to": to} if to else {}
        answer = browser.send_from(page, f"/consola/atencion/llamadas/{item.id}/{act}", **values)
        assert answer.status_code == 409
        assert desk.history() == before
        assert (desk.item.state, desk.bridge.is_hold_wanted) == ("wrapping", was_held)
        passing = session.exec(select(CallTransfer.state)).all()
        assert passing == (["talking"] if act == "entregar" else [])


def test_a_call_that_was_talked_is_not_proposed_as_one_that_nobody_answered(console: Console, desk: Desk) -> None:
    assert "silent" not in ending.hints(desk.session, desk.item, [])
    for leg in desk.legs():
        leg.joined_at = None
        desk.session.add(leg)
    desk.session.flush()
    assert "silent" in ending.hints(desk.session, desk.item, [])


def test_a_token_is_given_to_whoever_may_answer_and_is_their_own(console: Console, desk: Desk) -> None:
    browser = console.enter("operator")
    answer = post(browser, "/consola/solicitudes", "/consola/atencion/llamadas/ficha")
    assert answer.status_code == 200
    assert answer.json()["identity"] == f"agent-{console.users['operator']}"
    assert answer.headers["cache-control"] == "no-store"
    outsider = console.enter("agency")
    assert post(outsider, "/consola/solicitudes", "/consola/atencion/llamadas/ficha").status_code == 404
    lines.configure(None)
    assert post(browser, "/consola/solicitudes", "/consola/atencion/llamadas/ficha").status_code == 503


def test_whom_a_call_can_be_passed_to_is_who_is_there_and_can_hear_it(console: Console, desk: Desk) -> None:
    browser = console.enter("operator")
    luis, eva = desk.operator("Luis"), desk.operator("Eva")
    with db.transaction() as session:
        distribution.set_capacity(session, eva.id, 75, now=clock.now())

    def listed() -> list[tuple[str, str]]:
        page = browser.get("/consola/atencion/llamadas/a-quien").text
        return re.findall(r'<option value="agent:[^"]+"( disabled data-busy)?>([^<]+)<', page)

    assert listed() == [("", "Luis"), (" disabled data-busy", "Ana (en llamada)")], "Eva's page cannot ring"
    with db.transaction() as session:
        line_actions.supervise(session, desk.call.id, luis, "listen", now=clock.now())
    assert [name for _, name in listed()] == ["Ana (en llamada)", "Luis (en llamada)"]
    assert "En la llamada de alguien más" in console.enter("supervisor").get("/consola/atencion/equipo").text
    with db.transaction() as session:
        distribution.force_off(session, luis.id, why="forced", now=clock.now())
    assert [name for _, name in listed()] == ["Ana (en llamada)"]
