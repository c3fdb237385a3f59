"""Reads boundary files: GeoJSON, GeoPackage and what else GDAL knows, also gzipped, from a path or an http(s) address."""

import gzip
import shutil
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from shapely.geometry.base import BaseGeometry

from kernel.errors import InvalidInput, NotFound

_DOWNLOAD_TIMEOUT_S = 60.0
_LARGEST_DOWNLOAD = 512 * 1024 * 1024

Feature = tuple[dict[str, Any], BaseGeometry]


def read_features(path_or_url: str | Path) -> Iterator[Feature]:
    """(fields, geometry in EPSG:4326 lon-lat) of every feature, in file order.

    Another CRS is converted; a file that names none must hold degrees. Raises NotFound for a missing file or address and
    InvalidInput for a file nobody can read, coordinates that are not degrees, or latitude given first.
    """
    with tempfile.TemporaryDirectory(prefix="atiende-layer-") as folder:
        yield from _read(_fetch(str(path_or_url), Path(folder)))


def read_areas(path_or_url: str | Path, *, code_field: str, name_field: str) -> list[tuple[str, str, BaseGeometry]]:
    """(code, name, geometry) of every feature. Raises InvalidInput naming the fields there are when one is not there."""
    areas: list[tuple[str, str, BaseGeometry]] = []
    for fields, geometry in read_features(path_or_url):
        for wanted in (code_field, name_field):
            if wanted not in fields:
                raise InvalidInput(
                    "El archivo no tiene el campo «{wanted}». Tiene: {fields}.",
                    wanted=wanted,
                    fields=", ".join(fields),
                )
        areas.append((_text(fields[code_field]), _text(fields[name_field]), geometry))
    return areas


def _text(value: Any) -> str:
    # A code column of whole numbers is read as floats as soon as one row is empty.
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else "" if value != value else str(value)
    return "" if value is None else str(value)


def _fetch(source: str, folder: Path) -> Path:
    path = _download(source, folder) if source.startswith(("http://", "https://")) else Path(source)
    if not path.is_file():
        raise NotFound("No existe el archivo {path}.", path=source)
    if path.suffix != ".gz":
        return path
    plain = folder / path.stem
    try:
        with gzip.open(path) as packed, plain.open("wb") as unpacked:
            shutil.copyfileobj(packed, unpacked)
    except (OSError, EOFError, zlib.error) as error:
        raise InvalidInput("{path} no es un archivo .gz, o está cortado.", path=path.name) from error
    return plain


def _download(url: str, folder: Path) -> Path:
    import httpx

    try:
        path = folder / (Path(urlsplit(url).path).name or "layer.geojson")
        with httpx.stream("GET", url, follow_redirects=True, timeout=_DOWNLOAD_TIMEOUT_S) as response:
            if response.status_code != 200:
                raise NotFound("{url} respondió {status}.", url=url, status=response.status_code)
            size = 0
            with path.open("wb") as file:
                for chunk in response.iter_bytes():
                    size += len(chunk)
                    if size > _LARGEST_DOWNLOAD:
                        raise InvalidInput("{url} es demasiado grande.", url=url)
                    file.write(chunk)
    except httpx.TimeoutException as error:
        raise NotFound("{url} no respondió a tiempo.", url=url) from error
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise NotFound("No se pudo descargar {url}: revisa la dirección y la red.", url=url) from error
    return path


def _read(path: Path) -> Iterator[Feature]:
    # Half a second of imports that only imports of layers need.
    import pyogrio
    import shapely

    if not path.stat().st_size:
        raise InvalidInput("{path} está vacío.", path=path.name)
    try:
        table = pyogrio.read_dataframe(path)
    except UnicodeDecodeError as error:
        raise InvalidInput("{path} no es texto en UTF-8.", path=path.name) from error
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, ValueError) as error:
        # What GDAL says of it is English, and speaks of drivers: it stays in the log's traceback.
        raise InvalidInput(
            "{path} no es un mapa que se pueda leer (GeoJSON, GeoPackage o Shapefile), o está cortado.", path=path.name
        ) from error
    if "geometry" not in table.columns or table.geometry.isna().all():
        raise InvalidInput("{path} no tiene geometrías.", path=path.name)
    if table.crs is not None and table.crs.to_epsg() != 4326:
        table = table.to_crs(4326)
    geometries = table.geometry.to_numpy()
    west, south, east, north = shapely.total_bounds(geometries)
    if not (abs(west) <= 180 and abs(east) <= 180 and abs(south) <= 180 and abs(north) <= 180):
        raise InvalidInput(
            "{path} no dice su sistema de coordenadas y no está en grados: {west}, {south}.",
            path=path.name,
            west=round(float(west), 6),
            south=round(float(south), 6),
        )
    if south < -90 or north > 90:
        raise InvalidInput("{path} trae primero la latitud: debe ir la longitud.", path=path.name)
    fields = table.drop(columns="geometry")
    columns = list(fields.columns)
    for values, geometry in zip(fields.itertuples(index=False, name=None), geometries, strict=True):
        yield dict(zip(columns, values, strict=True)), geometry
