"""How many rows a second `atiende import requests` brings in, from the file to the committed row, every index in place."""

import base64
import csv
import os
import re
import resource
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import Engine, text
from sqlmodel import Session

from intake.catalog.models import Jurisdiction
from intake.city_folder.load import import_folder
from kernel import db
from tests.benchmarks.open311_floor import CITY
from tests.benchmarks.report import report
from tests.conftest import SHARED_DATA, make_database
from tests.house import ROOT

ROWS = int(os.environ.get("ATIENDE_BENCH_IMPORT_ROWS", "200000"))
BUDGET = 30_000
_NOW = datetime(2026, 11, 1, tzinfo=UTC)
_CODES = ("BACHE", "FUGA", "LUMINARIA", "BASURA", "SEMAFORO", "RUIDO", "PODA")
_MAP = f"""
source = "bench"
jurisdiction = "{CITY}"
[fields]
source_id = "id"
description = "words"
address = "address"
zipcode = "zip"
status_notes = "notes"
[service]
column = "service"
[status]
column = "status"
codes = {{ Open = "new", Closed = "closed" }}
[dates]
requested = "opened"
closed = "closed"
[point]
lon = "lon"
lat = "lat"
"""


def _write(path: Path) -> None:
    rng = np.random.default_rng(311)
    at = datetime(2019, 1, 1, tzinfo=UTC).replace(tzinfo=None)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(
            ["id", "opened", "closed", "status", "service", "words", "address", "zip", "lon", "lat", "notes"]
        )
        for n in range(ROWS):
            at += timedelta(seconds=int(rng.integers(1, 300)))
            is_closed = n % 16 > 0
            writer.writerow(
                [
                    f"R{n:09}",
                    at,
                    at + timedelta(hours=int(rng.integers(1, 300))) if is_closed else "",
                    "Closed" if is_closed else "Open",
                    _CODES[n % len(_CODES)],
                    f"Hay un hoyo enorme frente al número {n}, ya van tres llantas ponchadas esta semana y nadie viene",
                    f"Avenida Sabinos {n % 900}, Centro",
                    f"{20000 + n % 999}",
                    f"{-101.42 + (n * 7919 % 1000) / 10000 - 0.05:.6f}",
                    f"{21.88 + (n * 104729 % 1000) / 10000 - 0.05:.6f}",
                    "La cuadrilla reparó el bache." if is_closed else "",
                ]
            )


@pytest.mark.benchmark
@pytest.mark.timeout(1800)
def test_rows_a_second(tmp_path: Path) -> None:
    url = make_database("bench_import")
    engine = db.make_engine(url)
    db.configure(engine)
    with db.transaction() as session:
        import_folder(session, ROOT / "cities/jacaranda", now=datetime.now(UTC))
    db.configure(None)
    _write(tmp_path / "rows.csv")
    (tmp_path / "map.toml").write_text(_MAP)
    key = base64.b64encode(b"k" * 32).decode()
    environ = os.environ | {f"ATIENDE_SECRETS_{name}_KEY": key for name in ("DATA", "LOOKUP", "SESSION")}
    environ |= {"DATABASE_URL": url, "ATIENDE_WEB_PUBLIC_BASE_URL": "http://127.0.0.1", "LANG": "en"}
    # Where Python may not keep what it has compiled, each start compiles anew: two seconds that no installation has.
    environ = {name: value for name, value in environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environ["PYTHONPYCACHEPREFIX"] = str(tmp_path / "compiled")
    command = [sys.executable, "-m", "atiende", "import", "requests", "rows.csv", "--map", "map.toml"]
    subprocess.run([*command, "--dry-run", "--limit", "1"], cwd=tmp_path, env=environ, capture_output=True, check=True)
    lines = [
        f"{ROWS:,} rows of CSV: judged, placed, routed, masked, given a folio, committed; budget {BUDGET:,} a second"
    ]
    runs: tuple[tuple[str, list[str]], ...] = (
        ("every text masked", []),
        ("again: nothing new", []),
        ("masking left for later", ["--no-publish"]),
    )
    for words, options in runs:
        if options:
            with engine.begin() as connection:
                connection.execute(text("TRUNCATE service_request CASCADE"))
        served = _server_seconds(engine)
        before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        done = subprocess.run(
            [*command, *options], cwd=tmp_path, env=environ, capture_output=True, text=True, check=True
        )
        elapsed, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
        own = (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / ROWS * 1e6
        rate = _rate(done.stdout)
        database = (_server_seconds(engine) - served) / ROWS * 1e6
        verdict = "met" if rate >= BUDGET else f"missed: {rate / BUDGET:.2f} of the budget"
        lines += [
            f"  {words:<24}{rate:>8,} rows/s (command {elapsed:.1f} s), {verdict}",
            f"  {'':<24}processor time a row: {own:.0f} us its own, {database:.0f} us the database's",
        ]
    # The largest of the runs; kilobytes on Linux.
    lines.append(f"  most memory of the command{resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024:>6,} MB")
    lines += _real_texts(engine, tmp_path, environ)
    engine.dispose()
    report("import", lines)


def _real_texts(engine: Engine, folder: Path, environ: dict[str, str]) -> list[str]:
    """A file as a city publishes it, whose texts come again as often as they do there; its city has no boundaries here."""
    file = SHARED_DATA / "boston_311_2011.csv.gz"
    if not file.exists():
        return ["  real texts: not measured, the rows of Boston are not here"]
    with Session(engine) as session, session.begin():
        session.add(Jurisdiction(id="boston.gov", name="Boston", timezone="America/New_York", catalog_changed_at=_NOW))
    command = [
        sys.executable,
        "-m",
        "atiende",
        "import",
        "requests",
        str(file),
        "--map",
        str(ROOT / "docs/examples/boston-311.toml"),
    ]
    done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=True)
    rate = _rate(done.stdout)
    return [f"  Boston's 40,738 of 2011  {rate:>7,} rows/s, every text masked, not placed"]


def _server_seconds(engine: Engine) -> float:
    """Processor time of the whole database server so far, its writers and those that have gone included."""
    with engine.connect() as connection:
        own = connection.scalar(text("SELECT pg_backend_pid()"))
    postmaster = int(_stat(Path(f"/proc/{own}/stat"))[1])
    ticks = sum(int(value) for value in _stat(Path(f"/proc/{postmaster}/stat"))[11:15])
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = _stat(path)
        except OSError:  # it ended meanwhile, and is counted with its parent
            continue
        if int(fields[1]) == postmaster:
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def _stat(path: Path) -> list[str]:
    return path.read_text().rpartition(")")[2].split()


def _rate(printed: str) -> int:
    said = re.search(r"([\d,]+) per second", printed)
    return int(said[1].replace(",", "")) if said else 0
