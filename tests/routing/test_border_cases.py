"""When a place may be somebody else's, the receipt says whose, and its one question settles it."""

import json
from typing import Any

import pytest

from kernel.errors import InvalidInput
from routing.checking import replay, verify
from routing.conditions import RuleFailed
from routing.receipts import decide
from tests.routing.cast import (
    AVENUE,
    CROSS,
    EAST_RULE,
    WEST_RULE,
    book,
    layers,
    line_layer,
    metres_north,
    question,
    rule,
)

PRIMARY = rule("VIAL", "OBRAS", 30, layer_key="road", area_codes=["*"], tolerance_m=12.0)
CITY = book(PRIMARY, WEST_RULE, EAST_RULE)
LAYERS = layers() | line_layer(AVENUE, CROSS)


def near_avenue(metres: float, **values: Any) -> dict[str, Any]:
    point = (-99.19, metres_north(19.45, metres))
    return decide(CITY, LAYERS, question(point, precision_m=values.pop("precision_m", 2.0), **values)).receipt


@pytest.mark.parametrize(("metres", "agency"), [(0, "OBRAS"), (11.9, "OBRAS"), (12.1, "ALC-W"), (300, "ALC-W")])
def test_a_line_is_the_citys_up_to_its_tolerance(metres: float, agency: str) -> None:
    receipt = near_avenue(metres)
    assert receipt["agency"]["code"] == agency
    road = next(layer for layer in receipt["layers"] if layer["key"] == "road")
    assert (road["kind"], road["border_m"]) == ("line", None)
    assert road["nearest"]["name"] == "Avenida AV"
    assert road["nearest"]["metres"] == pytest.approx(metres, abs=0.1)
    assert [area["code"] for area in road["areas"]] == (["AV"] if agency == "OBRAS" else [])
    if agency == "OBRAS":
        assert receipt["rule"]["line"] == {
            "layer": "road",
            "code": "AV",
            "name": "Avenida AV",
            "metres": pytest.approx(metres, abs=0.1),
            "tolerance_m": 12.0,
        }
        assert receipt["considered"][0] == {"rule": "VIAL", "matched": True, "because": "near_line"}
    else:
        assert receipt["considered"][0] == {"rule": "VIAL", "matched": False, "because": "not_near_line"}


@pytest.mark.parametrize(
    ("metres", "precision_m", "expected"),
    [
        (0, 2.0, False),
        (5, 2.0, False),
        (9, 2.0, True),
        (15, 2.0, True),
        (19, 2.0, False),
        (19, 30.0, True),
        (0, 30.0, True),
    ],
)
def test_on_or_off_a_line_is_asked_near_its_edge_or_within_the_error(
    metres: float, precision_m: float, expected: bool
) -> None:
    doubt = near_avenue(metres, precision_m=precision_m)["border_case"]
    assert (doubt is not None) is expected
    if doubt is not None:
        assert (doubt["kind"], doubt["layer"]) == ("line", "road")
        assert doubt["question"] == {
            "es": "¿Está en Avenida AV o en la calle lateral?",
            "en": "Is it on Avenida AV or on the side street?",
        }
        on, off = doubt["replies"]
        assert (on["name"]["es"], on["settled"], on["agency"]["code"]) == ("Avenida AV", {"road": "AV"}, "OBRAS")
        assert (off["name"]["es"], off["settled"], off["agency"]["code"]) == ("La calle lateral", {"road": ""}, "ALC-W")
        assert (on["is_current"], off["is_current"]) == (metres <= 12, metres > 12)


@pytest.mark.parametrize("metres", [9, 15])
def test_a_reply_decides_what_the_receipt_said_it_would(metres: float) -> None:
    for reply in near_avenue(metres)["border_case"]["replies"]:
        settled = near_avenue(metres, settled=reply["settled"])
        assert settled["settled"] == reply["settled"]
        assert (settled["agency"], settled["rule"]["code"]) == (reply["agency"], reply["rule"])
        assert settled["border_case"] is None
        again = json.loads(json.dumps(settled))
        assert replay(again, CITY, LAYERS) == settled


def test_a_rule_asks_in_its_own_words_and_names_with_braces_do_no_harm() -> None:
    own = rule(
        "VIAL",
        "OBRAS",
        30,
        layer_key="road",
        area_codes=["AV"],
        tolerance_m=12.0,
        question={"es": "¿En {a}, o en {b}?"},
    )
    strange = layers() | line_layer(AVENUE.__class__("AV", "Eje {b}", AVENUE.geometry, AVENUE.valid_from))
    point = question((-99.19, metres_north(19.45, 10)), precision_m=2.0)
    asked = decide(book(own, WEST_RULE), strange, point).receipt["border_case"]["question"]
    assert asked["es"].startswith("¿En Eje ")
    default = decide(book(PRIMARY, WEST_RULE), strange, point).receipt["border_case"]["question"]
    assert default["es"] == "¿Está en Eje {b} o en la calle lateral?"


