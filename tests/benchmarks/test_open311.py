"""What a GeoReport call costs beside a raw floor in the same run, at several sizes of the same skewed history.

ATIENDE_BENCH_ROWS says which sizes, `10000,200000,5000000` by default. Printed, never asserted.
"""

import base64
import os
import statistics
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import orjson
import pytest
from sqlalchemy import Engine, text

from atiende.bench.seed import seed
from intake.catalog import keys
from intake.city_folder.load import import_folder
from kernel import crypto, db
from kernel.crypto import Vault
from tests.benchmarks.open311_floor import CITY
from tests.benchmarks.report import report
from tests.benchmarks.servers import CONNECTIONS, ROUNDS, SECONDS, Call, Cost, Server, measure, running
from tests.conftest import make_database
from tests.factories import API_KEY
from tests.house import ROOT

SIZES = [int(size) for size in os.environ.get("ATIENDE_BENCH_ROWS", "10000,200000,5000000").split(",")]
# Of the budgets: processor ms of the web process and of the database at 200,000 rows, and the least share of the floor's rate.
BUDGETS: dict[str, tuple[float, float, float | None]] = {
    "POST": (3.0, 1.0, 0.4),
    "GET one": (0.7, 0.2, 0.5),
    "list of 100, JSON": (1.2, 0.4, 0.5),
    "list of 100, XML": (2.5, 0.4, None),
    "filtered list": (1.2, 0.6, 0.5),
}
BUDGET_ROWS = 200_000
GROWTH = 1.2
_SAMPLE = 997
_KEY = b"k" * 32


@dataclass(frozen=True)
class Phase:
    """One kind of call. `floor`: the floor answers it too. `fills`: how many rows answer it depends on how many there are."""

    name: str
    call: Call
    floor: bool = True
    fills: bool = False

    def of_size(self, size: int) -> Call:
        """The same question, answered by that many rows at most."""
        return Call(lambda turn: self.call.path(turn).replace("page_size=100", f"page_size={size}"), self.call.body)


@contextmanager
def filled(rows: int) -> Iterator[tuple[str, Engine]]:
    """A database with one fictional city and so many past requests, gone afterwards: five millions take ten gigabytes."""
    url = make_database(f"bench_open311_{rows}")
    engine = db.make_engine(url)
    db.configure(engine)
    crypto.configure(Vault(_KEY, _KEY))
    now = datetime.now(UTC).replace(microsecond=0)
    with db.transaction() as session:
        import_folder(session, ROOT / "cities/jacaranda", now=now)
    with db.transaction() as session:
        keys.create(session, CITY, "bench", now=now, key=API_KEY)
    seed(CITY, rows, number=311, until=now, is_sure=False, progress=lambda share, done: None)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE service_request"))
        connection.execute(text("CHECKPOINT"))
    yield url, engine
    db.configure(None)
    crypto.configure(None)
    engine.dispose()
    other = db.make_engine(os.environ["ATIENDE_TEST_DATABASE_URL"])
    with other.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f'DROP DATABASE "{engine.url.database}" WITH (FORCE)'))
    other.dispose()


@contextmanager
def both_servers(url: str) -> Iterator[list[Server]]:
    key = base64.b64encode(_KEY).decode()
    settings = {
        "DATABASE_URL": url,
        "REDIS_URL": "none",
        # Counted like anybody else, and never refused.
        "ATIENDE_LIMITS_READS_PER_MINUTE": "1000000",
        "ATIENDE_LIMITS_WRITES_PER_MINUTE": "1000000",
        "ATIENDE_WEB_PUBLIC_BASE_URL": "http://127.0.0.1",
    } | {f"ATIENDE_SECRETS_{name}_KEY": key for name in ("DATA", "LOOKUP", "SESSION")}
    atiende = [sys.executable, "-m", "atiende", "serve", "--port"]
    floor = [sys.executable, "-m", "tests.benchmarks.open311_floor"]
    with running(
        ("floor", floor, {"DATABASE_URL": url}, "/requests.json?page_size=1"),
        ("atiende", atiende, settings, "/open311/v2/services.json"),
    ) as servers:
        yield servers


