"""The reason in one line, in both languages, and who may read that it is the same contact."""

from typing import Any

import pytest

from intake.service_requests.duplicates.wording import ago, reason, span

FACTS: dict[str, Any] = {
    "metres": 62,
    "hours": 17.2,
    "closed_hours": None,
    "same_service": True,
    "same_asset": None,
    "alike": 0.1,
    "same_contact": True,
}


def plain(text: str) -> str:
    return text.replace("\u00a0", " ")


def test_the_reason_is_one_line() -> None:
    assert plain(reason(FACTS, "es")) == "mismo servicio, 62 m, 17 h"
    assert plain(reason(FACTS, "en")) == "same service, 62 m, 17 h"


def test_the_same_contact_is_for_staff_only() -> None:
    assert "contacto" not in reason(FACTS, "es")
    assert reason(FACTS, "es", for_staff=True).endswith("mismo contacto")


def test_the_strongest_comes_first() -> None:
    said = plain(reason(FACTS | {"same_asset": True, "same_service": False, "alike": 0.6}, "es"))
    assert said == "mismo número de placa o poste, mismo tema, 62 m, 17 h, casi las mismas palabras"


@pytest.mark.parametrize(("hours", "said"), [(0.0, "1 min"), (0.5, "30 min"), (1, "1 h"), (47, "47 h"), (72, "3 días")])
def test_how_long(hours: float, said: str) -> None:
    assert span(hours, "es") == said
    assert ago(hours, "es") == f"hace {said}"
