"""`atiende import requests` as people run it: killed in the middle, run again, on real rows of two cities."""

import base64
import csv
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine, text
from sqlmodel import Session

from intake.history.writing import HALVES, half_of
from kernel import clock, db
from tests.conftest import make_database
from tests.factories import CITY, make_city
from tests.house import ROOT

pytestmark = pytest.mark.database
_KEY = base64.b64encode(b"k" * 32).decode()
MAP = f"""
source = "old"
jurisdiction = "{CITY}"
[fields]
source_id = "id"
description = "words"
[service]
code = "BACHE"
[status]
code = "new"
[dates]
requested = "opened"
[point]
lon = "lon"
lat = "lat"
"""
# Everything that two runs must agree on; folios may differ by the numbers that a killed run had reserved.
_CONTENT = text(
    "SELECT id, source_id, description, service_code, agency_code, areas, requested_at, expected_at, life"
    " FROM service_request ORDER BY id"
)


@pytest.fixture
def database() -> Iterator[tuple[Engine, dict[str, str]]]:
    url = make_database("test_import_requests")
    engine = db.make_engine(url)
    with Session(engine) as session, session.begin():
        make_city(session)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ATIENDE_")}
    secrets = {f"ATIENDE_SECRETS_{name}_KEY": _KEY for name in ("DATA", "LOOKUP", "SESSION")}
    yield engine, kept | secrets | {"DATABASE_URL": url, "LANG": "C", "ATIENDE_WEB_PUBLIC_BASE_URL": "http://127.0.0.1"}
    engine.dispose()


def _command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "atiende", "import", "requests", *map(str, arguments)]


