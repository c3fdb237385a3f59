"""GET requests: what a list holds, in which order, and how it is asked for."""

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree
from zoneinfo import ZoneInfo

import pytest
import time_machine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import Session
from starlette.testclient import TestClient

from intake.catalog.models import Jurisdiction
from intake.service_requests import actions, published
from intake.service_requests.models import ServiceRequest
from intake.service_requests.values import Actor
from kernel.folio import FolioScrambler
from tests.factories import CITY, NOW, make_city, make_service
from tests.intake.open311.asking import errors_of, form, ids, posted, read

pytestmark = pytest.mark.database
FIELDS = [
    "service_request_id",
    "status",
    "status_notes",
    "service_name",
    "service_code",
    "description",
    "agency_responsible",
    "service_notice",
    "requested_datetime",
    "updated_datetime",
    "expected_datetime",
    "address",
    "address_id",
    "zipcode",
    "lat",
    "long",
    "media_url",
]
FOLIOS = FolioScrambler(b"t" * 32)
MEXICO = ZoneInfo("America/Mexico_City")


def keep(session: Session, number: int, at: datetime, **values: Any) -> str:
    """A stored request, without the path of a report; returns its id."""
    closed = values.pop("closed", False)
    said = values.get("description", ""), values.get("address_string"), values.get("attributes", {})
    life = {"life": "closed", "outcome_code": "resolved", "closed_at": at} if closed else {}
    row = ServiceRequest(
        **(
            {
                "jurisdiction_id": CITY,
                "folio": FOLIOS.folio(2026, number),
                "service_code": "BACHE",
                "channel": "sms",
                "requested_at": at,
                "updated_at": at,
                "agency_code": "ALC-N",
            }
            | life
            | published.of_submission(*said).columns
            | values
        )
    )
    session.add(row)
    session.flush()
    return row.folio


@pytest.fixture(autouse=True)
def at_noon() -> Any:
    with time_machine.travel(NOW, tick=False):
        yield


def test_an_empty_list_is_200_in_both_formats(client: TestClient) -> None:
    assert client.get("requests.json").content == b"[]"
    root = ElementTree.fromstring(client.get("requests.xml").content)
    assert (root.tag, len(root)) == ("service_requests", 0)


def test_a_request_has_all_seventeen_fields(client: TestClient, fmt: str) -> None:
    data = {
        "address_string": "Av. Sabinos 214",
        "address_id": "77",
        "zipcode": "06800",
        "media_url": "https://e.org/a.jpg",
    }
    service_request_id = posted(client, **data)
    (listed,) = read(client.get(f"requests.{fmt}"), fmt)
    (single,) = read(client.get(f"requests/{service_request_id}.{fmt}"), fmt)
    assert listed == single
    assert list(single) == FIELDS
    assert (single["address"], single["address_id"], single["zipcode"]) == ("Av. Sabinos 214", "77", "06800")
    assert (single["status"], single["media_url"]) == ("open", "https://e.org/a.jpg")
    assert single["agency_responsible"] == "Alcaldía Norte"
    assert single["requested_datetime"] == "2026-11-19T13:00:00-06:00"
    assert datetime.fromisoformat(single["expected_datetime"]) > NOW
    numbers = (19.42, -99.15) if fmt == "json" else ("19.42", "-99.15")
    assert (single["lat"], single["long"]) == numbers


def test_what_is_not_known_is_null(client: TestClient, session: Session, fmt: str) -> None:
    keep(session, 1, NOW, agency_code=None)
    (found,) = read(client.get(f"requests.{fmt}"), fmt)
    for field in ("status_notes", "agency_responsible", "expected_datetime", "address", "lat", "long", "media_url"):
        assert found[field] is None


def test_a_closed_request_was_updated_when_it_was_closed(client: TestClient, session: Session, fmt: str) -> None:
    closed_at = NOW - timedelta(days=2)
    values = {"life": "closed", "outcome_code": "resolved", "closed_at": closed_at, "updated_at": NOW}
    keep(session, 1, NOW - timedelta(days=3), **values)
    (found,) = read(client.get(f"requests.{fmt}"), fmt)
    assert found["status"] == "closed"
    assert datetime.fromisoformat(found["updated_datetime"]) == closed_at


def test_the_name_of_a_retired_service_is_still_told(client: TestClient, session: Session, city: Jurisdiction) -> None:
    make_service(session, "VIEJO", "Servicio de antes", is_active=False)
    city.catalog_changed_at = NOW
    keep(session, 1, NOW, service_code="VIEJO")
    assert client.get("requests.json").json()[0]["service_name"] == "Servicio de antes"


