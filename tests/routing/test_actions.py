"""Imports: whole sets in, versions up only for new content, the past left as it was."""

from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Any

import pytest
from shapely.geometry import LineString, MultiPolygon, Point, Polygon, box
from sqlmodel import Session, select

from georef.gazetteer import Place
from georef.points import LonLat
from kernel.errors import InvalidInput, NotFound
from routing import actions, queries, rule_sets
from routing.checking import verify
from routing.models import BoundaryArea, RuleSet
from routing.values import AgencyFacts, LayerReport, Rule
from tests.factories import CALENDAR, CITY, IN_NORTE, NOW, both
from tests.routing.cast import rule

pytestmark = pytest.mark.database
FIRST, SECOND, THIRD = date(2024, 1, 1), date(2026, 1, 1), date(2027, 1, 1)
LEFT, RIGHT, WHOLE = box(-99.2, 19.3, -99.15, 19.5), box(-99.15, 19.3, -99.1, 19.5), box(-99.2, 19.3, -99.1, 19.5)


def put(
    session: Session, areas: Iterable[tuple[str, str, Any]], valid_from: date = FIRST, key: str = "district"
) -> LayerReport:
    return actions.import_layer(
        session, jurisdiction_id=CITY, key=key, name=both("Distrito"), areas=areas, valid_from=valid_from, now=NOW
    )


def put_rules(session: Session, *rules: Rule, default: str = "MESA") -> int:
    agencies = [AgencyFacts(code, code) for code in ("MESA", "OBRAS", "ALC-W")]
    actions.replace_calendars(session, CITY, {"default": CALENDAR}, NOW)
    actions.replace_agencies(session, CITY, agencies, NOW)
    return actions.replace_rules(session, CITY, rules, default, NOW)


def at(session: Session, on: date, lon: float = -99.19) -> list[str]:
    return [area.code for area in queries.areas_at(session, CITY, LonLat(lon, 19.4), on)["district"]]


def test_the_same_layer_again_changes_nothing(session: Session) -> None:
    put_rules(session)
    first = put(session, [("L", "Izquierda", LEFT), ("R", "Derecha", RIGHT)])
    assert (first.added, first.version) == (2, 1)
    again = put(session, [("R", "Derecha", RIGHT.reverse()), ("L", "Izquierda", LEFT.normalize())])
    assert (again.unchanged, again.is_changed, again.version) == (2, False, 1)
    later = put(session, [("L", "Izquierda", LEFT), ("R", "Derecha", RIGHT)], THIRD)
    assert (later.unchanged, later.is_changed, later.version) == (2, False, 1)


def test_a_later_import_closes_what_changed_and_what_is_gone(session: Session) -> None:
    put_rules(session)
    put(session, [("L", "Izquierda", LEFT), ("R", "Derecha", RIGHT)])
    report = put(session, [("L", "Toda", WHOLE), ("N", "Nueva", RIGHT)], THIRD)
    assert (report.added, report.changed, report.closed, report.unchanged, report.version) == (1, 1, 1, 0, 2)
    assert at(session, date(2026, 12, 31), -99.12) == ["R"]
    assert at(session, THIRD, -99.12) == ["N", "L"]
    assert at(session, date(2023, 12, 31)) == []


def test_an_import_between_two_others_speaks_until_the_later_one(session: Session) -> None:
    put_rules(session)
    put(session, [("L", "Izquierda", LEFT)])
    put(session, [("W", "Toda", WHOLE)], THIRD)
    put(session, [("L", "Izquierda", LEFT), ("R", "Derecha", RIGHT)], SECOND)
    assert at(session, date(2025, 6, 1), -99.12) == []
    assert at(session, SECOND, -99.12) == ["R"]
    assert at(session, THIRD, -99.12) == ["W"]


