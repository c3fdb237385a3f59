from datetime import UTC, date, datetime
from typing import Any

from routing.explain import explain


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
