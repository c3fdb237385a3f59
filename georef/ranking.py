"""Which of several found places comes first, and how much each is in doubt."""

from collections.abc import Sequence
from dataclasses import replace

from georef.distances import distance_m
from georef.names import core, fold
from georef.places import Place, PlaceMatch
from georef.points import LonLat

# Four colonias are called La Joya: somebody has to say which.
_AMBIGUOUS = 10.0
_FAR_TWIN_M = 2000.0


def lies_in(place: Place, district: Place) -> bool:
    """True unless it is known to lie elsewhere: a long avenue says of itself only that it is in the city."""
    if place.kind == "district":
        return place == district
    return not place.context or fold(district.name) in fold(place.context)


def doubt(match: PlaceMatch, matches: Sequence[PlaceMatch]) -> float:
    """What a match loses because another place of the same name, far from it, was found just as well."""
    name = core(match.place.name)
    twins = (
        other
        for other in matches
        if abs(other.score - match.score) < 1
        and other.place.kind == match.place.kind
        and core(other.place.name) == name
    )
    return _AMBIGUOUS if any(distance_m(twin.point, match.point) > _FAR_TWIN_M for twin in twins) else 0.0


def order(match: PlaceMatch, near: LonLat | None) -> tuple[float, float, float, str]:
    away = distance_m(match.point, near) if near is not None else 0.0
    # Five points at most for nearness: a good name far away still beats a bad one next door.
    return (-(match.score - min(away / 1000, 5.0)), match.precision_m, away, match.label)


def middle(first: PlaceMatch, second: PlaceMatch) -> PlaceMatch:
    a, b = first.point, second.point
    return replace(
        first,
        score=round(min(100.0, (first.score + second.score) / 2 + 2), 1),
        point=LonLat((a.lon + b.lon) / 2, (a.lat + b.lat) / 2),
        precision_m=max(first.precision_m, second.precision_m, distance_m(a, b) / 2),
        label=f"{first.label} / {second.label}",
    )
