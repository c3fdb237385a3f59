"""Rows of another register as cases to learn rules from: service, agency, day, place and chosen columns. Nothing is stored."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

from georef.boundaries import PointColumns, Snapshot
from intake.history.mapping import HistoryMap
from intake.history.rows import code_of
from intake.history.sources import Broken, Source, check_columns, open_source
from intake.history.times import Clock
from kernel.errors import InvalidInput
from routing.bulk import locate_many
from routing.learning import PastCase
from routing.places import Layer

# A column that nearly every row has for itself alone (an address, a sentence) tells nothing.
_MOST_VALUES = 500


@dataclass(frozen=True, slots=True)
class PastCases:
    """`numbers` are the rows' numbers in the register, one for each case; `left_out` rows have no agency, service or day."""

    cases: list[PastCase]
    numbers: list[str]
    left_out: int


@dataclass(frozen=True, slots=True)
class _Row:
    number: str
    service_code: str
    agency_code: str
    at: datetime
    lon: float
    lat: float
    answers: dict[str, str]


def read_cases(path: Path, mapped: HistoryMap, layers: Mapping[str, Layer], answers: Sequence[str]) -> PastCases:
    """The rows that say who answered, in file order.

    `answers`: columns whose values may decide. A case lies in the areas of its local day. Raises NotFound and InvalidInput as
    `open_source` does, and InvalidInput when no row is left.
    """
    if mapped.agency.column is None or mapped.service.column is None:
        raise InvalidInput("El mapa no dice en qué columnas están el servicio y la dependencia.")
    zone = ZoneInfo(mapped.dates.zone or "UTC")
    rows: list[_Row] = []
    left_out = 0
    with open_source(path, mapped) as source:
        check_columns(path, mapped, source.columns, dict.fromkeys(answers, "--answer"))
        for row in _rows(source, mapped, answers, Clock(mapped.dates.formats, zone, mapped.dates.ambiguous)):
            if row is None:
                left_out += 1
            else:
                rows.append(row)
    if not rows:
        raise InvalidInput("Ninguna fila de {path} dice qué dependencia la atendió.", path=path.name)
    _drop_names(rows)
    cases = [
        PastCase(row.service_code, row.agency_code, row.at.astimezone(zone).date(), held, row.answers)
        for row, held in zip(rows, _areas(rows, layers, zone), strict=True)
    ]
    return PastCases(cases, [row.number for row in rows], left_out)


def _rows(source: Source, mapped: HistoryMap, answers: Sequence[str], clock: Clock) -> Iterator[_Row | None]:
    place = {name: position for position, name in enumerate(source.columns)}
    number_at, asked_at = place[mapped.fields.source_id], place[mapped.dates.requested]
    service_at, agency_at = place[mapped.service.column or ""], place[mapped.agency.column or ""]
    degrees = _Degrees(mapped, place)
    for _, cells in source.lines():
        if isinstance(cells, Broken):
            yield None
            continue
        service, agency = cells[service_at].strip(), cells[agency_at].strip()
        try:
            at = clock.read(cells[asked_at].strip())
        except ValueError:
            yield None
            continue
        if not service or not agency:
            yield None
            continue
        named = mapped.service.codes.get(service, service)
        yield _Row(
            cells[number_at].strip(),
            named if named in mapped.service.codes.values() else code_of(named),
            mapped.agency.codes.get(agency, agency),
            at,
            *degrees(cells),
            {name: value for name in answers if (value := cells[place[name]].strip())},
        )


class _Degrees:
    """Reads a row's point as degrees; what is no place on Earth is not a number."""

    def __init__(self, mapped: HistoryMap, place: Mapping[str, int]) -> None:
        self._at = (place[mapped.point.lon], place[mapped.point.lat]) if mapped.point else None
        self._turn = None
        if mapped.point and mapped.point.crs != "EPSG:4326":
            from pyproj import Transformer  # a third of a second, only for files that are not in degrees

            self._turn = Transformer.from_crs(mapped.point.crs, "EPSG:4326", always_xy=True).transform

    def __call__(self, cells: Sequence[str]) -> tuple[float, float]:
        if self._at is None:
            return float("nan"), float("nan")
        try:
            lon, lat = float(cells[self._at[0]]), float(cells[self._at[1]])
        except ValueError:
            return float("nan"), float("nan")
        if self._turn is not None:
            lon, lat = self._turn(lon, lat)
        return lon, lat


def _drop_names(rows: Sequence[_Row]) -> None:
    kinds: dict[str, set[str]] = {}
    for row in rows:
        for name, value in row.answers.items():
            kinds.setdefault(name, set()).add(value)
    for name in [name for name, values in kinds.items() if len(values) > _MOST_VALUES]:
        for row in rows:
            row.answers.pop(name, None)


def _areas(rows: Sequence[_Row], layers: Mapping[str, Layer], zone: ZoneInfo) -> list[dict[str, str]]:
    """Per row the smallest area of each layer on the row's local day; a point that is not a number lies in none."""
    found: list[dict[str, str]] = [{} for _ in rows]
    together: dict[tuple[int, ...], tuple[dict[str, Snapshot], list[int]]] = {}
    for position, row in enumerate(rows):
        day = row.at.astimezone(zone).date()
        snapshots = {key: layer.index.in_force(day) for key, layer in layers.items()}
        epoch = tuple(id(snapshot) for snapshot in snapshots.values())
        together.setdefault(epoch, (snapshots, []))[1].append(position)
    for snapshots, positions in together.values():
        points = PointColumns(
            np.array([rows[n].lon for n in positions], dtype=np.float64),
            np.array([rows[n].lat for n in positions], dtype=np.float64),
        )
        for position, held in zip(positions, locate_many(snapshots, points), strict=True):
            found[position] = {key: codes[0] for key, codes in held.codes.items() if codes}
    return found
