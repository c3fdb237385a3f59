"""Pairs of real rows, made as docs/duplicates.md says: what an agency closed as a duplicate, and what it did not.

A row is a sighting with the instant it was closed; rows belong to one half or the other by a hash of their id.
"""

import csv
import gzip
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from zoneinfo import ZoneInfo

from georef.distances import distance_m
from georef.points import LonLat
from intake.catalog.definitions import DuplicateRules
from intake.service_requests.duplicates.cells import cells_around
from intake.service_requests.duplicates.scoring import Likeness, Sighting, likeness

RULES = DuplicateRules(radius_m=100, closed_days=14)
# City Hall: where Boston puts what it could not place.
_NOWHERE = LonLat(-71.0587, 42.3594)
_MARKED = re.compile(r"duplicat|\bdup\b|same as|existing case", re.IGNORECASE)
_NAMED = re.compile(r"1010\d{8}")


@dataclass(frozen=True)
class Row:
    """`marked`: the agency closed it as a duplicate. `named`: of which case, where it said so."""

    id: str
    seen: Sighting
    closed_at: datetime | None
    marked: bool
    named: tuple[str, ...] = ()

    @property
    def is_held_back(self) -> bool:
        return sha256(self.id.encode()).digest()[0] % 2 == 1


def boston(folder: Path) -> list[Row]:
    """Those that lie somewhere."""
    rows = []
    for raw in _read(folder / "boston_311_2011.csv.gz"):
        point = LonLat(float(raw["longitude"]), float(raw["latitude"]))
        if point == _NOWHERE:
            continue
        why = raw["closure_reason"]
        # Four decimals are ten metres; the address says the rest.
        seen = Sighting(
            raw["type"], raw["reason"], point, _at(raw["open_dt"], "America/New_York"), 20.0, address=raw["location"]
        )
        named = tuple(one for one in _NAMED.findall(why) if one != raw["case_enquiry_id"])
        is_marked = bool(_MARKED.search(why))
        closed_at = _at(raw["closed_dt"], "America/New_York") if raw["closed_dt"] else None
        rows.append(Row(raw["case_enquiry_id"], seen, closed_at, is_marked, named if is_marked else ()))
    return rows


def new_york(folder: Path) -> list[Row]:
    """Those that lie somewhere; the descriptor stands for the words."""
    rows = {}
    for raw in _read(folder / "nyc_311_requests.csv.gz"):
        if not (raw["latitude"] and raw["longitude"] and raw["created_date"]):
            continue
        seen = Sighting(
            raw["complaint_type"],
            raw["agency"],
            LonLat(float(raw["longitude"]), float(raw["latitude"])),
            _at(raw["created_date"], "America/New_York"),
            20.0,
            words=raw["descriptor"],
            address=raw["incident_address"],
        )
        marked = "duplicate of" in raw["resolution_description"]
        closed_at = _at(raw["closed_date"], "America/New_York") if raw["closed_date"] else None
        rows[raw["unique_key"]] = Row(raw["unique_key"], seen, closed_at, marked)
    return list(rows.values())


def _read(file: Path) -> Iterator[dict[str, str]]:
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        yield from csv.DictReader(lines)


def _at(text: str, zone: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))


class Register:
    """Rows by cell and family, as the look-up of the product reads them."""

    def __init__(self, rows: Sequence[Row], rules: DuplicateRules = RULES) -> None:
        self.rows = {row.id: row for row in rows}
        self.rules = rules
        self._cells: dict[tuple[int, str], list[Row]] = defaultdict(list)
        for row in sorted(rows, key=lambda row: row.seen.at):
            self._cells[cells_around(row.seen.point, 0.0)[0], row.seen.group_code].append(row)

    def before(self, row: Row) -> list[tuple[Row, Likeness]]:
        """What a look-up at the instant of `row` finds: reported before, and open, or closed not long ago; likeliest first."""
        cells = cells_around(row.seen.point, self.rules.radius_m)
        found = []
        for known in (one for cell in cells for one in self._cells[cell, row.seen.group_code]):
            if known.id == row.id or known.seen.at > row.seen.at:
                continue
            if distance_m(row.seen.point, known.seen.point) > self.rules.radius_m:
                continue
            closed_at = known.closed_at if known.closed_at and known.closed_at <= row.seen.at else None
            if closed_at and row.seen.at - closed_at > timedelta(days=self.rules.closed_days):
                continue
            found.append((known, likeness(row.seen, known.seen, self.rules, closed_at=closed_at)))
        return sorted(found, key=lambda pair: (-pair[1].score, pair[0].seen.at, pair[0].id))
