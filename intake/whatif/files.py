"""What a comparison writes: CSV for sums, GeoJSON for maps, one HTML page for people. Large ones grow as requests are read."""

import csv
import os
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, TextIO
from zoneinfo import ZoneInfo

import orjson
import shapely

from intake.whatif.history import Period
from intake.whatif.report import render_report
from kernel.errors import InvalidInput
from routing.whatif.boundaries import Hole, Overlap, Piece
from routing.whatif.compare import Change, Comparison
from routing.whatif.outcome import Geometry, measure, outcome
from routing.whatif.tally import Tally

NAMES = (
    "changes.csv",
    "changes.geojson",
    "matrix.csv",
    "workload.csv",
    "differences.geojson",
    "holes.geojson",
    "overlaps.geojson",
    "report.html",
)
_HEAD = (
    "folio", "service_code", "requested_at", "life", "lon", "lat", "agency_recorded", "agency_before", "agency_after",
    "rule_before", "rule_after", "border_m",
)  # fmt: skip
# Changed requests that the report lists by name; the rest are in changes.csv.
_TOLD = 200


@dataclass(frozen=True)
class Subject:
    """What was tried, for the report: whose city, which draft, over which days, counted when."""

    jurisdiction_id: str
    city: str
    timezone: str
    title: str
    period: Period
    made_at: datetime
    services: Mapping[str, Mapping[str, str]]
    groups: Mapping[str, str]
    basemap: Mapping[str, Any] = field(default_factory=dict)

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)


class OutputFolder:
    """The files of one comparison, under their names when `finish` has ended well, and gone when it has not.

    Changed requests are written as they come; of them only points and the first few stay in memory. Raises InvalidInput when the
    folder cannot be written.
    """

    def __init__(self, folder: Path, subject: Subject, language: str) -> None:
        self._folder, self._subject, self._language = folder, subject, language
        self._lons, self._lats = array("d"), array("d")
        self._told: list[Change] = []
        self._stack = ExitStack()
        self._has_feature = False

    def __enter__(self) -> "OutputFolder":
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._csv = self._stack.enter_context(_open(self._partial("changes.csv")))
            self._geojson = self._stack.enter_context(_open(self._partial("changes.geojson")))
        except OSError as error:
            self._stack.close()
            reason = error.strerror or type(error).__name__
            raise InvalidInput("No se pudo escribir {path}: {reason}.", path=self._folder, reason=reason) from error
        self._writer = csv.writer(self._csv, lineterminator="\n")
        self._writer.writerow(_HEAD)
        self._geojson.write('{"type":"FeatureCollection","features":[')
        return self

    def __exit__(self, *raised: object) -> None:
        self._stack.close()
        for name in NAMES:
            self._partial(name).unlink(missing_ok=True)

    def _partial(self, name: str) -> Path:
        return self._folder / f".{name}.{os.getpid()}.partial"

    def add(self, changes: Sequence[Change]) -> None:
        """Writes the changed requests of a batch."""
        self._writer.writerows(_cells(change) for change in changes)
        for change in changes:
            if change.lon is not None and change.lat is not None:
                self._lons.append(change.lon)
                self._lats.append(change.lat)
                self._geojson.write("," if self._has_feature else "")
                self._geojson.write(_change_feature(change))
                self._has_feature = True
        self._told += changes[: _TOLD - len(self._told)]

    def finish(self, asked: Comparison) -> dict[str, Any]:
        """Measures the boundaries, writes the rest and names the files; returns the outcome for a page."""
        self._geojson.write("]}\n")
        self._csv.close()
        self._geojson.close()
        points = list(zip(self._lons, self._lats, strict=True))
        services = sorted({(code, group) for code, group in self._subject.groups.items()})
        geometry = measure(asked, services, points, self._subject.made_at)
        found = outcome(asked, geometry, points, self._subject.basemap)
        self._write_rows("matrix.csv", _matrix(asked.tally))
        self._write_rows("workload.csv", _workload(found))
        self._write_text("differences.geojson", _collection(_piece_feature(piece) for piece in geometry.pieces))
        self._write_text("holes.geojson", _collection(_hole_feature(hole) for hole in geometry.holes))
        self._write_text("overlaps.geojson", _collection(_overlap_feature(overlap) for overlap in geometry.overlaps))
        self._write_text("report.html", render_report(self._subject, found, self._told, self._language))
        for name in NAMES:
            self._partial(name).replace(self._folder / name)
        return found

    def _write_rows(self, name: str, rows: Iterable[Sequence[object]]) -> None:
        with _open(self._partial(name)) as file:
            csv.writer(file, lineterminator="\n").writerows(rows)

    def _write_text(self, name: str, text: str) -> None:
        with _open(self._partial(name)) as file:
            file.write(text)


def _open(path: Path) -> TextIO:
    # Points and folios together tell who reported what from where: for this account only, as the importer's rejects.
    return open(path, "w", newline="", encoding="utf-8", opener=lambda name, flags: os.open(name, flags, 0o600))


def _cells(change: Change) -> tuple[object, ...]:
    return (
        change.folio, change.service_code, change.at, change.life, change.lon, change.lat, change.recorded, change.before,
        change.after, change.rule_before, change.rule_after, change.border_m,
    )  # fmt: skip


def _matrix(tally: Tally) -> Iterator[Sequence[object]]:
    yield ("service_code", "agency_before", "agency_after", "requests", "changes_hands")
    for (service, before, after), count in sorted(tally.pairs.items()):
        yield (service, before, after, count, "yes" if before != after else "no")


def _workload(found: Mapping[str, Any]) -> Iterator[Sequence[object]]:
    yield ("week", "agency", "before", "after", "difference")
    weeks = found["weeks"]
    for agency in sorted(weeks["agencies"], key=lambda agency: str(agency["code"])):
        for monday, before, after in zip(weeks["mondays"], agency["before"], agency["after"], strict=True):
            yield (monday, agency["code"], before, after, after - before)


def _change_feature(change: Change) -> str:
    point = {"type": "Point", "coordinates": [change.lon, change.lat]}
    values = dict(zip(_HEAD, _cells(change), strict=True))
    del values["lon"], values["lat"]
    return orjson.dumps({"type": "Feature", "geometry": point, "properties": values}).decode()


def _collection(features: Iterable[str]) -> str:
    return '{"type":"FeatureCollection","features":[' + ",\n".join(features) + "]}\n"


def _feature(place: Piece | Hole | Overlap, properties: Mapping[str, object]) -> str:
    shown = orjson.dumps({"layer": place.layer, "m2": round(place.m2, 1), **properties}).decode()
    geometry = shapely.to_geojson(
        shapely.orient_polygons(place.geometry)
    )  # the outer ring counterclockwise, as GeoJSON wants
    return f'{{"type":"Feature","geometry":{geometry},"properties":{shown}}}'


def _piece_feature(piece: Piece) -> str:
    return _feature(
        piece,
        {
            "from_area": piece.from_area.code if piece.from_area else None,
            "to_area": piece.to_area.code if piece.to_area else None,
            "agency_before": piece.before,
            "agency_after": piece.after,
            "services": piece.services,
            "requests": piece.requests,
        },
    )


def _hole_feature(hole: Hole) -> str:
    return _feature(hole, {})


def _overlap_feature(overlap: Overlap) -> str:
    return _feature(overlap, {"areas": [overlap.first.code, overlap.second.code]})


__all__ = ["NAMES", "Geometry", "OutputFolder", "Subject"]