def phases(engine: Engine, atiende: Server) -> list[Phase]:
    """What to ask, about rows that are there. The calls of a phase differ, as those of many clients do."""
    with engine.connect() as connection:
        sample = connection.execute(
            text("SELECT folio, lon, lat FROM service_request WHERE is_public ORDER BY md5(folio) LIMIT :sample"),
            {"sample": _SAMPLE},
        ).all()
        frequent = (
            connection.execute(
                text("SELECT service_code FROM service_request GROUP BY 1 ORDER BY count(*) DESC LIMIT 8")
            )
            .scalars()
            .all()
        )
        recent = connection.scalar(
            text("SELECT count(*) FROM service_request WHERE requested_at > now() - interval '90 days' AND is_public")
        )
    has_boxes = atiende.ask("/open311/v2/requests.json?bbox=wrong")[0] == 400
    now = datetime.now(UTC)

    def at(turn: int) -> tuple[str, float, float]:
        folio, lon, lat = sample[turn * 31 % len(sample)]
        return folio, lon, lat

    def filtered(turn: int) -> str:
        _, lon, lat = at(turn)
        start = now - timedelta(days=30 + turn % 45)
        asked = {
            "page_size": 100,
            "service_code": frequent[turn % len(frequent)],
            "status": ("open", "closed")[turn % 2],
            "start_date": f"{start:%Y-%m-%dT00:00:00Z}",
            "end_date": f"{start + timedelta(days=30):%Y-%m-%dT00:00:00Z}",
        }
        box = f"{lon - 0.03:.4f},{lat - 0.03:.4f},{lon + 0.03:.4f},{lat + 0.03:.4f}"
        return "/requests.json?" + urlencode(asked | ({"bbox": box} if has_boxes else {}), safe=",:")

    def near(turn: int) -> str:
        _, lon, lat = at(turn)
        return f"/requests.json?page_size=100&lat={lat}&long={lon}&radius=500"

    def within(turn: int) -> str:
        _, lon, lat = at(turn)
        return f"/requests.json?page_size=100&bbox={lon - 0.01:.4f},{lat - 0.01:.4f},{lon + 0.01:.4f},{lat + 0.01:.4f}"

    def form(turn: int) -> str:
        _, lon, lat = at(turn)
        words = f"Hay un hoyo enorme frente al número {turn}, ya van tres llantas"
        return urlencode({"api_key": API_KEY, "service_code": "BACHE", "lat": lat, "long": lon, "description": words})

    deep = "/requests.json?page=500&page_size=20"
    words = ("agua", "banqueta", "semáforo", "árbol", "escuela", "basura")
    found = [
        Phase("GET one", Call(lambda turn: f"/requests/{at(turn)[0]}.json")),
        Phase("list of 100, JSON", Call(lambda turn: "/requests.json?page_size=100")),
        Phase("list of 100, XML", Call(lambda turn: "/requests.xml?page_size=100"), floor=False),
        Phase("filtered list" if has_boxes else "filtered, without a box", Call(filtered), fills=True),
    ]
    if recent >= 10_000:
        found.append(Phase("page 500 of 20", Call(lambda turn: deep), floor=False))
    if has_boxes:
        found += [
            Phase("box of 2 km", Call(within), floor=False, fills=True),
            Phase("radius of 500 m", Call(near), floor=False, fills=True),
            Phase(
                "words (q)",
                Call(lambda turn: f"/requests.json?page_size=100&q={urlencode({'q': words[turn % 6]})[2:]}"),
                floor=False,
                fills=True,
            ),
        ]
    # Last: it makes rows.
    return [*found, Phase("POST", Call(lambda turn: "/requests.json", form))]


@dataclass
class Measured:
    """Of one size of the history, by phase: what a call cost, the floor, how many rows answered it.

    `alike`: what it cost with a page of as many rows as answered it at the smallest size.
    """

    costs: dict[str, Cost] = field(default_factory=dict)
    floors: dict[str, Cost] = field(default_factory=dict)
    rows: dict[str, float] = field(default_factory=dict)
    alike: dict[str, Cost] = field(default_factory=dict)


@pytest.mark.benchmark
@pytest.mark.timeout(7200)
def test_what_a_call_costs() -> None:
    lines: list[str] = [f"{CONNECTIONS} connections, one web process, median of {ROUNDS} rounds of {SECONDS:.0f} s"]
    ours: dict[int, Measured] = {}
    for rows in SIZES:
        smallest = ours[SIZES[0]] if ours else None
        with filled(rows) as (url, engine), both_servers(url) as (floor, atiende):
            ours[rows] = _measured(url, phases(engine, atiende), floor, atiende, smallest)
        lines += ["", *_table(rows, ours[rows])]
    if len(SIZES) > 1:
        lines += ["", *_growth(ours)]
    report("open311", lines)


