"""Saying which side of a border a request is on, on its page: the rules decide again, and the receipt says why."""

import pytest
from sqlmodel import select

from georef.points import LonLat
from intake.service_requests import queries, returning
from intake.service_requests.models import ServiceRequest
from intake.service_requests.values import Actor
from routing import queries as routing
from routing.checking import verify
from routing.models import Agency
from tests.agent_console.conftest import Console
from tests.factories import CITY

pytestmark = pytest.mark.database

# Some twenty metres north of where Norte ends.
NEAR = LonLat(-99.15, 19.4002)
QUESTION = "¿Está en Norte o en Sur?"


def _url(found: ServiceRequest) -> str:
    return f"/consola/solicitudes/{found.folio}"


def test_the_other_side_moves_it_and_the_receipt_replays(console: Console) -> None:
    found = console.report(point=NEAR)
    desk = console.enter("operator")
    page = desk.get(_url(found)).text
    assert QUESTION in page
    assert desk.send(_url(found), _url(found) + "/lado", side="district=S").status_code == 303
    assert (console.fresh(found).agency_code, found.handover) == ("ALC-S", "transferred")
    page = desk.get(_url(found)).text
    assert "Una pregunta lo aclara" not in page
    assert "Aclarado: Sur" in page
    decision = queries.decision_of(console.session, found.id)
    assert decision is not None
    book = routing.rule_book(console.session, CITY, decision.rule_set_version)
    assert verify(decision.receipt, book, routing.city(console.session, CITY).layers).holds


def test_the_same_side_keeps_it_and_ends_the_doubt(console: Console) -> None:
    found = console.report(point=NEAR)
    desk = console.enter("operator")
    assert desk.send(_url(found), _url(found) + "/lado", side="district=N").status_code == 303
    assert (console.fresh(found).agency_code, found.handover) == ("ALC-N", "pending")
    assert "Una pregunta lo aclara" not in desk.get(_url(found)).text


def test_a_second_tap_and_a_reply_that_is_none_change_nothing(console: Console) -> None:
    found = console.report(point=NEAR)
    desk = console.enter("operator")
    answer = desk.send(_url(found), _url(found) + "/lado", side="district=X")
    assert answer.status_code == 400
    assert "Elige una de las dos respuestas" in answer.text
    csrf = desk.get(_url(found)).text.split('name="csrf" value="')[1].split('"')[0]
    twice = [
        desk.client.post(_url(found) + "/lado", data={"csrf": csrf, "version": "1", "side": "district=S"}).status_code
        for _ in range(2)
    ]
    assert twice == [303, 409]
    events = queries.events_of(console.session, found.id, ("public", "internal"))
    assert [event.name for event in events].count("border_settled") == 1


def test_a_side_whose_agency_takes_no_work_is_not_in_its_story(console: Console) -> None:
    found = console.report(point=NEAR)
    console.session.exec(select(Agency).where(Agency.code == "ALC-S")).one().is_active = False
    console.session.flush()
    assert console.enter("operator").send(_url(found), _url(found) + "/lado", side="district=S").status_code == 409
    assert (console.fresh(found).agency_code, found.version) == ("ALC-N", 1)
    events = queries.events_of(console.session, found.id, ("public", "internal"))
    assert "border_settled" not in [event.name for event in events]


def test_it_is_not_asked_of_agencies_nor_after_a_person_chose(console: Console) -> None:
    found = console.report(point=NEAR)
    agency = console.enter("agency")
    page = agency.get(_url(found)).text
    assert QUESTION in page
    assert 'name="side"' not in page
    csrf = page.split('name="csrf" value="')[1].split('"')[0]
    answer = agency.client.post(_url(found) + "/lado", data={"csrf": csrf, "version": "1", "side": "district=S"})
    assert answer.status_code == 404
    rosa = Actor("agent", "Rosa")
    returning.reassign(console.session, found.id, agency_code="AGUAS", actor=rosa, now=found.requested_at)
    console.session.flush()
    assert "Una pregunta lo aclara" not in console.enter("operator").get(_url(found)).text
