from datetime import UTC, date, datetime
from typing import Any

import pytest

from routing.conditions import Capacity, Hours
from routing.explain import Explanation, explain
from routing.receipts import Elsewhere, decide
from routing.values import Rule
from tests.routing.cast import AVENUE, WEST_RULE, book, layers, line_layer, metres_north, question, rule


def receipt(layer: str, area: str, **values: Any) -> dict[str, Any]:
    """As much of a receipt as its zone sentence needs."""
    plain: dict[str, Any] = {
        "version": 1,
        "decided_at": datetime(2026, 11, 19, tzinfo=UTC).isoformat(),
        "outcome": "assigned",
        "agency": {"code": "AGUAS", "name": "Aguas"},
        "rule": {"code": "AGUA-12", "priority": 10, "reason": {"es": "Es red de agua.", "en": "It is a water main."}},
        "rule_set_version": 7,
        "point": {"lon": -99.15, "lat": 19.42, "precision_m": 20.0},
        "layers": [
            {
                "key": "sector",
                "name": {"es": layer, "en": layer},
                "areas": [{"code": "4", "name": area, "valid_from": date(2026, 3, 1).isoformat()}],
                "border_m": 38.0,
            }
        ],
        "considered": [],
        "runner_up": None,
        "border": {"layer": "sector", "metres": 38.0, "neighbour": None},
        "tie": None,
        "elsewhere": None,
        "due": None,
    }
    return plain | values


def test_a_zone_is_named_once() -> None:
    assert (
        "Sector hidráulico 4, límites del 1 mar 2026."
        in explain(receipt("Sector hidráulico", "Sector hidráulico 4")).reasons
    )
    assert "Alcaldía: Los Sabinos, límites del 1 mar 2026." in explain(receipt("Alcaldía", "Los Sabinos")).reasons


def test_every_reason_is_said_in_english_too() -> None:
    reasons = explain(receipt("District", "Los Sabinos"), "en").reasons
    assert "It is a water main." in reasons
    assert not any("límites" in reason for reason in reasons)


AVENUE_M = 8.0


def told(point: tuple[float, float], *rules: Rule, language: str = "es", **values: Any) -> Explanation:
    made = decide(book(*rules, WEST_RULE), layers() | line_layer(AVENUE), question(point, **values))
    return explain(made.receipt, language)


ON_AVENUE = (-99.19, metres_north(19.45, AVENUE_M))
VIAL = rule("VIAL", "OBRAS", 30, layer_key="road", area_codes=["*"], tolerance_m=18.0)


def test_a_line_is_told_with_its_metres() -> None:
    text = told(ON_AVENUE, VIAL, precision_m=2.0)
    assert "El punto está a 8 m del eje de Avenida AV: la regla cuenta hasta 18 m." in text.reasons
    assert (text.sentence, text.question) == ("Por VIAL.", "")
    close = told((-99.19, metres_north(19.45, 15)), VIAL, language="en", precision_m=2.0)
    assert close.question == "Is it on Avenida AV or on the side street?"
    assert close.replies == ("Avenida AV: Dependencia OBRAS", "The side street: Dependencia ALC-W")
    assert close.runner_up == "Dependencia ALC-W, if the point is on the other side of the road's edge, 3 m away."
    assert (
        "It was asked, and it is not on: Primary road."
        in told(ON_AVENUE, VIAL, language="en", settled={"road": ""}).reasons
    )
    assert "Se preguntó y está en Avenida AV." in told(ON_AVENUE, VIAL, settled={"road": "AV"}).reasons


def test_certainty_is_about_the_edge_of_the_road_that_decides() -> None:
    sure = told(ON_AVENUE, VIAL, precision_m=2.0)
    assert "El punto es seguro: ±2 m, y el borde de Avenida AV está a 10 m." in sure.reasons
    assert not any("límites del" in reason for reason in sure.reasons), "no area decided"
    assert sure.doubt == ""
    unsure = told(ON_AVENUE, VIAL, precision_m=20.0)
    assert unsure.doubt == "El punto no es seguro: su error es de ±20 m y el borde de Avenida AV está a 10 m."
    assert unsure.doubt in unsure.reasons
    beside = told((-99.19, metres_north(19.45, 24)), VIAL, precision_m=20.0)
    assert beside.headline == "Dependencia ALC-W"
    assert "borde de Avenida AV está a 6 m" in beside.doubt
    assert "El borde de Avenida AV está a 10 m." in told(ON_AVENUE, VIAL, precision_m=None).reasons


@pytest.mark.parametrize("reply", ["AV", ""])
def test_what_was_asked_is_not_in_doubt(reply: str) -> None:
    beside = (-99.19, metres_north(19.45, 24))
    assert told(beside, VIAL, precision_m=20.0).doubt
    text = told(beside, VIAL, precision_m=20.0, settled={"road": reply})
    assert text.doubt == ""
    assert not any("borde de" in reason or "la regla cuenta hasta" in reason for reason in text.reasons)
    assert any(reason.startswith("Se preguntó") for reason in text.reasons)


def test_conditions_are_told() -> None:
    night = Hours.parse({"days": ["thu", "fri"], "from": "12:00", "to": "06:00"})
    held = rule(
        "R", "OBRAS", 30, answers={"TAMANO": frozenset(["grande"])}, hours=(night,), capacity=Capacity(20, "AGUAS")
    )
    text = told((-99.19, 19.40), held, answers={"TAMANO": "grande", "NOMBRE": "Rosa"}, loads={"OBRAS": 25, "AGUAS": 1})
    assert text.headline == "Dependencia AGUAS"
    assert (
        text.sentence == "Dependencia OBRAS tiene 25 solicitudes abiertas y puede con 20: la atiende Dependencia AGUAS."
    )
    assert "La regla aplica por lo que se respondió (TAMANO: grande)." in text.reasons
    assert "La regla aplica por la hora, 13:00 (jue, vie de 12:00 a 06:00)." in text.reasons
    assert text.runner_up == "Dependencia OBRAS, en cuanto tenga lugar."


def test_who_serves_a_place_outside_is_one_sentence_with_a_phone() -> None:
    made = decide(book(WEST_RULE), layers(), question((-99.5, 19.4)), Elsewhere(None, "Villa Vecina", 0.0, "555 0100"))
    assert explain(made.receipt).sentence == "El lugar está en Villa Vecina: llama al 555 0100."
    assert explain(made.receipt, "en").sentence == "The place is in Villa Vecina: call 555 0100."
