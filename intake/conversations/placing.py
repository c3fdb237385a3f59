"""From the words of a text message to the places they may mean. Pure over a gazetteer.

The gazetteer finds names. People's texts say more: `214` makes it a street, and a colonia says which part of a long one.
"""

import re
from collections.abc import Iterable, Sequence

from georef.distances import distance_m
from georef.gazetteer import Gazetteer, PlaceMatch
from georef.gazetteer import Place as NamedPlace
from intake.catalog.matching import fold
from intake.conversations.dialogue.state import Place
from intake.conversations.dialogue.words import plain

_MOST, _LOOKED_AT = 5, 30
# A street longer than this says too little by itself; within a colonia that it crosses it says enough.
_LONG_M = 600.0
# Scores: the name is there; it may well be; too far behind to be a rival.
_THERE, _POSSIBLE, _LEAD = 85.0, 70.0, 10.0
_STREET_WORDS = frozenset(
    [
        "calle",
        "av",
        "ave",
        "avda",
        "avenida",
        "calz",
        "calzada",
        "blvd",
        "boulevard",
        "bulevar",
        "cerrada",
        "privada",
        "callejon",
    ]
)
_PLACE_WORDS = frozenset(["colonia", "col", "barrio", "pueblo", "alcaldia", "delegacion"])
_NUMBER = re.compile(r"(?<![\w.-])(\d{1,5}(?:-?[A-Za-z])?)(?![\w-])")
_HOUSE = re.compile(r"(?:#|\b(?:num(?:ero|\.)?|n[uú]mero|no\.|n[o°º])\s*)\s*\d+\w?|(?<=\d)\s+\d+\w?\s*$", re.IGNORECASE)
# What these introduce is no house number.
_NOT_A_HOUSE = re.compile(
    r"\b(?:eje|norte|sur|oriente|poniente|ote|pte|km|kil[oó]metro|manzana|mz|lote|lt|edificio|retorno|calle|c\.?p\.?)\.?\s*$",
    re.IGNORECASE,
)


def find_places(gazetteer: Gazetteer, words: str) -> list[Place]:
    """The places that `words` may mean, best first, at most five; labels carry the house number that was written."""
    matches = gazetteer.search(words, limit=_LOOKED_AT)
    if not matches and (shorter := _HOUSE.sub(" ", words)) != words:
        matches = gazetteer.search(shorter, limit=_LOOKED_AT)
    corners = [match for match in matches if match.place.kind == "crossing" and match.score >= _THERE]
    streets = [match for match in matches if match.place.kind == "street"]
    if corners:
        # A corner holds everything that was said; its two streets are no rivals to it.
        # "A entre B y C" also finds both its ends.
        told = corners[:1] if " / " in corners[0].label else corners[:_MOST]
        return _first([_as_place(match, words) for match in told], matches, words)
    if narrowed := _within_colonias(gazetteer, matches, words):
        return _first(narrowed, matches, words)
    if streets and _tells_a_street(words, streets):
        # The number or the word "calle" decides between a street and a colonia of the same name.
        named = [match for match in streets if match.score >= _POSSIBLE]
        best = max(match.score for match in matches)
        return _first([_as_place(match, words, score=max(best, match.score)) for match in named], matches, words)
    return [_as_place(match, words) for match in matches[:_MOST]]


def _first(chosen: list[Place], matches: Sequence[PlaceMatch], words: str) -> list[Place]:
    """`chosen`, then what else was found, no longer a rival."""
    labels = {place.label for place in chosen}
    ceiling = max((place.score for place in chosen), default=100.0) - _LEAD
    others = [_as_place(match, words, score=min(match.score, ceiling)) for match in matches]
    return [*chosen, *(place for place in others if place.label not in labels)][:_MOST]


def house_number(words: str, names: Iterable[str] = ()) -> str | None:
    """The house number in `words`; a number that belongs to one of `names` (`Calle 8`) is none."""
    known = {word for name in names for word in plain(name).split()}
    for found in _NUMBER.finditer(words):
        if found[1] not in known and not _NOT_A_HOUSE.search(words[: found.start()]):
            return found[1]
    return None


def _tells_a_street(words: str, streets: Sequence[PlaceMatch]) -> bool:
    said = set(plain(words).split())
    if said & _PLACE_WORDS and not said & _STREET_WORDS:
        return False
    return bool(said & _STREET_WORDS) or house_number(words, (match.place.name for match in streets)) is not None


def _within_colonias(gazetteer: Gazetteer, matches: Sequence[PlaceMatch], words: str) -> list[Place]:
    """Each long street that the words name, where it passes a colonia that they name as well."""
    streets = [match for match in matches if match.place.kind == "street" and match.precision_m > _LONG_M][:3]
    colonias = [match for match in matches if match.place.kind == "colonia"]
    found: list[Place] = []
    for street in streets:
        own = set(plain(street.place.name).split())
        for colonia in colonias:
            told = set(plain(colonia.place.name).split())
            if told <= own or own <= told or _is_same_name(street.place, colonia.place):
                continue
            if place := _passing(gazetteer, street, colonia, words):
                found.append(place)
    return sorted(found, key=lambda place: -place.score)[:2]


def _is_same_name(street: NamedPlace, colonia: NamedPlace) -> bool:
    """True when one word is behind both matches: `sabinos` is an avenue and the colonia Sabinos II, told once."""
    names = [fold(name) for name in (street.name, *street.aliases)]
    return any(
        set(name.split()) & set(fold(colonia.name).split()) - {"la", "el", "los", "las", "de", "del"} for name in names
    )


def _passing(gazetteer: Gazetteer, street: PlaceMatch, colonia: PlaceMatch, words: str) -> Place | None:
    corners = [
        place
        for place in gazetteer.places
        if place.kind == "crossing"
        and street.place.name in (part.strip() for part in place.name.split(" y "))
        and fold(place.context).startswith(fold(colonia.place.name))
    ]
    if not corners:
        return None
    # The corner in the middle: the one whose farthest fellow is nearest.
    spread, middle = min(
        ((max(distance_m(corner.point, other.point) for other in corners), corner) for corner in corners),
        key=lambda pair: (pair[0], pair[1].name),
    )
    number = house_number(words, (street.place.name, colonia.place.name))
    label = _numbered(street.place.name, number) if number else street.place.name
    return Place(
        f"{label}, {colonia.label}",
        middle.point.lon,
        middle.point.lat,
        max(200.0, min(spread, colonia.precision_m)),
        min(100.0, (street.score + colonia.score) / 2 + 12.0),
    )


def _numbered(street: str, number: str) -> str:
    return f"{street} núm. {number}" if street[-1:].isdigit() else f"{street} {number}"


def _as_place(match: PlaceMatch, words: str, *, score: float | None = None) -> Place:
    label = match.label
    if match.place.kind == "street" and (number := house_number(words, (match.label,))):
        street, comma, rest = label.partition(",")
        label = f"{_numbered(street, number)}{comma}{rest}"
    return Place(label, match.point.lon, match.point.lat, match.precision_m, match.score if score is None else score)
