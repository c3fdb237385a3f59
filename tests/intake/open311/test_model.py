"""Lists against a naive model: random filters over random rows, in both orders, in pages by number and by link."""

import math
import random
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import Session, select
from starlette.testclient import TestClient

from georef.distances import metres_per_degree
from intake.open311.searching import words_of
from intake.service_requests.models import ServiceRequest
from tests.factories import NOW
from tests.intake.open311.asking import ids
from tests.intake.open311.test_lists import keep
from tests.intake.open311.test_paging import walk

pytestmark = pytest.mark.database
MEXICO = ZoneInfo("America/Mexico_City")
ROWS = 80
WORDS = ["Árbol", "caído", "hoyo", "HOYUELO", "Luz", "poste", "214"]
CODES = ["BACHE", "FUGA", "LUMINARIA"]
AGENCIES = ["ALC-N", "ALC-S", "AGUAS", None]


def rows_of(session: Session) -> list[ServiceRequest]:
    found = list(session.exec(select(ServiceRequest)))
    if found:
        return found
    dice = random.Random(311)
    for n in range(ROWS):
        # Several share an instant, and many lie on the bounds that are asked for.
        at = NOW - timedelta(days=dice.randrange(0, 130), microseconds=dice.choice([0, 0, 1, 999_999]))
        later = min(at + timedelta(days=dice.randrange(0, 100)), NOW)
        is_placed, is_closed = dice.random() < 0.9, dice.random() < 0.5
        keep(
            session,
            n,
            at,
            service_code=dice.choice(CODES),
            agency_code=dice.choice(AGENCIES),
            is_public=dice.random() < 0.9,
            description=" ".join(dice.choices(WORDS, k=3)),
            address_string=dice.choice([None, "Av. Sabinos", "Niebla 7"]),
            media_urls=dice.choice([[], ["https://example.org/a.jpg"]]),
            lat=round(dice.uniform(19.40, 19.44), 4) if is_placed else None,
            lon=round(dice.uniform(-99.17, -99.13), 4) if is_placed else None,
            updated_at=later + timedelta(hours=1),
            **({"life": "closed", "outcome_code": "resolved", "closed_at": later} if is_closed else {}),
        )
    return list(session.exec(select(ServiceRequest)))


degrees = st.tuples(
    st.integers(0, 40).map(lambda n: round(-99.17 + n / 1000, 4)),
    st.integers(0, 40).map(lambda n: round(19.40 + n / 1000, 4)),
)
days = st.none() | st.integers(-140, 5)
queries = st.fixed_dictionaries(
    {
        "service_code": st.none() | st.lists(st.sampled_from([*CODES, "NADA"]), min_size=1, max_size=3),
        "status": st.none() | st.sampled_from(["open", "closed"]),
        "agency": st.none() | st.lists(st.sampled_from(["ALC-N", "ALC-S", "NADIE"]), min_size=1, max_size=2),
        "has_photo": st.none() | st.booleans(),
        "start": days,
        "end": days,
        "after": days,
        "before": days,
        "box": st.none() | st.tuples(degrees, degrees),
        "circle": st.none() | st.tuples(degrees, st.sampled_from([100, 900, 3000])),
        "q": st.none()
        | st.lists(st.sampled_from(["arbol", "HOY", "luz", "sabin", "21", "nada"]), min_size=1, max_size=2),
        "sort": st.none() | st.sampled_from(["requested_datetime", "updated_datetime", "distance"]),
        "is_descending": st.booleans(),
    }
)


def params_of(query: dict[str, Any]) -> dict[str, str]:
    params: dict[str, str] = {}
    for name, key in (("service_code", "service_code"), ("agency_responsible", "agency")):
        if query[key]:
            params[name] = ",".join(query[key])
    if query["status"]:
        params["status"] = query["status"]
    if query["has_photo"] is not None:
        params["has_photo"] = str(query["has_photo"]).lower()
    bounds = (("start_date", "start"), ("end_date", "end"), ("updated_after", "after"), ("updated_before", "before"))
    for name, key in bounds:
        if query[key] is not None:
            params[name] = (NOW + timedelta(days=query[key])).astimezone(MEXICO).isoformat()
    if query["box"]:
        params["bbox"] = ",".join(str(number) for corner in query["box"] for number in corner)
    if query["circle"]:
        (lon, lat), radius = query["circle"]
        params |= {"lat": str(lat), "long": str(lon), "radius": str(radius)}
    if query["q"]:
        params["q"] = " ".join(query["q"])
    if sort := sort_of(query):
        params["sort"] = ("-" if query["is_descending"] else "") + sort
    return params


