"""`atiende rules learn` as people run it: a history in, a rules.toml out that the city folder reads, and plain errors."""

import csv
import json
import tomllib
from pathlib import Path

import pytest
from shapely.geometry import box, mapping
from typer.testing import CliRunner

from atiende.cli import app
from kernel.errors import AtiendeError

MAP = """
source = "old"
[fields]
source_id = "id"
[service]
column = "type"
codes = { Pothole = "BACHE" }
[status]
code = "closed"
[agency]
column = "office"
codes = { Roads = "OBRAS" }
[dates]
requested = "opened"
zone = "America/Mexico_City"
[point]
lon = "lon"
lat = "lat"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "map.toml").write_text(MAP)
    features = [
        {"type": "Feature", "properties": {"zone": code}, "geometry": mapping(box(west, 19, west + 1, 20))}
        for code, west in (("W", -100), ("E", -99))
    ]
    (tmp_path / "zones.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    with (tmp_path / "past.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "type", "office", "opened", "lon", "lat", "lamp"])
        for number in range(60):
            east = number % 3 == 0
            writer.writerow(
                [number, "Pothole", "Parks" if east else "Roads", "2026-01-05", -98.5 if east else -99.5, 19.5, "a"]
            )
            writer.writerow(
                [f"l{number}", "Light", "Power" if east else "Lamps", "2026-01-05", "", "", "pole" if east else "lamp"]
            )
        writer.writerow(["no-office", "Pothole", "", "2026-01-05", "", "", ""])
        writer.writerow(["no-day", "Pothole", "Roads", "someday", "", "", ""])
    return tmp_path


def learn(folder: Path, *more: str) -> str:
    where = [
        "rules",
        "learn",
        str(folder / "past.csv"),
        "--map",
        str(folder / "map.toml"),
        "--out",
        str(folder / "rules.toml"),
    ]
    result = CliRunner().invoke(app, [*where, *more], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_history_becomes_rules_with_their_exceptions(folder: Path) -> None:
    output = learn(folder, "--layer", f"zone={folder}/zones.geojson:zone", "--answer", "lamp", "--hold-back", "0.3")
    assert "120 casos" in output
    assert "2 filas sin dependencia" in output
    assert "acierta 100.00%" in output
    rules = tomllib.loads((folder / "rules.toml").read_text())["rule"]
    by_code = {rule["code"]: rule for rule in rules}
    assert (by_code["BACHE-Parks"]["layer"], by_code["BACHE-Parks"]["areas"]) == ("zone", ["E"])
    assert by_code["BACHE"]["agency"] == "OBRAS"
    assert by_code["LIGHT-Power"]["answers"] == {"lamp": ["pole"]}


def test_nothing_held_back_is_said_by_silence(folder: Path) -> None:
    assert "apartados" not in learn(folder, "--hold-back", "0")


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        (["--layer", "zones.geojson"], "clave=archivo:campo"),
        (["--layer", "zone=missing.geojson:zone"], "missing.geojson"),
        (["--answer", "colour"], "colour"),
    ],
)
def test_what_cannot_be_used_is_said_plainly(folder: Path, more: list[str], problem: str) -> None:
    with pytest.raises(AtiendeError) as raised:
        learn(folder, *more)
    assert problem in raised.value.public_text()
    assert not (folder / "rules.toml").exists()
