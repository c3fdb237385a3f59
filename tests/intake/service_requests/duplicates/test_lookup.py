"""Which requests around a place are found, for whom, and that a busy corner costs no more than its bound."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text, update
from sqlmodel import Session, col, select

from intake.catalog import queries as catalog
from intake.catalog.definitions import DuplicateRules
from intake.catalog.models import Jurisdiction, Service
from intake.people.actions import find_or_create
from intake.service_requests.duplicates import lookup
from intake.service_requests.duplicates.lookup import Found, around, offered
from intake.service_requests.models import ServiceRequest
from tests.factories import CITY, NOW, make_city, make_service
from tests.intake.service_requests.duplicates.cast import LAMP, close, north, report, sighting

pytestmark = pytest.mark.database


@pytest.fixture
def city(session: Session) -> Session:
    make_city(session)
    return session


def folios(found: list[Found]) -> list[str]:
    return [one.folio for one in found]


def for_residents(session: Session, service: str = "BACHE", **values: object) -> list[Found]:
    definition = catalog.service(session, CITY, service)
    return offered(session, definition, sighting(session, service=service, **values), now=NOW)


def for_staff(session: Session, service: str = "BACHE", **values: object) -> list[Found]:
    definition = catalog.service(session, CITY, service)
    return around(session, definition, sighting(session, service=service, **values), now=NOW)


def settle(session: Session, code: str, **values: object) -> None:
    """What a city folder would say of this service."""
    session.execute(update(Service).where(col(Service.code) == code).values(duplicates=values))
    session.execute(update(Jurisdiction).values(catalog_changed_at=NOW + timedelta(seconds=len(str(values)))))


def test_the_nearest_of_one_kind_comes_first_and_far_ones_do_not_come(city: Session) -> None:
    near, nearer = report(city, metres=40), report(city, metres=10)
    report(city, metres=150)
    assert folios(for_residents(city)) == [nearer.folio, near.folio]


def test_another_kind_is_found_only_within_the_family(city: Session) -> None:
    make_service(city, "HUNDIMIENTO", "Hundimiento", position=9)
    city.execute(update(Jurisdiction).values(catalog_changed_at=NOW))
    sunk = report(city, service_code="HUNDIMIENTO", words="un bache enorme, se hundió")
    report(city, service_code="FUGA")
    assert folios(for_residents(city)) == [sunk.folio]
    assert for_residents(city)[0].likeness.parts["service"] < 0


def test_what_is_not_public_is_found_by_staff_only(city: Session) -> None:
    hidden = report(city)
    hidden.is_public = False
    city.flush()
    assert for_residents(city) == []
    assert folios(for_staff(city)) == [hidden.folio]


@pytest.mark.parametrize("values", [{"is_sensitive": True}, {"kind": "blackbox"}])
def test_a_sensitive_service_offers_residents_nothing(city: Session, values: dict[str, object]) -> None:
    report(city)
    city.execute(update(Service).where(col(Service.code) == "BACHE").values(**values))
    city.execute(update(Jurisdiction).values(catalog_changed_at=NOW))
    assert for_residents(city) == []
    assert len(for_staff(city)) == 1


def test_a_city_may_ask_residents_nothing(city: Session) -> None:
    report(city)
    settle(city, "BACHE", offer=False)
    assert for_residents(city) == []
    assert len(for_staff(city)) == 1


def test_the_radius_is_the_service_s_own(city: Session) -> None:
    report(city, metres=40)
    settle(city, "BACHE", radius_m=30)
    assert for_residents(city) == []
    settle(city, "BACHE", radius_m=0)
    assert for_staff(city) == []


def test_what_was_closed_not_long_ago_may_be_the_same(city: Session) -> None:
    made = report(city, ago=timedelta(days=2))
    close(city, made, NOW - timedelta(days=1))
    assert folios(for_residents(city)) == [made.folio]
    settle(city, "BACHE", closed_days=0)
    assert for_residents(city) == []


@pytest.mark.parametrize("outcome", ["private_property", "no_further_action"])
def test_a_resident_is_not_asked_about_what_will_not_be_done(city: Session, outcome: str) -> None:
    made = report(city, ago=timedelta(hours=5))
    close(city, made, NOW - timedelta(hours=1), outcome)
    assert for_residents(city) == []
    assert folios(for_staff(city)) == [made.folio]


@pytest.mark.parametrize("outcome", ["duplicate", "cancelled_by_resident", "outside_jurisdiction"])
def test_what_is_a_duplicate_or_was_taken_back_is_nobody_s_candidate(city: Session, outcome: str) -> None:
    close(city, report(city, ago=timedelta(hours=5)), NOW - timedelta(hours=1), outcome)
    assert for_staff(city) == []


def test_a_request_is_no_candidate_for_itself(city: Session) -> None:
    made, other = report(city), report(city, metres=5)
    definition = catalog.service(city, CITY, "BACHE")
    seen = lookup.sighting_of(definition, made)
    assert seen is not None
    assert folios(around(city, definition, seen, now=NOW, but=made.id)) == [other.folio]


def test_the_same_contact_counts_only_when_it_is_known(city: Session) -> None:
    report(city, phone="5512345678", metres=60)
    contact = find_or_create(city, CITY, "phone", "5512345678", now=NOW)
    stranger = find_or_create(city, CITY, "phone", "5587654321", now=NOW)
    scores = [
        for_staff(city, contact_point_id=one)[0].likeness.parts["contact"]
        if for_staff(city, contact_point_id=one)
        else 0
        for one in (contact.id, stranger.id, None)
    ]
    assert scores[0] > 0
    assert scores[1:] == [0, 0]


def test_the_words_that_are_compared_are_the_public_ones(city: Session) -> None:
    report(city, words="Llamen al 55 1234 5678, hay un bache")
    assert "5678" not in for_staff(city)[0].words
    city.execute(text("UPDATE service_request SET public_text_version = NULL, public_description = NULL"))
    assert "5678" not in for_staff(city)[0].words


def test_the_same_pole_is_the_same_lamp(city: Session) -> None:
    city.execute(text("UPDATE service_attribute SET is_asset = true WHERE code = 'NUM_POSTE'"))
    city.execute(update(Jurisdiction).values(catalog_changed_at=NOW))
    other = report(city, "apagada", service_code="LUMINARIA", attributes={**LAMP, "NUM_POSTE": ["41"]}, metres=2)
    same = report(city, "no prende", service_code="LUMINARIA", attributes={**LAMP, "NUM_POSTE": ["42"]}, metres=70)
    found = for_residents(city, "LUMINARIA", words="no enciende", assets={"NUM_POSTE": "42"})
    assert folios(found) == [same.folio]
    assert other.folio not in folios(found)


def test_a_busy_corner_is_read_by_the_index_and_no_further_than_its_bound(city: Session) -> None:
    first = report(city)
    columns = ", ".join(
        column.name
        for column in ServiceRequest.__table__.columns
        if column.name not in ("id", "folio", "token")  # type: ignore[attr-defined]  # SQLModel adds it
    )
    city.execute(
        text(
            f"INSERT INTO service_request (id, folio, {columns}) SELECT gen_random_uuid(), 'x' || n, {columns}"
            " FROM service_request, generate_series(1, 3000) AS n"
        )
    )
    city.execute(text("ANALYZE service_request"))
    nearest = report(city, metres=1, ago=timedelta(minutes=5))
    found = for_staff(city)
    assert len(found) <= lookup._MOST_SCORED
    assert nearest.folio in folios(found)
    definition = catalog.service(city, CITY, "BACHE")
    services = catalog.catalog(city, CITY).by_code
    sql, values = lookup.statement(services, definition, sighting(city), now=NOW)
    plan = city.connection().exec_driver_sql("EXPLAIN (ANALYZE, FORMAT JSON) " + sql, values).scalar_one()
    reads = [node for node in nodes(plan[0]["Plan"]) if node.get("Relation Name") == "service_request"]
    assert {node.get("Index Name") for node in reads} == {"ix_service_request_near"}
    assert max(node["Actual Rows"] for node in reads) <= lookup._OF_EACH
    assert first.folio


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from nodes(child)


def test_rules_of_a_folder_fill_in_what_is_not_said() -> None:
    assert DuplicateRules.of({}) == DuplicateRules()
    assert DuplicateRules.of({"radius_m": 40, "offer": False}) == DuplicateRules(40, 14, False)


def test_a_place_without_a_point_is_no_sighting(city: Session) -> None:
    made = report(city, point=None, precision_m=None, address_string="quién sabe dónde")
    assert lookup.sighting_of(None, made) is None
    assert city.exec(select(ServiceRequest)).one().lon is None
    assert north(0).lat
