"""Findings: a table of mistakes, and no rule is called unreachable that decides somewhere."""

import time
from datetime import date
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from georef.areas import Area
from georef.lines import near_line
from routing.conditions import Answer, Capacity, Case, Hours
from routing.decide import choose
from routing.linting import Finding, LayerFacts, Surroundings, lint
from routing.values import Rule
from tests.routing.cast import AVENUE, CROSS, EAST, PARK, ROMA, START, WEST, book, rule

EVER = [(START, date.max)]
AROUND = Surroundings(
    agencies=frozenset(["AGUAS", "ALC-E", "ALC-W", "MESA", "OBRAS", "PARQUES"]),
    services={"BACHE": "calles", "FUGA": "agua"},
    layers={
        "district": LayerFacts("area", {"W": EVER, "E": EVER}),
        "colonia": LayerFacts("area", {"C1": EVER, "P": EVER}),
        "road": LayerFacts("line", {"AV": EVER, "CR": [(START, date(2025, 1, 1))]}),
        "apart": LayerFacts("area", None),
    },
    attributes={"BACHE": {"TAMANO": frozenset(["chico", "grande"]), "CARRIL": None}},
)
EVERYWHERE = rule("Z", "MESA", 900)
DISTRICTS: dict[str, Any] = {"layer_key": "district", "area_codes": ["E", "W"]}
ROADS: dict[str, Any] = {"layer_key": "road", "area_codes": ["AV"], "tolerance_m": 12.0}
NIGHT, EVENING = Hours.parse({"from": "22:00", "to": "06:00"}), Hours.parse({"from": "23:00", "to": "02:00"})
BIG: dict[str, frozenset[str]] = {"TAMANO": frozenset(["grande"])}


def found(*rules: Rule) -> list[Finding]:
    return lint(rules, AROUND)


@pytest.mark.parametrize(
    ("wrong", "kind", "words"),
    [
        (rule("A", "NADIE"), "unknown", "dependencia NADIE"),
        (rule("A", "OBRAS", capacity=Capacity(5, "NADIE")), "unknown", "dependencia NADIE"),
        (rule("A", "OBRAS", capacity=Capacity(5, "OBRAS")), "fallback", "la misma"),
        (rule("A", "OBRAS", service_code="X"), "unknown", "servicio X"),
        (rule("A", "OBRAS", service_group="x"), "unknown", "grupo x"),
        (rule("A", "OBRAS", layer_key="x", area_codes=["1"]), "unknown", "capa x"),
        (rule("A", "OBRAS", layer_key="district", area_codes=["N"]), "unknown", "zona N"),
        (rule("A", "OBRAS", layer_key="road", area_codes=["AV"]), "kind", "tolerance_m"),
        (rule("A", "OBRAS", **DISTRICTS, tolerance_m=5.0), "kind", "tolerance_m"),
        (rule("A", "OBRAS", tolerance_m=5.0), "unknown", "falta layer"),
        (rule("A", "OBRAS", service_code="BACHE", answers={"COLOR": frozenset("x")}), "unknown", "pregunta COLOR"),
        (rule("A", "OBRAS", service_code="FUGA", answers=BIG), "unknown", "pregunta TAMANO"),
        (rule("A", "OBRAS", answers={"TAMANO": frozenset(["enorme"])}), "unknown", "respuesta enorme"),
        (rule("A", "OBRAS", valid_to=START), "never", "antes de empezar"),
        (rule("A", "OBRAS", hours=()), "never", "nada cumple"),
        (rule("A", "OBRAS", answers={"TAMANO": frozenset()}), "never", "nada cumple"),
        (rule("A", "OBRAS", layer_key="district", area_codes=[]), "never", "ninguna zona"),
    ],
)
def test_what_cannot_be_is_an_error(wrong: Rule, kind: str, words: str) -> None:
    errors = [finding for finding in found(wrong, EVERYWHERE) if finding.level == "error"]
    assert [(finding.kind, finding.rules) for finding in errors] == [(kind, ("A",))]
    assert words in errors[0].public_text()
    assert errors[0].public_text("en") != errors[0].public_text("es")


