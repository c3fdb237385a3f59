"""Two hundred telephone calls at once into a whole demo: how long the caller waits for what the city says next.

Each caller listens, says what is wrong, says where, confirms by a key, hears the folio and hangs up, with the pauses of a person;
the calls begin within ATIENDE_BENCH_RAMP seconds. Then as many who never pause. ATIENDE_BENCH_CALLS says how many.
"""

import csv
import itertools
import os
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.benchmarks.report import report
from tests.benchmarks.servers import cpu_s
from tests.running import PARTS, RunningDemo, running_demo, wait_for

CALLS = int(os.environ.get("ATIENDE_BENCH_CALLS", "200"))
RAMP_S = float(os.environ.get("ATIENDE_BENCH_RAMP", "20"))
PLACES = Path(__file__).resolve().parents[2] / "cities" / "jacaranda" / "places.csv"
LAMP = "no sirve una luminaria"
TROUBLES = ("hay una fuga de agua", "hay un bache", LAMP, "no pasó la basura")
# How long a caller may wait for an answer (docs/channels/voice.md).
MOST_MS = 2000


@pytest.fixture
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDemo]:
    with running_demo(tmp_path_factory.mktemp("bench")) as demo:
        yield demo


def crossings() -> list[str]:
    with PLACES.open() as places:
        return [row["name"] for row in csv.DictReader(places) if row["kind"] == "crossing"]


def script(number: int, corners: Sequence[str], *, pauses: bool) -> list[dict[str, Any]]:
    trouble, corner = TROUBLES[number % len(TROUBLES)], corners[number % len(corners)]
    # Keys answer what a service asks, whether it is on the avenue or in the side street (twice where two avenues cross), and the
    # last "shall I send it?"; a key too many, after the folio, begins another report.
    told = [{"say": trouble}, {"say": corner}, *[{"press": "1"}] * (4 if trouble == LAMP else 3)]
    if not pauses:
        return told
    rests = itertools.cycle((8, 11, 6, 9))
    steps = itertools.chain.from_iterable(({"wait": next(rests) + number % 5}, step) for step in told)
    return [*steps, {"wait": 15}, {"hangup": True}]


class Callers:
    """The calls of one round, from people who never called before."""

    def __init__(self, demo: RunningDemo, first: int, *, pauses: bool) -> None:
        self._demo, self._first, self._pauses = demo, first, pauses
        self._standin = httpx.Client(
            base_url=demo.facts["standin"]["url"], timeout=60, limits=httpx.Limits(max_connections=64)
        )
        self.most_at_once = 0

    def run(self, ramp_s: float) -> list[dict[str, Any]]:
        corners = crossings()
        start = time.perf_counter()

        def call(number: int) -> str:
            time.sleep(max(0.0, start + number * ramp_s / CALLS - time.perf_counter()))
            steps = script(number, corners, pauses=self._pauses)
            body = {"from": f"+52{5_570_000_000 + self._first + number}", "script": steps, "async": True}
            sid: str = self._standin.post("/calls", json=body).raise_for_status().json()["sid"]
            return sid

        with ThreadPoolExecutor(64) as pool:
            sids = list(pool.map(call, range(CALLS)))
        found = wait_for(lambda: self._over(sids), 300, "the calls to end")
        self._standin.close()
        return found

    def _over(self, sids: Sequence[str]) -> list[dict[str, Any]] | None:
        listed = {call["sid"]: call for call in self._standin.get("/calls", params={"limit": 1000}).json()}
        calls = [listed[sid] for sid in sids]
        going = sum(not call["is_over"] for call in calls)
        self.most_at_once = max(self.most_at_once, going)
        time.sleep(0.5)
        return None if going else calls


def lines(name: str, calls: Sequence[dict[str, Any]], most: int, seconds: float, spent: dict[str, float]) -> list[str]:
    asked = [one for call in calls for one in call["requests"]]
    waits = sorted(one["ms"] for one in asked)
    ends = Counter(call["status"] for call in calls)
    errors = sum(call["error"] is not None for call in calls)
    folios = sum(_heard_a_folio(call) for call in calls)
    by_part = ", ".join(f"{part} {value:.0f} s" for part, value in spent.items() if value >= 0.5)
    return [
        f"{name}: {len(calls)} calls in {seconds:.0f} s, {most} at once, {len(asked) / seconds:.0f} documents a second",
        f"  what is said next, ms: p50 {_at(waits, 0.5)}, p95 {_at(waits, 0.95)}, p99 {_at(waits, 0.99)}, worst {waits[-1]}; "
        f"over {MOST_MS} ms {sum(wait > MOST_MS for wait in waits)} of {len(waits)}",
        f"  ended {dict(ends)}, with an error {errors}, heard a folio {folios}; processor: {by_part}",
    ]


def _heard_a_folio(call: dict[str, Any]) -> bool:
    return "Su folio es" in " ".join(call["heard"])


def _at(ordered: Sequence[int], share: float) -> int:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def processor_s(demo: RunningDemo) -> dict[str, float]:
    """Processor seconds of each part so far; of PostgreSQL all its processes."""
    spent = {}
    for part in PARTS:
        pid = demo.pid(part)
        assert pid is not None, part
        pids = [pid]
        if part == "postgres":
            tasks = Path(f"/proc/{pid}/task").iterdir()
            pids += [int(one) for task in tasks for one in (task / "children").read_text().split()]
        spent[part] = cpu_s(pids)
    return spent


@pytest.mark.benchmark
def test_calls_at_once(demo: RunningDemo) -> None:
    written: list[str] = []
    without: list[list[str]] = []
    for first, (name, pauses, ramp_s) in enumerate((("with pauses", True, RAMP_S), ("without a pause", False, 1.0))):
        before, began = processor_s(demo), time.perf_counter()
        callers = Callers(demo, first * 10_000, pauses=pauses)
        calls = callers.run(ramp_s)
        seconds = time.perf_counter() - began
        spent = {part: after - before.get(part, 0.0) for part, after in processor_s(demo).items()}
        written += lines(name, calls, callers.most_at_once, seconds, spent)
        assert len(calls) == CALLS
        assert all(call["is_over"] for call in calls)
        without += [call["heard"] for call in calls if not _heard_a_folio(call)]
    report("calls", written)
    assert without == []
