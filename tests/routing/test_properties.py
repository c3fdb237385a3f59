"""What must hold of every rule set: order never matters, every point has one answer, receipts replay, many are as one."""

import json
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from georef.areas import Area
from routing import rule_sets
from routing.bulk import BulkRow, decide_many, local_times
from routing.calendars import Promise
from routing.checking import replay, verify
from routing.conditions import WEEKDAYS, Capacity, Case, Hours
from routing.decide import RuleBook, is_full
from routing.explain import explain
from routing.places import Layer
from routing.receipts import Elsewhere, decide
from routing.situation import Question
from routing.values import Rule
from tests.routing.cast import (
    AGENCIES,
    AVENUE,
    CROSS,
    EAST,
    NOW,
    ROMA,
    WEST,
    book,
    layers,
    line_layer,
    metres_north,
    question,
    road,
    rule,
)

CHANGE = date(2026, 6, 1)
# The districts swap their names, and a road is added, on one day: decisions before and after must not mix.
NEW_ROAD = road("NR", (-99.20, 19.40), (-99.10, 19.41), start=CHANGE)
LAYERS: dict[str, Layer] = (
    layers(
        {
            "district": [
                WEST,
                Area("E", "Este", EAST.geometry, EAST.valid_from, CHANGE),
                Area("E2", "Este nuevo", EAST.geometry, CHANGE),
            ]
        }
    )
    | line_layer(AVENUE, CROSS, NEW_ROAD)
    | line_layer(road("CA", (-99.15, 19.30), (-99.15, 19.50)), key="canal")
)

days = st.dates(date(2026, 1, 1), date(2026, 12, 31))
instants = st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31)).map(  # noqa: DTZ001
    lambda at: at.replace(tzinfo=UTC, microsecond=0)
)
some_hours = st.builds(
    Hours,
    st.sets(st.sampled_from(WEEKDAYS), min_size=1).map(frozenset),
    st.integers(0, 23).map(lambda hour: hour * 60),
    st.integers(0, 24).map(lambda hour: hour * 60),
)
answers = st.dictionaries(
    st.sampled_from(["TAMANO", "PELIGRO"]),
    st.one_of(st.sampled_from("abc"), st.lists(st.sampled_from("abc"), unique=True, max_size=2)),
)
loads = st.dictionaries(st.sampled_from(AGENCIES), st.integers(0, 6))
# Some points lie on purpose on a border, on a line, or on the metre of a tolerance.
corners = st.sampled_from(
    [
        (-99.15, 19.45),
        (-99.175, 19.45),
        (-99.15, 19.402),
        (-99.19, metres_north(19.45, 12.0)),
        (-99.1751, metres_north(19.45, 5.0)),
        (-99.2, 19.40),
        (-99.5, 19.45),
    ]
)
# As many where areas of two layers overlap, and around the avenue's tolerances, as anywhere else.
overlapping = st.tuples(st.floats(-99.17, -99.13), st.floats(19.38, 19.42))
along_the_avenue = st.tuples(
    st.floats(-99.19, -99.11), st.floats(-75, 75).map(lambda metres: metres_north(19.45, metres))
)
anywhere = st.tuples(st.floats(-99.21, -99.09), st.floats(19.29, 19.51))
points = st.one_of(corners, overlapping, along_the_avenue, anywhere)