def atiende(environ: dict[str, str], *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(_command(*arguments), cwd=ROOT, env=environ, capture_output=True, text=True, check=False)


def _write(folder: Path, count: int) -> tuple[Path, Path]:
    start = datetime(2024, 1, 1, tzinfo=ZoneInfo("America/Mexico_City"))
    (folder / "map.toml").write_text(MAP)
    with (folder / "rows.csv").open("w") as file:
        file.write("id,opened,words,lon,lat\n")
        for n in range(count):
            file.write(
                f"{n},{start + timedelta(minutes=9 * n)},Hoyo {n},{-99.19 + n % 80 / 1000},{19.31 + n % 180 / 1000}\n"
            )
    return folder / "rows.csv", folder / "map.toml"


def test_a_killed_run_is_run_again(database: tuple[Engine, dict[str, str]], tmp_path: Path) -> None:
    engine, environ = database
    rows, map_file = _write(tmp_path, 60_000)

    def count() -> int:
        with engine.connect() as connection:
            return int(connection.scalar(text("SELECT count(*) FROM service_request")) or 0)

    killed = subprocess.Popen(
        _command(rows, "--map", map_file, "--batch", "2000"),
        cwd=ROOT, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while count() < 6000:
        assert killed.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    with engine.connect() as connection:
        left = set(connection.scalars(text("SELECT source_id FROM service_request")))
    assert 0 < len(left) < 60_000
    for half in range(HALVES):
        numbers = [str(n) for n in range(60_000) if half_of(str(n)) == half]
        kept = [number for number in numbers if number in left]
        # Whole halves of batches, in the order of the file.
        assert kept == numbers[: len(kept)]
        assert len(kept) == len(numbers) or int(numbers[len(kept)]) // 2000 > int(kept[-1]) // 2000

    again = atiende(environ, rows, "--map", map_file)
    assert again.returncode == 0, again.stderr
    assert count() == 60_000
    with engine.connect() as connection:
        resumed = connection.execute(_CONTENT).all()
        connection.execute(text("TRUNCATE service_request CASCADE"))
        connection.commit()
    assert "No hay nada nuevo" not in again.stdout
    whole = atiende(environ, rows, "--map", map_file)
    assert "60000 nuevas" in whole.stdout
    with engine.connect() as connection:
        assert connection.execute(_CONTENT).all() == resumed
    assert "No hay nada nuevo: todo estaba ya." in atiende(environ, rows, "--map", map_file).stdout


def test_rejected_rows_are_listed_in_the_language_of_the_reader(
    database: tuple[Engine, dict[str, str]], tmp_path: Path
) -> None:
    _, environ = database
    rows, map_file = _write(tmp_path, 3)
    with rows.open("a") as file:
        file.write('9,2025-02-30,"Dos\nlíneas",0,0\n10,2025-02-03,x,norte,19.4\n')
    out = tmp_path / "rejects.csv"
    done = atiende(environ | {"LANG": "en_US.UTF-8"}, rows, "--map", map_file, "--rejects", out)
    assert done.returncode == 0, done.stderr
    assert "5 rows; 3 new, 0 changed, 0 already there, 2 rejected" in done.stdout
    assert list(csv.reader(out.read_text().splitlines())) == [
        ["line", "column", "value", "reason"],
        ["5", "opened", "2025-02-30", "It is no date, or not in the map's format."],
        ["7", "lon", "norte", "It is not a number."],
    ]
    assert out.stat().st_mode & 0o077 == 0


def test_a_run_that_cannot_begin_leaves_the_account_of_the_one_before(
    database: tuple[Engine, dict[str, str]], tmp_path: Path
) -> None:
    _, environ = database
    rows, map_file = _write(tmp_path, 1)
    out = tmp_path / "rejects.csv"
    out.write_text("lo de ayer")
    assert atiende(environ, tmp_path / "none.csv", "--map", map_file, "--rejects", out).returncode != 0
    assert out.read_text() == "lo de ayer"
    told = rows.read_bytes()
    refused = atiende(environ, rows, "--map", map_file, "--rejects", rows)
    assert refused.returncode != 0
    assert "archivo propio" in refused.stderr
    assert rows.read_bytes() == told
    assert {one.name for one in tmp_path.iterdir()} == {rows.name, map_file.name, out.name}


def test_a_file_of_which_nothing_can_be_used_fails(database: tuple[Engine, dict[str, str]], tmp_path: Path) -> None:
    _, environ = database
    rows, map_file = _write(tmp_path, 0)
    with rows.open("a") as file:
        file.write("1,ayer,x,,\n")
    failed = atiende(environ, rows, "--map", map_file)
    assert failed.returncode == 1
    assert "Ninguna fila" in failed.stderr
    map_file.write_text(MAP.replace("[fields]", '[fields]\nphone = "tel"'))
    refused = atiende(environ, rows, "--map", map_file)
    assert refused.returncode == 1
    assert "contact data is not imported" in refused.stderr


@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("file", "example", "rows", "least"),
    [
        ("nyc_311_requests.csv.gz", "nyc-311", 18_091, 0.999),
        ("boston_311_2011.csv.gz", "boston-311", 40_738, 1.0),
        ("georeport_fixtures/koeln_requests.json", "georeport", 50, 0.98),
    ],
)
def test_real_registers(
    database: tuple[Engine, dict[str, str]], shared_data: Path, file: str, example: str, rows: int, least: float
) -> None:
    from intake.catalog.models import Jurisdiction

    engine, environ = database
    with Session(engine) as session, session.begin():
        session.add(Jurisdiction(id="real.example", name="Real", timezone="UTC", catalog_changed_at=clock.now()))
    arguments = (shared_data / file, "--map", ROOT / f"docs/examples/{example}.toml", "--jurisdiction", "real.example")
    done = atiende(environ, *arguments)
    assert done.returncode == 0, done.stderr
    with engine.connect() as connection:
        made = connection.execute(
            text(
                "SELECT count(*), count(DISTINCT folio), count(DISTINCT service_code), count(*) FILTER (WHERE lon IS NOT NULL)"
                " FROM service_request WHERE jurisdiction_id = 'real.example'"
            )
        ).one()
    assert made[0] == made[1]
    assert rows * least <= made[0] <= rows
    assert made[2] >= 8
    assert made[3] > made[0] * 0.7
    again = atiende(environ, *arguments).stdout
    assert " 0 nuevas, 0 cambiadas" in again
    assert "No hay nada nuevo" in again
