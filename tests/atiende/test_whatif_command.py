"""`atiende whatif` as people run it, on the invented history of Ciudad Jacaranda."""

import base64
import csv
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import shapely
from shapely.geometry import mapping, shape
from sqlalchemy import Engine, text
from typer.testing import CliRunner

from atiende.cli import app
from kernel import db
from kernel.errors import AtiendeError
from tests.conftest import make_database
from tests.house import ROOT

pytestmark = [pytest.mark.database, pytest.mark.xdist_group("whatif_command")]
ROWS = 3_000
_KEY = base64.b64encode(b"k" * 32).decode()
DISTRICTS = ROOT / "cities/jacaranda/layers/district.geojson"


def atiende(url: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    ours = {name: value for name, value in os.environ.items() if not name.startswith("ATIENDE_")}
    added = {
        "DATABASE_URL": url,
        "LANG": "C",
        "ATIENDE_WEB_PUBLIC_BASE_URL": "https://311.prueba.example",
        "ATIENDE_SMS_ACCOUNT_SID": "AC1",
        "ATIENDE_SMS_AUTH_TOKEN": "t",
        "ATIENDE_SMS_NUMBER": "+525500000311",
        **{f"ATIENDE_SECRETS_{name}_KEY": _KEY for name in ("DATA", "LOOKUP", "SESSION")},
    }
    command = [sys.executable, "-m", "atiende", *(str(argument) for argument in arguments)]
    return subprocess.run(command, cwd=ROOT, env=ours | added, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def city_url() -> str:
    url = make_database("whatif")
    for arguments in (
        ("city", "import", "cities/jacaranda"),
        ("bench", "seed", "--rows", ROWS, "--until", "2026-11-26"),
    ):
        done = atiende(url, *arguments)
        assert done.returncode == 0, done.stderr
    return url


@pytest.fixture
def connected(city_url: str) -> Iterator[None]:
    """This process works on the city, as a command does once it has connected."""
    engine = db.make_engine(city_url, pool_size=1)
    db.configure(engine)
    yield
    db.configure(None)
    engine.dispose()


@pytest.fixture(scope="module")
def moved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A strip of Lago Viejo goes to Los Sabinos, and a corner of Tepozán to nobody."""
    found = json.loads(DISTRICTS.read_text())
    areas = {feature["properties"]["code"]: feature for feature in found["features"]}
    sabinos, lago, tepozan = (shape(areas[code]["geometry"]) for code in ("LS", "LV", "TE"))
    strip = lago.intersection(sabinos.buffer(0.008))
    centre = tepozan.representative_point().buffer(0.004)
    for code, made in (
        ("LS", sabinos.union(strip)),
        ("LV", lago.difference(strip)),
        ("TE", tepozan.difference(centre)),
    ):
        areas[code]["geometry"] = mapping(shapely.set_precision(made, 1e-9))
    file = tmp_path_factory.mktemp("draft") / "district.geojson"
    file.write_text(json.dumps(found))
    return file


def _rows(file: Path) -> list[dict[str, str]]:
    with file.open(newline="", encoding="utf-8") as opened:
        return list(csv.DictReader(opened))


def _features(file: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(file.read_text())["features"]
    return found


def _everything_live(url: str) -> list[Any]:
    engine: Engine = db.make_engine(url)
    with engine.connect() as connection:
        found = [
            connection.execute(text(statement)).all()
            for statement in (
                "SELECT version, digest FROM rule_set ORDER BY version",
                "SELECT key, version, digest FROM boundary_layer ORDER BY key",
                "SELECT count(*), md5(string_agg(agency_code || areas::text, '' ORDER BY id)) FROM service_request",
                "SELECT count(*) FROM outbox_event",
            )
        ]
    engine.dispose()
    return found


def test_a_moved_border_from_file_to_report(city_url: str, moved: Path, tmp_path: Path) -> None:
    before, out = _everything_live(city_url), tmp_path / "out"
    done = atiende(city_url, "whatif", "--layer", moved, "--from", "2023-01-01", "--to", "2026-11-26", "--out", out)
    assert done.returncode == 0, done.stderr
    assert re.search(r"3,000 solicitudes: cambian \d+, de ellas \d+ abiertas", done.stdout), done.stdout
    assert "Alcaldía Lago Viejo → Alcaldía Los Sabinos" in done.stdout
    assert "100%" in done.stderr
    assert _everything_live(city_url) == before, "a what-if changes nothing"

    changes, matrix, workload = (_rows(out / name) for name in ("changes.csv", "matrix.csv", "workload.csv"))
    assert sum(int(row["requests"]) for row in matrix) == ROWS
    assert sum(int(row["requests"]) for row in matrix if row["changes_hands"] == "yes") == len(changes) > 0
    assert sum(int(row["before"]) for row in workload) == sum(int(row["after"]) for row in workload) == ROWS
    assert all(row["agency_before"] != row["agency_after"] for row in changes)
    assert {row["agency_after"] for row in changes if row["agency_before"] == "ALC-LV"} == {"ALC-LS"}

    points = _features(out / "changes.geojson")
    assert len(points) == sum(1 for row in changes if row["lon"])
    pieces = _features(out / "differences.geojson")
    assert {(piece["properties"]["agency_before"], piece["properties"]["agency_after"]) for piece in pieces} >= {
        ("ALC-LV", "ALC-LS")
    }
    assert sum(piece["properties"]["requests"] for piece in pieces) >= len(points)
    (hole,) = _features(out / "holes.geojson")
    assert shape(hole["geometry"]).area > 0
    assert _features(out / "overlaps.geojson") == []

    page = (out / "report.html").read_text(encoding="utf-8")
    assert page.count("<svg") >= 5
    assert "Lo que gana y pierde cada dependencia" in page
    assert f"<h1>Otros límites: Alcaldía ({moved.name})</h1>" in page
    assert re.search(r"Solicitudes en los huecos: \d+\. Perderían su dependencia: \d+", page)
    assert "<script" not in page
    assert not re.search(r"""(?:src|href)=["'](?!data:,|#)|url\((?!#)|@import|https?://""", page), (
        "opens without a network"
    )
    assert sorted(path.name for path in out.iterdir() if path.name.startswith(".")) == []
    assert (out / "changes.csv").stat().st_mode & 0o077 == 0


def test_the_same_boundaries_change_nothing_and_english_is_english(city_url: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = atiende(
        city_url, "whatif", "--layer", f"district={DISTRICTS}", "--from", "2023-01-01", "--out", out, "--lang", "en"
    )
    assert done.returncode == 0, done.stderr
    assert "3,000 requests: 0 change hands" in done.stdout
    assert _rows(out / "changes.csv") == []
    assert _features(out / "differences.geojson") == []
    assert "What each agency gains and loses" in (out / "report.html").read_text(encoding="utf-8")


def test_other_rules(city_url: str, tmp_path: Path) -> None:
    rules = (ROOT / "cities/jacaranda/rules.toml").read_text()
    mine = tmp_path / "rules.toml"
    water = '[[rule]]\ncode = "AGUA-NUEVA"\npriority = 1\ngroup = "agua"\nagency = "OBRAS"\n'
    mine.write_text(f'{rules}\n{water}[rule.reason]\nes = "Prueba"\nen = "Trial"\n')
    same = atiende(
        city_url, "whatif", "--rules", "cities/jacaranda/rules.toml", "--from", "2023-01-01", "--out", tmp_path / "same"
    )
    assert "cambian 0" in same.stdout, same.stderr
    done = atiende(city_url, "whatif", "--rules", mine, "--from", "2023-01-01", "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    changes = _rows(tmp_path / "out" / "changes.csv")
    assert changes
    assert {(row["agency_after"], row["rule_after"]) for row in changes} == {("OBRAS", "AGUA-NUEVA")}
    assert "<svg" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")


_SQUARE = {"type": "Polygon", "coordinates": [[[0, 0], [500000, 0], [500000, 500000], [0, 500000], [0, 0]]]}


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ([], "Di qué se prueba"),
        (["--layer", "district=missing.geojson"], "No existe el archivo missing.geojson"),
        (["--layer", f"barrio={DISTRICTS}"], r"No existe la capa «barrio»\. Están: .*district"),
        (["--layer", "{tmp}/zonas.geojson"], "Di qué capa es"),
        (["--layer", "district={tmp}/zonas.geojson"], "no dice qué campo es la clave de cada zona"),
        (["--layer", "district={tmp}/metres.geojson"], "no dice su sistema de coordenadas y no está en grados"),
        (["--layer", "district={tmp}/far.geojson"], "no toca la ciudad"),
        (["--layer", "district={tmp}/broken.geojson"], r"broken\.geojson no es un mapa"),
        (["--layer", f"district={DISTRICTS}", "--layer", f"{DISTRICTS}"], "viene dos veces"),
        (["--layer", f"{DISTRICTS}", "--code", "CLAVE"], "no tiene el campo «CLAVE»"),
        (["--layer", f"{DISTRICTS}", "--from", "1999-01-01", "--to", "1999-12-31"], "no tiene solicitudes"),
        (["--layer", f"{DISTRICTS}", "--from", "2026-02-01", "--to", "2026-01-01"], "termina antes de empezar"),
        (["--layer", f"{DISTRICTS}", "--from", "ayer"], "no es una fecha"),
        (["--layer", f"{DISTRICTS}", "--jurisdiction", "nowhere"], "nowhere"),
        (["--rules", "{tmp}/nobody.toml"], "dependencia que no existe: NADIE"),
        (["--rules", "{tmp}/nolayer.toml"], "nombra una capa que no existe: barrio"),
        (["--rules", "{tmp}/broken.toml"], r"broken\.toml no se puede usar:\nLínea 1: No es TOML válido en la línea 1, letra 7"),
        (["--rules", "{tmp}/utf16.toml"], r"utf16\.toml no es texto en UTF-8"),
        (["--rules", "{tmp}/empty.toml"], r"empty\.toml no tiene ninguna regla"),
        (["--rules", "{tmp}"], "No existe el archivo"),
        (["--layer", "{tmp}/draft.geojson"], "Di qué capa es"),
        (["--layer", f"{DISTRICTS}", "--lang", "fr"], "No hablamos «fr»"),
        (["--rules", "missing.toml"], "No existe el archivo missing.toml"),
    ],
)  # fmt: skip
def test_what_cannot_be_tried_says_why(
    connected: None, tmp_path: Path, arguments: list[str], problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    feature = {"type": "Feature", "properties": {"zona": 1}, "geometry": _SQUARE}
    for name in ("zonas.geojson", "metres.geojson"):
        values = {"code": "1", "name": "x"} if name == "metres.geojson" else {"zona": "?"}
        small = {**_SQUARE, "coordinates": [[[lon / 5e5, lat / 5e5] for lon, lat in _SQUARE["coordinates"][0]]]}  # type: ignore[index]  # rings
        geometry = _SQUARE if name == "metres.geojson" else small
        found = {"type": "FeatureCollection", "features": [feature | {"properties": values, "geometry": geometry}]}
        (tmp_path / name).write_text(json.dumps(found))
    far = {"type": "Polygon", "coordinates": [[[2.3, 48.8], [2.4, 48.8], [2.4, 48.9], [2.3, 48.8]]]}
    elsewhere = feature | {"properties": {"code": "1", "name": "Paris"}, "geometry": far}
    (tmp_path / "far.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": [elsewhere]}))
    (tmp_path / "broken.geojson").write_text('{"type": "FeatureCollection", "features": [')
    rule = '[[rule]]\ncode = "R"\npriority = 1\nagency = "{}"\n{}[rule.reason]\nes = "x"\nen = "x"\n'
    (tmp_path / "nobody.toml").write_text(rule.format("NADIE", ""))
    (tmp_path / "nolayer.toml").write_text(rule.format("AGUAS", 'layer = "barrio"\nareas = ["1"]\n'))
    (tmp_path / "broken.toml").write_text("[[rule]\n")
    (tmp_path / "utf16.toml").write_text("[[rule]]", encoding="utf-16")
    (tmp_path / "empty.toml").write_text("")
    given = [argument.replace("{tmp}", str(tmp_path)) for argument in arguments]
    monkeypatch.setattr("atiende.commands.place.connect", lambda: None)
    with pytest.raises(AtiendeError, match=problem) as refused:
        CliRunner().invoke(app, ["whatif", *given, "--out", str(tmp_path / "out")], catch_exceptions=False)
    assert not (tmp_path / "out").exists() or not list((tmp_path / "out").iterdir())
    assert refused.value.public_text("en") != refused.value.public_text("es")


def test_results_need_a_folder(city_url: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    for arguments, problem in ((["--out", tmp_path / "file"], "no es una carpeta"), ([], "a qué carpeta")):
        done = atiende(city_url, "whatif", "--layer", DISTRICTS, *arguments)
        assert done.returncode == 1
        assert problem in done.stderr
    assert (tmp_path / "file").read_text() == "mine"
