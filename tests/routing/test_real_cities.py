"""Recorded areas and agencies of real cities against ours. What is asserted is what plain containment reaches, and no less."""

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from georef.boundaries import PointColumns
from routing.learning import learn
from routing.proposals import agreement
from routing.receipts import decide
from routing.situation import Question
from tests.real_cities import book_of, cases, outlined, recorded

pytestmark = [pytest.mark.shared_data, pytest.mark.timeout(120)]
AT = datetime(2022, 1, 3, 18, tzinfo=UTC)
PROMISE = {"amount": 5, "unit": "working_days"}
# Recorded points have some ten metres of error themselves.
CLOSE_M = 15.0


def test_recorded_areas_are_ours_and_what_differs_near_a_border_says_so(shared_data: Path) -> None:
    for city in recorded(shared_data):
        snapshot = city.layer.index.in_force(AT.date())
        points = PointColumns([point.lon for point, _ in city.rows], [point.lat for point, _ in city.rows])
        sets, numbers = snapshot.sets_at(points)
        missed = [
            (point, code)
            for (point, code), number in zip(city.rows, numbers.tolist(), strict=True)
            if code not in {area.code for area in sets[number]}
        ]
        assert 1 - len(missed) / len(city.rows) >= city.floor, city.name
        book, layers = book_of(city.layer), {city.layer.key: city.layer}
        for point, _ in missed:
            receipt = decide(book, layers, Question("X", "y", PROMISE, point, None, AT)).receipt
            assert receipt["border"] is not None, city.name
            if receipt["border"]["metres"] <= CLOSE_M:
                assert receipt["border_case"] is not None, (city.name, point)


def test_water_reports_outside_the_city_are_told_so(shared_data: Path) -> None:
    water = next(city for city in recorded(shared_data) if city.name.startswith("Mexico"))
    layers, book = outlined(water.layer), book_of(water.layer)
    outcomes = Counter(
        decide(book, layers, Question("FUGA", "agua", PROMISE, point, None, AT)).outcome for point, _ in water.rows
    )
    known = {area.code for area in water.layer.index.areas}
    elsewhere = sum(code not in known for _, code in water.rows)
    assert outcomes["outside"] == elsewhere > 0
    assert outcomes["assigned"] == len(water.rows) - elsewhere


@pytest.mark.parametrize(("city", "floor"), [("nyc", 0.99), ("boston", 0.955)])
def test_rules_learned_from_history_answer_for_rows_held_back(shared_data: Path, city: str, floor: float) -> None:
    known, held_back = cases(shared_data, city)
    learned = learn(known)
    found = agreement(learned, held_back)
    assert found.right / found.cases >= floor
    majority = Counter(case.agency_code for case in known).most_common(1)[0][0]
    assert found.right > sum(case.agency_code == majority for case in held_back)


def test_an_office_that_was_renamed_is_learned_with_its_day(shared_data: Path) -> None:
    known, _ = cases(shared_data, "nyc")
    complaint = [one.rule for one in learn(known).rules if one.rule.service_code == "Consumer Complaint"]
    assert [rule.agency_code for rule in complaint] == ["DCA", "DCWP"]
    assert complaint[0].valid_to == complaint[1].valid_from
