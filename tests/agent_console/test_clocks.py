"""The clocks on the console's pages: views of what is unanswered and silent, a clock that stands still, what a request says."""

from datetime import timedelta

import pytest
import time_machine
from sqlmodel import select

from intake.catalog.models import Jurisdiction, Service
from intake.forecasts.actions import refresh
from intake.service_requests import actions
from intake.service_requests.escalating import record_due
from intake.service_requests.values import Actor
from kernel import clock
from tests.agent_console.conftest import Console
from tests.factories import CITY

pytestmark = pytest.mark.database
LIST = "/consola/solicitudes"
CREW = Actor("agency", "Cuadrilla Norte")


@pytest.fixture
def promising(console: Console) -> Console:
    for service in console.session.exec(select(Service).where(Service.jurisdiction_id == CITY)):
        service.first_answer = {"amount": 2, "unit": "hours"}
        service.silence = {"amount": 3, "unit": "hours"}
    console.session.flush()
    return console


def test_views_of_what_nobody_answered_and_of_silence(promising: Console) -> None:
    console, now = promising, clock.now()
    unanswered, silent = console.report("Uno"), console.report("Dos")
    actions.change_status(console.session, silent.id, life="in_progress", actor=CREW, now=now)
    client = console.enter("operator")
    with time_machine.travel(now + timedelta(hours=4)):
        for due, folios in (("unanswered", {unanswered.folio}), ("silent", {unanswered.folio, silent.folio})):
            page = client.get(f"{LIST}?due={due}").text
            assert {one for one in (unanswered.folio, silent.folio) if f"/solicitudes/{one}" in page} == folios
        assert "Sin primera respuesta" in page
        assert "En silencio" in page


def test_a_request_that_waits_is_not_late(promising: Console) -> None:
    console, now = promising, clock.now()
    found = console.report("Uno")
    assert found.expected_at is not None
    actions.change_status(console.session, found.id, life="waiting_resident", actor=CREW, now=now)
    client = console.enter("operator")
    found.expected_at = now + timedelta(hours=3)
    console.session.flush()
    with time_machine.travel(now + timedelta(hours=5)):
        assert f"/solicitudes/{found.folio}" not in client.get(f"{LIST}?due=late").text
        page = client.get(f"{LIST}?status=waiting_resident").text
        assert f"/solicitudes/{found.folio}" in page
        assert "en pausa" in page


def test_the_page_of_a_request_says_what_its_clocks_say(promising: Console) -> None:
    console, now = promising, clock.now()
    found = console.report("Uno")
    record_due(console.session, now=now + timedelta(hours=3))
    refresh(console.session, console.session.get_one(Jurisdiction, CITY), now=now + timedelta(hours=3))
    client = console.enter("operator")
    with time_machine.travel(now + timedelta(hours=3)):
        page = client.get(f"{LIST}/{found.folio}").text
        for text in ("Primera respuesta", "venció hace 1 h 00 min", "5 días hábiles (promesa, versión 1)",
                     "Sin primera respuesta, desde el", "hay muy pocos casos (1)"):  # fmt: skip
            assert text in page
        actions.change_status(console.session, found.id, life="waiting_resident", actor=CREW, now=clock.now())
        page = client.get(f"{LIST}/{found.folio}").text
    assert "Espera a la persona, desde" in page
    assert "Cuadrilla Norte" in page


def test_a_reply_to_the_person_is_an_answer(promising: Console) -> None:
    console = promising
    found = console.report("Uno")
    actions.change_status(console.session, found.id, life="in_progress", actor=CREW, now=clock.now())
    page = console.enter("operator").get(f"{LIST}/{found.folio}").text
    assert "a tiempo" in page
