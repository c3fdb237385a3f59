"""Replaying published rows: recognising them, and (with the real files) every one of them in the alcaldía on record."""

import base64
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import uvicorn
from sqlmodel import select

from atiende import bootstrap
from atiende.app import create_app
from atiende.replay.posts import Posted
from atiende.replay.results import compare
from atiende.replay.rows import LAYOUTS, Row, plain, read_rows
from atiende.replay.texts import choose, words_of
from georef.points import LonLat
from georef.readers import read_areas
from intake.catalog.models import ApiKey
from intake.city_folder.load import import_folder
from intake.service_requests.models import ServiceRequest
from kernel import crypto, db
from kernel.errors import InvalidInput, NotFound
from kernel.settings import load_settings
from routing.actions import import_layer
from tests.conftest import make_database

CDMX = Path(__file__).resolve().parents[2] / "cities" / "cdmx"
NOW = datetime(2026, 11, 19, 19, 0, tzinfo=UTC)
ROW = Row("R-1", LonLat(-99.13, 19.43), "Fuga", "Agua Potable", district="Cuauhtemoc", colonia="Centro", address="")
HEADER = "id_reporte,reporte,clasificacion,alcaldia_catalogo,colonia_catalogo,longitud,latitud\n"


def test_rows_without_a_point_are_counted(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text(HEADER + "1,Fuga,Agua Potable,Tlahuac,Centro,-99.0,19.3\n2,Fuga,Agua Potable,NA,,NA,NA\n")
    found = read_rows(file)
    assert found.layout == "sacmex"
    assert [(row.key, row.point, row.district) for row in found.rows] == [("1", LonLat(-99.0, 19.3), "Tlahuac")]
    assert found.unplaced == 1


def test_unknown_columns_are_told(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text("a,b\n1,2\n")
    with pytest.raises(InvalidInput, match="No conozco estas columnas: a, b"):
        read_rows(file)
    with pytest.raises(NotFound):
        read_rows(tmp_path / "none.csv")


def test_layouts_are_told_apart() -> None:
    assert len({(layout.key, layout.lon, layout.kind) for layout in LAYOUTS}) == len(LAYOUTS)


def test_names_agree_without_accents() -> None:
    assert plain("Álvaro  OBREGÓN") == plain("Alvaro Obregon")
    assert plain("Tláhuac") != plain("Tlalpan")


def test_the_resident_of_a_row_chooses_their_own_alcaldia() -> None:
    several = "¿Cuál de estos lugares es? 1 MIGUEL HIDALGO, Tláhuac, 2 MIGUEL HIDALGO (U HAB), Azcapotzalco, 3 otra."
    assert choose(several, "Azcapotzalco") == "2"
    assert choose(several, "Tlalpan") == "3"
    assert choose("¿Es PRESIDENTES, Álvaro Obregón? Responde 1 sí, 2 otra.", "Alvaro Obregon") == "1"
    assert choose("¿Es PRESIDENTES, Álvaro Obregón? Responde 1 sí, 2 otra.", "Tlalpan") == "2"
    assert choose("¿En qué parte de Tlalpan? Escribe con qué calle cruza.", "Tlalpan") == ""
    assert words_of(ROW) == "fuga en la colonia Centro, Cuauhtemoc"


def test_what_is_lost_or_doubled_is_counted() -> None:
    def stored(district: str, **values: object) -> ServiceRequest:
        return ServiceRequest(areas={"district": [{"code": "015", "name": district}]}, **values)

    rows = [replace(ROW, key=str(n)) for n in range(6)]
    posted = [Posted(row, "aviso", "" if row.key != "5" else "500") for row in rows]
    after = {
        "replay-sacmex-0": [stored("Cuauhtémoc")],
        "replay-sacmex-1": [stored("Tlalpan")],
        "replay-sacmex-2": [stored("Cuauhtémoc"), stored("Cuauhtémoc")],
        "replay-sacmex-3": [stored("", outcome_code="outside_jurisdiction")],
    }
    found = compare("sacmex", posted, {"replay-sacmex-0": 1}, after)
    assert (found.rows, found.accepted, found.refused, found.already_there) == (6, 5, 1, 1)
    assert (found.in_city, found.landed, found.outside, found.outside_told) == (3, 2, 1, 1)
    assert (found.missing, found.doubled) == (1, 1)
    assert list(found.elsewhere) == [("1", "Cuauhtemoc", "Tlalpan")]


@pytest.fixture
def installation(shared_data: Path) -> Iterator[dict[str, str]]:
    """A web server on a port of its own, with Mexico City's real boundaries; the environment that names it."""
    environ = {
        f"ATIENDE_SECRETS_{name}": base64.b64encode(name.ljust(32).encode()).decode()
        for name in ("DATA_KEY", "LOOKUP_KEY", "SESSION_KEY")
    }
    environ |= {
        "DATABASE_URL": make_database("test_replay"),
        "REDIS_URL": "none",
        "ATIENDE_WEB_PUBLIC_BASE_URL": "http://127.0.0.1:1",
    }
    settings = load_settings(environ)
    engine = bootstrap.configure(settings)
    with db.transaction() as session:
        import_folder(session, CDMX, now=NOW)
        for key, file, code, name in (
            ("jurisdiction", "cdmx_outline.geojson", "CVE_ENT", "name"),
            ("district", "cdmx_alcaldias.geojson", "CVE_MUN", "NOMGEO"),
        ):
            areas = read_areas(shared_data / file, code_field=code, name_field=name)
            import_layer(
                session,
                jurisdiction_id="cdmx.gob.mx",
                key=key,
                name=key,
                areas=areas,
                valid_from=date(2019, 12, 31),
                now=NOW,
            )
    server = uvicorn.Server(uvicorn.Config(create_app(settings), port=0, log_config=None))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield environ | {"ATIENDE_WEB_PUBLIC_BASE_URL": f"http://127.0.0.1:{port}"}
    server.should_exit = True
    thread.join()
    engine.dispose()
    db.configure(None)
    crypto.configure(None)


@pytest.mark.shared_data
@pytest.mark.journey
def test_what_cannot_be_texted_is_said_before_anything_is_done(installation: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text(HEADER + "1,Fuga,Agua Potable,Cuauhtemoc,Centro,-99.13,19.43\n")
    clean = {name: value for name, value in os.environ.items() if not name.startswith("ATIENDE_")}
    command = [sys.executable, "-m", "atiende", "replay", str(file), "--jurisdiction", "cdmx.gob.mx", "--as-sms", "1"]
    done = subprocess.run(command, env=clean | installation, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "SMS" in done.stderr
    with db.transaction() as session:
        assert session.exec(select(ServiceRequest)).all() == []
        assert session.exec(select(ApiKey).where(ApiKey.label == "replay")).all() == []


@pytest.mark.shared_data
@pytest.mark.journey
def test_real_reports_land_in_the_alcaldia_on_record(installation: dict[str, str], shared_data: Path) -> None:
    file = shared_data / "cdmx_sacmex_reportes_agua_2022.csv"
    clean = {name: value for name, value in os.environ.items() if not name.startswith("ATIENDE_")}

    def replay(limit: int) -> dict[str, float]:
        command = [sys.executable, "-m", "atiende", "replay", str(file), "--jurisdiction", "cdmx.gob.mx"]
        done = subprocess.run(
            [*command, "--limit", str(limit)], env=clean | installation, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        account: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
        return account

    first = replay(300)
    assert first["rows"] == first["accepted"] == 300
    assert first["landed_share"] >= 0.99
    assert first["in_city"] + first["outside"] >= 299
    assert first["outside"] == first["outside_told"]
    assert first["missing"] == first["doubled"] == first["already_there"] == 0
    again = replay(100)
    assert again["already_there"] == again["accepted"] == 100
    assert again["missing"] == again["doubled"] == 0
