"""Where the rows of a batch lie, and whose they are by the city's own rules."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson

from intake.catalog.definitions import ServiceDefinition
from intake.history.mapping import Position
from intake.history.rows import Past, Rejected
from routing import deciding
from routing.bulk import BulkRow
from routing.calendars import Promise
from routing.decide import OUTLINE
from routing.queries import City

# Degrees around the city's outline in which a point still counts as meant: about fifty kilometres.
_AROUND = 0.5
_Box = tuple[float, float, float, float]


@dataclass
class Placer:
    """Turns columns into points, and points into areas, agency and date. `rules`: the city's, None for a city without."""

    position: Position | None
    rules: City | None
    services: Mapping[str, ServiceDefinition]
    swapped: int = 0

    def __post_init__(self) -> None:
        self._promises: dict[str, tuple[str, Promise]] = {}
        self._box = _box(self.rules)
        self._project = _projection(self.position)

    def place(self, rows: Sequence[Past]) -> tuple[list[Past], list[tuple[int, Rejected]]]:
        """(rows with WGS84 points, what was wrong with the others by line). Latitude given first is put right."""
        if self.position is None:
            return list(rows), []
        with_point = [row for row in rows if row.lon is not None]
        if with_point and self._project is not None:
            lons, lats = self._project([row.lon for row in with_point], [row.lat for row in with_point])
            for row, lon, lat in zip(with_point, lons, lats, strict=True):
                row.lon, row.lat = lon, lat
        good: list[Past] = []
        bad: list[tuple[int, Rejected]] = []
        for row in rows:
            problem = self._checked(row)
            if problem is None:
                good.append(row)
            else:
                bad.append((row.line, problem))
        return good, bad

    def _checked(self, row: Past) -> Rejected | None:
        lon, lat = row.lon, row.lat
        if lon is None or lat is None:
            return None
        box = self._box
        if box is not None:
            west, south, east, north = box
            if not (west <= lon <= east and south <= lat <= north) and west <= lat <= east and south <= lon <= north:
                row.lon, row.lat = lat, lon
                self.swapped += 1
                return None
        if -180 <= lon <= 180 and -90 <= lat <= 90:
            return None
        assert self.position is not None
        return Rejected(self.position.lon, f"{lon} {lat}", "No es un lugar de la Tierra.")

    def route(self, rows: Sequence[Past]) -> None:
        """Fills areas, and agency and date where the file gave none. A closed request gets no date of today's making."""
        if self.rules is None:
            return
        placed = [row for row in rows if row.lon is not None]
        questions = [self._question(row) for row in placed]
        texts: dict[int, str] = {}
        for row, answer in zip(
            placed, deciding.decide_many(self.rules.rules, self.rules.layers, questions), strict=True
        ):
            areas = texts.get(id(answer.areas))
            if areas is None:
                areas = texts[id(answer.areas)] = _as_json(answer.areas)
            row.areas = areas
            row.agency_code = row.agency_code or answer.agency_code
            if row.closed_at is None:
                row.expected_at = row.expected_at or answer.due_at
        # In a city without boundaries only city-wide rules apply, and the point does not matter.
        nowhere = [row for row in rows if row.lon is None and row.agency_code is None]
        questions = [self._question(row) for row in nowhere]
        for row, answer in zip(nowhere, deciding.decide_many(self.rules.rules, {}, questions), strict=True):
            row.agency_code = answer.agency_code
            if row.closed_at is None:
                row.expected_at = row.expected_at or answer.due_at

    def _question(self, row: Past) -> BulkRow:
        group, promise = self._terms(row.service_code)
        asked = promise if row.closed_at is None and row.expected_at is None else None
        return BulkRow(row.lon or 0.0, row.lat or 0.0, row.service_code, group, asked, row.requested_at)

    def _terms(self, code: str) -> tuple[str, Promise]:
        known = self._promises.get(code)
        if known is None:
            definition = self.services[code]
            known = self._promises[code] = (definition.group_code, Promise.parse(definition.promise))
        return known


def _as_json(areas: Mapping[str, Sequence[Any]]) -> str:
    return orjson.dumps(
        {key: [{"code": area.code, "name": area.name} for area in held] for key, held in areas.items()}
    ).decode()


def _box(rules: City | None) -> _Box | None:
    """The city's outline with what lies around it. None without an outline, or when swapping could not be told apart."""
    layer = rules.layers.get(OUTLINE) if rules else None
    if layer is None or not layer.index.areas:
        return None
    bounds = np.array([area.geometry.bounds for area in layer.index.areas])
    west, south = (float(edge) - _AROUND for edge in bounds[:, :2].min(axis=0))
    east, north = (float(edge) + _AROUND for edge in bounds[:, 2:].max(axis=0))
    return west, south, east, north


def _projection(position: Position | None) -> Callable[[Any, Any], tuple[Any, Any]] | None:
    if position is None or position.crs.upper() in ("EPSG:4326", "OGC:CRS84", "WGS84"):
        return None
    from pyproj import Transformer

    convert = Transformer.from_crs(position.crs, "EPSG:4326", always_xy=True)
    return lambda xs, ys: tuple(np.asarray(axis).tolist() for axis in convert.transform(np.array(xs), np.array(ys)))
