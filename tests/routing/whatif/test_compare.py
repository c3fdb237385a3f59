"""Two sides asked the same: what one gains another loses, nothing is lost on the way, and nothing differs from itself."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import box

from kernel.errors import InvalidInput
from routing.whatif.compare import Comparison, PastRow, answers
from routing.whatif.sides import Side, as_of, drafted, unknown_areas
from routing.whatif.tally import NOBODY, Tally, agency_lines
from tests.routing.cast import (
    AVENUE,
    EAST_RULE,
    NOW,
    START,
    WEST_RULE,
    book,
    layers,
    line_layer,
    metres_north,
    rule,
)
from tests.routing.whatif.cast import MOVED, WATER, live, past

WEST, EAST, BETWEEN, AWAY = (-99.18, 19.35), (-99.11, 19.35), (-99.14, 19.35), (-98.0, 19.35)
_LONS = st.floats(-99.25, -99.05).map(lambda lon: round(lon, 4))
_LATS = st.floats(19.25, 19.55).map(lambda lat: round(lat, 4))
_POINTS = st.one_of(st.just((None, None)), st.tuples(_LONS, _LATS))
_ROWS = st.lists(
    st.builds(
        lambda n, point, service, life, hours, agency: past(
            n, *point, service, life=life, at=NOW - timedelta(hours=hours), agency_code=agency
        ),
        st.integers(0, 10**6),
        _POINTS,
        st.sampled_from(["BACHE", "FUGA"]),
        st.sampled_from(["new", "closed", "in_progress"]),
        st.integers(0, 3000),
        st.sampled_from([None, "ALC-W", "ALC-E", "AGUAS"]),
    ),
    max_size=40,
)


@st.composite
def drafts(draw: st.DrawFn) -> Side:
    """Another border, which may leave a gap or an overlap, and perhaps another set of rules."""
    first, second = draw(st.floats(-99.19, -99.11)), draw(st.floats(-99.19, -99.11))
    areas = [("W", "Oeste", box(-99.20, 19.30, first, 19.50)), ("E", "Este", box(second, 19.30, -99.10, 19.50))]
    rules = draw(
        st.sampled_from([None, [WEST_RULE, WATER], [EAST_RULE, rule("CALLES", "OBRAS", service_group="calles")]])
    )
    return drafted(live(), rules=rules, layers={"district": areas})


@given(_ROWS, drafts())
def test_what_is_gained_is_lost_and_sums_are_rows(rows: list[PastRow], draft: Side) -> None:
    asked = Comparison(live(), draft, ["district"])
    changes = asked.add(rows)
    tally = asked.tally
    lines = agency_lines(tally)
    assert (
        tally.rows == len(rows) == sum(tally.pairs.values()) == sum(tally.matrix.values()) == sum(tally.weeks.values())
    )
    assert sum(line.gains for line in lines) == sum(line.losses for line in lines) == tally.changed == len(changes)
    assert sum(line.before for line in lines) == sum(line.after for line in lines) == len(rows)
    assert tally.open_changed == sum(tally.open_pairs.values()) == sum(change.is_open for change in changes)
    assert Counter((change.before, change.after) for change in changes) == {
        pair: count for pair, count in tally.matrix.items() if pair[0] != pair[1]
    }


@given(_ROWS, drafts())
def test_a_draft_that_changes_nothing_gives_no_change(rows: list[PastRow], draft: Side) -> None:
    for side in (live(), draft):
        asked = Comparison(side, side, ["district"])
        assert asked.add(rows) == []
        assert asked.tally.changed == 0


@given(_ROWS, drafts(), st.integers(1, 7))
def test_batches_kept_as_json_in_between_count_the_same(rows: list[PastRow], draft: Side, size: int) -> None:
    whole = Comparison(live(), draft, ["district"])
    changes = whole.add(rows)
    kept: dict[str, object] = {}
    found = []
    for start in range(0, len(rows), size):
        part = Comparison(live(), draft, ["district"], Tally.from_json(kept))
        found += part.add(rows[start : start + size])
        kept = part.tally.as_json()
    assert Tally.from_json(kept) == whole.tally
    assert found == changes


def test_the_moved_border_moves_what_lies_between() -> None:
    asked = Comparison(live(), drafted(live(), layers={"district": MOVED}), ["district"])
    rows = [
        past(1, *WEST, agency_code="ALC-W"),
        past(2, *EAST, agency_code="ALC-E"),
        past(3, *BETWEEN, agency_code="ALC-E", life="new"),
        past(4, *BETWEEN, "FUGA", agency_code="AGUAS"),
        past(5, *AWAY),
        past(6, None, None, agency_code="MESA"),
    ]
    (change,) = asked.add(rows)
    assert (change.folio, change.before, change.after) == ("0000000003", "ALC-E", "ALC-W")
    assert (change.rule_before, change.rule_after, change.is_open) == ("E-1", "W-1", True)
    assert change.at == "2026-11-19T10:00:00-06:00"
    assert (asked.tally.outside, asked.tally.default, asked.tally.unlocated) == (1, 1, 1)
    assert asked.tally.open_pairs == {("ALC-E", "ALC-W"): 1}
    assert asked.tally.recorded_differs == 0
    assert agency_lines(asked.tally)[0].code in ("ALC-E", "ALC-W")


def test_holes_overlaps_and_borders_are_counted() -> None:
    areas = [
        ("W", "Oeste", box(-99.20, 19.30, -99.15, 19.50)),
        ("X", "Doble", box(-99.16, 19.30, -99.15, 19.50)),
        ("E", "Este", box(-99.12, 19.30, -99.10, 19.50)),
    ]
    asked = Comparison(live(), drafted(live(), layers={"district": areas}), ["district"])
    asked.add([past(1, -99.14, 19.35), past(2, -99.155, 19.35), past(3, -99.1601, 19.45), past(4, *AWAY)])
    assert asked.tally.holes == {"district": 1}
    assert asked.tally.overlaps == {"district": 1}
    assert asked.tally.near_border == 1


@pytest.mark.parametrize("service", ["BACHE", "FUGA"])
def test_a_hole_matters_where_a_request_loses_its_agency_there(service: str) -> None:
    """Water is decided by a rule for the whole city: it is in the hole and loses nothing."""
    areas = [("W", "Oeste", box(-99.20, 19.30, -99.15, 19.50)), ("E", "Este", box(-99.12, 19.30, -99.10, 19.50))]
    asked = Comparison(live(), drafted(live(), layers={"district": areas}), ["district"])
    asked.add([past(1, -99.14, 19.35, service), past(2, *WEST, service), past(3, *AWAY, service)])
    lost = 1 if service == "BACHE" else 0
    assert (asked.tally.lost, asked.tally.default) == (lost, lost)
    assert asked.tally.holes == {"district": 1}
    assert asked.tally.lost_in_holes == {"district": lost}


def test_who_had_no_rule_loses_none_and_two_overlaps_are_one_request() -> None:
    both = [("W", "Oeste", box(-99.20, 19.30, -99.10, 19.50)), ("E", "Este", box(-99.20, 19.30, -99.10, 19.50))]
    rules = [rule("C", "OBRAS", layer_key="colonia", area_codes=["*"]), EAST_RULE]
    side = drafted(live(), rules=rules, layers={"colonia": both})
    asked = Comparison(side, drafted(side, layers={"district": both}))
    asked.add([past(1, *WEST, "FUGA"), past(2, None, None)])
    assert asked.tally.overlaps == {"colonia": 1, "district": 1}
    assert (asked.tally.in_two, asked.tally.lost, asked.tally.default) == (1, 0, 1)


def test_each_day_is_asked_as_if_the_draft_had_been_in_force() -> None:
    late = rule("N-1", "OBRAS", 50, valid_from=datetime(2027, 1, 1, tzinfo=UTC).date())
    known = book(WEST_RULE, EAST_RULE, late)
    now, then = (as_of(known, layers(), datetime(2026 + n, 6, 1, tzinfo=UTC).date()) for n in (0, 1))
    (change,) = Comparison(now, then).add([past(1, *WEST, at=datetime(2020, 1, 1, tzinfo=UTC))])
    assert (change.before, change.after) == ("ALC-W", "OBRAS")


# Some ten metres east of the border of today.
_NEAR_EAST = (-99.1499, 19.35)


@pytest.mark.parametrize(
    ("point", "settled", "before", "after"),
    [
        (_NEAR_EAST, {"district": "W"}, "ALC-W", "OBRAS"),
        (_NEAR_EAST, {"district": "E"}, "ALC-E", "ALC-E"),
        (_NEAR_EAST, {}, "ALC-E", "ALC-E"),
        # Nobody would ask there: a reply of then, about a border of then, says nothing.
        (EAST, {"district": "W"}, "ALC-E", "ALC-E"),
        (_NEAR_EAST, {"district": "GONE"}, "ALC-E", "ALC-E"),
        (_NEAR_EAST, {"no_layer": "W"}, "ALC-E", "ALC-E"),
        ((None, None), {"district": "W"}, "MESA", "MESA"),
    ],
)
def test_what_residents_replied_counts_where_it_is_still_asked(
    point: tuple[float | None, float | None], settled: dict[str, str], before: str, after: str
) -> None:
    """The draft gives the west to public works; the border stays."""
    works = rule("W-9", "OBRAS", 1, layer_key="district", area_codes=["W"])
    draft = drafted(live(), rules=[works, EAST_RULE, WATER], layers={})
    asked = Comparison(live(), draft)
    asked.add([past(1, *point, settled=settled)])
    assert asked.tally.pairs == {("BACHE", before, after): 1}


def test_a_reply_about_a_border_that_the_draft_moves_away_is_not_asked_for() -> None:
    asked = Comparison(live(), drafted(live(), layers={"district": MOVED}), ["district"])
    (change,) = asked.add([past(1, *_NEAR_EAST, settled={"district": "E"}, agency_code="ALC-E")])
    assert (change.before, change.after) == ("ALC-E", "ALC-W")
    assert asked.add([past(2, *_NEAR_EAST, settled={"district": "W"}, agency_code="ALC-W")]) == []
    assert asked.tally.recorded_differs == 0


def test_two_replies_are_heard_one_after_the_other() -> None:
    """On a corner: on the avenue or not, and then in which district."""
    known = layers() | line_layer(AVENUE)
    rules = [rule("AV-1", "OBRAS", 1, layer_key="road", area_codes=["*"], tolerance_m=12.0), WEST_RULE, EAST_RULE]
    side = as_of(book(*rules), known, START)
    point = (-99.1499, metres_north(19.45, 10.0))
    for settled, agency in (({"road": "", "district": "W"}, "ALC-W"), ({"road": "AV", "district": "W"}, "OBRAS")):
        (answer,) = answers(side, [past(1, *point, settled=settled)])
        assert answer.agency_code == agency


def test_what_cannot_be_tried_says_why() -> None:
    with pytest.raises(InvalidInput, match=r"No existe la capa «barrio»\. Están: jurisdiction, district, colonia"):
        drafted(live(), layers={"barrio": MOVED})
    with pytest.raises(InvalidInput, match="ninguna zona"):
        drafted(live(), layers={"district": []})
    with pytest.raises(InvalidInput, match="nombra una capa que no existe: barrio"):
        drafted(live(), rules=[rule("B", "OBRAS", layer_key="barrio", area_codes=["1"])], layers={})
    with pytest.raises(InvalidInput, match="dependencia que no existe: NADIE"):
        drafted(live(), rules=[rule("B", "NADIE")], layers={})
    lacking = drafted(live(), rules=[rule("B", "OBRAS", layer_key="district", area_codes=["W", "Z"])], layers={})
    assert unknown_areas(lacking) == {"B": ("Z",)}


def test_nobody_is_an_agency_of_the_table() -> None:
    asked = Comparison(
        live(), drafted(live(), layers={"jurisdiction": [("C", "Ciudad", box(-99.2, 19.3, -99.15, 19.5))]})
    )
    (change,) = asked.add([past(1, *EAST)])
    assert change.after == NOBODY
    assert {line.code: (line.gains, line.losses) for line in agency_lines(asked.tally)} == {
        NOBODY: (1, 0),
        "ALC-E": (0, 1),
    }
