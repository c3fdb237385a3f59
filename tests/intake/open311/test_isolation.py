"""Several cities in one installation: nothing of one shows, matches or changes in another, by any route or parameter.

Two cities with the same services, agencies, words and even the same key. Each call asks one of them with everything the other
has: its ids, tokens, keys, cursors, entity tags and update ids.
"""

import itertools
import re
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import Session, select
from starlette.routing import Route
from starlette.testclient import TestClient

from intake.catalog import keys
from intake.catalog.models import Jurisdiction
from intake.open311.routes import _routes
from intake.service_requests import queries
from intake.service_requests.models import ServiceRequest, ServiceRequestEvent
from tests.factories import CITY, IN_NORTE, NOW, make_city
from tests.intake.open311.asking import errors_of, form

pytestmark = pytest.mark.database
HERE, THERE = CITY, "otra.gob.example"
SHARED = "atk_the-same-secret-in-both-cities-of-this-test"
UPDATE = {"status": "CLOSED", "updated_datetime": "2026-11-19T12:00:00Z", "description": "Se tapó"}


@dataclass
class City:
    """What one city has, and words that only its answers may hold."""

    id: str
    folio: str = ""
    hidden: str = ""
    token: str = ""
    update_id: str = ""
    keys: dict[str, str] = field(default_factory=dict)

    @property
    def marks(self) -> tuple[str, ...]:
        return (self.folio, self.hidden, f"Solo en {self.id}", f"Listo en {self.id}")


@pytest.fixture
def cities(client: TestClient, session: Session) -> dict[str, City]:
    make_city(session, THERE, sms_number=None).is_default = False
    session.flush()
    return {name: _fill(client, session, name) for name in (HERE, THERE)}


def _fill(client: TestClient, session: Session, name: str) -> City:
    made = City(name)
    keys.create(session, name, "shared", now=NOW, key=SHARED)
    for scope in keys.SCOPES:
        agency = None if scope == keys.SUBMIT else "ALC-N"
        made.keys[scope] = keys.create(session, name, scope, now=NOW, scopes=[scope], agency_code=agency)
    words = {"jurisdiction_id": name, "api_key": SHARED, "description": f"Solo en {name}"}
    made.folio = _post(client, **words)[0]["service_request_id"]
    made.hidden = _post(client, **words, address_string="Oculta 1")[0]["service_request_id"]
    hidden = queries.by_folio(session, made.hidden)
    assert hidden is not None
    hidden.is_public = False
    answer = _post(client, **words, service_code="LUMINARIA", **{"attribute[TIPO_FALLA]": "apagada"})
    made.token = answer[0]["token"]
    update = {
        "api_key": made.keys["update"],
        "jurisdiction_id": name,
        "service_request_id": made.folio,
        "update_id": "u-1",
    }
    sent = client.post("servicerequestupdates.json", data=UPDATE | update | {"description": f"Listo en {name}"})
    assert sent.status_code == 200, sent.text
    made.update_id = sent.json()[0]["update_id"]
    session.flush()
    return made


def _post(client: TestClient, **changes: Any) -> Any:
    answer = client.post("requests.json", data=form(**changes))
    assert answer.status_code == 200, answer.text
    return answer.json()


def _shows_nothing_of(city: City, answer: Any) -> None:
    for mark in city.marks:
        assert mark not in answer.text
        assert mark not in str(answer.headers)


READS = sorted(
    {route.path.removeprefix("/v2/") for route in _routes() if isinstance(route, Route) and "/v2/" in route.path}
)


def _fill_path(path: str, city: City) -> str:
    named = {
        "service_request_id": city.folio,
        "token": city.token,
        "service_code": "BACHE",
        "update_id": city.update_id,
    }
    return re.sub(r"\{(\w+)(?::\w+)?\}", lambda match: named[match[1]], path)


@pytest.mark.parametrize("scope", ["", *keys.SCOPES])
def test_no_read_shows_anything_of_another_city(client: TestClient, cities: dict[str, City], scope: str) -> None:
    """Every route, asked about one city with the other's ids in the path and the query and the other's key in the header."""
    here, there = cities[HERE], cities[THERE]
    for path, (mine, theirs) in itertools.product(READS, ((here, there), (there, here))):
        headers = {"Authorization": f"Bearer {theirs.keys[scope]}"} if scope else {}
        for extra in (
            {},
            {"service_request_id": f"{theirs.folio},{theirs.hidden}"},
            {"q": theirs.id, "extensions": "true"},
            {"agency_responsible": "ALC-N", "extensions": "true"},
        ):
            query = {"jurisdiction_id": mine.id, **extra}
            answer = client.get(_fill_path(path, theirs), params=query, headers=headers)
            assert answer.status_code < 500, (path, answer.text)
            _shows_nothing_of(theirs, answer)
            if "{service_request_id}" in path or "{token}" in path:
                assert answer.status_code == 404, path


