"""An agency's system says of which request one is a duplicate: it is merged with that, or closed as it always was."""

from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from sqlmodel import Session, select
from starlette.testclient import TestClient

from intake.catalog import keys
from intake.service_requests import queries
from intake.service_requests.duplicates import merging
from intake.service_requests.models import ServiceRequest
from intake.service_requests.values import Actor
from kernel.folio import spaced
from tests.factories import CITY, NOW
from tests.intake.open311.asking import posted
from tests.intake.open311.test_updates import update

pytestmark = pytest.mark.database
PATH = "servicerequestupdates.json"


@pytest.fixture(autouse=True)
def clock() -> Iterator[Any]:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def agency_key(client: TestClient, session: Session) -> str:
    return keys.create(session, CITY, "Sistema de la Alcaldía Norte", agency_code="ALC-N", now=NOW)


def request(session: Session, folio: str) -> ServiceRequest:
    session.expire_all()
    return session.exec(select(ServiceRequest).where(ServiceRequest.folio == folio)).one()


@pytest.mark.parametrize("field", ["duplicate_of", "parent_service_request_id"])
def test_it_is_merged_with_the_one_that_is_named(
    client: TestClient, session: Session, agency_key: str, field: str
) -> None:
    first, second = posted(client), posted(client, description="Otro hoyo")
    sent = update(agency_key, second, status="DUPLICATE") | {field: first}
    answers = [client.post(PATH, data=sent).json()[0] for _ in range(2)]
    assert answers[0] == answers[1]
    assert "service_notice" not in answers[0]
    parent, duplicate = request(session, first), request(session, second)
    assert (duplicate.life, duplicate.outcome_code, duplicate.parent_id) == ("closed", "duplicate", parent.id)
    assert duplicate.status_notes == f"Va la cuadrilla Sigue en el folio {spaced(first)}."
    assert parent.report_count == 2
    (shown,) = client.get(f"requests/{second}.json?extensions=true").json()
    assert shown["extended_attributes"]["parent_service_request_id"] == first
    listed = client.get("servicerequestupdates.json").json()
    assert [(one["status"], one["update_id"]) for one in listed if one["service_request_id"] == second] == [
        ("duplicate", answers[0]["update_id"])
    ]
    merging.undo(session, duplicate.id, actor=Actor("agent", "Amir Torres"), now=NOW)
    assert (request(session, second).life, request(session, first).report_count) == ("reopened", 1)


def test_one_that_was_closed_as_a_duplicate_already_hears_of_which(
    client: TestClient, session: Session, agency_key: str
) -> None:
    first, second = posted(client), posted(client, description="Otro hoyo")
    client.post(PATH, data=update(agency_key, second, status="DUPLICATE"))
    assert request(session, second).parent_id is None
    sent = update(agency_key, second, status="DUPLICATE", update_id="78", duplicate_of=first)
    answer = client.post(PATH, data=sent)
    assert answer.status_code == 200, answer.text
    assert "service_notice" not in answer.json()[0]
    assert request(session, second).parent_id == request(session, first).id
    assert (
        len(queries.events_of(session, request(session, second).id, ("public",))) == 4
    )  # made, routed, closed, a remark


@pytest.mark.parametrize("named", ["2600000000", "no es un folio", "itself", "hidden"])
def test_where_they_cannot_be_one_it_is_closed_and_says_so(
    client: TestClient, session: Session, agency_key: str, named: str
) -> None:
    hidden, second = posted(client), posted(client, description="Otro hoyo")
    request(session, hidden).is_public = False
    session.flush()
    folio = {"itself": second, "hidden": hidden}.get(named, named)
    answer = client.post(PATH, data=update(agency_key, second, status="DUPLICATE", duplicate_of=folio))
    assert answer.status_code == 200, answer.text
    assert "duplicate_of" in answer.json()[0]["service_notice"]
    duplicate = request(session, second)
    assert (duplicate.life, duplicate.outcome_code, duplicate.parent_id) == ("closed", "duplicate", None)
    assert duplicate.status_notes == "Va la cuadrilla"


def test_other_words_do_not_look_at_it(client: TestClient, session: Session, agency_key: str) -> None:
    first, second = posted(client), posted(client, description="Otro hoyo")
    client.post(PATH, data=update(agency_key, second, status="FIXED", duplicate_of=first))
    assert (request(session, second).outcome_code, request(session, second).parent_id) == ("resolved", None)
