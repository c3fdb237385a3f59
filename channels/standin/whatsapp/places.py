"""Corners that a phone of the demo may share, and the small map that it picks them on."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_MOST = 60
WIDTH, HEIGHT = 300, 200
_EDGE = 12


@dataclass(frozen=True)
class Corner:
    """x, y: where it is on the map, in its pixels."""

    name: str
    lon: float
    lat: float
    x: float = 0
    y: float = 0

    @property
    def value(self) -> str:
        return f"{self.lon},{self.lat},{self.name}"


@cache
def corners(path: Path | None) -> Sequence[Corner]:
    """Some crossings of the city, by name; none without a list."""
    if path is None or not path.exists():
        return ()
    with path.open(encoding="utf-8", newline="") as file:
        found = [
            Corner(row["name"], float(row["lon"]), float(row["lat"]))
            for row in csv.DictReader(file)
            if row.get("kind") == "crossing"
        ]
    # Spread over the whole list, which follows the streets.
    step = max(1, len(found) // _MOST)
    return _on_map(sorted(found[::step][:_MOST], key=lambda corner: corner.name))


def _on_map(found: Sequence[Corner]) -> Sequence[Corner]:
    if not found:
        return ()
    west, east = min(one.lon for one in found), max(one.lon for one in found)
    south, north = min(one.lat for one in found), max(one.lat for one in found)
    across, down = max(east - west, 1e-9), max(north - south, 1e-9)
    return tuple(
        Corner(
            one.name,
            one.lon,
            one.lat,
            round(_EDGE + (one.lon - west) / across * (WIDTH - 2 * _EDGE), 1),
            round(_EDGE + (north - one.lat) / down * (HEIGHT - 2 * _EDGE), 1),
        )
        for one in found
    )