@pytest.mark.parametrize("fmt", ["json", "xml"])
def test_an_id_under_the_wrong_city_is_404_and_under_its_own_200(
    client: TestClient, cities: dict[str, City], fmt: str
) -> None:
    for mine, theirs in ((cities[HERE], cities[THERE]), (cities[THERE], cities[HERE])):
        for path in (f"requests/{mine.folio}.{fmt}", f"tokens/{mine.token}.{fmt}"):
            assert client.get(path, params={"jurisdiction_id": mine.id}).status_code == 200
            errors_of(client.get(path, params={"jurisdiction_id": theirs.id}), fmt, 404)
            errors_of(client.get(path), fmt, 400)


def test_an_agency_reads_its_hidden_requests_in_its_own_city_only(client: TestClient, cities: dict[str, City]) -> None:
    for mine, theirs in ((cities[HERE], cities[THERE]), (cities[THERE], cities[HERE])):
        key = {"Authorization": f"Bearer {mine.keys['read_private']}"}
        own = client.get("requests.json", params={"jurisdiction_id": mine.id}, headers=key)
        assert mine.hidden in own.text
        _shows_nothing_of(theirs, own)
        # The same agency code there is another agency.
        foreign = client.get("requests.json", params={"jurisdiction_id": theirs.id}, headers=key)
        assert foreign.status_code == 200
        for one in (mine.hidden, theirs.hidden):
            assert one not in foreign.text
        assert "private" not in foreign.headers.get("cache-control", "")


@pytest.mark.parametrize("fmt", ["json", "xml"])
def test_a_key_of_one_city_writes_nothing_in_another(
    client: TestClient, session: Session, cities: dict[str, City], fmt: str
) -> None:
    here, there = cities[HERE], cities[THERE]
    before = len(session.exec(select(ServiceRequest)).all()), len(session.exec(select(ServiceRequestEvent)).all())
    for mine, theirs in ((here, there), (there, here)):
        for key in theirs.keys.values():
            posted = client.post(f"requests.{fmt}", data=form(api_key=key, jurisdiction_id=mine.id))
            errors_of(posted, fmt, 403)
            update = UPDATE | {"api_key": key, "jurisdiction_id": mine.id, "update_id": "u-2"}
            for folio in (mine.folio, theirs.folio):
                sent = client.post(f"servicerequestupdates.{fmt}", data=update | {"service_request_id": folio})
                errors_of(sent, fmt, 403)
        # The right key for the city, and the other's request.
        update = UPDATE | {"api_key": mine.keys["update"], "jurisdiction_id": mine.id, "update_id": "u-2"}
        sent = client.post(f"servicerequestupdates.{fmt}", data=update | {"service_request_id": theirs.folio})
        errors_of(sent, fmt, 404)
    after = len(session.exec(select(ServiceRequest)).all()), len(session.exec(select(ServiceRequestEvent)).all())
    assert after == before


@pytest.mark.parametrize("how", ["header", "same form"])
def test_the_same_words_to_two_cities_are_two_reports(client: TestClient, cities: dict[str, City], how: str) -> None:
    headers = {"Idempotency-Key": "the-same"} if how == "header" else {}
    made: dict[str, set[str]] = {HERE: set(), THERE: set()}
    for name in (HERE, THERE, HERE, THERE):
        data = form(api_key=SHARED, jurisdiction_id=name, description="Lo mismo en las dos")
        answer = client.post("requests.json", data=data, headers=headers)
        assert answer.status_code == 200, answer.text
        made[name].add(answer.json()[0]["service_request_id"])
    assert [len(folios) for folios in made.values()] == [1, 1]
    assert made[HERE].isdisjoint(made[THERE])


def test_the_same_update_id_in_two_cities_is_two_updates(client: TestClient, cities: dict[str, City]) -> None:
    assert cities[HERE].update_id != cities[THERE].update_id
    for name, other in ((HERE, THERE), (THERE, HERE)):
        listed = client.get("servicerequestupdates.json", params={"jurisdiction_id": name})
        assert f"Listo en {name}" in listed.text
        assert f"Listo en {other}" not in listed.text


