"""How often a likely duplicate is one, on real rows and on the demo's history. The method in words: docs/duplicates.md."""

import random
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlmodel import Session, col, select

from atiende.demo.history import generate
from georef.distances import metres_per_degree
from georef.points import LonLat
from intake.catalog import queries as catalog
from intake.city_folder.load import import_folder
from intake.service_requests.duplicates.lookup import sighting_of
from intake.service_requests.duplicates.scoring import LIKELY, SURE, Likeness, Sighting
from intake.service_requests.models import Report, ServiceRequest
from tests.benchmarks.duplicate_rows import Register, Row, boston, new_york
from tests.benchmarks.open311_floor import CITY
from tests.benchmarks.report import report
from tests.house import ROOT

_FEWEST, _SHARE = 5, 0.02
_THRESHOLDS = (0.3, 0.4, LIKELY, 0.55, 0.6, SURE, 0.7, 0.8)
_OFFERED = 3
_OFF_M = 25.0


@pytest.mark.benchmark
def test_how_often_a_likely_duplicate_is_one(shared_data: Path, session: Session) -> None:
    lines = [f"{'':<26}" + "".join(f"{threshold:>8}" for threshold in _THRESHOLDS)]
    for name, rows in (("Boston", boston(shared_data)), ("New York", new_york(shared_data))):
        lines += _of_city(name, rows)
    report("duplicates-quality", [*lines, *_of_demo(session)])


def _of_city(name: str, rows: Sequence[Row]) -> list[str]:
    all_, marked = (Counter(row.seen.service_code for row in rows if row.marked or every) for every in (True, False))
    used = {code for code in all_ if marked[code] >= _FEWEST and marked[code] >= _SHARE * all_[code]}
    register = Register(rows)
    asked = [row for row in rows if row.is_held_back and row.seen.service_code in used]
    found = {row.id: register.before(row) for row in asked}
    scores = [(_best(found[row.id]), row.marked) for row in asked]
    lines = [f"{name}: {len(asked):,} rows of {len(used)} services, {sum(row.marked for row in asked):,} marked"]
    lines += _precision_and_recall("  offered", scores)
    named = [row for row in asked if any(one in register.rows for one in row.named)]
    if named:
        hit = [
            sum(any(k.id in row.named and s.score >= t for k, s in found[row.id][:_OFFERED]) for row in named)
            for t in _THRESHOLDS
        ]
        lines.append(f"{f'  named, {len(named)}: found':<26}" + "".join(f"{one / len(named):>8.2f}" for one in hit))
    chance = random.Random(311)
    positives = [score for score, is_marked in scores if is_marked and score > 0]
    negatives = [score for score, is_marked in scores if not is_marked and score > 0]
    matched = chance.sample(negatives, min(len(positives), len(negatives)))
    pairs = [(score, True) for score in positives] + [(score, False) for score in matched]
    return lines + _precision_and_recall(f"  pairs, {len(positives)} + {len(matched)}", pairs)


def _best(found: Sequence[tuple[Row, Likeness]]) -> float:
    return found[0][1].score if found else 0.0


def _precision_and_recall(name: str, scores: Sequence[tuple[float, bool]]) -> list[str]:
    positives = max(1, sum(is_same for _, is_same in scores))
    precision, recall = [], []
    for threshold in _THRESHOLDS:
        above = [is_same for score, is_same in scores if score >= threshold]
        precision.append(f"{sum(above) / len(above):>8.2f}" if above else f"{'-':>8}")
        recall.append(f"{sum(above) / positives:>8.2f}")
    return [f"{name + ', precision':<26}{''.join(precision)}", f"{name + ', recall':<26}{''.join(recall)}"]


def _of_demo(session: Session) -> list[str]:
    now = datetime.now(UTC).replace(microsecond=0)
    import_folder(session, ROOT / "cities/jacaranda", now=now)
    generate(session, CITY, until=now)
    services = catalog.catalog(session, CITY).by_code
    requests = {row.id: row for row in session.exec(select(ServiceRequest))}
    seen = {key: sighting_of(services.get(row.service_code), row) for key, row in requests.items()}
    register = Register(
        [Row(str(key), one, requests[key].closed_at, marked=False) for key, one in seen.items() if one is not None]
    )
    chance, scores, is_first = random.Random(311), [], set()
    for said in session.exec(select(Report).order_by(col(Report.at), col(Report.id))):
        own = seen[said.service_request_id]
        if said.service_request_id not in is_first or own is None:
            is_first.add(said.service_request_id)
            continue
        per_lon, per_lat = metres_per_degree(own.point.lat)
        spot = LonLat(
            own.point.lon + chance.gauss(0, _OFF_M) / per_lon, own.point.lat + chance.gauss(0, _OFF_M) / per_lat
        )
        told = Sighting(own.service_code, own.group_code, spot, said.at, own.precision_m, said.words, own.address)
        found = register.before(Row("new", told, None, marked=False))
        if found:
            scores.append((found[0][1].score, found[0][0].id == str(said.service_request_id)))
        else:
            scores.append((0.0, True))
    return [f"Demo history: {len(scores)} people who reported the same", *_precision_and_recall("  offered", scores)]
