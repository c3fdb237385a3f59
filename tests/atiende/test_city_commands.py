"""`atiende city` and `atiende layer` as people run them: against a database that a running installation would use too."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from atiende.commands.city import check
from kernel.errors import InvalidInput
from tests.conftest import make_database

ROOT = Path(__file__).resolve().parents[2]
CITY = "encinos.gob.example"

pytestmark = pytest.mark.database


def atiende(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    ours = {name: value for name, value in os.environ.items() if not name.startswith("ATIENDE_")}
    return subprocess.run(
        [sys.executable, "-m", "atiende", *arguments],
        cwd=ROOT,
        env=ours | {"LANG": "C"} | environ,
        capture_output=True,
        text=True,
        check=False,
    )


def test_check_prints_problems_and_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "city.toml").write_text('id = "x"\n')
    with pytest.raises(InvalidInput, match="errores"):
        check(tmp_path)
    assert "ERROR  city.toml name" in capsys.readouterr().out


def test_a_city_and_then_a_layer_of_its_own(tmp_path: Path) -> None:
    url = make_database("test_city_commands")
    imported = atiende("city", "import", "cities/encinos", DATABASE_URL=url)
    assert imported.returncode == 0, imported.stderr
    assert "3 dependencias, 6 servicios" in imported.stdout

    bow_tie = [[-101.55, 21.87], [-101.54, 21.88], [-101.54, 21.87], [-101.55, 21.88], [-101.55, 21.87]]
    plain = [[-101.53, 21.87], [-101.52, 21.87], [-101.52, 21.88], [-101.53, 21.88], [-101.53, 21.87]]
    features = [
        {
            "type": "Feature",
            "properties": {"KEY": key, "LABEL": f"Zona {key}"},
            "geometry": {"type": "Polygon", "coordinates": [ring]},
        }
        for key, ring in (("1", bow_tie), ("2", plain), ("", plain))
    ]
    file = tmp_path / "zones.geojson"
    file.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    options = ["--jurisdiction", CITY, "--layer", "zone", "--name", "LABEL", "--valid-from", "2026-01-01"]

    done = atiende("layer", "import", str(file), "--code", "KEY", *options, DATABASE_URL=url)
    assert done.returncode == 0, done.stderr
    assert "2 nuevas, 0 cambiadas, 0 cerradas, 0 iguales" in done.stdout
    assert "geometrías reparadas: 1 (1)" in done.stdout
    assert "sin clave, omitidas: 1" in done.stdout

    elsewhere = {
        **features[1],
        "geometry": {"type": "Polygon", "coordinates": [[[lon + 50, lat] for lon, lat in plain]]},
    }
    (tmp_path / "far.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": [elsewhere]}))
    for name, changed, problem in (
        ("far.geojson", [], "no toca la ciudad"),
        ("zones.geojson", ["--layer", "mis zonas"], "no puede ser la clave"),
        ("zones.geojson", ["--valid-from", "2226-01-01"], "El último día posible"),
        ("zones.geojson", ["--valid-from", "0026-01-01"], "no es una fecha"),
    ):
        refused = atiende(
            "layer", "import", str(tmp_path / name), "--code", "KEY", *options, *changed, DATABASE_URL=url
        )
        assert (refused.returncode, refused.stdout, refused.stderr.count("\n")) == (1, "", 2)
        assert problem in refused.stderr
