"""Rules: a table of cases, and the same answer as the slowest possible reading of them."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from georef.boundaries import Area
from kernel.errors import InvalidInput
from routing.decide import RuleBook, choose
from routing.values import EVERY_AREA, Rule
from tests.routing.cast import EAST, EAST_RULE, PARK, ROMA, WEST, WEST_RULE, book, rule

ON = date(2026, 11, 19)
HERE: dict[str, tuple[Area, ...]] = {"district": (WEST,), "colonia": (PARK, ROMA)}


@pytest.mark.parametrize(
    ("rules", "areas", "agency", "winner"),
    [
        ([WEST_RULE, EAST_RULE], HERE, "ALC-W", "W-1"),
        ([EAST_RULE], HERE, "MESA", None),
        ([], HERE, "MESA", None),
        # a lower priority is asked first, whatever it is about
        ([WEST_RULE, rule("A", "AGUAS", 10)], HERE, "AGUAS", "A"),
        # service beats group beats any, at the same priority
        ([rule("A", "AGUAS", service_group="calles"), rule("B", "OBRAS", service_code="BACHE")], HERE, "OBRAS", "B"),
        ([rule("A", "AGUAS"), rule("B", "OBRAS", service_group="calles")], HERE, "OBRAS", "B"),
        # ... also when the group rule names an area
        ([WEST_RULE, rule("B", "OBRAS", service_code="BACHE")], HERE, "OBRAS", "B"),
        # an area beats the whole city
        ([rule("A", "AGUAS"), WEST_RULE], HERE, "ALC-W", "W-1"),
        # rules about something else never apply
        ([rule("A", "AGUAS", service_code="FUGA"), rule("B", "OBRAS", service_group="agua")], HERE, "MESA", None),
        # without a point nothing that asks for an area applies
        ([WEST_RULE, rule("A", "AGUAS", 200)], {}, "AGUAS", "A"),
        # every area of a layer
        ([rule("A", "PARQUES", layer_key="colonia", area_codes=[EVERY_AREA])], HERE, "PARQUES", "A"),
        ([rule("A", "PARQUES", layer_key="colonia", area_codes=[EVERY_AREA])], {"district": (WEST,)}, "MESA", None),
        # dates: the first day counts, the last does not
        ([rule("A", "AGUAS", valid_from=ON)], HERE, "AGUAS", "A"),
        ([rule("A", "AGUAS", valid_from=date(2026, 11, 20))], HERE, "MESA", None),
        ([rule("A", "AGUAS", valid_to=ON)], HERE, "MESA", None),
        ([rule("A", "AGUAS", valid_to=date(2026, 11, 20))], HERE, "AGUAS", "A"),
    ],
)
def test_choose(rules: list[Rule], areas: Any, agency: str, winner: str | None) -> None:
    choice = choose(book(*rules), "BACHE", "calles", ON, areas)
    assert choice.agency_code == agency
    assert (choice.match.rule.code if choice.match else None) == winner
    assert choice.outcome == ("assigned" if winner else "default")


def test_several_areas_at_the_point_are_all_asked_and_the_smallest_wins() -> None:
    roma = rule("A-ROMA", "OBRAS", layer_key="colonia", area_codes=["C1"])
    park = rule("B-PARK", "PARQUES", layer_key="colonia", area_codes=["P"])
    choice = choose(book(roma, park), "BACHE", "calles", ON, HERE)
    assert choice.agency_code == "PARQUES"
    assert [match.rule.code for match in choice.tied] == ["A-ROMA"]


def test_areas_of_one_size_are_told_apart_by_the_rule_code() -> None:
    choice = choose(book(WEST_RULE, EAST_RULE), "BACHE", "calles", ON, {"district": (EAST, WEST)})
    assert choice.agency_code == "ALC-E"
    assert [match.rule.code for match in choice.tied] == ["W-1"]


def test_outside_nobody_answers() -> None:
    choice = choose(book(rule("A", "AGUAS")), "BACHE", "calles", ON, {}, is_outside=True)
    assert (choice.outcome, choice.agency_code) == ("outside", None)


def test_rules_for_an_agency_that_is_not_there_are_refused() -> None:
    with pytest.raises(InvalidInput, match="NADIE"):
        book(rule("A", "NADIE"))


_codes = st.sampled_from(["AGUAS", "ALC-E", "ALC-W", "OBRAS"])
_days = st.dates(date(2026, 1, 1), date(2027, 12, 31))


@st.composite
def rules(draw: st.DrawFn) -> list[Rule]:
    made = []
    for number in range(draw(st.integers(0, 12))):
        subject = draw(
            st.sampled_from([{}, {"service_code": "BACHE"}, {"service_code": "FUGA"}, {"service_group": "calles"}])
        )
        where = draw(
            st.sampled_from(
                [
                    {},
                    {"layer_key": "district", "area_codes": ["W"]},
                    {"layer_key": "district", "area_codes": ["E", "W"]},
                    {"layer_key": "colonia", "area_codes": ["C1"]},
                    {"layer_key": "colonia", "area_codes": ["P", "C1"]},
                    {"layer_key": "colonia", "area_codes": [EVERY_AREA]},
                ]
            )
        )
        first, last = sorted([draw(_days), draw(_days)])
        until = draw(st.sampled_from([None, last if last > first else None]))
        priority = draw(st.integers(1, 3))
        made.append(rule(f"R{number:02}", draw(_codes), priority, valid_from=first, valid_to=until, **subject, **where))
    return made


def naive(known: RuleBook, service: str, group: str, on: date, areas: dict[str, tuple[Area, ...]]) -> list[str]:
    """Every rule that applies, in order, read one by one."""
    found = []
    for candidate in known.rules:
        if candidate.service_code not in (None, service) or candidate.service_group not in (None, group):
            continue
        if candidate.valid_from > on or (candidate.valid_to is not None and on >= candidate.valid_to):
            continue
        size = float("inf")
        if candidate.layer_key is not None:
            codes = candidate.area_codes or frozenset()
            held = [a for a in areas.get(candidate.layer_key, ()) if a.code in codes or EVERY_AREA in codes]
            if not held:
                continue
            size = min(area.size for area in held)
        subject = 0 if candidate.service_code else 1 if candidate.service_group else 2
        found.append((candidate.priority, subject, candidate.layer_key is None, size, candidate.code))
    return [code for *_, code in sorted(found)]


places = st.sampled_from(
    [{}, {"district": (WEST,)}, {"district": (EAST, WEST)}, HERE, {"district": (EAST,), "colonia": (ROMA,)}]
)


@given(rules(), places, st.sampled_from(["BACHE", "FUGA"]), st.lists(_days, min_size=1, max_size=4))
@settings(max_examples=300)
def test_plans_agree_with_reading_every_rule(
    made: list[Rule], areas: dict[str, tuple[Area, ...]], service: str, days: list[date]
) -> None:
    known = book(*made)
    for on in days:
        expected = naive(known, service, "calles", on, areas)
        matches = [match for rank in known.plan(service, "calles", on) for match in rank.matches(areas)]
        assert [match.rule.code for match in matches] == expected
        choice = choose(known, service, "calles", on, areas)
        assert (choice.match.rule.code if choice.match else None) == (expected[0] if expected else None)
