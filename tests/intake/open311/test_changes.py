"""The change feed: what an agency's system reads to miss nothing, and what everybody may read."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlmodel import Session, select
from starlette.testclient import TestClient

from intake.catalog import keys
from intake.changes.models import ServiceRequestChange
from intake.service_requests import actions
from intake.service_requests.models import ServiceRequest
from intake.service_requests.values import Actor
from tests.factories import API_KEY, CITY, IN_SUR, NOW, make_city
from tests.intake.open311.asking import errors_of, posted, read
from tests.intake.open311.conftest import BASE

pytestmark = pytest.mark.database

SCOPES = ("update", "read_private")
WORDS = "Avisamos a rosa@correo.mx, 55 1234 5678"


@pytest.fixture
def agency_key(client: TestClient, session: Session) -> str:
    return keys.create(session, CITY, "Alcaldía Norte", agency_code="ALC-N", scopes=SCOPES, now=NOW)


def follow(client: TestClient, fmt: str = "json", **params: Any) -> dict[str, Any]:
    response = client.get(f"changes.{fmt}", params=params)
    assert response.status_code == 200, response.text
    found: dict[str, Any] = read(response, fmt)
    return found


def row_of(session: Session, folio: str) -> ServiceRequest:
    return session.exec(select(ServiceRequest).where(ServiceRequest.folio == folio)).one()


def test_a_new_request_is_two_changes_and_each_has_everything(client: TestClient, fmt: str) -> None:
    folio = posted(client)
    found = follow(client, fmt)
    assert list(found) == ["changes", "cursor", "has_more", "next", "follows"]
    assert [change["what"] for change in found["changes"]] == ["submitted", "routed"]
    assert list(found["changes"][0]) == [
        "cursor",
        "change_id",
        "what",
        "service_request_id",
        "at",
        "status",
        "detailed_status",
        "service_code",
        "agency_responsible",
        "description",
        "media_url",
        "request_url",
    ]
    first = found["changes"][0]
    assert (first["service_request_id"], first["status"], first["service_code"]) == (folio, "open", "BACHE")
    assert first["request_url"] == f"{BASE}/open311/v2/requests/{folio}.{fmt}?jurisdiction_id={CITY}"
    assert found["cursor"] == found["changes"][-1]["cursor"]
    assert found["follows"] == "public"
    assert found["next"].startswith(f"{BASE}/open311/v2/changes.{fmt}?")
    assert parse_qs(urlsplit(found["next"]).query)["cursor"] == [found["cursor"]]


def test_nothing_yet_is_an_empty_list_and_a_cursor_that_can_be_kept(client: TestClient, fmt: str) -> None:
    found = follow(client, fmt)
    assert found["changes"] == []
    assert found["has_more"] in (False, "false")
    posted(client)
    assert len(follow(client, fmt, cursor=found["cursor"])["changes"]) == 2


def test_page_by_page_is_the_same_as_at_once(client: TestClient) -> None:
    for _ in range(4):
        posted(client, description=None, lat="19.42", long="-99.15", address_string=f"Calle {_}")
    whole = [change["change_id"] for change in follow(client)["changes"]]
    assert len(whole) == len(set(whole)) == 8
    read_so_far: list[str] = []
    cursor, pages = "", 0
    while True:
        found = follow(client, cursor=cursor, limit=3)
        read_so_far += [change["change_id"] for change in found["changes"]]
        cursor, pages = found["cursor"], pages + 1
        if not found["has_more"]:
            break
    assert read_so_far == whole
    assert pages == 3
    assert follow(client, cursor=cursor)["changes"] == []


def test_each_change_is_a_place_to_go_on_from(client: TestClient) -> None:
    for number in range(3):
        posted(client, description=f"Hoyo {number}")
    changes = follow(client)["changes"]
    for index, change in enumerate(changes):
        assert follow(client, cursor=change["cursor"])["changes"] == changes[index + 1 :]


def test_now_begins_behind_everything(client: TestClient, fmt: str) -> None:
    posted(client)
    begun = follow(client, fmt, cursor="now")
    assert begun["changes"] == []
    posted(client, description="Otro")
    assert [change["what"] for change in follow(client, fmt, cursor=begun["cursor"])["changes"]] == [
        "submitted",
        "routed",
    ]


def test_an_agency_follows_its_own_requests_also_what_is_not_public(
    client: TestClient, session: Session, agency_key: str
) -> None:
    mine, hidden = posted(client), posted(client, description="Reservado")
    other = posted(client, lat=str(IN_SUR[1]), long=str(IN_SUR[0]))
    row_of(session, hidden).is_public = False
    actions.add_note(
        session, row_of(session, mine).id, text=WORDS, audience="agency", actor=Actor("agent", "A"), now=NOW
    )
    session.flush()
    found = follow(client, api_key=agency_key)
    assert found["follows"] == "ALC-N"
    assert {change["service_request_id"] for change in found["changes"]} == {mine, hidden}
    assert found["changes"][-1]["description"] == "Avisamos a […], […]"
    public = follow(client)
    assert {change["service_request_id"] for change in public["changes"]} == {mine, other}
    assert "noted" not in {change["what"] for change in public["changes"]}


def test_a_key_that_may_read_no_more_follows_what_is_public(client: TestClient, session: Session) -> None:
    hidden = posted(client)
    row_of(session, hidden).is_public = False
    session.flush()
    plain = keys.create(session, CITY, "Sin lectura", agency_code="ALC-N", scopes=("update",), now=NOW)
    for key in (API_KEY, plain):
        found = follow(client, api_key=key)
        assert (found["follows"], found["changes"]) == ("public", [])


def test_a_key_that_is_not_known_is_told_so(client: TestClient, fmt: str) -> None:
    errors_of(client.get(f"changes.{fmt}", params={"api_key": "wrong"}), fmt, 403)


def test_a_request_that_left_is_told_without_what_is_private(
    client: TestClient, session: Session, agency_key: str
) -> None:
    from intake.service_requests.events import add_event

    folio = posted(client)
    follow(client)
    row = row_of(session, folio)
    row.agency_code, row.is_public = "ALC-S", False
    note = "Es de la otra alcaldía"
    add_event(
        session, row.id, "routed", "public", Actor("agent", "A"), at=NOW, note=note, data={"agency_code": "ALC-S"}
    )
    session.flush()
    last = follow(client, api_key=agency_key)["changes"][-1]
    assert (last["what"], last["service_request_id"], last["description"]) == ("transferred", folio, None)


@pytest.mark.parametrize("cursor", ["x", "-1", "999999999", "1-", "1-00000000", "9" * 30, "1 OR 1=1", "١"])
def test_a_cursor_that_was_never_given_is_told_so(client: TestClient, cursor: str, fmt: str) -> None:
    posted(client)
    (said,) = errors_of(client.get(f"changes.{fmt}", params={"cursor": cursor}), fmt, 400)
    assert "cursor" in said


def test_a_cursor_of_another_city_is_told_so(client: TestClient, session: Session) -> None:
    posted(client)
    cursor = follow(client)["cursor"]
    make_city(session, "vecina.gob.example", sms_number=None)
    answer = client.get("changes.json", params={"jurisdiction_id": "vecina.gob.example", "cursor": cursor})
    assert answer.status_code == 400
    assert follow(client, jurisdiction_id="vecina.gob.example")["changes"] == []
    assert follow(client, jurisdiction_id=CITY, cursor=cursor)["changes"] == []


def test_a_cursor_from_before_a_restore_is_told_so(client: TestClient, session: Session) -> None:
    """The same number may stand for another change in a database that was brought back from an older copy."""
    posted(client)
    cursor = follow(client)["cursor"]
    newest = session.exec(select(ServiceRequestChange)).all()[-1]
    newest.published_at = newest.published_at.replace(year=2031)
    session.flush()
    assert client.get("changes.json", params={"cursor": cursor}).status_code == 400


@pytest.mark.parametrize("limit", ["0", "-1", "x", "1.5"])
def test_a_limit_is_a_count(client: TestClient, limit: str, fmt: str) -> None:
    (said,) = errors_of(client.get(f"changes.{fmt}", params={"limit": limit}), fmt, 400)
    assert "limit" in said
    assert follow(client, fmt, limit="5000")["changes"] == []
