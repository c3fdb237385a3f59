"""The lines' page: a supervisor says to whom each overflows and when, and reads how it stands now."""

import re

import pytest
from sqlmodel import select

from intake.distribution import actions as distribution
from intake.distribution.models import ContactQueue, DistributionEvent
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
    assert "contestan otros" in page
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
    assert "contestan otros" not in browser.get(LINES).text


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


def test_operators_do_not_find_it(console: Console, water: ContactQueue) -> None:
    assert console.enter("operator").get(LINES).status_code == 404
