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


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.geojson", b"<html>not found</html>", "no es un mapa que se pueda leer"),
        ("a.geojson", b'{"type": "FeatureCol', "no es un mapa que se pueda leer"),
        ("a.geojson", b"", "está vacío"),
        ("a.geojson", b'{"type": "FeatureCollection", "features": []}', "no tiene geometrías"),
        (
            "a.geojson",
            b'{"type": "FeatureCollection", "features": [{"type": "Feature", "properties": {}, "geometry": null}]}',
            "no tiene geometrías",
        ),
        ("b.geojson.gz", b"not gzip", "no es un archivo .gz"),
        ("b.geojson.gz", gzip.compress(b"x" * 10_000, mtime=0)[:20], "no es un archivo .gz"),
        ("b.geojson.gz", gzip.compress(b"x", mtime=0)[:10] + b"\xff" * 20, "no es un archivo .gz"),
    ],
)
def test_files_nobody_can_read_are_refused_in_the_readers_language(
    folder: Path, name: str, content: bytes, says: str
) -> None:
    (folder / name).write_bytes(content)
    with pytest.raises(InvalidInput, match=says) as refused:
        list(read_features(folder / name))
    assert name in str(refused.value)
    assert refused.value.public_text("en") != refused.value.public_text("es")


def test_text_that_is_not_utf_8_is_refused(folder: Path) -> None:
    path = geojson(folder / "a.geojson")
    text = path.read_text(encoding="utf-8").encode().decode("unicode_escape")
    path.write_bytes(text.replace("Peña", "Peña").encode("latin-1"))
    assert b"\xf1" in path.read_bytes()
    with pytest.raises(InvalidInput, match="no es texto en UTF-8"):
        list(read_features(path))


def test_addresses_nobody_answers_at_are_not_found(folder: Path, site: str) -> None:
    for source in (folder / "none.geojson", f"{site}/none.geojson", "http://127.0.0.1:9/a.geojson", "http://[::1/a"):
        with pytest.raises(NotFound) as refused:
            list(read_features(source))
        assert "Errno" not in str(refused.value)
