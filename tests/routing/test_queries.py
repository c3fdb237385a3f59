"""The tiny city of the factories, asked through the database."""

from datetime import date
from typing import Any

import pytest
from shapely.geometry import box
from sqlmodel import Session

from georef.points import LonLat
from routing import queries
from routing.actions import import_layer
from tests.factories import CITY, IN_NORTE, IN_SUR, NOW, OUTSIDE, make_city, make_layer

pytestmark = pytest.mark.database
FIVE_DAYS = {"amount": 5, "unit": "working_days"}


@pytest.fixture
def city(session: Session) -> Session:
    make_city(session)
    return session


def ask(session: Session, point: tuple[float, float] | None, service: str = "BACHE", group: str = "calles") -> Any:
    return queries.route(
        session,
        jurisdiction_id=CITY,
        service_code=service,
        service_group=group,
        promise=FIVE_DAYS,
        point=LonLat(*point) if point else None,
        precision_m=10,
        at=NOW,
    )


def test_a_point_goes_to_the_agency_of_its_district(city: Session) -> None:
    decision = ask(city, IN_NORTE)
    assert (decision.outcome, decision.agency_code, decision.rule_code) == ("assigned", "ALC-N", "NORTE-1")
    assert decision.areas["district"] == [{"code": "N", "name": "Norte"}]
    assert decision.due_at.isoformat() == "2026-11-27T00:00:00+00:00"  # Thursday 26 November, 18:00 in the city
    assert decision.receipt["border"]["layer"] == "district"
    assert decision.receipt["border"]["neighbour"] == {"code": "S", "name": "Sur"}
    assert decision.receipt["border"]["metres"] == pytest.approx(2213, abs=3)
    assert decision.receipt["runner_up"]["agency"]["code"] == "ALC-S"


def test_a_group_rule_with_a_lower_priority_wins_over_the_district(city: Session) -> None:
    decision = ask(city, IN_SUR, "FUGA", "agua")
    assert (decision.agency_code, decision.rule_code) == ("AGUAS", "AGUA-1")
    assert decision.receipt["runner_up"] == {
        "agency": {"code": "ALC-S", "name": "Alcaldía Sur"},
        "rule": "SUR-1",
        "when": {"kind": "next_rule", "reason": {"es": "regla SUR-1", "en": "rule SUR-1"}},
    }


def test_outside_is_an_answer(city: Session) -> None:
    decision = ask(city, OUTSIDE)
    assert (decision.outcome, decision.agency_code, decision.due_at) == ("outside", None, None)


def test_without_a_point_only_city_wide_rules_apply(city: Session) -> None:
    assert ask(city, None, "FUGA", "agua").agency_code == "AGUAS"
    decision = ask(city, None)
    assert (decision.outcome, decision.agency_code) == ("default", "ATENCION")


def test_a_layer_of_next_year_leaves_this_year_alone(city: Session) -> None:
    before = ask(city, IN_NORTE)
    whole = [("S", "Sur", box(-99.20, 19.30, -99.10, 19.50))]
    arguments = {
        "jurisdiction_id": CITY,
        "key": "district",
        "name": {"es": "district", "en": "district"},
        "areas": whole,
        "valid_from": date(2027, 1, 1),
        "now": NOW,
    }
    report = import_layer(city, **arguments)
    assert (report.changed, report.closed, report.version) == (1, 1, 2)
    assert ask(city, IN_NORTE).agency_code == before.agency_code == "ALC-N"
    here = LonLat(*IN_NORTE)
    assert [area.code for area in queries.areas_at(city, CITY, here, date(2026, 12, 31))["district"]] == ["N"]
    assert [area.code for area in queries.areas_at(city, CITY, here, date(2027, 1, 1))["district"]] == ["S"]
    again = import_layer(city, **arguments)
    assert not again.is_changed
    assert again.version == 2


def test_a_corner_and_a_landmark_are_located(city: Session) -> None:
    found = queries.locate(city, CITY, "afuera del mercado de la calera")
    assert found[0].place.name == "Mercado de La Calera"
    assert queries.locate(city, CITY, "avenida sabinos 45")[0].place.name == "Avenida Sabinos"
    assert queries.locate(city, CITY, "calle que no existe") == []
    assert queries.jurisdictions_at(city, LonLat(*IN_NORTE), NOW.date()) == [CITY]


def test_a_point_in_the_neighbouring_city_is_told_whose_it_is(city: Session) -> None:
    make_layer(city, "jurisdiction", [("V", "Villa Vecina", box(-99.60, 19.30, -99.40, 19.50))], "vecina.example")
    elsewhere = ask(city, OUTSIDE).receipt["elsewhere"]
    assert elsewhere == {"jurisdiction_id": "vecina.example", "name": "Villa Vecina", "metres": 0.0, "phone": None}
    between = ask(city, (-99.39, 19.42)).receipt["elsewhere"]
    assert between["jurisdiction_id"] == "vecina.example"
    assert between["metres"] == pytest.approx(1050, abs=5)
    assert ask(city, IN_NORTE).receipt["elsewhere"] is None
    assert ask(city, (-98.0, 19.42)).receipt["elsewhere"] is None
    assert queries.jurisdictions_at(city, LonLat(*OUTSIDE), NOW.date()) == ["vecina.example"]