def test_a_correction_on_the_same_day_replaces_it(session: Session) -> None:
    put_rules(session)
    put(session, [("L", "Izquierda", RIGHT)])
    report = put(session, [("L", "Izquierda", LEFT)])
    assert (report.changed, report.version) == (1, 2)
    assert at(session, FIRST) == ["L"]
    assert len(session.exec(select(BoundaryArea)).all()) == 1


def test_broken_polygons_are_repaired_and_reported(session: Session) -> None:
    put_rules(session)
    bowtie = Polygon([(-99.2, 19.3), (-99.1, 19.5), (-99.1, 19.3), (-99.2, 19.5)])
    high = Polygon([(-99.2, 19.3, 2240), (-99.1, 19.3, 2240), (-99.1, 19.5, 2250)])
    report = put(session, [("B", "Moño", bowtie), ("H", "Alta", high), ("D", "Dos", LEFT), ("D", "Dos", RIGHT)])
    assert report.repaired == ("B",)
    assert report.merged == ("D",)
    assert (
        put(session, [("D", "Dos", MultiPolygon([LEFT, RIGHT])), ("B", "Moño", bowtie), ("H", "Alta", high)]).added == 0
    )


@pytest.mark.parametrize(
    "areas",
    [
        [],
        [("", "Sin clave", LEFT)],
        [("P", "Punto", Point(-99.1, 19.4))],
        [("L", "Línea", LineString([(-99.1, 19.4), (-99.2, 19.4)])), ("P", "Plano", LEFT)],
        [("N", "Nada", None)],
        [("M", "Metros", box(480_000, 2_140_000, 490_000, 2_150_000))],
        [("F", "Plano", Polygon([(-99.1, 19.4), (-99.2, 19.4), (-99.1, 19.4)]))],
    ],
)
def test_what_is_no_area_is_refused(session: Session, areas: list[tuple[str, str, Any]]) -> None:
    with pytest.raises(InvalidInput):
        put(session, areas)


def test_a_layer_of_lines_stays_one_and_is_looked_up_by_rules(session: Session) -> None:
    first, second = LineString([(-99.1, 19.4), (-99.2, 19.4)]), LineString([(-99.2, 19.4), (-99.2, 19.5)])
    assert put(session, [("VP", "Eje", first), ("VP", "Eje", second)], key="road").added == 1
    assert not put(session, [("VP", "Eje", second), ("VP", "Eje", first)], key="road").is_changed
    with pytest.raises(InvalidInput, match="líneas"):
        put(session, [("VP", "Eje", LEFT)], key="road")
    put(session, [("L", "Izquierda", LEFT)])
    with pytest.raises(InvalidInput, match="zonas"):
        put(session, [("L", "Izquierda", first)])
    near = rule("VP-1", "OBRAS", layer_key="road", area_codes=["VP"], tolerance_m=12.0)
    put_rules(session, near)
    known = queries.city(session, CITY)
    assert known.layers["road"].kind == "line"
    assert [line.code for line in queries.areas_at(session, CITY, LonLat(-99.15, 19.40005), NOW.date())["road"]] == [
        "VP"
    ]
    assert queries.areas_at(session, CITY, LonLat(-99.15, 19.41), NOW.date())["road"] == []


def test_only_new_content_makes_a_new_version(session: Session) -> None:
    rules = [rule("A", "OBRAS"), rule("B", "MESA", 10, layer_key="district", area_codes=["L", "R"])]
    assert put_rules(session, *rules) == 1
    assert put_rules(session, *reversed(rules)) == 1
    assert put_rules(session, *rules, default="OBRAS") == 2
    actions.replace_calendars(session, CITY, {"default": CALENDAR | {"closed": ["2026-12-24"]}}, NOW)
    assert actions.replace_rules(session, CITY, rules, "OBRAS", NOW) == 3
    assert len(session.exec(select(RuleSet).where(RuleSet.jurisdiction_id == CITY)).all()) == 3


