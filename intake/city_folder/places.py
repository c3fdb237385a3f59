"""Reads `places.csv`: streets, crossings and landmarks. Districts and colonias are found by the names in their layers."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from georef.gazetteer import Place
from georef.points import LonLat
from intake.city_folder.tables import Notes
from kernel.errors import InvalidInput

FILE = "places.csv"
COLUMNS = ("kind", "name", "lon", "lat", "precision_m", "aliases", "context")
KINDS = ("street", "crossing", "landmark")


def read_places(notes: Notes, path: Path) -> Sequence[Place]:
    """Every row of `places.csv`; a folder may do without. Aliases are separated by `|`."""
    if not (path / FILE).is_file():
        notes.note(FILE, "", "Sin calles ni lugares: por texto solo se encuentran alcaldías y colonias.")
        return []
    found = []
    with (path / FILE).open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file)
        missing = [column for column in COLUMNS if column not in (rows.fieldnames or ())]
        if missing:
            notes.error(FILE, "1", "Faltan las columnas {columns}.", columns=", ".join(missing))
            return []
        for row in rows:
            place = _place(notes, str(rows.line_num), row)
            if place is not None:
                found.append(place)
    return found


def _place(notes: Notes, line: str, row: Mapping[str, str]) -> Place | None:
    if row["kind"] not in KINDS or not row["name"]:
        notes.error(FILE, line, "La fila necesita un nombre y un tipo: {kinds}.", kinds=", ".join(KINDS))
        return None
    try:
        point, precision_m = LonLat(float(row["lon"]), float(row["lat"])), float(row["precision_m"])
    except (ValueError, InvalidInput) as error:
        notes.error(FILE, line, "La fila no tiene un punto que se pueda leer: {reason}", reason=str(error))
        return None
    aliases = tuple(alias for alias in (row["aliases"] or "").split("|") if alias)
    return Place(row["kind"], row["name"], point, precision_m, aliases, row["context"] or "")
