"""What came out of a comparison, as plain JSON for a page, a report and a row of the database."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from georef.boundaries import BoundaryIndex
from routing.decide import OUTLINE
from routing.places import Layer
from routing.whatif.boundaries import (
    Hole,
    Overlap,
    Piece,
    differences,
    holes,
    overlaps,
    tiles,
    with_owners,
    with_requests,
)
from routing.whatif.compare import Comparison
from routing.whatif.drawing import draw_layer
from routing.whatif.sides import Side, unknown_areas
from routing.whatif.tally import Tally, agency_lines

# Lines of a table that a person reads; files hold all of them.
_LISTED = 200
_MOST_MAPS = 3


@dataclass
class Geometry:
    """All differences, holes and overlaps of the layers that the draft changes."""

    pieces: list[Piece] = field(default_factory=list)
    holes: list[Hole] = field(default_factory=list)
    overlaps: list[Overlap] = field(default_factory=list)


def measure(
    asked: Comparison, services: Sequence[tuple[str, str]], points: Sequence[tuple[float, float]], at: datetime
) -> Geometry:
    """The geometry of the drafted layers.

    services: (code, group) of what can be asked for; points: (lon, lat) of the requests that change hands.
    """
    found = Geometry()
    outline = asked.after.layers.get(OUTLINE)
    for key in asked.drafted_layers:
        before, after = before_and_after(asked, key)
        pieces = with_owners(differences(before, after), asked.before, asked.after, services, at)
        found.pieces += with_requests(pieces, points)
        if key != OUTLINE and (tiles(before, outline) or tiles(after, outline)):
            found.holes += holes(after, outline)
        found.overlaps += overlaps(after)
    return found


def before_and_after(asked: Comparison, key: str) -> tuple[Layer, Layer]:
    """A layer on both sides; one that only the draft has begins without areas."""
    after = asked.after.layers[key]
    return asked.before.layers.get(key) or replace(after, index=BoundaryIndex(key, [], after.kind)), after


def outcome(
    asked: Comparison, geometry: Geometry, points: Sequence[tuple[float, float]], basemap: Mapping[str, Any]
) -> dict[str, Any]:
    """Everything that a person reads, codes and names; `docs/what-if.md` describes the keys."""
    before, after, tally = asked.before, asked.after, asked.tally
    return {
        "totals": {
            "requests": tally.rows,
            "changed": tally.changed,
            "open": tally.open_rows,
            "open_changed": tally.open_changed,
            "unlocated": tally.unlocated,
            "outside": tally.outside,
            "default": tally.default,
            "lost": tally.lost,
            "in_overlaps": tally.in_two,
            "near_border": tally.near_border,
            "recorded_differs": tally.recorded_differs,
        },
        "agencies": [
            {"code": line.code, "before": line.before, "gains": line.gains, "losses": line.losses, "after": line.after}
            for line in agency_lines(tally)
        ],
        "moves": _moves(tally),
        "services": _services(tally),
        "weeks": _weeks(tally),
        "layers": [_layer(asked, geometry, key) for key in asked.drafted_layers],
        "maps": _maps(asked, geometry, points, basemap),
        "names": _names(before) | _names(after),
        "unknown_areas": [
            {"rule": code, "areas": list(areas[:12])} for code, areas in sorted(unknown_areas(after).items())
        ],
    }


def _names(side: Side) -> dict[str, str]:
    return {code: agency.name for code, agency in side.book.agencies.items()}


def _moves(tally: Tally) -> list[dict[str, Any]]:
    moved = [(count, *pair) for pair, count in tally.matrix.items() if pair[0] != pair[1]]
    return [
        {"before": before, "after": after, "requests": count, "open": tally.open_pairs[before, after]}
        for count, before, after in sorted(moved, key=lambda move: (-move[0], *move[1:]))
    ]


def _services(tally: Tally) -> list[dict[str, Any]]:
    total: Counter[str] = Counter()
    moved: Counter[str] = Counter()
    for (service, before, after), count in tally.pairs.items():
        total[service] += count
        moved[service] += count if before != after else 0
    return [
        {"code": code, "requests": total[code], "changed": count}
        for code, count in sorted(moved.items(), key=lambda item: (-item[1], item[0]))
        if count
    ]


def _weeks(tally: Tally) -> dict[str, Any]:
    """Requests of each agency by the Monday of their week, also of weeks without any."""
    old: Counter[tuple[str, str]] = Counter()
    new: Counter[tuple[str, str]] = Counter()
    for (monday, before, after), count in tally.weeks.items():
        old[before, monday] += count
        new[after, monday] += count
    mondays: list[str] = []
    if tally.weeks:
        day = datetime.fromisoformat(min(monday for monday, _, _ in tally.weeks)).date()
        last = datetime.fromisoformat(max(monday for monday, _, _ in tally.weeks)).date()
        while day <= last:
            mondays.append(day.isoformat())
            day += timedelta(days=7)
    return {
        "mondays": mondays,
        "agencies": [
            {
                "code": line.code,
                "before": [old[line.code, monday] for monday in mondays],
                "after": [new[line.code, monday] for monday in mondays],
            }
            for line in agency_lines(tally)
        ],
    }


def _layer(asked: Comparison, geometry: Geometry, key: str) -> dict[str, Any]:
    before, after = before_and_after(asked, key)
    pieces = [piece for piece in geometry.pieces if piece.layer == key]
    gaps = [hole for hole in geometry.holes if hole.layer == key]
    doubles = [overlap for overlap in geometry.overlaps if overlap.layer == key]
    return {
        "key": key,
        "name": dict(before.name),
        "areas_before": len(before.index.areas),
        "areas_after": len(after.index.areas),
        "pieces": [_piece(piece) for piece in pieces[:_LISTED]],
        "piece_count": len(pieces),
        "m2": round(sum(piece.m2 for piece in pieces)),
        "holes": [{"m2": round(hole.m2), "at": _spot(hole)} for hole in gaps[:_LISTED]],
        "hole_count": len(gaps),
        "in_holes": asked.tally.holes[key],
        "lost_in_holes": asked.tally.lost_in_holes[key],
        "overlaps": [
            {
                "m2": round(overlap.m2),
                "at": _spot(overlap),
                "areas": [[area.code, area.name] for area in (overlap.first, overlap.second)],
            }
            for overlap in doubles[:_LISTED]
        ],
        "overlap_count": len(doubles),
    }


def _piece(piece: Piece) -> dict[str, Any]:
    return {
        "m2": round(piece.m2),
        "at": _spot(piece),
        "from_area": [piece.from_area.code, piece.from_area.name] if piece.from_area else None,
        "to_area": [piece.to_area.code, piece.to_area.name] if piece.to_area else None,
        "before": piece.before,
        "after": piece.after,
        "services": piece.services,
        "requests": piece.requests,
    }


def _spot(place: Piece | Hole | Overlap) -> list[float]:
    point = place.geometry.representative_point()
    return [round(point.x, 6), round(point.y, 6)]


def _maps(
    asked: Comparison, geometry: Geometry, points: Sequence[tuple[float, float]], basemap: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """One for each drafted layer, at most three; for a draft of rules alone, the layer that its rules cut the city by."""
    outline = asked.after.layers.get(OUTLINE)
    found = []
    for key in asked.drafted_layers or _backdrop(asked):
        found.append(
            draw_layer(
                *before_and_after(asked, key),
                pieces=[piece for piece in geometry.pieces if piece.layer == key],
                holes=[hole for hole in geometry.holes if hole.layer == key],
                overlaps=[overlap for overlap in geometry.overlaps if overlap.layer == key],
                dots=points,
                outline=outline,
                basemap=basemap,
            )
        )
        if len(found) == _MOST_MAPS:
            break
    return found


def _backdrop(asked: Comparison) -> list[str]:
    rules, others = ({rule.code: rule for rule in side.book.rules} for side in (asked.before, asked.after))
    drafted = {
        rule.layer_key for one, other in ((rules, others), (others, rules)) for rule in one.values()
        if other.get(rule.code) != rule
    }  # fmt: skip

    def order(layer: Layer) -> tuple[bool, bool, int]:
        is_drafted = layer.key in drafted and layer.kind == "area"
        return not is_drafted, layer.key not in asked.tiling, len(layer.index.areas)

    known = [layer for layer in asked.after.layers.values() if layer.key != OUTLINE and layer.index.areas]
    chosen = sorted((layer for layer in known if layer.key in asked.watched), key=order) or sorted(known, key=order)
    return [layer.key for layer in chosen[:1]]