@pytest.mark.parametrize("path", ["requests.json", "services.json", "servicerequestupdates.json"])
def test_an_entity_tag_of_one_city_answers_nothing_in_another(
    client: TestClient, cities: dict[str, City], path: str
) -> None:
    tag = client.get(path, params={"jurisdiction_id": THERE}).headers.get("etag", '"none"')
    answer = client.get(path, params={"jurisdiction_id": HERE}, headers={"If-None-Match": tag})
    if path != "services.json":  # the two catalogues are the same to the letter
        assert answer.status_code == 200
    _shows_nothing_of(cities[THERE], answer)


def test_a_place_in_one_citys_feed_shows_nothing_of_another(client: TestClient, cities: dict[str, City]) -> None:
    """Cursors and links, whatever they are called, carried from one city's answers into the other's addresses."""
    for path in ("changes.json", "requests.json"):
        start = client.get(path, params={"jurisdiction_id": THERE, "page_size": "1", "limit": "1"})
        assert start.status_code == 200
        carried = set(re.findall(r'[?&]((?:after|cursor|since|before)=[^&>"\\]+)', start.text + str(start.headers)))
        for one in carried:
            answer = client.get(f"{path}?{one}&jurisdiction_id={HERE}")
            assert answer.status_code < 500
            _shows_nothing_of(cities[THERE], answer)


def test_disabling_a_key_in_one_city_leaves_the_same_secret_alone_in_another(
    client: TestClient, session: Session, cities: dict[str, City]
) -> None:
    (shared,) = keys.listed(session, named="shared", jurisdiction_id=HERE)
    keys.disable(session, shared.id, jurisdiction_id=HERE, now=NOW)
    for name, status in ((HERE, 403), (THERE, 200)):
        answer = client.post("requests.json", data=form(api_key=SHARED, jurisdiction_id=name, description="Después"))
        assert answer.status_code == status


def test_one_citys_calls_use_up_nothing_of_anothers(
    client: TestClient, session: Session, cities: dict[str, City]
) -> None:
    assert session.get(Jurisdiction, THERE)

    def left(name: str) -> int:
        data = form(api_key=SHARED, jurisdiction_id=name, description=f"Otra vez en {name}")
        found = re.search(r"r=(\d+)", client.post("requests.json", data=data).headers["ratelimit"])
        assert found
        return int(found[1])

    before = left(THERE)
    for _ in range(3):
        left(HERE)
    assert left(THERE) == before - 1


NAMES = st.sampled_from([HERE, THERE, "", "nadie.gob.example", "%", "*", f"{HERE},{THERE}", HERE.upper(), f" {HERE}"])


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    asked=st.lists(NAMES, max_size=3),
    owner=st.sampled_from([HERE, THERE]),
    path=st.sampled_from(
        ["requests", "requests/{folio}", "tokens/{token}", "servicerequestupdates", "changes", "services"]
    ),
    key=st.sampled_from(["", SHARED, *keys.SCOPES]),
    names=st.sets(
        st.sampled_from(
            ["service_request_id", "service_code", "agency_responsible", "q", "status", "extensions", "bbox"]
        )
    ),
)
def test_whatever_is_asked_belongs_to_the_one_city_that_was_named(
    client: TestClient, cities: dict[str, City], asked: list[str], owner: str, path: str, key: str, names: set[str]
) -> None:
    """The last name given counts, as everywhere; an answer with anything of a city was asked about that city and no other."""
    city = cities[owner]
    lon, lat = IN_NORTE
    values = {
        "service_request_id": f"{cities[HERE].folio},{cities[THERE].folio},{cities[HERE].hidden},{cities[THERE].hidden}",
        "service_code": "BACHE",
        "agency_responsible": "ALC-N",
        "q": "Solo",
        "status": "open,closed",
        "extensions": "true",
        "bbox": f"{lon - 1},{lat - 1},{lon + 1},{lat + 1}",
    }
    query = [("jurisdiction_id", name) for name in asked] + [(name, values[name]) for name in sorted(names)]
    headers = {"Authorization": f"Bearer {city.keys.get(key, key)}"} if key else {}
    url = path.format(folio=city.folio, token=city.token) + ".json"
    answer = client.get(url, params=query, headers=headers)
    assert answer.status_code < 500
    given = [name for name in asked if name.strip()]
    named = given[-1] if given else None
    for name, found in cities.items():
        if name != named:
            _shows_nothing_of(found, answer)
    if named not in (HERE, THERE):
        assert answer.status_code in (400, 404)
