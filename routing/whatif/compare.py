"""Asks both sides about the same requests, batch by batch, and adds up what differs."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, tzinfo
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from georef.borders import BorderLines
from georef.points import LonLat
from routing import receipts
from routing.border_cases import NEAR_BORDER_M
from routing.bulk import BulkAnswer, BulkRow, decide_many
from routing.decide import OUTLINE
from routing.places import Layer
from routing.receipts import ANY_PROMISE
from routing.situation import Question
from routing.whatif.boundaries import tiles
from routing.whatif.sides import Side
from routing.whatif.tally import NOBODY, Tally

NO_LAYERS: Mapping[str, Layer] = {}
OPEN_LIVES = frozenset({"new", "in_progress", "waiting_resident", "reopened"})


class PastRow(NamedTuple):
    """A request of the past. lon, lat: WGS84 degrees, both None without a point. `agency_code`: the one on record.

    settled: what a person replied about a border, as its receipt holds it; `precision_m` is read only with one.
    """

    id: str
    folio: str
    service_code: str
    service_group: str
    lon: float | None
    lat: float | None
    at: datetime
    answers: Mapping[str, Any]
    agency_code: str | None
    life: str
    precision_m: float | None = None
    settled: Mapping[str, str] = {}

    @property
    def is_open(self) -> bool:
        return self.life in OPEN_LIVES


class Change(NamedTuple):
    """A request that the draft gives to somebody else; NOBODY where nobody answers, "" for a rule where none decided.

    border_m: metres to the nearest border that the draft's rules ask about, None beyond 50.
    """

    id: str
    folio: str
    service_code: str
    lon: float | None
    lat: float | None
    at: str
    life: str
    recorded: str
    before: str
    after: str
    rule_before: str
    rule_after: str
    border_m: float | None

    @property
    def is_open(self) -> bool:
        return self.life in OPEN_LIVES

    @classmethod
    def of(
        cls,
        row: PastRow,
        before: str,
        after: str,
        rules: tuple[str | None, str | None],
        *,
        zone: tzinfo | None = None,
        border_m: float | None = None,
    ) -> "Change":
        """The change of a past row; rules: codes of the one that decided and the one that would."""
        return cls(
            id=row.id,
            folio=row.folio,
            service_code=row.service_code,
            lon=row.lon,
            lat=row.lat,
            at=row.at.astimezone(zone).isoformat(timespec="seconds") if zone else row.at.isoformat(timespec="seconds"),
            life=row.life,
            recorded=row.agency_code or NOBODY,
            before=before,
            after=after,
            rule_before=rules[0] or "",
            rule_after=rules[1] or "",
            border_m=border_m,
        )


class Comparison:
    """Two sides and what came of asking them so far. `drafted_layers`: keys whose boundaries the draft changes."""

    def __init__(
        self, before: Side, after: Side, drafted_layers: Sequence[str] = (), tally: Tally | None = None
    ) -> None:
        self.before, self.after = before, after
        self.tally = tally or Tally()
        self.drafted_layers = tuple(drafted_layers)
        # Their borders are asked about; holes and overlaps only make sense where each place should have one area.
        self.watched = tuple(dict.fromkeys([*drafted_layers, *after.asked_layers]))
        self.tiling = tuple(
            key
            for key in self.watched
            if any(tiles(side.layers[key], side.layers.get(OUTLINE)) for side in (before, after) if key in side.layers)
        )

    def add(self, rows: Sequence[PastRow]) -> list[Change]:
        """Counts a batch; the changes in it, in its order."""
        if not rows:
            return []
        old, new = answers(self.before, rows), answers(self.after, rows)
        befores = [answer.agency_code or NOBODY for answer in old]
        afters = [answer.agency_code or NOBODY for answer in new]
        near = self._metres_to_border(rows)
        self._count(rows, befores, afters, old, new, near)
        return [
            Change.of(
                row,
                before,
                after,
                (was.rule_code, now.rule_code),
                zone=self._zone,
                border_m=round(float(metres), 1) if np.isfinite(metres) else None,
            )
            for row, before, after, was, now, metres in zip(rows, befores, afters, old, new, near, strict=True)
            if before != after
        ]

    @property
    def _zone(self) -> Any:
        return self.before.book.calendar.timezone

    def _count(
        self,
        rows: Sequence[PastRow],
        befores: Sequence[str],
        afters: Sequence[str],
        old: Sequence[BulkAnswer],
        new: Sequence[BulkAnswer],
        near: npt.NDArray[np.float64],
    ) -> None:
        tally, weeks = self.tally, _Weeks(self._zone)
        tally.rows += len(rows)
        tally.pairs.update(zip((row.service_code for row in rows), befores, afters, strict=True))
        tally.weeks.update(zip((weeks.monday(row.at) for row in rows), befores, afters, strict=True))
        tally.near_border += int(np.isfinite(near).sum())
        outcomes = Counter(answer.outcome for answer in new)
        tally.outside += outcomes["outside"]
        tally.default += outcomes["default"]
        for row, before, after in zip(rows, befores, afters, strict=True):
            is_open = row.life in OPEN_LIVES
            tally.open_rows += is_open
            tally.unlocated += row.lon is None
            tally.recorded_differs += (row.agency_code or NOBODY) != before
            if before != after:
                tally.changed += 1
                if is_open:
                    tally.open_changed += 1
                    tally.open_pairs[before, after] += 1
        # Points in the same areas share one object: each is looked at once, for those that lose their rule and for the others.
        places: Counter[tuple[int, bool]] = Counter()
        for row, was, now in zip(rows, old, new, strict=True):
            is_lost = was.outcome == "assigned" != now.outcome
            tally.lost += is_lost
            if row.lon is not None and now.outcome != "outside":
                places[id(now.areas), is_lost] += 1
        areas = {id(answer.areas): answer.areas for answer in new}
        for (place, is_lost), count in places.items():
            held = {key: len(areas[place].get(key, ())) for key in self.tiling}
            tally.in_two += count if any(number > 1 for number in held.values()) else 0
            for key, number in held.items():
                if number == 0:
                    tally.holes[key] += count
                    tally.lost_in_holes[key] += count if is_lost else 0
                elif number > 1:
                    tally.overlaps[key] += count

    @cached_property
    def _borders(self) -> list[BorderLines]:
        layers = [self.after.layers[key] for key in self.watched]
        held = [layer.index.areas for layer in layers if layer.kind == "area"]
        return [BorderLines([area.geometry for area in areas]) for areas in held if areas]

    def _metres_to_border(self, rows: Sequence[PastRow]) -> npt.NDArray[np.float64]:
        """Metres to the nearest watched border, infinite beyond NEAR_BORDER_M or without a point."""
        found = np.full(len(rows), np.inf)
        located = np.array([n for n, row in enumerate(rows) if row.lon is not None], dtype=np.intp)
        if len(located):
            lons, lats = (np.array([row[axis] for row in rows], dtype=np.float64)[located] for axis in (4, 5))
            for lines in self._borders:
                found[located] = np.minimum(found[located], lines.within(lons, lats, NEAR_BORDER_M))
        return found


def answers(side: Side, rows: Sequence[PastRow]) -> list[BulkAnswer]:
    """One answer for each row; rows without a point are asked in a city without boundaries, where only city-wide rules apply."""
    found: list[BulkAnswer | None] = [None] * len(rows)
    placed = [n for n, row in enumerate(rows) if row.lon is not None]
    nowhere = [n for n, row in enumerate(rows) if row.lon is None]
    for layers, numbers in ((side.layers, placed), (NO_LAYERS, nowhere)):
        asked = [rows[n] for n in numbers]
        questions = [
            BulkRow(row.lon or 0.0, row.lat or 0.0, row.service_code, row.service_group, None, row.at, row.answers)
            for row in asked
        ]
        for n, answer in zip(numbers, decide_many(side.book, layers, questions), strict=True):
            found[n] = _replied(side, rows[n], answer) if rows[n].settled else answer
    return [answer for answer in found if answer is not None]


def _replied(side: Side, row: PastRow, answer: BulkAnswer) -> BulkAnswer:
    """The answer by what a person said about a border, where that is still the question; the areas stay those at the point."""
    settled = standing(side, row)
    if not settled:
        return answer
    by_reply = receipts.decide(side.book, side.layers, _question(row, settled))
    return answer._replace(outcome=by_reply.outcome, agency_code=by_reply.agency_code, rule_code=by_reply.rule_code)


def standing(side: Side, row: PastRow) -> Mapping[str, str]:
    """What of a row's reply the side would still ask about."""
    return receipts.still_asked(side.book, side.layers, _question(row, row.settled)) if row.settled else row.settled


def _question(row: PastRow, settled: Mapping[str, str]) -> Question:
    return Question(
        row.service_code,
        row.service_group,
        ANY_PROMISE,
        LonLat(row.lon, row.lat) if row.lon is not None and row.lat is not None else None,
        row.precision_m,
        row.at,
        row.answers,
        settled=settled,
    )


class _Weeks:
    """The Monday of the local week of an instant; asked once for each hour."""

    def __init__(self, zone: Any) -> None:
        self._zone = zone
        self._known: dict[int, str] = {}

    def monday(self, at: datetime) -> str:
        hour = int(at.timestamp() // 3600)
        known = self._known.get(hour)
        if known is None:
            day = at.astimezone(self._zone).date()
            known = self._known[hour] = (day - timedelta(days=day.weekday())).isoformat()
        return known