@pytest.mark.parametrize("wanted", ["2600000000", "abc", "0", "%00", "1%27--", "26 1758 4474", "٢٦٤٨١٧٣٠٥٦"])
def test_an_unknown_id_is_not_found(client: TestClient, fmt: str, wanted: str) -> None:
    errors_of(client.get(f"requests/{wanted}.{fmt}"), fmt, 404)


def test_hidden_requests_are_absent_and_not_found(client: TestClient, session: Session, fmt: str) -> None:
    hidden = keep(session, 1, NOW, is_public=False)
    shown = keep(session, 2, NOW)
    assert ids(client.get(f"requests.{fmt}"), fmt) == [shown]
    assert ids(client.get(f"requests.{fmt}?service_request_id={hidden},{shown}"), fmt) == [shown]
    errors_of(client.get(f"requests/{hidden}.{fmt}"), fmt, 404)


def test_sensitive_services_never_come_out(client: TestClient, session: Session, city: Jurisdiction, fmt: str) -> None:
    make_service(session, "VIOLENCIA", "Violencia", is_sensitive=True)
    city.catalog_changed_at = NOW
    session.flush()
    service_request_id = posted(client, service_code="VIOLENCIA")
    errors_of(client.get(f"requests/{service_request_id}.{fmt}"), fmt, 404)
    assert ids(client.get(f"requests.{fmt}"), fmt) == []


class TestIds:
    @pytest.fixture
    def three(self, session: Session) -> list[str]:
        return [keep(session, n, NOW - timedelta(days=200 * n), closed=n == 1) for n in range(3)]

    def test_a_comma_list_is_read_whole(self, client: TestClient, three: list[str], fmt: str) -> None:
        assert ids(client.get(f"requests.{fmt}?service_request_id={','.join(three)}"), fmt) == three

    def test_unknown_ids_are_passed_over(self, client: TestClient, three: list[str], fmt: str) -> None:
        query = f"service_request_id=,2600000000, {three[2]} ,nada,%25,"
        assert ids(client.get(f"requests.{fmt}?{query}"), fmt) == [three[2]]
        assert ids(client.get(f"requests.{fmt}?service_request_id=nada"), fmt) == []

    def test_repeated_parameters_are_one_list(self, client: TestClient, three: list[str]) -> None:
        query = f"service_request_id={three[0]}&service_request_id={three[1]},{three[0]}"
        assert ids(client.get(f"requests.json?{query}")) == three[:2]

    def test_ids_override_everything_else(self, client: TestClient, three: list[str], fmt: str) -> None:
        others = "status=nada&start_date=never&end_date=2020-01-01T00:00:00Z&service_code=FUGA&page_size=x"
        assert ids(client.get(f"requests.{fmt}?service_request_id={three[0]},{three[1]}&{others}"), fmt) == three[:2]

    def test_ids_of_another_city_are_unknown_here(self, client: TestClient, session: Session, three: list[str]) -> None:
        make_city(session, "vecina.gob.example", sms_number=None)
        theirs = keep(session, 9, NOW, jurisdiction_id="vecina.gob.example")
        query = f"jurisdiction_id={CITY}&service_request_id={theirs},{three[0]}"
        assert ids(client.get(f"requests.json?{query}")) == [three[0]]
        errors_of(client.get(f"requests/{theirs}.json?jurisdiction_id={CITY}"), "json", 404)

    def test_an_empty_id_list_filters_nothing(self, client: TestClient, three: list[str]) -> None:
        assert ids(client.get("requests.json?service_request_id=")) == [three[0]]
        assert ids(client.get("requests.json?service_request_id=,,")) == [three[0]]


