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
from intake.conversations.dialogue.words import EMPTY, plain

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
_ENGLISH = (
    (re.compile(r"\b(?:on |at )?(?:the )?corner (?:of|with)\b", re.IGNORECASE), ""),
    (re.compile(r"\bcorner\b", re.IGNORECASE), "esq"),
    (re.compile(r"\bbetween\b", re.IGNORECASE), "entre"),
    (re.compile(r"\b(?:in front of|outside|next to|near|behind|across from)\b", re.IGNORECASE), "frente a"),
    (re.compile(r"\band\b|&", re.IGNORECASE), "y"),
    (re.compile(r"\bmarket\b", re.IGNORECASE), "mercado"),
)
_NUMBER = re.compile(r"(?<![\w.-])(\d{1,5}(?:-?[A-Za-z])?)(?![\w-])")
_HOUSE = re.compile(r"(?:#|\b(?:num(?:ero|\.)?|n[uú]mero|no\.|n[o°º])\s*)\s*\d+\w?|(?<=\d)\s+\d+\w?\s*$", re.IGNORECASE)
# What these introduce is no house number.
_NOT_A_HOUSE = re.compile(
    r"\b(?:eje|norte|sur|oriente|poniente|ote|pte|km|kil[oó]metro|manzana|mz|lote|lt|edificio|retorno|calle|c\.?p\.?)\.?\s*$",
    re.IGNORECASE,
)


def find_places(gazetteer: Gazetteer, words: str) -> list[Place]:
    """The places that `words` may mean, best first, at most five; labels carry the house number that was written."""
    words = _in_spanish(words)
    matches = gazetteer.search(words, limit=_LOOKED_AT)
    if not matches and (shorter := _HOUSE.sub(" ", words)) != words:
        matches = gazetteer.search(shorter, limit=_LOOKED_AT)
    if not matches:
        return []
    corners = [match for match in matches if match.place.kind == "crossing" and match.score >= _THERE]
    if corners:
        # A corner holds everything that was said ("A entre B y C" finds its two ends too); its streets are no rivals to it.
        chosen = corners[:1] if " / " in corners[0].label else corners[:_MOST]
        return _first([_as_place(match, words) for match in chosen], matches, words)
    exact = _to_the_letter(matches, words)
    streets = [match for match in exact or matches if match.place.kind == "street" and match.score >= _POSSIBLE]
    if narrowed := _within_colonias(gazetteer, streets, matches, words):
        return _first(narrowed, matches, words)
    if exact or (streets and _tells_a_street(words, streets)):
        # "privada", "calle" or a house number decides between a street and a colonia of the same name.
        best = max(match.score for match in matches)
        return _first([_as_place(match, words, score=best) for match in exact or streets], matches, words)
    return [_as_place(match, words) for match in matches[:_MOST]]


def _in_spanish(words: str) -> str:
    """The few English words between two names, as the gazetteer reads them."""
    for english, spanish in _ENGLISH:
        words = english.sub(spanish, words)
    return words


def _to_the_letter(matches: Sequence[PlaceMatch], words: str) -> list[PlaceMatch]:
    """The streets and landmarks that are written out in full, type and all: `privada juárez` is not `avenida juárez`."""
    said = f" {plain(words)} "
    written = []
    for match in matches:
        names = [plain(name) for name in (match.place.name, *match.place.aliases)]
        # Nobody says "escuela" of the Escuela Primaria Benito Juárez.
        names += [name.partition(" ")[2] for name in names if name.count(" ") > 1]
        longest = max((len(name) for name in names if " " in name and f" {name} " in said), default=0)
        if longest and match.place.kind in ("street", "landmark"):
            written.append((longest, match))
    most = max((length for length, _ in written), default=0)
    return [match for length, match in written if length == most]


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


def _within_colonias(
    gazetteer: Gazetteer, streets: Sequence[PlaceMatch], matches: Sequence[PlaceMatch], words: str
) -> list[Place]:
    """Each long street that the words name, where it passes a colonia that they name as well."""
    colonias = [match for match in matches if match.place.kind == "colonia"]
    found = [
        place
        for street in streets[:3]
        if street.precision_m > _LONG_M
        for colonia in colonias
        if not _is_one_name(street.place, colonia.place)
        if (place := _passing(gazetteer, street, colonia, words))
    ]
    return sorted(found, key=lambda place: -place.score)[:2]


def _is_one_name(street: NamedPlace, colonia: NamedPlace) -> bool:
    """True when one word may be behind both matches: `sabinos` is an avenue and the colonia Sabinos II, told once."""
    ours = [word for name in (street.name, *street.aliases) for word in plain(name).split() if word not in EMPTY]
    theirs = [word for word in plain(colonia.name).split() if word not in EMPTY]
    return any(one[:5] == other[:5] for one in ours for other in theirs)


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
