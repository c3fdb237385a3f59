"""Boundary files of every kind that cities publish, written here and read back."""

import gzip
import json
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from shapely.geometry import box, mapping

from georef.readers import read_areas, read_features
from kernel.errors import InvalidInput, NotFound

SQUARE = box(-99.2, 19.3, -99.1, 19.4)


def geojson(path: Path, geometry: Any = SQUARE, properties: dict[str, Any] | None = None, **members: Any) -> Path:
    feature = {
        "type": "Feature",
        "properties": properties or {"clave": "01", "nombre": "Peña"},
        "geometry": mapping(geometry),
    }
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [feature], **members}), encoding="utf-8")
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


@pytest.fixture
def site(folder: Path) -> Iterator[str]:
    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_geojson_plain_gzipped_and_from_a_site(folder: Path, site: str) -> None:
    plain = geojson(folder / "a.geojson")
    packed = folder / "b.geojson.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    for source in (plain, str(packed), f"{site}/a.geojson", f"{site}/b.geojson.gz"):
        ((code, name, geometry),) = read_areas(source, code_field="clave", name_field="nombre")
        assert (code, name) == ("01", "Peña")
        assert geometry.equals(SQUARE)


def test_a_geopackage_in_another_crs_is_converted(folder: Path) -> None:
    import geopandas

    frame = geopandas.GeoDataFrame({"clave": [7], "nombre": ["Sur"]}, geometry=[SQUARE], crs=4326).to_crs(32614)
    frame.to_file(folder / "a.gpkg")
    ((code, name, geometry),) = read_areas(folder / "a.gpkg", code_field="clave", name_field="nombre")
    assert (code, name) == ("7", "Sur")
    assert geometry.symmetric_difference(SQUARE).area < 1e-9


def test_whole_numbers_read_as_floats_keep_their_code(folder: Path) -> None:
    path = folder / "a.geojson"
    features = [
        {"type": "Feature", "properties": {"clave": code, "nombre": None}, "geometry": mapping(SQUARE)}
        for code in (1001, None)
    ]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    areas = read_areas(path, code_field="clave", name_field="nombre")
    assert [(code, name) for code, name, _ in areas] == [("1001", ""), ("", "")]


def test_a_missing_field_names_the_fields_there_are(folder: Path) -> None:
    with pytest.raises(InvalidInput, match=r"«codigo».*clave, nombre"):
        read_areas(geojson(folder / "a.geojson"), code_field="codigo", name_field="nombre")


@pytest.mark.parametrize(
    ("geometry", "says"),
    [
        (box(19.3, -99.2, 19.4, -99.1), "primero la latitud"),
        (box(480_000, 2_140_000, 490_000, 2_150_000), "no está en grados"),
    ],
)
def test_coordinates_that_are_no_degrees_or_swapped_are_refused(folder: Path, geometry: Any, says: str) -> None:
    with pytest.raises(InvalidInput, match=says):
        list(read_features(geojson(folder / "a.geojson", geometry)))


def test_files_nobody_can_read_are_refused(folder: Path, site: str) -> None:
    (folder / "a.geojson").write_text("<html>not found</html>")
    (folder / "b.geojson.gz").write_bytes(b"not gzip")
    (folder / "c.geojson").write_text('{"type": "FeatureCollection", "features": []}')
    for name in ("a.geojson", "b.geojson.gz", "c.geojson"):
        with pytest.raises(InvalidInput):
            list(read_features(folder / name))
    for source in (folder / "none.geojson", f"{site}/none.geojson", "http://127.0.0.1:9/a.geojson"):
        with pytest.raises(NotFound):
            list(read_features(source))