@st.composite
def rule_sets_(draw: st.DrawFn, most: int = 10) -> list[Rule]:
    made = []
    for number in range(draw(st.sampled_from([most, most // 2, 1, most]))):
        values: dict[str, Any] = draw(
            st.sampled_from(
                [{}, {}, {}, {"service_code": "BACHE"}, {"service_code": "FUGA"}, {"service_group": "calles"}]
            )
        ) | draw(
            st.sampled_from(
                [
                    {},
                    {"layer_key": "district", "area_codes": ["W"]},
                    {"layer_key": "district", "area_codes": ["E", "E2"]},
                    {"layer_key": "colonia", "area_codes": ["*"]},
                    {"layer_key": "colonia", "area_codes": ["P", "C1"]},
                    {"layer_key": "road", "area_codes": ["*"], "tolerance_m": 12.0},
                    {"layer_key": "road", "area_codes": ["AV"], "tolerance_m": 60.0},
                    {"layer_key": "road", "area_codes": ["CR", "NR"], "tolerance_m": 12.0},
                    {"layer_key": "canal", "area_codes": ["CA"], "tolerance_m": 500.0},
                    {"layer_key": "not_there", "area_codes": ["*"]},
                ]
            )
        )
        # Conditions and days are drawn seldom, so that most questions meet several rules of one rank.
        if draw(st.integers(0, 4)) == 4:
            wanted = st.sets(st.sampled_from("abc"), min_size=1).map(frozenset)
            values["answers"] = draw(st.dictionaries(st.sampled_from(["TAMANO", "PELIGRO"]), wanted, min_size=1))
        if draw(st.integers(0, 4)) == 4:
            values["hours"] = tuple(draw(st.lists(some_hours, min_size=1, max_size=2)))
        if draw(st.integers(0, 2)) == 0:
            values["capacity"] = Capacity(draw(st.integers(1, 5)), draw(st.sampled_from(AGENCIES)))
        first, last = date(2026, 1, 1), None
        if draw(st.integers(0, 4)) == 4:
            first, last = sorted([draw(days), draw(days)])
        values |= {"valid_from": first, "valid_to": last if last and last > first else None}
        # Codes repeat: the same code may come again from another day on, and two people may choose the same one.
        code = draw(st.sampled_from([f"R{number:02}", "SAME"]))
        made.append(rule(code, draw(st.sampled_from(AGENCIES)), draw(st.sampled_from([1, 1, 1, 2])), **values))
    return made


@st.composite
def questions(draw: st.DrawFn) -> Question:
    point = draw(st.one_of(points, st.none()))
    settled = draw(
        st.sampled_from([{}, {}, {}, {"district": "W"}, {"road": ""}, {"road": "CR"}, {"colonia": "P", "road": "AV"}])
    )
    return question(
        point,
        *draw(st.sampled_from([("BACHE", "calles"), ("FUGA", "agua")])),
        precision_m=draw(st.sampled_from([None, 3.0, 25.0, 800.0])),
        at=draw(instants),
        answers=draw(answers),
        loads=draw(loads),
        settled=settled if point else {},
    )


def naive(known: RuleBook, asked: Question) -> tuple[str | None, str | None]:
    """(agency, rule) by reading every rule, whether it applies, and sorting those that do."""
    on, clock = known.calendar.local_date(asked.at), known.calendar.clock(asked.at)
    held = json.loads(json.dumps(decide(known, LAYERS, asked).receipt))["layers"]
    areas = {layer["key"]: layer["areas"] for layer in held}
    if asked.point is not None and not areas["jurisdiction"]:
        return None, None
    found = []
    for each in known.rules:
        if each.service_code not in (None, asked.service_code) or each.service_group not in (None, asked.service_group):
            continue
        if not each.in_force(on):
            continue
        if each.hours is not None and not any(hours.holds(*clock) for hours in each.hours):
            continue
        wanted = each.answers or {}
        given = {code: asked.answers.get(code, []) for code in wanted}
        if any(not accepted & set(given[code]) for code, accepted in wanted.items()):
            continue
        best = float("inf")
        if each.layer_key is not None:
            codes = each.area_codes or frozenset()
            here = [area for area in areas.get(each.layer_key, ()) if area["code"] in codes or "*" in codes]
            if each.tolerance_m is not None:
                snapshot = LAYERS[each.layer_key].index.lines(on)
                assert asked.point is not None or not here
                metres = [
                    0.0
                    if asked.settled.get(each.layer_key) == area["code"]
                    else snapshot.metres_to(asked.point, area["code"])  # type: ignore[arg-type]  # here is empty without a point
                    for area in here
                ]
                here = [area for area, far in zip(here, metres, strict=True) if far <= each.tolerance_m]
                metres = [far for far in metres if far <= each.tolerance_m]
                best = min(metres, default=best)
            elif here:
                sizes = {area.code: area.size for area in LAYERS[each.layer_key].index.in_force(on).areas}
                best = min(sizes[area["code"]] for area in here)
            if not here:
                continue
        conditions = len(wanted) + (each.hours is not None)
        subject = 0 if each.service_code else 1 if each.service_group else 2
        where = 2 if each.layer_key is None else 1 if each.tolerance_m is None else 0
        rank = (each.priority, subject, -conditions, each.hours is not None, where)
        agency, room = each.agency_code, each.capacity
        if room is not None and asked.loads.get(agency, 0) >= room.open_limit:
            agency = room.fallback_agency_code
        found.append((*rank, best, each.code, each.valid_from, each.agency_code, agency))
    if not found:
        return known.default_agency_code, None
    first = sorted(found)[0]
    return first[-1], first[-4]


@given(rule_sets_(), questions(), st.randoms(use_true_random=False))
@settings(max_examples=250)
def test_the_order_of_rules_never_matters(made: list[Rule], asked: Question, chance: Any) -> None:
    shuffled = list(made)
    chance.shuffle(shuffled)
    first, again = decide(book(*made), LAYERS, asked).receipt, decide(book(*shuffled), LAYERS, asked).receipt
    # Two rules with one code, one rank and one agency are told apart by nothing that a receipt shows.
    if len({(each.code, each.valid_from, each.agency_code) for each in made}) == len(made):
        assert first == again
    else:
        assert (first["agency"], first["outcome"]) == (again["agency"], again["outcome"])


@given(rule_sets_(), questions())
@settings(max_examples=600)
def test_every_point_has_exactly_one_answer_or_an_explained_none(made: list[Rule], asked: Question) -> None:
    known = book(*made)
    decision = decide(known, LAYERS, asked)
    assert (decision.agency_code, decision.rule_code) == naive(known, asked)
    assert (decision.agency_code is None) == (decision.outcome == "outside") == (decision.due_at is None)
    assert (decision.rule_code is None) == (decision.outcome != "assigned")
    for language in ("es", "en"):
        text = explain(decision.receipt, language)
        assert text.headline
        assert text.sentence
        assert text.reasons
        said = (text.headline, text.tag, text.sentence, *text.reasons, text.runner_up, text.question, *text.replies)
        assert "{" not in " ".join(said)


@given(rule_sets_(), questions())
@settings(max_examples=250)
def test_a_receipt_replays_byte_for_byte(made: list[Rule], asked: Question) -> None:
    known = book(*made)
    receipt = decide(known, LAYERS, asked, Elsewhere(None, "Vecina", 12.0, "555")).receipt
    kept = json.dumps(receipt)
    # As years later: the rules come back from what was kept of them.
    kept_rules = json.loads(json.dumps([rule_sets.rule_content(each) for each in made]))
    again = book(*(rule_sets._rule(each) for each in kept_rules))
    assert json.dumps(replay(json.loads(kept), again, LAYERS)) == kept
    assert verify(json.loads(kept), again, LAYERS).holds


@given(rule_sets_(), questions())
@settings(max_examples=200)
def test_a_border_case_keeps_its_word(made: list[Rule], asked: Question) -> None:
    known = book(*made)
    receipt = decide(known, LAYERS, asked).receipt
    doubt = receipt["border_case"]
    if doubt is None:
        return
    assert doubt["metres"] <= doubt["within_m"] + 0.1
    assert [reply["is_current"] for reply in doubt["replies"]].count(True) == 1
    outcomes = []
    for reply in doubt["replies"]:
        pinned = Question(
            asked.service_code, asked.service_group, asked.promise, asked.point, asked.precision_m, asked.at,
            asked.answers, asked.loads, {**asked.settled, **reply["settled"]},
        )  # fmt: skip
        settled = decide(known, LAYERS, pinned).receipt
        assert (settled["agency"], settled["outcome"]) == (reply["agency"], reply["outcome"])
        outcomes.append(settled["agency"])
        if reply["is_current"]:
            assert reply["agency"] == receipt["agency"]
    assert outcomes[0] != outcomes[1]


def test_of_lines_of_two_layers_the_nearer_wins_for_each_of_many_points() -> None:
    known = book(
        rule("ROAD", "OBRAS", layer_key="road", area_codes=["AV"], tolerance_m=60.0),
        rule("CANAL", "AGUAS", layer_key="canal", area_codes=["CA"], tolerance_m=60.0),
    )
    ten_west, fifty_west = -99.15 - 10 / 104_900, -99.15 - 50 / 104_900
    rows = [
        BulkRow(lon, metres_north(19.45, 30.0), "BACHE", "calles", None, NOW)
        for lon in (ten_west, fifty_west, ten_west)
    ]
    assert [answer.rule_code for answer in decide_many(known, LAYERS, rows)] == ["CANAL", "ROAD", "CANAL"]


@given(rule_sets_(), st.lists(questions(), min_size=1, max_size=25), loads)
@settings(max_examples=150)
def test_many_at_once_are_as_one_by_one(made: list[Rule], asked: list[Question], open_now: dict[str, int]) -> None:
    known = book(*made)
    promise = Promise(5, "working_days")
    located = [each for each in asked if each.point is not None]
    rows = [
        BulkRow(each.point.lon, each.point.lat, each.service_code, each.service_group, promise, each.at, each.answers)
        for each in located
        if each.point is not None
    ]
    for each, answer in zip(located, decide_many(known, LAYERS, rows, open_now), strict=True):
        single = decide(
            known,
            LAYERS,
            Question(
                each.service_code, each.service_group, each.promise, each.point, each.precision_m, each.at, each.answers,
                open_now,
            ),
        )  # fmt: skip
        assert (answer.outcome, answer.agency_code, answer.rule_code, answer.due_at) == (
            single.outcome,
            single.agency_code,
            single.rule_code,
            single.due_at,
        )
        assert {key: list(codes) for key, codes in answer.area_codes.items()} == {
            key: [area["code"] for area in held] for key, held in single.areas.items()
        }


@given(rule_sets_(), questions())
@settings(max_examples=60)
def test_a_full_agency_never_answers_by_a_rule_that_has_a_fallback(made: list[Rule], asked: Question) -> None:
    known = book(*made)
    receipt = decide(known, LAYERS, asked).receipt
    capacity = (receipt["rule"] or {}).get("capacity")
    if capacity is not None:
        case = Case(asked.answers, known.calendar.clock(asked.at), asked.loads)
        limits = {(each.code, each.agency_code): each for each in made if each.capacity is not None}
        winner = limits[receipt["rule"]["code"], capacity["agency"]["code"]]
        assert capacity["is_full"] is (asked.loads.get(winner.agency_code, 0) >= capacity["limit"])
        if sum(each.code == winner.code for each in made) == 1:
            assert capacity["is_full"] is is_full(winner, case)


def test_roma_lies_across_both_districts() -> None:
    """The ground these tests stand on: without it they would not see an overlap."""
    assert ROMA.geometry.intersects(WEST.geometry)
    assert ROMA.geometry.intersects(EAST.geometry)


@pytest.mark.parametrize("zone", ["America/Mexico_City", "America/New_York", "Africa/Monrovia", "Asia/Kathmandu"])
@given(
    st.lists(
        st.datetimes(datetime(1971, 6, 1), datetime(2030, 1, 1)).map(lambda at: at.replace(tzinfo=UTC)),  # noqa: DTZ001
        max_size=20,
    )
)
@settings(max_examples=60)
def test_local_times_are_those_of_the_clock_on_the_wall(zone: str, instants: list[datetime]) -> None:
    # The quarter in which Monrovia's clock moved by 44 minutes and 30 seconds.
    instants = [*instants, datetime(1972, 1, 7, 0, 44, 29, tzinfo=UTC), datetime(1972, 1, 7, 0, 44, 30, tzinfo=UTC)]
    days, minutes = local_times(ZoneInfo(zone), instants)
    for at, day, minute in zip(instants, days, minutes, strict=True):
        local = at.astimezone(ZoneInfo(zone))
        assert (day, minute) == (local.date(), local.weekday() * 1440 + local.hour * 60 + local.minute)
