"""The lines' page: a supervisor says to whom each overflows and when, and reads how it stands now."""

import re
from uuid import UUID

import pytest
from sqlmodel import select

from intake.distribution import actions as distribution
from intake.distribution import lines, rounds
from intake.distribution.models import ContactQueue, DistributionEvent
from intake.incidents.models import Incident
from kernel import clock
from kernel.ids import new_id
from tests.agent_console.browserless import Browser
from tests.agent_console.conftest import Console
from tests.factories import CITY

pytestmark = pytest.mark.database
LINES = "/consola/atencion/filas"


@pytest.fixture
def water(console: Console) -> ContactQueue:
    distribution.open_queue(console.session, CITY, "luz", name="Luz", skill="luz")
    return distribution.open_queue(console.session, CITY, "agua", name="Agua", skill="agua")


def test_a_line_overflows_as_a_supervisor_says(console: Console, water: ContactQueue) -> None:
    browser = console.enter("supervisor")
    said = {"to": "luz", "after": "90", "if_nobody": "true", "mon": "9:00-14:00, 16:00 - 19:00", "closed": "2026-12-24"}
    assert browser.send(LINES, f"{LINES}/agua", **said, holidays="true").status_code == 303
    found = console.fresh(water)
    assert (found.overflow_to, found.overflow_after_s, found.overflow_if_nobody) == ("luz", 90, True)
    assert found.hours == {
        "hours": {"mon": [["09:00", "14:00"], ["16:00", "19:00"]]},
        "closed": ["2026-12-24"],
        "holidays": {"country": "MX"},
    }
    page = browser.get(LINES).text
    assert 'value="09:00-14:00, 16:00-19:00"' in page
    assert ": contestan otros" in page
    event = console.session.exec(select(DistributionEvent).where(DistributionEvent.name == "overflow_set")).one()
    assert (event.agent_id, event.data["to"]) == (console.users["supervisor"], "luz")
    assert browser.send(LINES, f"{LINES}/agua", to="", after="").status_code == 303
    found = console.fresh(water)
    assert (found.overflow_to, found.overflow_after_s, found.overflow_if_nobody, found.hours) == (
        None,
        None,
        False,
        None,
    )
    assert ": contestan otros" not in browser.get(LINES).text


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"after": "pronto"}, "after"),
        ({"mon": "de nueve a seis"}, "mon"),
        ({"mon": "09:00-26:00"}, "mon"),
        ({"tue": "09:00-14:00, 13:00-18:00"}, "tue"),
        ({"to": "agua"}, "to"),
        ({"mon": "09:00-18:00", "closed": "mañana"}, "closed"),
    ],
)
def test_what_means_nothing_is_refused_and_stays_typed(
    console: Console, water: ContactQueue, said: dict[str, str], field: str
) -> None:
    browser = console.enter("supervisor")
    answer = browser.send(LINES, f"{LINES}/agua", **said)
    assert answer.status_code == 400
    assert 'role="alert"' in answer.text
    (at_fault,) = re.findall(
        r'<(?:input|select)[^>]* name="(\w+)"[^>]* aria-invalid="true"[^>]* autofocus', answer.text
    )
    assert at_fault == field
    assert all(f'value="{text}"' in answer.text for text in said.values())
    assert console.fresh(water).hours is None


def test_what_another_supervisor_set_meanwhile_is_not_lost(console: Console, water: ContactQueue) -> None:
    ivan, rosa = console.enter("supervisor"), console.enter("admin")
    older, path = rosa.get(LINES).text, f"{LINES}/agua"
    assert ivan.send(LINES, path, to="luz", mon="09:00-18:00", holidays="true").status_code == 303
    refused = rosa.send_from(older, path, after="un minuto")
    assert refused.status_code == 400
    answer = rosa.send_from(refused.text, path, after="60")
    found = console.fresh(water)
    assert (found.overflow_after_s, found.overflow_to) == (None, "luz")
    assert found.hours is not None
    assert answer.status_code == 409
    assert "Alguien cambió esta fila mientras la veías" in answer.text
    assert 'name="after" inputmode="numeric" value="60"' in answer.text
    kept = re.findall(r"<li>(.+?)</li>", answer.text.partition("Esto está guardado ahora")[2])
    assert kept == [
        "Contestan también: Los de Luz",
        "Después de tantos segundos de espera: vacío",
        "Lunes: 09:00-18:00",
        "Cerrada los días festivos del país: sí",
    ]
    assert rosa.send_from(answer.text, path, after="60", mon="09:00-18:00").status_code == 303, "they have seen it"
    assert console.fresh(water).overflow_after_s == 60


def test_the_rules_of_a_line_that_was_closed_meanwhile_are_not_saved(console: Console, water: ContactQueue) -> None:
    browser = console.enter("supervisor")
    older = browser.get(LINES).text
    assert browser.send(LINES, f"{LINES}/agua/cerrar").status_code == 303
    answer = browser.send_from(older, f"{LINES}/agua", after="60")
    assert answer.status_code == 409
    assert 'role="alert"' in answer.text
    assert "Esa fila ya se cerró." in answer.text
    assert console.fresh(water).overflow_after_s is None


def test_operators_do_not_find_it(console: Console, water: ContactQueue) -> None:
    assert console.enter("operator").get(LINES).status_code == 404


