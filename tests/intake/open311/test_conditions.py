"""Whether a client has an answer already: tags, dates, and how long an answer may be kept."""

from datetime import timedelta

import pytest
import time_machine
from sqlmodel import Session
from starlette.testclient import TestClient

from intake.catalog import keys
from intake.catalog.models import Jurisdiction
from intake.service_requests import actions, queries
from intake.service_requests.values import Actor
from kernel import clock
from tests.factories import CITY, NOW
from tests.intake.open311.asking import form, posted


@pytest.mark.database
class TestConditions:
    @pytest.mark.parametrize("resource", ["../discovery", "services", "services/LUMINARIA", "requests", "request"])
    @pytest.mark.parametrize("method", ["GET", "HEAD"])
    def test_what_the_client_has_is_304_without_a_body(
        self, client: TestClient, resource: str, method: str, fmt: str
    ) -> None:
        if resource == "request":
            resource = f"requests/{posted(client)}"
        first = client.request(method, f"{resource}.{fmt}")
        tag = first.headers["etag"]
        for condition in (tag, f'"other", {tag}', "*", tag.removeprefix("W/")):
            again = client.request(method, f"{resource}.{fmt}", headers={"if-none-match": condition})
            assert (again.status_code, again.content) == (304, b"")
            for name in ("etag", "cache-control", "vary", "access-control-allow-origin"):
                assert again.headers[name] == first.headers[name]
            assert "content-type" not in again.headers
        other = client.request(method, f"{resource}.{fmt}", headers={"if-none-match": 'W/"other"'})
        assert other.status_code == 200

    def test_the_tag_moves_when_the_data_does(self, client: TestClient, fmt: str) -> None:
        before = client.get(f"requests.{fmt}").headers["etag"]
        posted(client)
        response = client.get(f"requests.{fmt}", headers={"if-none-match": before})
        assert response.status_code == 200
        assert response.headers["etag"] != before

    @pytest.mark.parametrize("resource", ["discovery", "services", "services/LUMINARIA"])
    def test_the_date_of_the_catalogue_is_a_condition_too(self, client: TestClient, resource: str, fmt: str) -> None:
        changed = client.get(f"{resource}.{fmt}").headers["last-modified"]
        assert changed == "Sun, 01 Nov 2026 00:00:00 GMT"
        since = {"if-modified-since": changed}
        assert client.get(f"{resource}.{fmt}", headers=since).status_code == 304
        since["if-none-match"] = '"other"'
        assert client.get(f"{resource}.{fmt}", headers=since).status_code == 200
        before = {"if-modified-since": "Sat, 31 Oct 2026 23:59:59 GMT"}
        assert client.get(f"{resource}.{fmt}", headers=before).status_code == 200

    def test_a_single_request_is_dated_by_its_last_change_or_its_names(
        self, client: TestClient, city: Jurisdiction, session: Session, fmt: str
    ) -> None:
        with time_machine.travel(NOW, tick=False) as traveller:
            path = f"requests/{posted(client)}.{fmt}"
            assert "last-modified" not in client.get(path).headers  # another change may come within this second
            traveller.shift(60)
            dated = client.get(path)
            since = {"if-modified-since": dated.headers["last-modified"]}
            assert since == {"if-modified-since": "Thu, 19 Nov 2026 19:00:00 GMT"}
            for method in ("GET", "HEAD"):
                again = client.request(method, path, headers=since)
                assert (again.status_code, again.content) == (304, b"")
                assert again.headers["last-modified"] == dated.headers["last-modified"]
            # The tag wins: over a date that would be known, and over one that would not.
            assert client.get(path, headers=since | {"if-none-match": '"other"'}).status_code == 200
            long_ago = {"if-modified-since": "Mon, 01 Jan 2001 00:00:00 GMT", "if-none-match": dated.headers["etag"]}
            assert client.get(path, headers=long_ago).status_code == 304

            row = queries.by_folio(session, path.split("/")[1].split(".")[0])
            assert row is not None
            actions.change_status(session, row.id, life="in_progress", actor=Actor("agent", "Amir"), now=clock.now())
            traveller.shift(60)
            changed = client.get(path, headers=since)
            assert (changed.status_code, changed.headers["last-modified"]) == (200, "Thu, 19 Nov 2026 19:01:00 GMT")
            since = {"if-modified-since": changed.headers["last-modified"]}
            city.catalog_changed_at = clock.now()  # a service has another name
            session.flush()
            traveller.shift(60)
            assert client.get(path, headers=since).headers["last-modified"] == "Thu, 19 Nov 2026 19:02:00 GMT"

    def test_what_changes_with_the_clock_bears_no_date(self, client: TestClient) -> None:
        path = f"requests/{posted(client)}.json"
        with time_machine.travel(NOW + timedelta(days=400)):
            assert "last-modified" in client.get(path).headers
            for detail in ("extensions=promise", "notes=true", "attributes=true"):
                assert "last-modified" not in client.get(f"{path}?{detail}").headers
            assert "last-modified" not in client.get("requests.json").headers

    def test_what_the_rules_of_the_program_decide_bears_no_date(self, client: TestClient, session: Session) -> None:
        path = f"requests/{posted(client)}.json"
        session.connection().exec_driver_sql("UPDATE service_request SET public_text_version = NULL")
        with time_machine.travel(NOW + timedelta(days=400)):
            assert "last-modified" not in client.get(path).headers

    def test_a_catalogue_that_changed_in_this_second_bears_no_date_yet(
        self, client: TestClient, city: Jurisdiction, session: Session
    ) -> None:
        city.catalog_changed_at = NOW.replace(microsecond=5)
        session.flush()
        with time_machine.travel(NOW.replace(microsecond=9), tick=False) as traveller:
            assert "last-modified" not in client.get("services.json").headers
            traveller.shift(1)
            assert "last-modified" in client.get("services.json").headers

    @pytest.mark.parametrize(
        ("resource", "policy"),
        [
            ("discovery", "public, max-age=60"),
            ("services", "public, no-cache"),
            ("services/LUMINARIA", "public, no-cache"),
            ("requests", "public, max-age=10"),
            ("servicerequestupdates", "public, max-age=10"),
            ("nada", "no-store"),
            ("requests/2600000000", "no-store"),
            ("tokens/t-1", "no-store"),
        ],
    )
    def test_how_long_an_answer_may_be_kept(self, client: TestClient, resource: str, policy: str, fmt: str) -> None:
        assert client.get(f"{resource}.{fmt}").headers["cache-control"] == policy

    def test_answers_to_forms_and_to_those_who_see_more_are_kept_by_nobody(
        self, client: TestClient, session: Session, fmt: str
    ) -> None:
        scopes = [keys.READ_PRIVATE]
        secret = keys.create(session, CITY, "Alcaldía Norte", scopes=scopes, agency_code="ALC-N", now=NOW)
        for response in (
            client.post(f"requests.{fmt}", data=form()),
            client.get(f"requests.{fmt}", headers={"authorization": f"Bearer {secret}"}),
        ):
            assert response.status_code == 200
            assert "no-store" in response.headers["cache-control"]
            assert "etag" not in response.headers
