"""Rows of published request data, whatever their columns are called."""

import csv
import gzip
import io
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from georef.points import LonLat
from kernel.errors import InvalidInput, NotFound


@dataclass(frozen=True)
class Columns:
    """Which column means what: `kind` says what is wrong, `family` of what kind of thing; "" where a file has none."""

    name: str
    key: str
    lon: str
    lat: str
    kind: str
    family: str = ""
    district: str = ""
    colonia: str = ""
    address: str = ""


# One entry per published layout; a file is recognised by having all the columns that an entry names.
LAYOUTS = (
    Columns(
        "sacmex",
        "id_reporte",
        "longitud",
        "latitud",
        "reporte",
        "clasificacion",
        "alcaldia_catalogo",
        "colonia_catalogo",
    ),
    Columns("encharcamientos", "uid", "lon", "lat", "incidente", "causas", "delegacion", "colonia", "calle_y_nu"),
    Columns(
        "locatel", "id_folio", "longitud", "latitud", "tema_solicitud", "", "alcaldia_catalogo", "colonia_catalogo"
    ),
)


@dataclass(frozen=True)
class Row:
    """One recorded request. `key` names it for ever; `district` is the alcaldía on record, "" when there is none."""

    key: str
    point: LonLat
    kind: str
    family: str
    district: str
    colonia: str
    address: str


@dataclass(frozen=True)
class RowFile:
    """`unplaced` rows have no usable point and are left out."""

    layout: str
    rows: Sequence[Row]
    unplaced: int


def read_rows(path: Path, *, limit: int | None = None) -> RowFile:
    """The rows of a CSV file (also gzipped), at most `limit`. Raises NotFound, or InvalidInput for a layout nobody described."""
    if not path.is_file():
        raise NotFound("No existe el archivo {path}.", path=path)
    raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    reader = csv.DictReader(io.StringIO(raw.decode("utf-8-sig", errors="replace"), newline=""))
    columns = _layout(reader.fieldnames or ())
    rows: list[Row] = []
    unplaced = 0
    for raw_row in reader:
        if limit is not None and len(rows) + unplaced >= limit:
            break
        row = _read(columns, raw_row)
        if row is None:
            unplaced += 1
        else:
            rows.append(row)
    return RowFile(columns.name, rows, unplaced)


def _layout(fields: Sequence[str]) -> Columns:
    for columns in LAYOUTS:
        needed = {columns.key, columns.lon, columns.lat, columns.kind, columns.district} - {""}
        if needed <= set(fields):
            return columns
    raise InvalidInput(
        "No conozco estas columnas: {fields}. Describe el archivo en atiende/replay/rows.py.", fields=", ".join(fields)
    )


def _read(columns: Columns, raw: Mapping[str, str]) -> Row | None:
    def value(column: str) -> str:
        found = (raw.get(column) or "").strip() if column else ""
        return "" if found == "NA" else found

    try:
        point = LonLat(float(value(columns.lon)), float(value(columns.lat)))
    except (ValueError, InvalidInput):
        return None
    return Row(
        key=value(columns.key),
        point=point,
        kind=value(columns.kind),
        family=value(columns.family),
        district=value(columns.district),
        colonia=value(columns.colonia),
        address=value(columns.address),
    )


def plain(name: str) -> str:
    """A name as two offices would agree on it: no accents, no capitals, no doubled spaces."""
    bare = "".join(c for c in unicodedata.normalize("NFD", name) if unicodedata.category(c) != "Mn")
    return " ".join(bare.lower().split())
