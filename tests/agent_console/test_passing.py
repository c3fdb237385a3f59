"""Giving a request back, and giving it to somebody else, on its page."""

import pytest

from intake.service_requests import queries, returning
from intake.service_requests.models import ServiceRequest
from intake.service_requests.values import Actor
from tests.agent_console.conftest import Console
from tests.factories import CITY

pytestmark = pytest.mark.database


def _url(found: ServiceRequest) -> str:
    return f"/consola/solicitudes/{found.folio}"


def test_back_and_on_to_another(console: Console) -> None:
    found = console.report()
    agency, desk = console.enter("agency"), console.enter("operator")
    page = agency.get(_url(found)).text
    assert "Devolver la solicitud al centro" in page
    assert "Pasar a otra dependencia" not in page
    answer = agency.send(_url(found), _url(found) + "/devolver", agency_code="AGUAS", reason="Hay una fuga debajo")
    assert answer.status_code == 303
    assert console.fresh(found).handover == "returned"
    assert "Devolver la solicitud al centro" not in agency.get(_url(found)).text

    listed = desk.get("/consola/solicitudes?status=returned").text
    assert found.folio in listed
    assert "Devueltas" in listed
    page = desk.get(_url(found)).text
    assert "Alcaldía Norte la devolvió" in page
    assert "«Hay una fuga debajo»" in page
    assert '<option value="AGUAS" selected>' in page
    assert "Devuelto" in page
    answer = desk.send(_url(found), _url(found) + "/pasar", agency_code="AGUAS", reason="Revisar la fuga")
    assert answer.status_code == 303
    assert (console.fresh(found).agency_code, found.handover) == ("AGUAS", "transferred")
    page = desk.get(_url(found)).text
    assert "Pasó de Alcaldía Norte a Aguas de Prueba" in page
    assert "Amir Torres eligió la dependencia a mano" in page
    assert found.folio not in desk.get("/consola/solicitudes?status=returned").text
    assert agency.get(_url(found)).status_code == 404


def test_a_refusal_keeps_what_was_typed(console: Console) -> None:
    found = console.report()
    agency, desk = console.enter("agency"), console.enter("operator")
    answer = agency.send(_url(found), _url(found) + "/devolver", agency_code="AGUAS", reason=" ")
    assert answer.status_code == 400
    assert 'id="passing-reason-error"' in answer.text
    assert '<option value="AGUAS" selected>' in answer.text
    answer = desk.send(_url(found), _url(found) + "/pasar", agency_code="", reason="No es suya")
    assert answer.status_code == 400
    assert 'value="No es suya"' in answer.text
    answer = desk.send(_url(found), _url(found) + "/pasar", agency_code="ALC-S", reason=" ")
    assert answer.status_code == 400
    assert 'id="passing-reason-error"' in answer.text
    assert '<option value="ALC-S" selected>' in answer.text
    assert console.fresh(found).handover == "pending"


def test_a_reason_that_is_too_long_moves_nothing(console: Console) -> None:
    found = console.report()
    desk = console.enter("operator")
    answer = desk.send(_url(found), _url(found) + "/pasar", agency_code="AGUAS", reason="x" * 4001)
    assert answer.status_code == 400
    assert 'id="passing-reason-error"' in answer.text
    assert "x" * 4001 in answer.text
    assert (console.fresh(found).agency_code, found.handover, found.version) == ("ALC-N", "pending", 1)
    assert returning.last_by_hand(console.session, found.id) is None


def test_a_colleague_was_faster(console: Console) -> None:
    found = console.report()
    desk = console.enter("operator")
    page = desk.get(_url(found)).text
    assert 'name="version"' in page
    csrf = page.split('name="csrf" value="')[1].split('"')[0]
    rosa = Actor("agent", "Rosa")
    returning.reassign(console.session, found.id, agency_code="AGUAS", actor=rosa, now=found.requested_at)
    console.session.flush()
    answer = desk.client.post(
        _url(found) + "/pasar", data={"csrf": csrf, "version": "1", "agency_code": "ALC-S", "reason": "x"}
    )
    assert answer.status_code == 409
    assert console.fresh(found).agency_code == "AGUAS"


def test_each_role_has_its_own_way(console: Console) -> None:
    found = console.report()
    agency, desk = console.enter("agency"), console.enter("supervisor")
    for browser, path in ((agency, "/pasar"), (desk, "/devolver")):
        csrf = browser.get(_url(found)).text.split('name="csrf" value="')[1].split('"')[0]
        answer = browser.client.post(
            _url(found) + path, data={"csrf": csrf, "version": "1", "agency_code": "AGUAS", "reason": "x"}
        )
        assert answer.status_code == 404, path
    assert queries.by_folio(console.session, found.folio, jurisdiction_id=CITY) is not None


def test_what_came_back_is_said_first_and_in_the_story(console: Console) -> None:
    found = console.report()
    console.enter("agency").send(_url(found), _url(found) + "/devolver", agency_code="AGUAS", reason="Es una fuga")
    page = console.enter("supervisor").get(_url(found)).text
    context = page.split('<aside class="ctx"')[1]
    assert context.index('id="passing"') < context.index('id="receipt"')
    assert context.count('id="passing"') == 1
    assert "La devolvió: no le toca" in page
