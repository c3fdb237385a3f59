"""Names written with the keys of a telephone: 2 is a, b or c. Finds streets by the first letters of their names. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

from georef.gazetteer import Gazetteer
from intake.catalog.matching import fold
from intake.conversations.dialogue.words import PLACE_KINDS

FEWEST = 2
_KEYS = {
    letter: str(key)
    for key, letters in enumerate(("abc", "def", "ghi", "jkl", "mno", "pqrs", "tuv", "wxyz"), start=2)
    for letter in letters
} | {"ñ": "6"} | {str(digit): str(digit) for digit in range(10)}  # fmt: skip
_SMALL = frozenset(("de", "del", "la", "las", "los", "el", "y", "e"))

Streets = Mapping[str, frozenset[str]]


def keys_of(words: str) -> str:
    """The keys that write these words: `Sabinos` is `7224667`."""
    return "".join(_KEYS.get(letter, "") for letter in fold(words))


def spellings(name: str) -> frozenset[str]:
    """What people may key for a street: with and without its kind, and without the small words before its name."""
    words = fold(name).split()
    found = {keys_of(" ".join(words))}
    while words and (words[0] in PLACE_KINDS or words[0] in _SMALL):
        words = words[1:]
        found.add(keys_of(" ".join(words)))
    return frozenset(one for one in found if one)


@lru_cache(maxsize=8)
def streets_of(gazetteer: Gazetteer) -> Streets:
    """Every street of a city with the keys that write it."""
    return {
        place.name: frozenset().union(*(spellings(name) for name in (place.name, *place.aliases)))
        for place in gazetteer.places
        if place.kind == "street"
    }


@lru_cache(maxsize=8)
def crossings_of(gazetteer: Gazetteer) -> Mapping[str, frozenset[str]]:
    """With each street, those that it crosses."""
    found: dict[str, set[str]] = {}
    for place in gazetteer.places:
        if place.kind == "crossing":
            ends = [part.strip() for part in place.name.replace(" / ", " y ").split(" y ")]
            for one in ends:
                found.setdefault(one, set()).update(other for other in ends if other != one)
    return {street: frozenset(others) for street, others in found.items()}


def beginning(keys: str, streets: Streets, among: Iterable[str] | None = None) -> list[str]:
    """The streets that begin so, shortest first: of those, whoever keyed the whole name meant the shortest."""
    if len(keys) < FEWEST:
        return []
    names = streets if among is None else among
    known = {name: streets.get(name) or spellings(name) for name in names}
    found = [
        (min(len(spelling) for spelling in spelt if spelling.startswith(keys)), name)
        for name, spelt in known.items()
        if any(spelling.startswith(keys) for spelling in spelt)
    ]
    return [name for _, name in sorted(found)]


def corner_words(first: str, second: str) -> str:
    """How somebody would say the corner of two streets."""
    return f"{first} y {second}"


Names = Sequence[str]
