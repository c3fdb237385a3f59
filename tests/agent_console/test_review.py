"""The review list as supervisors use it, without scripts."""

import re

import pytest
from sqlmodel import select

from intake.service_requests import actions, reviewing
from intake.service_requests.models import ServiceRequestEvent
from intake.service_requests.values import Actor
from kernel import clock
from tests.agent_console.conftest import Console

pytestmark = pytest.mark.database
WORDS = "Alejandro tira cascajo con <b>Don Beto</b>"


def _version(page: str) -> str:
    found = re.search(r'name="version" value="(\d+)"', page)
    assert found
    return found[1]


def test_the_list_is_counted_in_the_navigation_and_empties(console: Console) -> None:
    browser = console.enter("supervisor")
    assert "No hay textos por revisar" in browser.get("/consola/revision").text
    found = console.report(WORDS)
    page = browser.get("/consola/revision").text
    assert f"/consola/revision/{found.folio}" in page
    assert "Alejandro" not in page  # the list shows what the public reads
    assert re.search(r'<span class="n">1<span class="vh"> por revisar', page)
    url = f"/consola/revision/{found.folio}"
    public = console.fresh(found).public_description or ""
    fields = {"decision": "publish", "public:description": public, "hide:description": "0"}
    assert browser.send(url, url, **fields).status_code == 303
    assert "No hay textos por revisar" in browser.get("/consola/revision").text


def test_the_original_is_shown_with_its_marks_and_harmless(console: Console) -> None:
    found = console.report(WORDS)
    page = console.enter("admin").get(f"/consola/revision/{found.folio}").text
    assert "<mark>Alejandro</mark> tira cascajo con &lt;b&gt;Don <mark>Beto</mark>&lt;/b&gt;" in page
    assert "es un nombre conocido, sin apellido. No es seguro" in page
    assert "[…] tira cascajo con &lt;b&gt;Don […]&lt;/b&gt;</textarea>" in page


def test_a_mark_is_taken_away_and_other_words_are_hidden(console: Console) -> None:
    found = console.report(WORDS)
    url = f"/consola/revision/{found.folio}"
    browser = console.enter("supervisor")
    public = console.fresh(found).public_description or ""
    fields = {"public:description": public, "hide:description": "0", "also:description": "cascajo, "}
    tried = browser.send(url, url, decision="try", **fields)
    wanted = "[…] tira […] con <b>Don Beto</b>"
    assert wanted.replace("<", "&lt;").replace(">", "&gt;") in tried.text
    assert console.fresh(found).public_description == public
    browser.send(url, url, decision="publish", **fields)
    assert console.fresh(found).public_description == wanted
    assert found.description == WORDS


def test_what_is_typed_outweighs_the_marks(console: Console) -> None:
    found = console.report(WORDS)
    url = f"/consola/revision/{found.folio}"
    console.enter("admin").send(url, url, decision="publish", **{"public:description": "Tiran cascajo"})
    assert console.fresh(found).public_description == "Tiran cascajo"


def test_hiding_is_an_event_and_can_be_taken_back(console: Console) -> None:
    found = console.report(WORDS)
    url = f"/consola/revision/{found.folio}"
    browser = console.enter("supervisor")
    browser.send(url, url, decision="hide")
    assert not console.fresh(found).is_public
    assert "Oculto al público" in browser.get(url).text
    assert "El público no ve este reporte" in browser.get(f"/consola/solicitudes/{found.folio}").text
    event = console.session.exec(select(ServiceRequestEvent).where(ServiceRequestEvent.name == "text_reviewed")).one()
    assert (event.actor_name, event.audience, event.data["state"]) == ("Iván Soto", "internal", "hidden")
    browser.send(url, url, decision="publish", **{"public:description": "Tiran cascajo"})
    assert console.fresh(found).is_public


def test_of_two_at_once_the_second_is_told_who_was_first(console: Console) -> None:
    found = console.report(WORDS)
    url = f"/consola/revision/{found.folio}"
    first, second = console.enter("supervisor"), console.enter("admin")
    seen = second.get(url).text
    first.send(url, url, decision="publish", **{"public:description": "Tiran cascajo"})
    token = re.search(r'name="csrf" value="([^"]*)"', seen)
    assert token
    answer = second.client.post(
        url, data={"csrf": token[1], "version": _version(seen), "decision": "publish", "public:description": WORDS}
    )
    assert answer.status_code == 409
    assert "Iván Soto ya revisó este texto" in answer.text
    assert "Tiran cascajo</textarea>" in answer.text
    assert console.fresh(found).public_description == "Tiran cascajo"
    # From what they see now they may decide again.
    second.send(url, url, decision="publish", **{"public:description": "Cascajo"})
    assert console.fresh(found).public_description == "Cascajo"


def test_a_text_that_is_too_long_is_said_and_kept(console: Console) -> None:
    found = console.report(WORDS)
    url = f"/consola/revision/{found.folio}"
    answer = console.enter("admin").send(url, url, decision="publish", **{"public:description": "x" * 4001})
    assert answer.status_code == 400
    assert "x" * 4001 in answer.text
    assert reviewing.pending_count(console.session, found.jurisdiction_id) == 1


def test_of_two_notes_none_is_public_when_one_is_too_long(console: Console) -> None:
    found, crew = console.report(WORDS), Actor("agency", "Cuadrilla")
    notes = [
        actions.add_note(
            console.session, found.id, text=f"{who} tira cascajo", audience="public", actor=crew, now=clock.now()
        )
        for who in ("Alejandro", "Mauricio")
    ]
    url = f"/consola/revision/{found.folio}"
    before = [console.fresh(note).public_note for note in notes]
    texts = {f"public:note:{note.id}": text for note, text in zip(notes, ("Tiran cascajo", "x" * 4001), strict=True)}
    answer = console.enter("admin").send(url, url, decision="publish", **texts)
    assert answer.status_code == 400
    assert "Tiran cascajo</textarea>" in answer.text
    assert [console.fresh(note).public_note for note in notes] == before
    assert reviewing.pending_count(console.session, found.jurisdiction_id) == 1


@pytest.mark.parametrize("role", ["operator", "agency"])
def test_others_do_not_review_but_read_the_original(console: Console, role: str) -> None:
    found = console.report(WORDS)
    browser = console.enter(role)
    assert browser.get("/consola/revision").status_code == 404
    assert browser.get(f"/consola/revision/{found.folio}").status_code == 404
    page = browser.get(f"/consola/solicitudes/{found.folio}").text
    assert "Alejandro tira cascajo" in page
    assert "El público lee un texto tapado" in page
    assert "/consola/revision" not in page
