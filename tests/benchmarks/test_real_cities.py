"""How often our areas, and rules learned from history, agree with what real cities have on record.

Method. Areas: every row with a point and a recorded area; Boston without the rows that were put on the City Hall (about 8 %,
with the districts of somewhere else). A row agrees when one of our areas at its point is the recorded one; a miss near a border
is one at most 15 m from it, and flagged means that its receipt calls it a border case. Rules: learned from seven
rows of ten (by a hash of their number) and applied by the router to the other three.
"""

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from georef.boundaries import PointColumns
from routing.learning import learn
from routing.proposals import agreement
from routing.receipts import decide
from routing.situation import Question
from tests.benchmarks.report import report
from tests.real_cities import book_of, cases, outlined, recorded

pytestmark = [pytest.mark.benchmark, pytest.mark.shared_data, pytest.mark.timeout(600)]
AT = datetime(2022, 1, 3, 18, tzinfo=UTC)
PROMISE = {"amount": 5, "unit": "working_days"}
CLOSE_M = 15.0


def test_real_cities(shared_data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = [
        "recorded area against ours           rows    agree   misses  within 15 m  of them flagged  outside, told so"
    ]
    for city in recorded(shared_data):
        snapshot = city.layer.index.in_force(AT.date())
        points = PointColumns([point.lon for point, _ in city.rows], [point.lat for point, _ in city.rows])
        sets, numbers = snapshot.sets_at(points)
        book, layers = book_of(city.layer), outlined(city.layer)
        close = flagged = missed = outside = 0
        for (point, code), number in zip(city.rows, numbers.tolist(), strict=True):
            if code in {area.code for area in sets[number]}:
                continue
            missed += 1
            decision = decide(book, layers, Question("X", "y", PROMISE, point, None, AT))
            outside += decision.outcome == "outside"
            if decision.outcome != "outside" and decision.receipt["border"]["metres"] <= CLOSE_M:
                close += 1
                flagged += decision.receipt["border_case"] is not None
        agree = 1 - missed / len(city.rows)
        lines.append(
            f"{city.name:<32}{len(city.rows):>9,}{agree:>9.2%}{missed:>9}{close:>13}{flagged:>17}{outside:>18}"
        )
    lines += [
        "",
        "rules learned, on rows held back     rows    agree   rules  undecided  ruled rows  of them agree  majority",
    ]
    for name in ("nyc", "boston"):
        known, held_back = cases(shared_data, name)
        learned = learn(known)
        found = agreement(learned, held_back)
        majority = Counter(case.agency_code for case in known).most_common(1)[0][0]
        usual = sum(case.agency_code == majority for case in held_back) / len(held_back)
        lines.append(
            f"{name + ', type to agency':<32}{found.cases:>9,}{found.right / found.cases:>9.2%}{len(learned.rules):>8}"
            f"{len(learned.undecided):>11}{found.ruled / found.cases:>12.1%}{found.ruled_right / found.ruled:>15.2%}"
            f"{usual:>10.1%}"
        )
    with capsys.disabled():
        report("real-cities", lines)
