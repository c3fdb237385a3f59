"""Section 8: lists and single requests, and what must never be seen in them."""

from datetime import datetime
from typing import Any

import pytest

from tests.intake.open311.conformance.claims import empty, folios, has, same
from tests.intake.open311.conformance.desk import Case, Desk, get, post, run, table

pytestmark = pytest.mark.database
ALL = ("open", "token", "closed", "bare")
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


def zoned(_: Desk, value: Any) -> bool:
    times = [one[name] for one in value for name in ("requested_datetime", "updated_datetime")]
    return all(datetime.fromisoformat(at).utcoffset() is not None and len(at) == 25 for at in times)


@table(
    Case(
        "8.1 all seventeen fields, in order",
        get("requests"),
        expect=lambda _, value: all(list(one) == FIELDS for one in value),
    ),
    Case(
        "8.1 one request is an array of one, as listed",
        get("requests/{open}"),
        expect=lambda desk, value: value == [desk.get("requests")[0]],
    ),
    Case("8.2 newest first", get("requests"), expect=folios(*ALL)),
    Case("8.3 times have whole seconds and a zone", get("requests"), expect=zoned),
    Case("8.4 numbers of a position", get("requests/{open}"), expect=has(lat=19.42, long=-99.15)),
    Case(
        "8.4 what is not known is null",
        get("requests/{bare}"),
        expect=has(lat=None, long=None, address=None, media_url=None, agency_responsible=None, expected_datetime=None),
    ),
    Case("8.4 a zip code is a string", get("requests/{open}"), expect=has(zipcode="06800")),
    Case("8.5 lower case", get("requests/{closed}"), expect=has(status="closed")),
    Case(
        "8.5 updated when it was closed",
        get("requests/{closed}"),
        expect=has(updated_datetime="2026-11-18T07:00:00-06:00"),
    ),
    Case("8.6 hidden ones are not found", get("requests/{hidden}"), 404),
    Case(
        "8.6 hidden ones are not in a list of ids",
        get("requests", "service_request_id={hidden},{open}"),
        expect=folios("open"),
    ),
    Case("8.6 old ones are found singly", get("requests/{old}"), expect=has(service_request_id="{old}")),
    Case("8.7 one id", get("requests", "service_request_id={closed}"), expect=folios("closed")),
    Case(
        "8.7 several ids",
        get("requests", "service_request_id={closed},{open},{old}"),
        expect=folios("open", "closed", "old"),
    ),
    Case(
        "8.7 blanks between ids",
        get("requests", "service_request_id=%20{closed}%20,%20{open}"),
        expect=folios("open", "closed"),
    ),
    Case(
        "8.7 repeated parameters are one list",
        get("requests", "service_request_id={closed}&service_request_id={open}"),
        expect=folios("open", "closed"),
    ),
    Case("8.7 an id twice", get("requests", "service_request_id={open},{open}"), expect=folios("open")),
    Case(
        "8.7 ids win over a status", get("requests", "service_request_id={closed}&status=open"), expect=folios("closed")
    ),
    Case(
        "8.7 ids win over dates",
        get("requests", "service_request_id={old}&start_date=2026-11-01T00:00:00Z"),
        expect=folios("old"),
    ),
    Case(
        "8.7 ids win over nonsense",
        get("requests", "service_request_id={old}&status=x&end_date=y"),
        expect=folios("old"),
    ),
    Case("8.8 one service", get("requests", "service_code=FUGA"), expect=folios("closed")),
    Case("8.8 several services", get("requests", "service_code=FUGA,LUMINARIA"), expect=folios("token", "closed")),
    Case(
        "8.8 services by repetition",
        get("requests", "service_code=FUGA&service_code=LUMINARIA"),
        expect=folios("token", "closed"),
    ),
    Case("8.9 open", get("requests", "status=open"), expect=folios("open", "token", "bare")),
    Case("8.9 closed", get("requests", "status=closed"), expect=folios("closed")),
    Case("8.9 both", get("requests", "status=open,closed"), expect=folios(*ALL)),
    Case("8.9 another word", get("requests", "status=done"), 400),
    Case("8.10 since", get("requests", "start_date=2026-11-18T12:00:00-06:00"), expect=folios("open", "token")),
    Case("8.10 until", get("requests", "end_date=2026-11-18T12:00:00-06:00"), expect=folios("closed", "bare")),
    Case(
        "8.10 between",
        get("requests", "start_date=2026-11-18T00:00:00-06:00&end_date=2026-11-18T12:00:00-06:00"),
        expect=folios("closed"),
    ),
    Case(
        "8.10 both bounds are inclusive",
        get("requests", "start_date=2026-11-18T07:00:00-06:00&end_date=2026-11-18T07:00:00-06:00"),
        expect=folios("closed"),
    ),
    Case(
        "8.10 the same instant in another zone",
        get("requests", "start_date=2026-11-18T13:00:00Z&end_date=2026-11-18T14:00:00%2B01:00"),
        expect=folios("closed"),
    ),
    Case(
        "8.10 a plus that nobody encoded",
        get("requests", "start_date=2026-11-18T13:00:00+00:00&end_date=2026-11-18T13:00:00Z"),
        expect=folios("closed"),
    ),
    Case(
        "8.10 fractions of a second",
        get("requests", "start_date=2026-11-18T13:00:00.000Z&status=closed"),
        expect=folios("closed"),
    ),
    Case(
        "8.10 no zone is the city's",
        get("requests", "start_date=2026-11-18T07:00:00&end_date=2026-11-18T07:00:00"),
        expect=folios("closed"),
    ),
    Case("8.10 a day without a time", get("requests", "start_date=2026-11-19"), expect=folios("open", "token")),
    Case(
        "8.10 upside down",
        get("requests", "start_date=2026-11-19T00:00:00Z&end_date=2026-11-18T00:00:00Z"),
        expect=empty,
    ),
    Case(
        "8.10 ninety days by default", get("requests"), expect=lambda desk, value: desk.world["old"] not in repr(value)
    ),
    Case(
        "8.10 a start alone reaches ninety days on",
        get("requests", "start_date=2026-05-01T00:00:00Z"),
        expect=folios("old"),
    ),
    Case(
        "8.10 too wide is cut",
        get("requests", "start_date=2020-01-01T00:00:00Z&end_date=2026-11-19T19:00:00Z"),
        expect=folios(*ALL),
    ),
    Case(
        "8.11 filters together",
        get("requests", "status=open&service_code=BACHE&start_date=2026-11-18"),
        expect=folios("open"),
    ),
    Case("9.1 a page", get("requests", "page_size=2&page=2"), expect=folios("closed", "bare")),
    Case("9.1 a page behind the last", get("requests", "page_size=2&page=9"), expect=empty),
    Case("9.1 a page size above the limit is the limit", get("requests", "page_size=999999"), expect=same("requests")),
    Case(
        "9.2 private words match nothing",
        get("requests", "phone=5512345678&email=ana@example.org"),
        expect=same("requests"),
    ),
)
def test_requests(desk: Desk, case: Case) -> None:
    run(desk, case)


@pytest.mark.parametrize("code", ["SECRETO", "RUIDO"])
def test_8_12_what_a_sensitive_or_blackbox_service_takes_is_never_listed(desk: Desk, code: str) -> None:
    before = desk.get("requests")
    desk.ask(post({"service_code": code}))
    assert desk.get("requests") == before
    assert desk.get("requests", f"service_code={code}") == []
