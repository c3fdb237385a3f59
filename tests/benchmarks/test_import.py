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
from sqlalchemy import text

from intake.city_folder.load import import_folder
from kernel import db
from tests.benchmarks.open311_floor import CITY
from tests.benchmarks.report import report
from tests.conftest import make_database
from tests.house import ROOT

ROWS = int(os.environ.get("ATIENDE_BENCH_IMPORT_ROWS", "200000"))
BUDGET = 30_000
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
    command = [sys.executable, "-m", "atiende", "import", "requests", "rows.csv", "--map", "map.toml"]
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
        before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        done = subprocess.run(
            [*command, *options], cwd=tmp_path, env=environ, capture_output=True, text=True, check=True
        )
        elapsed, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
        own = (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / ROWS * 1e6
        said = re.search(r"([\d,]+) per second", done.stdout)
        rate = int(said[1].replace(",", "")) if said else 0
        verdict = "met" if rate >= BUDGET else f"missed: {rate / BUDGET:.2f} of the budget"
        lines.append(
            f"  {words:<24}{rate:>8,} rows/s (command {elapsed:.1f} s, its own processor time {own:.0f} us a row), {verdict}"
        )
    engine.dispose()
    report("import", lines)