def _posted(browser: Browser, path: str, **values: str) -> int:
    """The answer to a form that the page does not have."""
    csrf = re.search(r'name="csrf" value="([^"]+)"', browser.get(LINES).text)
    assert csrf
    status: int = browser.client.post(path, data={"csrf": csrf[1], **values}).status_code
    return status


def _names_served_by(console: Console, code: str) -> set[str]:
    return {one.name for one in lines.operators(console.session, CITY, code) if one.is_able}


@pytest.fixture
def staff(console: Console) -> dict[str, UUID]:
    """Two who have opened their desk once."""
    known = {name: new_id() for name in ("Ana", "Luis")}
    for name, agent_id in known.items():
        distribution.sign_on(console.session, agent_id=agent_id, jurisdiction_id=CITY, name=name, now=clock.now())
    return known


def test_a_line_is_opened_served_and_closed(console: Console, staff: dict[str, UUID]) -> None:
    browser = console.enter("supervisor")
    went = browser.send(LINES, LINES, name="  Predial ")
    assert went.status_code == 303
    code = went.headers["location"].partition("#fila-")[2]
    line = console.session.exec(select(ContactQueue).where(ContactQueue.code == code)).one()
    assert (line.name, line.skill, line.overflow_if_nobody) == ("Predial", code, True)
    assert "ese nombre" in browser.send(LINES, LINES, name="predial").text
    assert browser.send(LINES, LINES, name=" ").status_code == 400
    path = f"{LINES}/{code}/operadores"
    assert browser.send(LINES, path, operator=str(staff["Ana"])).status_code == 303
    assert _names_served_by(console, code) == {"Ana"}
    assert browser.send(LINES, path, operator=str(staff["Luis"])).status_code == 303
    assert _names_served_by(console, code) == {"Luis"}
    assert browser.send(LINES, path, operator=str(new_id())).status_code == 400
    assert _names_served_by(console, code) == {"Luis"}, "and nobody was taken from it"
    assert browser.send(LINES, f"{LINES}/{code}/cerrar").status_code == 303
    assert console.fresh(line).closed_at is not None
    assert _names_served_by(console, code) == set()
    assert "Predial" not in browser.get(LINES).text


def test_whom_a_line_has_is_asked_first(console: Console, staff: dict[str, UUID]) -> None:
    """From the page to an offer."""
    browser = console.enter("supervisor")
    code = browser.send(LINES, LINES, name="Predial").headers["location"].partition("#fila-")[2]
    browser.send(LINES, f"{LINES}/{code}/operadores", operator=str(staff["Luis"]))
    distribution.enqueue(
        console.session, jurisdiction_id=CITY, kind="text", source_ref="thread:1", queue_code=code, now=clock.now()
    )
    (made,) = rounds.play(console.session, CITY, now=clock.now()).made
    assert made.agent_id == staff["Luis"]


def test_who_speaks_english_speaks_spanish_still(console: Console, staff: dict[str, UUID]) -> None:
    browser = console.enter("supervisor")
    assert browser.send(LINES, f"{LINES}/idiomas/en", operator=str(staff["Ana"])).status_code == 303
    found = {one.id: one.profile.languages for one in rounds.free_agents(console.session, CITY, clock.now(), least=25)}
    assert found == {staff["Ana"]: {"es", "en"}, staff["Luis"]: {"es"}}
    assert browser.send(LINES, f"{LINES}/idiomas/en").status_code == 303
    found = {one.id: one.profile.languages for one in rounds.free_agents(console.session, CITY, clock.now(), least=25)}
    assert found == {staff["Ana"]: {"es"}, staff["Luis"]: {"es"}}
    assert _posted(browser, f"{LINES}/idiomas/fr", operator=str(staff["Ana"])) == 404


def test_whom_an_incident_has_borrowed_is_not_changed_here(console: Console, staff: dict[str, UUID]) -> None:
    distribution.open_queue(console.session, CITY, "surge-1", name="Lluvia", skill="surge-1")
    console.session.add(Incident(jurisdiction_id=CITY, kind="storm", queue_code="surge-1", created_at=clock.now()))
    console.session.flush()
    browser = console.enter("supervisor")
    assert "Es la fila de un incidente" in browser.get(LINES).text
    for act in ("operadores", "cerrar"):
        assert _posted(browser, f"{LINES}/surge-1/{act}", operator=str(staff["Ana"])) == 409
    assert _names_served_by(console, "surge-1") == set()


def test_the_line_that_is_everybodys_is_not_closed(console: Console) -> None:
    distribution.open_queue(console.session, CITY, "general", name="General")
    assert _posted(console.enter("supervisor"), f"{LINES}/general/cerrar") == 409


def test_a_skill_that_has_lapsed_is_not_shown_as_given(
    console: Console, staff: dict[str, UUID], water: ContactQueue
) -> None:
    """Saved with the rest, it would come back for good."""
    browser = console.enter("supervisor")
    distribution.grant_skill(console.session, staff["Ana"], "agua", jurisdiction_id=CITY, expires_at=clock.now())
    assert 'name="was"' not in browser.get(LINES).text
    distribution.grant_skill(console.session, staff["Ana"], "agua", jurisdiction_id=CITY)
    assert f'name="was" value="{staff["Ana"]}"' in browser.get(LINES).text
