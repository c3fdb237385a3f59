"""What may be the same as a request, in the console: seen, joined, told apart, separated; by whom and what is refused."""

import re
from typing import Any

import pytest
from sqlmodel import select

from intake.service_requests.duplicates.jobs import find
from intake.service_requests.duplicates.models import DuplicateDecision
from intake.service_requests.models import ServiceRequest
from tests.agent_console.browserless import Browser
from tests.agent_console.conftest import Console

pytestmark = pytest.mark.database

BASE = "/consola/solicitudes"


def post(browser: Browser, made: ServiceRequest, values: dict[str, str]) -> Any:
    """The form of the page, with whatever values: also those that no button of it sends."""
    token = re.search(r'name="csrf" value="([^"]+)"', browser.get(f"{BASE}/{made.folio}").text)
    assert token is not None
    return browser.client.post(f"{BASE}/{made.folio}/duplicados", data={"csrf": token[1]} | values)


def decisions(console: Console) -> list[tuple[str, str, str]]:
    rows = console.session.exec(select(DuplicateDecision).order_by(DuplicateDecision.id))  # type: ignore[arg-type]  # a column
    return [(row.decision, row.decided_by, row.decided_name) for row in rows]


def test_a_card_says_why_and_what_each_button_does(console: Console) -> None:
    first, second = console.report("Hay un bache enorme"), console.report("un bache enorme, cabe una llanta")
    operator = console.enter("operator")
    page = operator.get(f"{BASE}/{second.folio}").text
    assert "1 posible duplicado" in page
    assert "mismo servicio, 0\u00a0m" in page
    assert "Es la misma: cerrar esta" in page
    assert "Es la misma: unirla a esta" in operator.get(f"{BASE}/{first.folio}").text


def test_the_same_merges_and_can_be_undone(console: Console) -> None:
    first, second = console.report(), console.report()
    find(console.session, second.id)
    operator = console.enter("operator")
    for _ in range(2):  # a double click
        answer = post(operator, second, {"same": first.folio})
        assert answer.status_code == 303
    merged = console.fresh(second)
    assert (merged.life, merged.outcome_code, merged.parent_id) == ("closed", "duplicate", first.id)
    page = operator.get(f"{BASE}/{second.folio}").text
    assert "Es duplicado de otra" in page
    assert "2 personas reportan" in operator.get(f"{BASE}/{first.folio}").text
    post(operator, first, {"separate": second.folio})
    assert console.fresh(second).life == "reopened"
    assert console.fresh(first).report_count == 1
    kinds = [kind for kind, _, _ in decisions(console)]
    assert kinds[0] == "found"
    assert kinds[-1] == "undone"
    assert ("same", "staff", "Amir Torres") in decisions(console)


def test_another_is_kept_and_not_shown_again(console: Console) -> None:
    first, second = console.report(), console.report()
    operator = console.enter("operator")
    post(operator, second, {"other": first.folio})
    for one in (first, second):
        assert "posible duplicado" not in operator.get(f"{BASE}/{one.folio}").text
    assert decisions(console) == [("other", "staff", "Amir Torres")]


def test_a_folio_can_be_typed(console: Console) -> None:
    first, second = console.report(), console.report()
    operator = console.enter("operator")
    spaced = f"{first.folio[:2]} {first.folio[2:6]} {first.folio[6:]}"
    assert post(operator, second, {"same": spaced}).status_code == 303
    assert console.fresh(second).parent_id == first.id


@pytest.mark.parametrize("typed", ["", "26", "2648173050", "x"])
def test_what_is_no_folio_comes_back_with_a_word_about_it(console: Console, typed: str) -> None:
    made = console.report()
    answer = post(console.enter("operator"), made, {"same": typed})
    assert answer.status_code in (400, 404)
    assert 'id="folio-error"' in answer.text
    assert console.fresh(made).parent_id is None


def test_no_choice_is_said(console: Console) -> None:
    made = console.report()
    assert post(console.enter("operator"), made, {}).status_code == 400


def test_a_request_is_no_duplicate_of_itself(console: Console) -> None:
    made = console.report()
    answer = post(console.enter("operator"), made, {"same": made.folio})
    assert answer.status_code == 409
    assert "ya son una" in answer.text


def test_an_agency_neither_sees_nor_joins_what_is_another_s(console: Console) -> None:
    mine, other = console.report(), console.report(service_code="FUGA")
    other.service_code = "BACHE"  # a leak that somebody called a pothole
    console.session.flush()
    agency = console.enter("agency")
    assert "posible duplicado" not in agency.get(f"{BASE}/{mine.folio}").text
    assert post(agency, mine, {"same": other.folio}).status_code == 404
    assert console.session.get_one(ServiceRequest, mine.id).parent_id is None


def test_only_a_duplicate_of_this_one_is_separated_here(console: Console) -> None:
    first, second, third = console.report(), console.report(), console.report()
    operator = console.enter("operator")
    post(operator, second, {"same": first.folio})
    assert post(operator, third, {"separate": second.folio}).status_code == 404
    assert console.fresh(second).parent_id == first.id


def test_in_english(console: Console) -> None:
    console.report()
    second = console.report()
    operator = console.enter("operator")
    operator.send(BASE, "/consola/cuenta/idioma", lang="en")
    page = operator.get(f"{BASE}/{second.folio}").text
    assert "1 possible duplicate" in page
    assert "same service, 0\u00a0m" in page


def test_pairs_that_nobody_has_decided_are_a_view_of_the_list(console: Console) -> None:
    first, second = console.report(), console.report()
    alone = console.report("Una fuga", service_code="FUGA")
    find(console.session, second.id)
    operator, agency = console.enter("operator"), console.enter("agency")
    waiting = f"{BASE}?alike=waiting"
    for browser in (operator, agency):
        page = browser.get(waiting).text
        listed = re.findall(r'id="t-[^"]+" href="/consola/solicitudes/(\d+)', page)
        assert listed == [second.folio]
        assert "por decidir" in page
    assert alone.folio not in page
    assert re.search(r'Posibles duplicados <span class="n">1<', operator.get(BASE).text)
    post(operator, first, {"other": second.folio})  # said of the pair the other way round
    assert "Ninguna solicitud cumple estos filtros." in operator.get(waiting).text
    assert re.search(r'Posibles duplicados <span class="n">0<', operator.get(BASE).text)


def test_a_pair_whose_other_is_over_or_merged_waits_for_nobody(console: Console) -> None:
    first, second, third = console.report(), console.report(), console.report()
    for one in (second, third):
        find(console.session, one.id)
    operator = console.enter("operator")
    post(operator, second, {"same": first.folio})
    listed = operator.get(f"{BASE}?alike=waiting").text
    assert third.folio in listed
    assert second.folio not in listed
    console.session.refresh(first)
    first.life, first.outcome_code, first.closed_at = "closed", "resolved", first.requested_at
    console.session.add(first)
    console.session.flush()
    assert "Ninguna solicitud cumple estos filtros." in operator.get(f"{BASE}?alike=waiting").text