def test_what_is_sound_has_no_finding() -> None:
    assert (
        found(
            rule("A", "OBRAS", 10, service_code="BACHE", answers=BIG | {"CARRIL": frozenset(["2"])}, hours=(NIGHT,)),
            rule("B", "OBRAS", 20, **ROADS, capacity=Capacity(9, "AGUAS")),
            rule("C", "AGUAS", 30, layer_key="apart", area_codes=["anything"]),
            rule("D", "ALC-W", 40, **DISTRICTS),
        )
        == []
    )


@pytest.mark.parametrize(
    ("first", "second", "conflict"),
    [
        ({}, {}, True),
        (DISTRICTS, {"layer_key": "district", "area_codes": ["E"]}, True),
        (DISTRICTS, {"layer_key": "district", "area_codes": ["*"]}, True),
        ({"layer_key": "district", "area_codes": ["W"]}, {"layer_key": "district", "area_codes": ["E"]}, False),
        ({"service_code": "BACHE"}, {"service_code": "FUGA"}, False),
        ({"valid_to": date(2026, 1, 1)}, {"valid_from": date(2026, 1, 1)}, False),
        ({"answers": BIG}, {"answers": {"TAMANO": frozenset(["chico"])}}, False),
        ({"answers": BIG}, {"answers": {"CARRIL": frozenset(["1"])}}, True),
        ({"hours": (NIGHT,)}, {"hours": (Hours.parse({"from": "06:00", "to": "22:00"}),)}, False),
        ({"hours": (NIGHT,)}, {"hours": (Hours.parse({"from": "05:59", "to": "22:00"}),)}, True),
        (ROADS, ROADS | {"tolerance_m": 30.0}, True),
    ],
)
def test_rules_told_apart_by_their_codes_only(first: dict[str, Any], second: dict[str, Any], conflict: bool) -> None:
    told = [
        each for each in found(rule("A", "OBRAS", **first), rule("B", "AGUAS", **second)) if each.kind == "conflict"
    ]
    assert [finding.rules for finding in told] == ([("B", "A")] if conflict else [])
    same = found(rule("A", "OBRAS", **first), rule("B", "OBRAS", **second))
    assert not any(finding.kind == "conflict" for finding in same)


@pytest.mark.parametrize(
    ("before", "late", "unreachable"),
    [
        ([{}], {}, True),
        ([{}], DISTRICTS, True),
        ([DISTRICTS], {}, False),
        ([{"service_group": "calles"}], {"service_code": "BACHE"}, True),
        ([{"service_group": "calles"}], {"service_code": "FUGA"}, False),
        (
            [{"layer_key": "district", "area_codes": ["E"]}, {"layer_key": "district", "area_codes": ["*"]}],
            DISTRICTS,
            True,
        ),
        (
            [{"layer_key": "district", "area_codes": ["E"]}, {"layer_key": "district", "area_codes": ["W"]}],
            DISTRICTS,
            True,
        ),
        ([{"layer_key": "district", "area_codes": ["E"]}], DISTRICTS, False),
        ([DISTRICTS], {"layer_key": "district", "area_codes": ["*"]}, False),
        ([{"answers": BIG}], {}, False),
        ([{"answers": {"TAMANO": frozenset(["chico", "grande"])}}], {"answers": BIG}, True),
        ([{"hours": (NIGHT,)}], {"hours": (EVENING,)}, True),
        ([{"hours": (EVENING,)}], {"hours": (NIGHT,)}, False),
        ([{"valid_to": date(2026, 1, 1)}, {"valid_from": date(2026, 1, 1)}], {}, True),
        ([{"valid_to": date(2026, 1, 1)}, {"valid_from": date(2026, 1, 2)}], {}, False),
        ([ROADS | {"tolerance_m": 20.0}], ROADS, True),
        ([ROADS], ROADS | {"tolerance_m": 20.0}, False),
        ([DISTRICTS], ROADS, False),
    ],
)
def test_a_rule_that_others_always_come_before(
    before: list[dict[str, Any]], late: dict[str, Any], unreachable: bool
) -> None:
    rules = [rule(f"B{number}", "OBRAS", 10, **values) for number, values in enumerate(before)]
    told = [each for each in found(*rules, rule("LATE", "AGUAS", 20, **late)) if each.kind == "unreachable"]
    assert [finding.rules[0] for finding in told if finding.rules[0] == "LATE"] == (["LATE"] if unreachable else [])