class TestWindow:
    def asked(self, client: TestClient, **query: str) -> list[str]:
        return ids(client.get("requests.json", params=query))

    def test_the_default_is_the_last_ninety_days(self, client: TestClient, session: Session) -> None:
        days = (0, 89, 90, 91)
        kept = [keep(session, n, NOW - timedelta(days=day)) for n, day in enumerate(days)]
        assert self.asked(client) == kept[:3]

    def test_a_start_alone_reaches_ninety_days_on(self, client: TestClient, session: Session) -> None:
        start = NOW - timedelta(days=200)
        kept = [keep(session, n, start + timedelta(days=day)) for n, day in enumerate((-1, 0, 90, 91, 199))]
        assert self.asked(client, start_date=start.isoformat()) == [kept[2], kept[1]]
        assert self.asked(client, start_date=(NOW - timedelta(days=2)).isoformat()) == [kept[4]]

    def test_an_end_alone_reaches_ninety_days_back(self, client: TestClient, session: Session) -> None:
        end = NOW - timedelta(days=100)
        kept = [keep(session, n, end + timedelta(days=day)) for n, day in enumerate((-91, -90, 0, 1))]
        assert self.asked(client, end_date=end.isoformat()) == [kept[2], kept[1]]

    def test_too_wide_a_window_is_cut_at_its_older_end(self, client: TestClient, session: Session) -> None:
        kept = [keep(session, n, NOW - timedelta(days=day)) for n, day in enumerate((1, 300))]
        query = {"start_date": (NOW - timedelta(days=365)).isoformat(), "end_date": NOW.isoformat()}
        assert self.asked(client, **query) == kept[:1]

    def test_an_inverted_window_is_empty(self, client: TestClient, session: Session) -> None:
        keep(session, 1, NOW)
        query = {"start_date": (NOW + timedelta(days=1)).isoformat(), "end_date": (NOW - timedelta(days=1)).isoformat()}
        assert self.asked(client, **query) == []

    def test_both_bounds_include_the_second_that_is_printed(self, client: TestClient, session: Session) -> None:
        at = NOW.replace(microsecond=654_321)
        kept = keep(session, 1, at - timedelta(seconds=5))
        printed = client.get("requests.json").json()[0]["requested_datetime"]
        assert self.asked(client, start_date=printed, end_date=printed) == [kept]

    @pytest.mark.parametrize(
        "written",
        [
            "2026-11-19T19:00:00Z",
            "2026-11-19T19:00:00z",
            "2026-11-19t19:00:00+00:00",
            "2026-11-19T19:00:00 00:00",
            "2026-11-19T13:00:00-06:00",
            "2026-11-20T00:30:00+05:30",
            "2026-11-20T00:30:00 05:30",
            "2026-11-19T19:00:00.000Z",
            "2026-11-19T19:00:00,0Z",
            "2026-11-19T13:00:00",
            "2026-11-19T13:00",
            "2026-11-19 13:00:00",
            " 2026-11-19T13:00:00-06:00 ",
        ],
    )
    def test_one_instant_in_every_writing(self, client: TestClient, session: Session, written: str, fmt: str) -> None:
        before, at, after = (keep(session, n, NOW + timedelta(seconds=n)) for n in (-1, 0, 1))
        since = client.get(f"requests.{fmt}?start_date={quote(written)}&end_date=2026-11-19T20:00:00Z")
        until = client.get(f"requests.{fmt}?end_date={quote(written)}")
        assert ids(since, fmt) == [after, at]
        assert ids(until, fmt) == [at, before]

    def test_a_plus_sign_that_nobody_encoded_is_read(self, client: TestClient, session: Session) -> None:
        kept = keep(session, 1, NOW)
        assert ids(client.get("requests.json?start_date=2026-11-19T19:00:00+00:00")) == [kept]

    def test_a_date_alone_is_the_city_s_midnight(self, client: TestClient, session: Session) -> None:
        midnight = datetime(2026, 11, 19, tzinfo=MEXICO).astimezone(UTC)
        keep(session, 1, midnight - timedelta(seconds=1))
        kept = keep(session, 2, midnight)
        assert self.asked(client, start_date="2026-11-19") == [kept]

    @pytest.mark.parametrize(
        "written",
        [
            "ayer",
            "2026-13-01T00:00:00Z",
            "2026-02-30T00:00:00Z",
            "2026-11-19T25:00:00Z",
            "2026-11-19T19:00:60Z",
            "2026-11-19T19:00:00+99:00",
            "20261119",
            "1763578800",
            "2026-W47-4",
            "2026-11-19T19:00:00Z; DROP TABLE service_request",
            "٢٠٢٦-11-19T19:00:00Z",
        ],
    )
    @pytest.mark.parametrize("name", ["start_date", "end_date"])
    def test_what_is_no_date_is_400(self, client: TestClient, name: str, written: str, fmt: str) -> None:
        (text,) = errors_of(client.get(f"requests.{fmt}", params={name: written}), fmt, 400)
        assert name in text

    @pytest.mark.parametrize(
        "written", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "0001-01-01", "9999-12-31"]
    )
    def test_the_ends_of_the_calendar_are_dates_too(self, client: TestClient, written: str) -> None:
        for query in ({"start_date": written}, {"end_date": written}, {"start_date": written, "end_date": written}):
            assert client.get("requests.json", params=query).status_code == 200