def sort_of(query: dict[str, Any]) -> str | None:
    sort: str | None = query["sort"]
    return "requested_datetime" if sort == "distance" and not query["circle"] else sort


def within(at: datetime, start: int | None, end: int | None) -> bool:
    """Inclusive bounds on whole seconds, as they are printed; 90 days at most."""
    first = None if start is None else NOW + timedelta(days=start)
    last = None if end is None else NOW + timedelta(days=end)
    if first is None:
        last = last or NOW
        first = last - timedelta(days=90)
    elif last is None:
        last = max(first, min(NOW, first + timedelta(days=90)))
    return max(first, last - timedelta(days=90)) <= at.replace(microsecond=0) and at.replace(microsecond=0) <= last


def distance(row: ServiceRequest, centre: tuple[float, float]) -> float:
    per_lon, per_lat = metres_per_degree(centre[1])
    assert row.lon is not None
    assert row.lat is not None
    east, north = (row.lon - centre[0]) * per_lon, (row.lat - centre[1]) * per_lat
    return math.sqrt(east * east + north * north)


def fits(row: ServiceRequest, query: dict[str, Any]) -> bool:
    updated = row.closed_at or row.updated_at
    has_dates = query["start"] is not None or query["end"] is not None
    has_changes = query["after"] is not None or query["before"] is not None
    # Only public words are found; `Luz Árbol` could be a person's name and is masked.
    spoken = words_of(f"{row.public_description} {row.public_address or ''}")
    checks = [
        row.is_public,
        not query["service_code"] or row.service_code in query["service_code"],
        not query["status"] or (row.life == "closed") == (query["status"] == "closed"),
        not query["agency"] or row.agency_code in query["agency"],
        query["has_photo"] is None or bool(row.media_urls) == query["has_photo"],
        (has_changes and not has_dates) or within(row.requested_at, query["start"], query["end"]),
        not has_changes or within(updated, query["after"], query["before"]),
        all(any(word.startswith(asked.lower()) for word in spoken) for asked in query["q"] or []),
    ]
    if query["box"]:
        (lon1, lat1), (lon2, lat2) = query["box"]
        checks.append(
            row.lon is not None
            and row.lat is not None
            and min(lon1, lon2) <= row.lon <= max(lon1, lon2)
            and min(lat1, lat2) <= row.lat <= max(lat1, lat2)
        )
    if query["circle"]:
        centre, radius = query["circle"]
        checks.append(row.lon is not None and distance(row, centre) <= radius)
    return all(checks)


def expected(rows: list[ServiceRequest], query: dict[str, Any]) -> list[str]:
    only_changes = all(query[name] is None for name in ("start", "end")) and any(
        query[name] is not None for name in ("after", "before")
    )
    sort = sort_of(query) or ("updated_datetime" if only_changes else "requested_datetime")
    is_descending = query["is_descending"] if sort_of(query) else True

    def key(row: ServiceRequest) -> tuple[Any, Any]:
        keys: dict[str, Any] = {
            "requested_datetime": row.requested_at,
            "updated_datetime": row.closed_at or row.updated_at,
        }
        return (distance(row, query["circle"][0]) if sort == "distance" else keys[sort]), row.id

    chosen = [row for row in rows if fits(row, query)]
    return [row.folio for row in sorted(chosen, key=key, reverse=is_descending)]


@settings(max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(query=queries, size=st.integers(3, 40))
def test_lists_agree_with_a_naive_model(client: TestClient, session: Session, query: dict[str, Any], size: int) -> None:
    rows = rows_of(session)
    with time_machine.travel(NOW, tick=False):
        params = params_of(query)
        wanted = expected(rows, query)
        whole = client.get("requests.json", params=params | {"count": "true"})
        assert ids(whole) == wanted
        assert whole.headers["x-total-count"] == str(len(wanted))
        address = str(whole.request.url.query, "ascii") if isinstance(whole.request.url.query, bytes) else ""
        by_link = [folio for page in walk(client, f"{address}&page_size={size}") for folio in ids(page)]
        assert by_link == wanted
        pages = range(1, len(wanted) // size + 2)
        by_number = [
            folio
            for page in pages
            for folio in ids(client.get("requests.json", params=params | {"page_size": str(size), "page": str(page)}))
        ]
        assert by_number == wanted
