"""What a receipt says, that it says it to people, and that a program finds out when it is wrong."""

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import box

from georef.boundaries import Area
from routing.checking import replay, verify
from routing.explain import explain
from routing.receipts import Elsewhere, decide
from tests.routing.cast import EAST, EAST_RULE, NOW, START, WEST, WEST_RULE, book, layers, question, rule

WATER = rule("AGUA-1", "AGUAS", 10, service_group="agua")
RULES = (WEST_RULE, EAST_RULE, WATER)
CITY = book(*RULES)
LAYERS = layers()
FIRST_FORMAT = Path(__file__).parent / "receipt_version_1.json"


def test_a_receipt_is_plain_json_with_every_key() -> None:
    receipt = decide(CITY, LAYERS, question((-99.19, 19.45))).receipt
    assert json.loads(json.dumps(receipt)) == receipt
    assert set(receipt) == {
        "version", "decided_at", "jurisdiction_id", "service_code", "service_group", "point", "outcome", "agency", "rule",
        "rule_set_version", "layers", "considered", "tie", "runner_up", "border", "elsewhere", "due", "local_time", "answers",
        "loads", "settled", "border_case",
    }  # fmt: skip
    assert receipt["decided_at"] == "2026-11-19T19:00:00Z"
    assert receipt["point"] == {"lon": -99.19, "lat": 19.45, "precision_m": 12.0}
    assert receipt["rule"] == {"code": "W-1", "priority": 100, "reason": {"es": "Por W-1", "en": "Because of W-1"}}
    district = next(layer for layer in receipt["layers"] if layer["key"] == "district")
    assert district["areas"] == [{"code": "W", "name": "Oeste", "valid_from": "2024-01-01"}]
    assert receipt["due"] == {
        "at": "2026-11-27T00:00:00Z",
        "promise": {"amount": 5, "unit": "working_days"},
        "calendar": "default",
        "first_counted_day": "2026-11-20",
    }


def test_a_receipt_of_the_first_format_is_read_verified_and_given_again() -> None:
    receipt = json.loads(FIRST_FORMAT.read_text(encoding="utf-8"))
    assert verify(receipt, CITY, LAYERS).holds
    assert replay(receipt, CITY, LAYERS) == receipt
    told = explain(receipt, "es")
    assert (told.headline, told.tag, told.border_m) == ("Dependencia ALC-W", "W-1, versión 7", 21)
    assert told.reasons[0].startswith("Por W-1")
    assert told.runner_up == "Dependencia ALC-E, si el punto está del otro lado del límite, a 21 m."
    assert explain(receipt, "en").runner_up.startswith("Dependencia ALC-E, if")
    wrong = receipt | {"agency": {"code": "ALC-E", "name": "Dependencia ALC-E"}}
    assert verify(wrong, CITY, LAYERS).differences == (("agency", "ALC-E", "ALC-W"),)


def test_the_agency_across_a_border_within_the_error_is_the_runner_up() -> None:
    receipt = decide(CITY, LAYERS, question((-99.1502, 19.45), precision_m=30.0)).receipt
    assert receipt["border"]["metres"] == pytest.approx(21, abs=0.2)
    assert receipt["border"]["neighbour"] == {"code": "E", "name": "Este"}
    assert receipt["runner_up"]["agency"]["code"] == "ALC-E"
    assert receipt["runner_up"]["when"]["kind"] == "border"
    text = explain(receipt, "es")
    assert text.headline == "Dependencia ALC-W"
    assert text.tag == "W-1, versión 7"
    assert text.runner_up == "Dependencia ALC-E, si el punto está del otro lado del límite, a 21 m."
    assert "El punto no es seguro: su error es de ±30 m y el límite está a 21 m." in text.reasons


def test_away_from_borders_the_next_rule_is_the_runner_up() -> None:
    receipt = decide(CITY, LAYERS, question((-99.19, 19.45), "FUGA", "agua")).receipt
    assert [(tried["rule"], tried["matched"], tried["because"]) for tried in receipt["considered"]] == [
        ("AGUA-1", True, "city_wide"),
        ("W-1", True, "in_area"),
    ]
    assert receipt["runner_up"]["agency"]["code"] == "ALC-W"
    assert explain(receipt, "en").runner_up == "Dependencia ALC-W, if rule AGUA-1 does not apply."


def test_the_same_agency_on_both_sides_is_said_so() -> None:
    receipt = decide(book(WATER), LAYERS, question((-99.1502, 19.45), "FUGA", "agua")).receipt
    assert receipt["runner_up"] is None
    both_sides = decide(
        book(rule("A", "OBRAS", layer_key="district", area_codes=["E", "W"])), LAYERS, question((-99.1502, 19.45))
    ).receipt
    assert explain(both_sides).runner_up == "Del otro lado del límite, en Este, le toca a la misma dependencia."


def test_a_tie_is_broken_openly() -> None:
    receipt = decide(CITY, LAYERS, question((-99.15, 19.45))).receipt
    assert receipt["agency"]["code"] == "ALC-E"
    assert receipt["tie"] == {"rules": ["E-1", "W-1"], "broken_by": "rule_code"}
    assert receipt["border"]["metres"] == 0
    assert any("E-1, W-1" in reason for reason in explain(receipt).reasons)