def test_one_code_twice_and_days_without_an_area() -> None:
    twice = found(rule("A", "OBRAS"), rule("A", "AGUAS", 5, valid_from=date(2025, 1, 1)))
    assert "repeated" in [finding.kind for finding in twice]
    late = rule("A", "OBRAS", layer_key="road", area_codes=["CR"], tolerance_m=5.0, valid_from=date(2025, 1, 1))
    assert ("never", "warning") in [(finding.kind, finding.level) for finding in found(late, EVERYWHERE)]


def test_services_that_areas_have_no_rule_for() -> None:
    told = found(rule("W", "ALC-W", layer_key="district", area_codes=["W"]), rule("F", "AGUAS", service_code="FUGA"))
    assert [finding.public_text() for finding in told] == ["BACHE solo tiene la dependencia general en: E."]


HELD: list[dict[str, tuple[Area, ...]]] = [
    {},
    {"district": (WEST,)},
    {"district": (EAST,), "colonia": (ROMA,)},
    {"district": (EAST, WEST), "colonia": (PARK, ROMA)},
    {"district": (WEST,), "road": (near_line(AVENUE, 9.0),)},
    {"district": (EAST,), "road": (near_line(CROSS, 15.0), near_line(AVENUE, 18.0))},
]
GIVEN: list[dict[str, Answer]] = [{}, {"TAMANO": "chico"}, {"TAMANO": "grande"}, {"TAMANO": ["chico", "grande"]}]
CASES = [
    Case(given, clock)
    for given, clock in product(
        GIVEN,
        [(0, 600), (0, 23 * 60 + 30), (1, 100), (1, 300)],
    )
]
DAYS = [date(2026, 1, 1), date(2026, 2, 1), date(2026, 3, 1)]


@st.composite
def small_sets(draw: st.DrawFn) -> list[Rule]:
    made = []
    for number in range(draw(st.integers(1, 7))):
        values = draw(st.sampled_from([{}, {"service_code": "BACHE"}, {"service_group": "calles"}])) | draw(
            st.sampled_from(
                [
                    {},
                    DISTRICTS,
                    {"layer_key": "district", "area_codes": ["W"]},
                    {"layer_key": "district", "area_codes": ["*"]},
                    {"layer_key": "colonia", "area_codes": ["C1"]},
                    {"layer_key": "colonia", "area_codes": ["P", "C1"]},
                    ROADS,
                    {"layer_key": "road", "area_codes": ["*"], "tolerance_m": 16.0},
                ]
            )
        )
        values |= draw(
            st.sampled_from([{}, {}, {"answers": BIG}, {"answers": {"TAMANO": frozenset(["chico", "grande"])}}])
        )
        values |= draw(st.sampled_from([{}, {}, {"hours": (NIGHT,)}, {"hours": (EVENING,)}]))
        start, end = draw(st.sampled_from([(START, None), (START, DAYS[1]), (DAYS[1], None), (DAYS[1], DAYS[2])]))
        made.append(
            rule(
                f"R{number}",
                f"ALC-{'EW'[number % 2]}",
                draw(st.integers(1, 2)),
                valid_from=start,
                valid_to=end,
                **values,
            )
        )
    return made


@given(small_sets())
@settings(max_examples=250)
def test_no_rule_is_called_unreachable_that_decides_somewhere(made: list[Rule]) -> None:
    known = book(*made)
    decides = set()
    for on, held, case, (service, group) in product(DAYS, HELD, CASES, AROUND.services.items()):
        choice = choose(known, service, group, on, held, case=case)
        if choice.match is not None:
            decides.add(choice.match.rule.code)
    called = {finding.rules[0] for finding in lint(made, AROUND) if finding.kind == "unreachable"}
    assert not called & decides


def test_a_thousand_rules_take_less_than_a_second() -> None:
    areas = [f"A{number}" for number in range(200)]
    services = {f"S{number}": "calles" for number in range(5)}
    around = Surroundings(
        AROUND.agencies, services, {"district": LayerFacts("area", dict.fromkeys(areas, EVER))}, AROUND.attributes
    )
    many = [
        rule(f"{service}-{area}", "OBRAS", 10, service_code=service, layer_key="district", area_codes=[area])
        for service in services
        for area in areas[:100]
    ]
    many += [rule(f"CITY-{number}", "AGUAS", 20 + number % 3, hours=(NIGHT,)) for number in range(500)]
    start = time.process_time()
    told = lint(many, around)
    assert time.process_time() - start < 1.0
    assert told