def _measured(url: str, asked: list[Phase], floor: Server, atiende: Server, smallest: Measured | None) -> Measured:
    found = Measured()
    for phase in asked:
        if phase.floor:
            found.floors[phase.name] = measure(floor, url, phase.call)
        found.costs[phase.name] = measure(atiende, url, _ours(phase.call))
        if phase.fills:
            found.rows[phase.name] = _rows_of(atiende, _ours(phase.call))
            size = max(1, round((smallest or found).rows[phase.name]))
            found.alike[phase.name] = measure(atiende, url, _ours(phase.of_size(size)))
    return found


def _ours(call: Call) -> Call:
    return Call(lambda turn: "/open311/v2" + call.path(turn), call.body)


def _rows_of(server: Server, call: Call) -> float:
    """How many rows an answer has, of the calls of one worker."""
    answers = [server.ask(call.path(turn * 1_000_003))[1] for turn in range(200)]
    return statistics.mean(len(orjson.loads(answer)) for answer in answers)


def _table(rows: int, found: Measured) -> Iterator[str]:
    yield (
        f"{f'{rows:,} rows':<26}{'rps':>7}{'p50 ms':>9}{'p99 ms':>9}{'cpu web':>9}{'cpu db':>8}{'rows':>7}"
        f"{'floor cpu':>13}{'of floor':>10}" + ("  budget" if rows == BUDGET_ROWS else "")
    )
    for name, cost in found.costs.items():
        floor = found.floors.get(name)
        count = f"{found.rows[name]:>7.0f}" if name in found.rows else " " * 7
        beside = (
            f"{f'{floor.web_ms:.2f}+{floor.database_ms:.2f}':>13}{cost.rps / floor.rps:>10.2f}" if floor else " " * 23
        )
        verdict = "  " + _verdict(name, cost, floor) if rows == BUDGET_ROWS else ""
        yield (
            f"{name:<26}{cost.rps:>7.0f}{cost.p50_ms:>9.1f}{cost.p99_ms:>9.1f}{cost.web_ms:>9.2f}{cost.database_ms:>8.2f}"
            f"{count}{beside}{verdict}"
        ).rstrip()


def _verdict(name: str, cost: Cost, floor: Cost | None) -> str:
    """Met, or by how much it was missed: processor time over the budget, and the share of the floor's rate under it."""
    budget = BUDGETS.get(name)
    if budget is None:
        return ""
    web, database, share = budget
    missed = []
    if cost.web_ms > web:
        missed.append(f"web {cost.web_ms / web:.1f} x {web}")
    if cost.database_ms > database:
        missed.append(f"db {cost.database_ms / database:.1f} x {database}")
    if share is not None and floor is not None and cost.rps / floor.rps < share:
        missed.append(f"{cost.rps / floor.rps:.2f} of the floor, not {share}")
    return "missed: " + ", ".join(missed) if missed else "met"


def _growth(ours: dict[int, Measured]) -> Iterator[str]:
    """Processor time of both together, as a multiple of the smallest size's; where rows fill a page only later, of a page that
    they fill at each size.
    """
    sizes = sorted(ours)
    yield f"{'growth, web + db ms':<30}" + "".join(f"{f'{size:,}':>18}" for size in sizes) + f"  budget {GROWTH} x"
    smallest = ours[sizes[0]]
    for name in smallest.costs:
        size = round(smallest.rows[name]) if name in smallest.rows else 100
        if name in smallest.alike:
            yield _grown(f"{name}, {max(1, size)} rows", [ours[size].alike.get(name) for size in sizes])
        yield _grown(
            f"{name}, up to 100" if name in smallest.alike else name,
            [ours[size].costs.get(name) for size in sizes],
            is_judged=name not in smallest.alike,
        )


def _grown(name: str, costs: list[Cost | None], *, is_judged: bool = True) -> str:
    first = costs[0]
    assert first
    cells, last = "", 1.0
    for cost in costs:
        last = cost.total_ms / first.total_ms if cost else last
        cells += f"{f'{cost.total_ms:.2f} ({last:.2f} x)' if cost else '':>18}"
    return f"{name:<30}{cells}  {('met' if last <= GROWTH else 'missed') if is_judged else 'a larger answer'}"