def test_two_areas_across_a_border() -> None:
    receipt = decide(CITY, LAYERS, question((-99.1502, 19.46), precision_m=30.0)).receipt
    doubt = receipt["border_case"]
    assert (doubt["kind"], doubt["layer"], doubt["within_m"]) == ("border", "district", 50.0)
    assert doubt["question"]["es"] == "¿Está en Oeste o en Este?"
    assert [(reply["settled"], reply["agency"]["code"]) for reply in doubt["replies"]] == [
        ({"district": "W"}, "ALC-W"),
        ({"district": "E"}, "ALC-E"),
    ]
    assert receipt["runner_up"]["agency"]["code"] == "ALC-E"
    pinned = decide(CITY, LAYERS, question((-99.1502, 19.46), precision_m=30.0, settled={"district": "E"}))
    assert (pinned.agency_code, pinned.areas["district"]) == ("ALC-E", [{"code": "E", "name": "Este"}])
    assert pinned.receipt["border_case"] is None


def test_an_exception_just_missed_is_a_border_case_too() -> None:
    park = rule("PARK", "PARQUES", 10, layer_key="colonia", area_codes=["C1"])
    receipt = decide(book(park, WEST_RULE, EAST_RULE), LAYERS, question((-99.1703, 19.40))).receipt
    assert receipt["agency"]["code"] == "ALC-W"
    doubt = receipt["border_case"]
    assert doubt["question"]["en"] == "Is it in Roma or outside it?"
    first, second = doubt["replies"]
    assert (first["is_current"], first["agency"]["code"]) == (False, "PARQUES")
    assert (second["is_current"], second["agency"]["code"], second["name"]["en"]) == (True, "ALC-W", "Outside it")


def test_the_edge_of_the_city_is_asked_from_both_sides() -> None:
    for lon, outcome in ((-99.1998, "assigned"), (-99.2002, "outside")):
        receipt = decide(CITY, LAYERS, question((lon, 19.46), precision_m=5.0)).receipt
        assert receipt["outcome"] == outcome
        doubt = receipt["border_case"]
        assert doubt["layer"] == "jurisdiction"
        assert {reply["outcome"] for reply in doubt["replies"]} == {"assigned", "outside"}
        assert doubt["replies"][0]["settled"] == {"district": "W", "jurisdiction": "CITY"}
        for reply in doubt["replies"]:
            settled = decide(CITY, LAYERS, question((lon, 19.46), precision_m=5.0, settled=reply["settled"])).receipt
            assert settled["outcome"] == reply["outcome"]


def test_two_lines_that_both_claim_a_corner() -> None:
    first = rule("A", "OBRAS", 30, layer_key="road", area_codes=["AV"], tolerance_m=12.0)
    second = rule("B", "AGUAS", 30, layer_key="road", area_codes=["CR"], tolerance_m=12.0)
    known = book(first, second, WEST_RULE)
    receipt = decide(known, LAYERS, question((-99.175, metres_north(19.45, 3)), precision_m=1.0)).receipt
    assert (receipt["agency"]["code"], receipt["tie"]) == ("AGUAS", {"rules": ["B", "A"], "broken_by": "nearest_line"})
    doubt = receipt["border_case"]
    assert (doubt["kind"], doubt["question"]["es"]) == ("two_owners", "¿Está en Avenida CR o en Avenida AV?")
    assert [reply["settled"] for reply in doubt["replies"]] == [{"road": "CR"}, {"road": "AV"}]
    assert [reply["agency"]["code"] for reply in doubt["replies"]] == ["AGUAS", "OBRAS"]


def test_two_areas_that_both_hold_the_place() -> None:
    roma = rule("ROMA", "OBRAS", 10, layer_key="colonia", area_codes=["C1"])
    park = rule("PARK", "PARQUES", 10, layer_key="colonia", area_codes=["P"])
    receipt = decide(book(roma, park), LAYERS, question((-99.15, 19.40))).receipt
    assert receipt["agency"]["code"] == "PARQUES"
    assert receipt["border_case"]["kind"] == "two_owners"
    assert receipt["border_case"]["question"]["es"] == "¿Está en Parque o en Roma?"


def test_the_same_agency_on_both_sides_asks_nothing() -> None:
    everywhere = book(rule("A", "OBRAS", layer_key="district", area_codes=["E", "W"]))
    assert decide(everywhere, LAYERS, question((-99.1502, 19.46))).receipt["border_case"] is None
    assert decide(CITY, LAYERS, question(None)).receipt["border_case"] is None


@pytest.mark.parametrize("settled", [{"nowhere": "W"}, {"district": "X"}, {"road": "X"}])
def test_only_what_is_there_can_be_settled(settled: dict[str, str]) -> None:
    with pytest.raises(InvalidInput):
        decide(CITY, LAYERS, question((-99.19, 19.45), settled=settled))
    with pytest.raises(InvalidInput):
        decide(CITY, LAYERS, question(None, settled={"district": "W"}))


def test_a_receipt_with_a_settled_line_that_is_gone_does_not_hold() -> None:
    receipt = near_avenue(9, settled={"road": "AV"})
    checked = verify(receipt, CITY, layers() | line_layer(CROSS))
    assert [key for key, _, _ in checked.differences] == ["settled"]


@pytest.mark.parametrize(
    "wrong",
    [
        rule("X", "OBRAS", layer_key="road", area_codes=["AV"]),
        rule("X", "OBRAS", layer_key="district", area_codes=["W"], tolerance_m=5.0),
    ],
)
def test_a_rule_on_a_layer_of_the_other_kind_fails_aloud(wrong: Any) -> None:
    with pytest.raises(RuleFailed, match="X"):
        decide(book(wrong, WEST_RULE), LAYERS, question((-99.12, 19.31)))
