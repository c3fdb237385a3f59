"""The numbers that a city names for its operators: read whole, and each mistake told."""

from typing import Any

import pytest

from intake.calls.outside import outsiders
from intake.city_folder.tables import Notes, Table
from intake.city_folder.transfers import MOST_URGENT, read_transfer_numbers

WATER = {"name": {"es": "Aguas", "en": "Water"}, "number": "55 0000 1234", "words": ["fuga", "drenaje"]}


def read(rows: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], Notes]:
    notes = Notes()
    raw = {"transfer_numbers": rows}
    return read_transfer_numbers(Table(notes, "city.toml", "", raw, ("transfer_numbers",))), notes


def test_a_number_is_read_whole_and_offered_in_the_readers_language() -> None:
    found, notes = read([WATER, {**WATER, "number": "+52 55 0000 0911", "urgent": True}])
    assert not notes.has_errors
    water, urgent = outsiders({"transfer_numbers": found}, "en")
    assert (water.number, water.name, water.words, water.is_urgent) == (
        "+525500001234",
        "Water",
        ("fuga", "drenaje"),
        False,
    )
    assert urgent.is_urgent


@pytest.mark.parametrize("number", ["911", "*765", "", "abc", "55 0000"])
def test_what_no_network_can_dial_is_told(number: str) -> None:
    found, notes = read([{**WATER, "number": number}])
    assert notes.has_errors
    assert found == []


def test_the_same_twice_and_too_many_urgent_ones_are_told() -> None:
    assert read([WATER, WATER])[1].has_errors
    many = [{**WATER, "number": f"55 0000 00{n}0", "urgent": True} for n in range(MOST_URGENT + 1)]
    assert read(many)[1].has_errors


def test_the_lines_for_dangers_are_offered_where_they_can_be_dialled() -> None:
    found = outsiders({"emergency_phone": "911", "women_phone": "55 0000 0765"}, "es")
    assert [(one.number, one.is_urgent) for one in found] == [("+525500000765", True)]
    assert outsiders({}, "es") == []