def test_an_agency_left_out_stays_on_record_but_takes_no_more(session: Session) -> None:
    put_rules(session)
    actions.replace_agencies(session, CITY, [AgencyFacts("MESA", "Mesa")], NOW)
    known = queries.agencies(session, CITY)
    assert {code: row.is_active for code, row in known.items()} == {"ALC-W": False, "MESA": True, "OBRAS": False}
    assert known["MESA"].name == "Mesa"


@pytest.mark.parametrize(
    "wrong",
    [
        [rule("A", "NADIE")],
        [rule("A", "OBRAS"), rule("A", "MESA")],
        [rule("A", "OBRAS", layer_key="district", area_codes=[])],
        [rule("A", "OBRAS", layer_key="district")],
        [rule("A", "OBRAS", valid_from=SECOND, valid_to=SECOND)],
    ],
)
def test_rules_nobody_could_apply_are_refused(session: Session, wrong: list[Rule]) -> None:
    with pytest.raises(InvalidInput):
        put_rules(session, *wrong)


def ask(session: Session, at: datetime = NOW) -> Any:
    return queries.route(
        session,
        jurisdiction_id=CITY,
        service_code="BACHE",
        service_group="calles",
        promise={"amount": 1, "unit": "working_days"},
        point=LonLat(*IN_NORTE),
        at=at,
    )


def test_old_receipts_keep_old_answers_and_can_be_checked(session: Session) -> None:
    put_rules(session, rule("A", "OBRAS"))
    put(session, [("L", "Toda", WHOLE)])
    before = ask(session)
    put_rules(session, rule("A", "ALC-W"))
    after = ask(session)
    assert (before.agency_code, after.agency_code) == ("OBRAS", "ALC-W")
    assert (before.rule_set_version, after.rule_set_version) == (1, 2)
    city = queries.city(session, CITY)
    assert verify(before.receipt, queries.rule_book(session, CITY, 1), city.layers).holds
    assert not verify(before.receipt, city.book, city.layers).holds
    with pytest.raises(NotFound):
        queries.rule_book(session, CITY, 9)


def test_a_jurisdiction_without_rules_is_not_found(session: Session) -> None:
    with pytest.raises(NotFound):
        ask(session)


def test_places_are_replaced_and_found_at_once(session: Session) -> None:
    put_rules(session)
    market = Place("landmark", "Mercado Río Hondo", LonLat(-99.15, 19.42), 40, ("El Hondo",))
    assert actions.replace_places(session, CITY, [market], NOW) == 1
    assert queries.locate(session, CITY, "mercado rio hondo")[0].place == market
    actions.replace_places(session, CITY, [Place("landmark", "Quiosco Morado", LonLat(-99.15, 19.42), 40)], NOW)
    assert queries.locate(session, CITY, "mercado rio hondo") == []
    assert queries.locate(session, CITY, "quiosco morado")[0].score == 100
    put(session, [("L", "Lomas Verdes", LEFT)], key="colonia")
    found = queries.locate(session, CITY, "col. lomas verdes")[0]
    assert (found.place.kind, found.place.name) == ("colonia", "Lomas Verdes")
    assert LEFT.covers(Point(found.point.lon, found.point.lat))


def test_the_rules_in_force_change_on_their_day(session: Session) -> None:
    put_rules(session, rule("A", "OBRAS"))
    put(session, [("L", "Toda", WHOLE)], key="jurisdiction")
    newest = queries.newest_rule_set(session, CITY)
    assert newest is not None
    later = rule_sets.content("MESA", [rule("A", "ALC-W")], (), {}) | {
        key: newest.content[key] for key in ("agencies", "calendars")
    }
    session.add(
        RuleSet(
            jurisdiction_id=CITY,
            version=2,
            digest="later",
            default_agency_code="MESA",
            content=later,
            valid_from=THIRD,
            origin="draft",
            at=NOW,
        )
    )
    answers = [ask(session, at) for at in (NOW, datetime(2027, 1, 2, tzinfo=UTC))]
    assert [(answer.agency_code, answer.rule_set_version) for answer in answers] == [("OBRAS", 1), ("ALC-W", 2)]