def test_no_rule_and_no_point_go_to_the_default_agency() -> None:
    receipt = decide(book(EAST_RULE), LAYERS, question((-99.19, 19.45))).receipt
    assert (receipt["outcome"], receipt["agency"]["code"], receipt["rule"]) == ("default", "MESA", None)
    assert receipt["considered"] == [{"rule": "E-1", "matched": False, "because": "not_in_area"}]
    wordy = decide(CITY, LAYERS, question(None)).receipt
    assert (wordy["outcome"], wordy["point"], wordy["border"]) == ("default", None, None)
    assert {tried["because"] for tried in wordy["considered"]} == {"no_point"}
    assert wordy["due"] is not None
    assert "Sin un punto en el mapa" in explain(wordy).reasons[0]


def test_outside_names_the_nearest_jurisdiction() -> None:
    decision = decide(CITY, LAYERS, question((-99.5, 19.45)), Elsewhere("otra.example", "Otra Ciudad", 0.0, "555 0100"))
    assert (decision.outcome, decision.agency_code, decision.due_at, decision.receipt["due"]) == (
        "outside",
        None,
        None,
        None,
    )
    assert decision.receipt["elsewhere"] == {
        "jurisdiction_id": "otra.example",
        "name": "Otra Ciudad",
        "metres": 0.0,
        "phone": "555 0100",
    }
    assert "El lugar está en Otra Ciudad: llama al 555 0100." in explain(decision.receipt).reasons
    assert explain(decision.receipt, "en").headline == "Outside the city"


def test_a_point_inside_is_never_said_to_be_elsewhere() -> None:
    receipt = decide(CITY, LAYERS, question((-99.19, 19.45)), Elsewhere("otra.example", "Otra Ciudad", 0.0)).receipt
    assert receipt["elsewhere"] is None


def test_before_the_first_outline_every_point_is_inside() -> None:
    early = question((-99.5, 19.45), at=datetime(2020, 5, 5, tzinfo=UTC))
    assert decide(CITY, LAYERS, early).outcome == "default"


def test_the_local_day_decides_not_the_utc_day() -> None:
    split = date(2026, 11, 20)
    known = layers(
        {"district": [Area("W", "Oeste", WEST.geometry, START, split), Area("E", "Este", WEST.geometry, split), EAST]}
    )
    evening = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)  # still the 19th, 22:00, in the city
    assert decide(CITY, known, question((-99.19, 19.45), at=evening)).agency_code == "ALC-W"
    assert decide(CITY, known, question((-99.19, 19.45), at=evening + timedelta(hours=3))).agency_code == "ALC-E"


points = st.one_of(st.none(), st.tuples(st.floats(-99.22, -99.08), st.floats(19.28, 19.52)))


@given(
    points,
    st.sampled_from([("BACHE", "calles"), ("FUGA", "agua")]),
    st.one_of(st.none(), st.floats(0, 5000)),
    st.datetimes(datetime(2025, 1, 1), datetime(2027, 1, 1)).map(lambda at: at.replace(tzinfo=UTC)),  # noqa: DTZ001
)
@settings(max_examples=200)
def test_every_receipt_survives_a_round_trip_and_holds(
    point: tuple[float, float] | None, service: tuple[str, str], precision_m: float | None, at: datetime
) -> None:
    decision = decide(CITY, LAYERS, question(point, *service, precision_m=precision_m, at=at))
    receipt = json.loads(json.dumps(decision.receipt))
    assert verify(receipt, CITY, LAYERS).differences == ()
    assert (decision.agency_code is None) == (decision.outcome == "outside") == (decision.due_at is None)
    for language in ("es", "en"):
        text = explain(receipt, language)
        assert text.headline
        assert text.reasons
        assert "{" not in " ".join((text.headline, text.tag, *text.reasons, text.runner_up))


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"agency": {"code": "OBRAS", "name": "Obras"}}, "agency"),
        ({"outcome": "default"}, "outcome"),
        ({"rule_set_version": 6}, "rule_set_version"),
        ({"rule": {"code": "E-1", "priority": 100, "reason": {}}}, "rule"),
        ({"border": {"layer": "district", "metres": 1.0, "neighbour": None}}, "border"),
        ({"runner_up": None}, "runner_up"),
        ({"point": {"lon": -99.12, "lat": 19.45, "precision_m": 12.0}}, "areas"),
        ({"service_group": "agua"}, "rule"),
        ({"decided_at": "2026-12-24T19:00:00Z"}, "due"),
    ],
)
def test_a_changed_receipt_does_not_hold(change: dict[str, Any], found: str) -> None:
    receipt = decide(CITY, LAYERS, question((-99.16, 19.45))).receipt
    checked = verify(receipt | change, CITY, LAYERS)
    assert not checked.holds
    assert found in [key for key, _, _ in checked.differences]


def test_old_receipts_hold_by_the_rules_of_their_version_only() -> None:
    receipt = decide(CITY, LAYERS, question((-99.19, 19.45))).receipt
    newer = book(rule("NEW", "OBRAS", 1), *RULES, version=8)
    assert verify(receipt, CITY, LAYERS).holds
    changed = {key: (then, now) for key, then, now in verify(receipt, newer, LAYERS).differences}
    assert changed["agency"] == ("ALC-W", "OBRAS")


def test_a_layer_that_changes_tomorrow_leaves_todays_receipt_alone() -> None:
    receipt = decide(CITY, LAYERS, question((-99.19, 19.45))).receipt
    tomorrow = NOW.date() + timedelta(days=1)
    later = layers(
        {
            "district": [
                Area("W", "Oeste", WEST.geometry, START, tomorrow),
                Area("E", "Este", EAST.geometry, START, tomorrow),
                Area("ALL", "Todo", box(-99.2, 19.3, -99.1, 19.5), tomorrow),
            ]
        }
    )
    assert verify(receipt, CITY, later).holds
