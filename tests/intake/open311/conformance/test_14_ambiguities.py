"""Section 14: what the standard leaves open, read as most read it. One case at least for each of the twenty."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.intake.open311.conformance.claims import empty, folios, has, reads_back
from tests.intake.open311.conformance.desk import Case, Desk, get, post, run, table

pytestmark = pytest.mark.database
LAMP = {"service_code": "LUMINARIA", "attribute[TIPO_FALLA]": "apagada"}


def offset(_: Desk, value: Any) -> bool:
    return all(datetime.fromisoformat(one["requested_datetime"]).utcoffset() == timedelta(hours=-6) for one in value)


@table(
    Case("14.1 a report is answered 200", post(), 200),
    Case("14.2 an unknown service filters to nothing", get("requests", "service_code=NADA"), expect=empty),
    Case(
        "14.2 an unknown service among known ones", get("requests", "service_code=NADA,FUGA"), expect=folios("closed")
    ),
    Case("14.2 an unknown service in a report is 404", post({"service_code": "NADA"}), 404),
    Case("14.2 an unknown definition is 404", get("services/NADA"), 404),
    Case(
        "14.3 unknown ids are passed over",
        get("requests", "service_request_id=nada,{open},2600000000"),
        expect=folios("open"),
    ),
    Case("14.3 only unknown ids", get("requests", "service_request_id=nada"), expect=empty),
    Case(
        "14.4 more than ninety days are cut",
        get("requests", "start_date=2025-01-01T00:00:00Z&end_date=2026-11-20T00:00:00Z"),
        expect=folios("open", "token", "closed", "bare"),
    ),
    Case("14.5 newest first", get("requests"), expect=folios("open", "token", "closed", "bare")),
    Case("14.6 the start is inclusive", get("requests", "start_date=2026-11-19T12:00:00-06:00"), expect=folios("open")),
    Case("14.6 the end is inclusive", get("requests", "end_date=2026-11-17T11:00:00-06:00"), expect=folios("bare")),
    Case(
        "14.7 what may not be returned is there and null",
        get("requests/{bare}"),
        expect=has(agency_responsible=None, service_notice=None, expected_datetime=None, status_notes=None),
    ),
    Case(
        "14.8 ids are strings",
        get("requests"),
        expect=lambda _, value: all(type(one["service_request_id"]) is str for one in value),
    ),
    Case(
        "14.8 coordinates are numbers", get("requests/{open}"), expect=lambda _, value: type(value[0]["lat"]) is float
    ),
    Case("14.9 absent values are null", get("requests/{bare}"), expect=has(address=None, zipcode=None, media_url=None)),
    Case(
        "14.10 no values are an empty array",
        get("services/LUMINARIA"),
        expect=lambda _, value: value["attributes"][1]["values"] == [],
    ),
    Case(
        "14.11 no metadata is an empty definition", get("services/FUGA"), expect=has(service_code="FUGA", attributes=[])
    ),
    Case("14.12 a missing key is 403", post({"api_key": None}), 403),
    Case("14.13 statuses are lower case", get("requests/{closed}"), expect=has(status="closed")),
    Case("14.13 and asked for in lower case", get("requests", "status=OPEN"), 400),
    Case(
        "14.14 repeated lists are joined",
        get("requests", "status=open&status=closed"),
        expect=folios("open", "token", "closed", "bare"),
    ),
    Case("14.14 elsewhere the last one counts", get("requests", "page_size=4&page_size=1"), expect=folios("open")),
    Case(
        "14.14 the last date counts",
        get("requests", "start_date=x&start_date=2026-11-19T12:00:00-06:00"),
        expect=folios("open"),
    ),
    Case(
        "14.15 a token is never pending",
        get("tokens/{token_text}"),
        expect=lambda _, value: value[0]["service_request_id"],
    ),
    Case(
        "14.16 metadata follows the definition",
        get("services"),
        expect=lambda desk, value: all(
            bool(desk.get(f"services/{one['service_code']}")["attributes"]) is one["metadata"] for one in value
        ),
    ),
    Case(
        "14.17 the zip code stays apart",
        post({"address_string": "Eje 1, 06800", "zipcode": "06850"}),
        expect=reads_back(address="Eje 1, 06800", zipcode="06850"),
    ),
    Case(
        "14.17 and is not read out of the address",
        post({"address_string": "Eje 1, 06800"}),
        expect=reads_back(zipcode=None),
    ),
    Case(
        "14.18 markup is text",
        post({"description": "a < b <b>c</b> & d"}),
        expect=reads_back(description="a < b <b>c</b> & d"),
    ),
    Case("14.19 times bear the city's offset", get("requests"), expect=offset),
    Case("14.20 the changeset sorts as text", get("discovery"), expect=has(changeset="2026-11-18T19:00:00Z")),
)
def test_ambiguities(desk: Desk, case: Case) -> None:
    run(desk, case)