class TestFilters:
    @pytest.fixture
    def four(self, session: Session) -> dict[str, str]:
        made = {}
        for n, (code, closed) in enumerate([("BACHE", False), ("BACHE", True), ("FUGA", False), ("LUMINARIA", True)]):
            made[f"{code}-{closed}"] = keep(session, n, NOW - timedelta(hours=n), service_code=code, closed=closed)
        return made

    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ("status=open", ["BACHE-False", "FUGA-False"]),
            ("status=closed", ["BACHE-True", "LUMINARIA-True"]),
            ("status=open,closed", ["BACHE-False", "BACHE-True", "FUGA-False", "LUMINARIA-True"]),
            ("status=open&status=closed", ["BACHE-False", "BACHE-True", "FUGA-False", "LUMINARIA-True"]),
            ("status=", ["BACHE-False", "BACHE-True", "FUGA-False", "LUMINARIA-True"]),
            ("service_code=FUGA", ["FUGA-False"]),
            ("service_code=FUGA,BACHE", ["BACHE-False", "BACHE-True", "FUGA-False"]),
            ("service_code=FUGA&service_code=BACHE", ["BACHE-False", "BACHE-True", "FUGA-False"]),
            ("service_code=NADA", []),
            ("service_code=NADA,FUGA", ["FUGA-False"]),
            ("service_code=fuga", []),
            ("service_code=", ["BACHE-False", "BACHE-True", "FUGA-False", "LUMINARIA-True"]),
            ("service_code=BACHE&status=closed", ["BACHE-True"]),
            ("nobody_knows=1&radio=x", ["BACHE-False", "BACHE-True", "FUGA-False", "LUMINARIA-True"]),
        ],
    )
    def test_filters(self, client: TestClient, four: dict[str, str], query: str, found: list[str], fmt: str) -> None:
        assert ids(client.get(f"requests.{fmt}?{query}"), fmt) == [four[name] for name in found]

    @pytest.mark.parametrize("status", ["resolved", "open,nada", "OPEN", "0", "open closed"])
    def test_another_status_is_400(self, client: TestClient, status: str, fmt: str) -> None:
        (text,) = errors_of(client.get(f"requests.{fmt}", params={"status": status}), fmt, 400)
        assert "status" in text

    @pytest.mark.parametrize(
        "query", ["service_code=%00", "status=%0B", "q=%1F", "%00=1", "service_code=%ff", "start_date=%c3"]
    )
    def test_control_characters_and_broken_utf8_are_400(self, client: TestClient, query: str, fmt: str) -> None:
        errors_of(client.get(f"requests.{fmt}?{query}"), fmt, 400)

    def test_pages(self, client: TestClient, four: dict[str, str]) -> None:
        order = list(four.values())
        pages = [ids(client.get(f"requests.json?page_size=3&page={page}")) for page in (1, 2, 3)]
        assert pages == [order[:3], order[3:], []]

    @pytest.mark.parametrize(
        "query", ["page=0", "page=-1", "page_size=0", "page_size=x", "page=1.5", "page=%D9%A1", "page=9999999999"]
    )
    def test_a_page_is_a_whole_number(self, client: TestClient, query: str) -> None:
        errors_of(client.get(f"requests.json?{query}"), "json", 400)


def test_newest_first_and_a_stable_order_within_one_instant(client: TestClient, session: Session) -> None:
    older = keep(session, 1, NOW - timedelta(seconds=1))
    twins = [keep(session, n, NOW) for n in (2, 3, 4)]
    assert ids(client.get("requests.json")) == [*reversed(twins), older]


def test_a_list_ends_after_a_thousand(client: TestClient, session: Session) -> None:
    for n in range(1001):
        session.add(
            ServiceRequest(
                jurisdiction_id=CITY,
                folio=FOLIOS.folio(2026, n),
                service_code="BACHE",
                channel="sms",
                requested_at=NOW - timedelta(seconds=n),
                updated_at=NOW,
            )
        )
    session.flush()
    found = ids(client.get("requests.json"))
    assert len(found) == 1000
    assert FOLIOS.folio(2026, 1000) not in found
    assert len(ids(client.get("requests.json?page_size=5000"))) == 1000


HOSTILE = [
    "a & b < c > d \"e\" 'f'",
    "]]> <![CDATA[ x ]]> <!-- --> &amp; &#0; &lt;",
    "línea uno\nlínea dos\ttab",
    "  blancos  ",
    "😀 ñ Ñ \u200b \u202e \x85 \u2028 \u00a0",
    "'; DROP TABLE service_request; --",
    "{{7*7}} ${x} %s %(a)s :p",
    "<script>alert(1)</script>",
    "\ufeffbom",
]


@pytest.mark.parametrize("words", HOSTILE)
def test_hostile_words_come_back_as_they_were(client: TestClient, words: str, fmt: str) -> None:
    posted(client, description=words, address_string="Sabinos & <Niebla>")
    (found,) = read(client.get(f"requests.{fmt}"), fmt)
    assert (found["description"], found["address"]) == (words, "Sabinos & <Niebla>")


