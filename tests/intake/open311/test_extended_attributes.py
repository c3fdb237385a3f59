"""The extended attributes of requests: every part, in both formats, and what each costs to read."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from sqlalchemy import Engine, event
from sqlmodel import Session, select
from starlette.testclient import TestClient

from intake.catalog.models import Jurisdiction
from intake.open311.details import PARTS
from intake.service_requests import actions, queries
from intake.service_requests.duplicates import merging
from intake.service_requests.duplicates.jobs import find_duplicates
from intake.service_requests.events import add_event
from intake.service_requests.models import ServiceRequest
from intake.service_requests.values import Actor
from kernel import db
from tests.factories import IN_SUR, NOW, OUTSIDE
from tests.intake.open311.asking import form, posted, read
from tests.intake.open311.test_lists import FIELDS, keep


@pytest.fixture(autouse=True)
def at_noon() -> Any:
    with time_machine.travel(NOW, tick=False):
        yield


LAMP: dict[str, Any] = {"service_code": "LUMINARIA", "attribute[TIPO_FALLA]": "apagada", "attribute[NUM_POSTE]": "0042"}


def lamp_posted(client: TestClient, **changes: Any) -> str:
    """The id of a report with answers; its service gives a token first."""
    token = client.post("requests.json", data=form(**(LAMP | changes))).json()[0]["token"]
    folio: str = client.get(f"tokens/{token}.json").json()[0]["service_request_id"]
    return folio


@pytest.fixture
def statements(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What the database is asked, as it is asked."""
    asked: list[str] = []
    fetch = db.fetch

    def listen(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        asked.append(statement)

    def fetch_and_tell(session: Session, sql: str, *rest: Any, **more: Any) -> list[Any]:
        asked.append(sql)
        return fetch(session, sql, *rest, **more)

    monkeypatch.setattr(db, "fetch", fetch_and_tell)
    event.listen(engine, "before_cursor_execute", listen)
    yield asked
    event.remove(engine, "before_cursor_execute", listen)


@pytest.mark.database
class TestDetails:
    def one(self, client: TestClient, folio: str, query: str, fmt: str = "json") -> Any:
        (single,) = read(client.get(f"requests/{folio}.{fmt}?{query}"), fmt)
        (listed,) = read(client.get(f"requests.{fmt}?{query}"), fmt)
        (by_id,) = read(client.get(f"requests.{fmt}?service_request_id={folio}&{query}"), fmt)
        assert single == listed == by_id
        return single

    @pytest.mark.parametrize(
        "query",
        ["", "extensions=false", "extensions=", "extensions=citysdk,log", "notes=false", "attributes=0&notes=x"],
    )
    def test_without_them_the_seventeen_fields_are_all(self, client: TestClient, query: str, fmt: str) -> None:
        folio = posted(client)
        assert list(self.one(client, folio, query, fmt)) == FIELDS

    def test_everything_of_an_open_request(self, client: TestClient) -> None:
        folio = posted(client, media_url="https://example.org/a.jpg")
        found = self.one(client, folio, "extensions=true")
        assert list(found) == [*FIELDS, "extended_attributes"]
        extended = found["extended_attributes"]
        assert list(extended) == list(PARTS)
        assert extended["detailed_status"] == "RECEIVED"
        assert extended["outcome"] is None
        assert extended["promise"] == {"due": found["expected_datetime"], "is_kept": None, "is_paused": False}
        assert extended["routing"] == {
            "agency_code": "ALC-N",
            "reason": "regla NORTE-1",
            "outcome": "assigned",
            "rule": "NORTE-1",
            "rule_set_version": 1,
            "decided_datetime": found["requested_datetime"],
            "border": {"layer": "district", "metres": extended["routing"]["border"]["metres"]},
            "runner_up": extended["routing"]["runner_up"],
            "question": None,
        }
        assert float(extended["routing"]["border"]["metres"]) > 50
        assert {"layer": "district", "code": "N", "name": "Norte"} in extended["areas"]
        assert {"layer": "colonia", "code": "N-01", "name": "El Carmen"} in extended["areas"]
        assert (extended["channel"], extended["report_count"]) == ("open311", 1)
        assert extended["media_urls"] == ["https://example.org/a.jpg"]
        assert (extended["parent_service_request_id"], extended["possible_duplicates"]) == (None, None)

    def test_what_may_be_the_same_is_named_until_somebody_decides(
        self, client: TestClient, session: Session, fmt: str
    ) -> None:
        folios = [posted(client, description=words) for words in ("Hay un bache enorme", "un bache enorme")]
        first, second = (queries.by_folio(session, folio) for folio in folios)
        assert first is not None
        assert second is not None
        find_duplicates(str(second.id))
        said = [self.one_of(client, folio, fmt)["possible_duplicates"] for folio in folios]
        assert said == [[second.folio], [first.folio]]
        first.is_public = False
        session.flush()
        assert not self.one_of(client, second.folio, fmt)["possible_duplicates"]
        first.is_public = True
        merging.merge(session, second.id, first.id, actor=Actor("agent", "Amir"), now=NOW)
        merged = self.one_of(client, second.folio, fmt)
        assert merged["parent_service_request_id"] == first.folio
        assert not merged["possible_duplicates"]
        assert str(self.one_of(client, first.folio, fmt)["report_count"]) == "2"
        first.is_public = False
        session.flush()
        assert self.one_of(client, second.folio, fmt)["parent_service_request_id"] is None

    def one_of(self, client: TestClient, folio: str, fmt: str) -> Any:
        (found,) = read(client.get(f"requests/{folio}.{fmt}?extensions=true"), fmt)
        return found["extended_attributes"]

    def test_a_request_of_another_register_names_it_and_has_no_routing(
        self, client: TestClient, session: Session
    ) -> None:
        folio = posted(client)
        extended = self.one(client, folio, "extensions=true")["extended_attributes"]
        assert extended["register"] is None
        row = session.exec(select(ServiceRequest).where(ServiceRequest.folio == folio)).one()
        row.source, row.source_id = "old-311", "A-17"
        session.connection().exec_driver_sql("DELETE FROM routing_decision")
        session.flush()
        extended = self.one(client, folio, "extensions=true")["extended_attributes"]
        assert extended["register"] == {"name": "old-311", "number": "A-17"}
        assert extended["routing"] is None

    def test_names_choose_parts(self, client: TestClient) -> None:
        folio = posted(client)
        found = self.one(client, folio, "extensions=channel,Outcome&extensions=log")
        assert list(found["extended_attributes"]) == ["outcome", "channel"]

    def test_both_formats_say_the_same(self, client: TestClient) -> None:
        lamp_posted(client, media_url="https://example.org/a.jpg")
        query = "extensions=true&notes=true&attributes=true"
        (as_xml,) = read(client.get(f"requests.xml?{query}"), "xml")
        (as_json,) = client.get(f"requests.json?{query}").json()

        def plain(value: Any) -> Any:
            if isinstance(value, dict):
                return {key: plain(item) for key, item in value.items()}
            if isinstance(value, list):
                return [plain(item) for item in value]
            if isinstance(value, bool):
                return str(value).lower()
            return value if value is None or isinstance(value, str) else str(value)

        assert plain(as_json) == as_xml

    @pytest.mark.parametrize(
        ("outcome_code", "hours", "status", "is_kept"),
        [
            ("resolved", 1, "PROCESSED", True),
            ("resolved", 24 * 30, "PROCESSED", False),
            ("duplicate", 1, "REJECTED", True),
        ],
    )
    def test_a_closed_request_says_how_it_ended(
        self, client: TestClient, session: Session, outcome_code: str, hours: int, status: str, is_kept: bool
    ) -> None:
        folio = posted(client)
        row = queries.by_folio(session, folio)
        assert row is not None
        at = NOW + timedelta(hours=hours)
        actor = Actor("agency", "Cuadrilla 7")
        actions.change_status(session, row.id, life="closed", outcome_code=outcome_code, actor=actor, now=at)
        extended = self.one(client, folio, "extensions=true&locale=en")["extended_attributes"]
        assert extended["detailed_status"] == status
        assert extended["outcome"]["code"] == outcome_code
        assert (
            extended["outcome"]["text"]
            == {"resolved": "Resolved", "duplicate": "It had been reported already"}[outcome_code]
        )
        assert extended["promise"]["is_kept"] is is_kept

    def test_a_promise_is_broken_the_moment_it_is_overdue(self, client: TestClient) -> None:
        folio = posted(client)
        with time_machine.travel(NOW + timedelta(days=30), tick=False):
            assert self.one(client, folio, "extensions=promise")["extended_attributes"]["promise"]["is_kept"] is False

    def test_outside_the_city_nobody_promised_anything(self, client: TestClient) -> None:
        lon, lat = OUTSIDE
        folio = posted(client, long=str(lon), lat=str(lat))
        extended = self.one(client, folio, "extensions=true")["extended_attributes"]
        assert (extended["promise"], extended["detailed_status"]) == (None, "REJECTED")
        assert (extended["routing"]["agency_code"], extended["routing"]["outcome"]) == (None, "outside")

    def test_a_receipt_near_a_border_says_who_else_it_could_be_and_keeps_the_rest(self, client: TestClient) -> None:
        lon, _ = IN_SUR
        folio = posted(client, long=str(lon), lat="19.3999")
        routing = self.one(client, folio, "extensions=routing")["extended_attributes"]["routing"]
        assert (routing["agency_code"], routing["rule"]) == ("ALC-S", "SUR-1")
        assert routing["runner_up"] == {"agency_code": "ALC-N", "agency": "Alcaldía Norte"}
        assert routing["question"] == "¿Está en Sur o en Norte?"
        body = client.get("requests.json?extensions=routing").text
        for word in ("considered", "precision", "loads", "answers", "settled"):
            assert word not in body

    def test_notes_are_the_public_history(self, client: TestClient, session: Session, fmt: str) -> None:
        folio = posted(client)
        row = queries.by_folio(session, folio)
        assert row is not None
        actor = Actor("agent", "Amir")
        actions.change_status(session, row.id, life="in_progress", note="Va la cuadrilla", actor=actor, now=NOW)
        for audience in ("reporter", "agency", "internal"):
            actions.add_note(session, row.id, text="jirafa", audience=audience, actor=actor, now=NOW)  # type: ignore[arg-type]  # each is an audience
        actions.add_note(session, row.id, text="Llame al 55 1234 5678", audience="public", actor=actor, now=NOW)
        response = client.get(f"requests.{fmt}?notes=true")
        (found,) = read(response, fmt)
        assert list(found) == [*FIELDS, "notes"]
        assert [note["type"] for note in found["notes"]] == ["submitted", "routed", "status_changed", "noted"]
        assert [note["description"] for note in found["notes"]] == [
            "Recibimos el reporte.",
            "Lo enviamos a Alcaldía Norte.",
            "En proceso. Va la cuadrilla",
            "Llame al […]",
        ]
        assert found["notes"][0]["datetime"] == found["requested_datetime"]
        assert "Amir" not in response.text
        assert "jirafa" not in response.text

    def test_a_note_without_words_has_no_description(self, client: TestClient, session: Session, fmt: str) -> None:
        folio = posted(client)
        row = queries.by_folio(session, folio)
        assert row is not None
        add_event(session, row.id, "photo_added", "public", Actor("system"), at=NOW)
        session.flush()
        (found,) = read(client.get(f"requests.{fmt}?notes=true"), fmt)
        assert (found["notes"][-1]["type"], found["notes"][-1]["description"]) == ("photo_added", None)

    def test_attributes_are_the_public_answers(self, client: TestClient) -> None:
        folio = lamp_posted(client)
        found = self.one(client, folio, "attributes=true&locale=en")
        assert found["attributes"] == [
            {"code": "TIPO_FALLA", "label": "¿TIPO_FALLA?", "value": "apagada", "name": "Does not light"},
            {"code": "NUM_POSTE", "label": "¿NUM_POSTE?", "value": "0042", "name": "0042"},
        ]

    def test_an_answer_is_masked_and_one_to_no_question_is_not_told(
        self, client: TestClient, session: Session, city: Jurisdiction
    ) -> None:
        answers = {"NUM_POSTE": "5512345678", "CURP": "secreta"}
        folio = keep(session, 1, NOW, service_code="LUMINARIA", attributes=answers)
        assert [one["value"] for one in self.one(client, folio, "attributes=true")["attributes"]] == ["[…]"]

    def test_a_list_asks_the_database_once_for_each_kind(
        self, client: TestClient, session: Session, statements: list[str]
    ) -> None:
        for n in range(4):
            posted(client, description=f"Hoyo {n}")
        statements.clear()
        client.get("requests.json?extensions=true&notes=true&attributes=true&page_size=4")
        of_lists = [one for one in statements if "service_request" in one]
        assert len(of_lists) == 5
