"""What a key lets its client do: post, update, and read what is not public about its agency's requests. Never whom to call."""

from typing import Any

import pytest
from sqlmodel import Session
from starlette.testclient import TestClient

from intake.catalog import clients, keys
from intake.service_requests import queries
from intake.service_requests.models import ServiceRequest
from tests.factories import API_KEY, CITY, IN_SUR, NOW
from tests.intake.open311.asking import errors_of, form, ids, posted

pytestmark = pytest.mark.database
UPDATE = {"update_id": "1", "status": "CLOSED", "updated_datetime": "2026-11-19T12:00:00Z", "description": "Listo"}


def make_key(session: Session, *scopes: str, agency: str | None = "ALC-N") -> str:
    return keys.create(session, CITY, "-".join(scopes), now=NOW, scopes=scopes, agency_code=agency)


def hidden(session: Session, client: TestClient, **changes: Any) -> ServiceRequest:
    found = queries.by_folio(session, posted(client, **changes))
    assert found is not None
    found.is_public = False
    session.add(found)
    session.flush()
    return found


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


@pytest.mark.parametrize("scope", keys.SCOPES)
def test_a_key_does_only_what_it_was_given_for(client: TestClient, session: Session, fmt: str, scope: str) -> None:
    mine = posted(client)
    key = make_key(session, scope)
    post = client.post(f"requests.{fmt}", data=form(api_key=key, description="Otro"))
    update = client.post(f"servicerequestupdates.{fmt}", data={"api_key": key, "service_request_id": mine, **UPDATE})
    if scope == "submit":
        assert post.status_code == 200, post.text
    else:
        errors_of(post, fmt, 403)
    if scope == "update":
        assert update.status_code == 200, update.text
    else:
        errors_of(update, fmt, 403)
    for answer in (post, update):
        assert key not in answer.text


@pytest.mark.parametrize("how", ["query", "header"])
def test_an_agency_reads_its_own_hidden_requests(client: TestClient, session: Session, fmt: str, how: str) -> None:
    mine, theirs = hidden(session, client), hidden(session, client, lat=str(IN_SUR[1]), long=str(IN_SUR[0]))
    public = posted(client, description="Lo que todos ven")
    assert (mine.agency_code, theirs.agency_code) == ("ALC-N", "ALC-S")
    key = make_key(session, "read_private")
    extra: dict[str, Any] = {"params": {"api_key": key}} if how == "query" else {"headers": bearer(key)}
    listed = client.get(f"requests.{fmt}", **extra)
    assert set(ids(listed, fmt)) == {mine.folio, public}
    assert ids(client.get(f"requests/{mine.folio}.{fmt}", **extra), fmt) == [mine.folio]
    both = {**extra, "params": {**extra.get("params", {}), "service_request_id": f"{mine.folio},{theirs.folio}"}}
    assert ids(client.get(f"requests.{fmt}", **both), fmt) == [mine.folio]
    errors_of(client.get(f"requests/{theirs.folio}.{fmt}", **extra), fmt, 404)
    assert listed.headers["cache-control"] == "private, no-store"
    # Everybody else still sees nothing of it.
    assert ids(client.get(f"requests.{fmt}"), fmt) == [public]
    errors_of(client.get(f"requests/{mine.folio}.{fmt}"), fmt, 404)


def test_an_agency_hears_the_updates_of_its_hidden_requests(client: TestClient, session: Session, fmt: str) -> None:
    mine = hidden(session, client)
    key = make_key(session, "update", "read_private")
    client.post(f"servicerequestupdates.{fmt}", data={"api_key": key, "service_request_id": mine.folio, **UPDATE})
    assert ids(client.get(f"servicerequestupdates.{fmt}", headers=bearer(key)), fmt) == [mine.folio]
    assert ids(client.get(f"servicerequestupdates.{fmt}"), fmt) == []


@pytest.mark.parametrize(
    "scopes", [("submit",), ("update",), ("submit", "update")], ids=lambda scopes: "+".join(scopes)
)
def test_a_key_for_something_else_reads_what_everybody_reads(
    client: TestClient, session: Session, scopes: tuple[str, ...]
) -> None:
    mine = hidden(session, client)
    answer = client.get("requests.json", headers=bearer(make_key(session, *scopes)))
    assert ids(answer) == []
    assert "private" not in answer.headers.get("cache-control", "")
    assert client.get(f"requests/{mine.folio}.json", params={"api_key": API_KEY}).status_code == 404


@pytest.mark.parametrize("key", ["wrong", "", "ñ", "\u0000", "x" * 5000])
def test_a_key_that_is_none_is_harmless_when_reading(client: TestClient, fmt: str, key: str) -> None:
    folio = posted(client)
    answer = client.get(f"requests.{fmt}", params={"api_key": key})
    if key == "\u0000":
        errors_of(answer, fmt, 400)
    else:
        assert ids(answer, fmt) == [folio]


def test_an_ended_key_reads_nothing_private(client: TestClient, session: Session) -> None:
    mine, key = hidden(session, client), make_key(session, "read_private")
    assert ids(client.get("requests.json", headers=bearer(key))) == [mine.folio]
    found = clients.find(session, CITY, key, now=NOW)
    assert found is not None
    keys.disable(session, found.id, now=NOW)
    assert ids(client.get("requests.json", headers=bearer(key))) == []


def test_whom_to_call_never_leaves_by_any_key(client: TestClient, session: Session, fmt: str) -> None:
    contact = {"email": "rosa@example.org", "phone": "+525512345678", "first_name": "Rosalinda", "last_name": "Tovar"}
    mine = hidden(session, client, description="Llamen al 55 1234 5678 o a rosa@example.org", **contact)
    key = make_key(session, *keys.SCOPES)
    for path in (f"requests.{fmt}", f"requests/{mine.folio}.{fmt}", f"servicerequestupdates.{fmt}"):
        for extensions in ("", "true"):
            answer = client.get(path, headers=bearer(key), params={"extensions": extensions} if extensions else None)
            assert answer.status_code == 200
            for value in contact.values():
                assert value not in answer.text, path


def test_answers_depend_on_the_key_and_say_so(client: TestClient) -> None:
    for path in ("requests.json", "services.json", "requests/0.json"):
        assert "Authorization" in client.get(path).headers["vary"]