def test_what_xml_cannot_hold_is_left_out_on_the_way_in(client: TestClient, fmt: str) -> None:
    posted(client, description="a\x00b\x08c\x0bd\x1fe\ufffef\uffffg\r\nh\ri")
    (found,) = read(client.get(f"requests.{fmt}"), fmt)
    assert found["description"] == "abcdefg\nh\ni"


def test_a_stored_control_character_does_not_make_a_list_unreadable(client: TestClient, session: Session) -> None:
    keep(session, 1, NOW, description="campana\x07 y \x1b[31m")
    (found,) = read(client.get("requests.xml"), "xml")
    assert found["description"] == "campana\ufffd y \ufffd[31m"


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "service_code": st.none() | st.lists(st.sampled_from(["BACHE", "FUGA", "NADA"]), max_size=3),
                "status": st.none() | st.lists(st.sampled_from(["open", "closed"]), max_size=2),
                "start": st.none() | st.integers(-120, 10),
                "end": st.none() | st.integers(-120, 10),
            }
        ),
        min_size=1,
        max_size=6,
    )
)
def test_filters_agree_with_a_naive_model(client: TestClient, session: Session, asked: list[dict[str, Any]]) -> None:
    rows = _model_rows(session)
    for query in asked:
        params: list[tuple[str, str]] = []
        for name in ("service_code", "status"):
            if query[name] is not None:
                params.append((name, ",".join(query[name])))
        start = NOW + timedelta(days=query["start"]) if query["start"] is not None else None
        end = NOW + timedelta(days=query["end"]) if query["end"] is not None else None
        if start is not None:
            params.append(("start_date", start.isoformat()))
        if end is not None:
            params.append(("end_date", end.astimezone(MEXICO).isoformat()))
        last = end or (NOW if start is None else max(start, min(NOW, start + timedelta(days=90))))
        first = max(start or last - timedelta(days=90), last - timedelta(days=90))
        expected = [
            row.folio
            for row in sorted(rows, key=lambda row: (row.requested_at, row.id), reverse=True)
            if first <= row.requested_at <= last
            and (not query["service_code"] or row.service_code in query["service_code"])
            and (not query["status"] or ("closed" if row.life == "closed" else "open") in query["status"])
        ]
        assert ids(client.get("requests.json", params=params)) == expected


def _model_rows(session: Session) -> list[ServiceRequest]:
    from sqlmodel import select

    rows = list(session.exec(select(ServiceRequest)))
    if not rows:
        for n in range(60):
            code = ("BACHE", "FUGA", "LUMINARIA")[n % 3]
            keep(session, n, NOW - timedelta(days=n * 3), service_code=code, closed=n % 4 == 0)
        rows = list(session.exec(select(ServiceRequest)))
    return rows


def test_a_change_of_status_is_seen_at_once(client: TestClient, session: Session, fmt: str) -> None:
    service_request_id = posted(client)
    row = session.exec(_by_folio(service_request_id)).one()
    actor = Actor("agency", "Cuadrilla 7")
    actions.change_status(session, row.id, life="in_progress", note="Va la cuadrilla", actor=actor, now=NOW)
    (found,) = read(client.get(f"requests/{service_request_id}.{fmt}"), fmt)
    assert (found["status"], found["status_notes"]) == ("open", "Va la cuadrilla")
    later = NOW + timedelta(hours=2)
    actions.change_status(
        session, row.id, life="closed", outcome_code="resolved", note="Quedó reparado", actor=actor, now=later
    )
    (found,) = read(client.get(f"requests/{service_request_id}.{fmt}"), fmt)
    assert (found["status"], found["status_notes"]) == ("closed", "Quedó reparado")
    assert datetime.fromisoformat(found["updated_datetime"]) == later


def _by_folio(folio: str) -> Any:
    from sqlmodel import select

    return select(ServiceRequest).where(ServiceRequest.folio == folio)


def test_form_is_the_same_in_both_formats(client: TestClient) -> None:
    for n in range(3):
        posted(client, description=f"hoyo {n}", **({"address_string": f"calle {n}"} if n else {}))
    as_json = read(client.get("requests.json"), "json")
    as_xml = read(client.get("requests.xml"), "xml")
    for one, other in zip(as_json, as_xml, strict=True):
        assert {key: None if value is None else str(value) for key, value in one.items()} == other


def test_the_answer_of_a_form_is_never_an_object(client: TestClient) -> None:
    assert isinstance(client.post("requests.json", data=form()).json(), list)
