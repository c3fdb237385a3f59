"""The words that names are told by, from words.toml, and how words are compared."""

import tomllib
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

from georef.names import STREET_TYPES

_PLAIN = str.maketrans("áéíóúüñàèìòùâêîôûäëïöç", "aeiouunaeiouaeiouaeioc")
_LONGEST_REMEMBERED = 30
# Words that are short for a given name: Maria, Francisco, Guadalupe.
SHORT_GIVEN = frozenset(("ma", "fco", "gpe"))


@dataclass(frozen=True, slots=True)
class Words:
    given: frozenset[str]
    surnames: frozenset[str]
    ambiguous: frozenset[str]
    titles: frozenset[str]
    street_titles: frozenset[str]
    kin: frozenset[str]
    named_before: frozenset[str]
    signed_before: frozenset[str]
    any_before: frozenset[str]
    particles: frozenset[str]
    articles: frozenset[str]
    streets: frozenset[str]
    buildings: frozenset[str]
    between: frozenset[str]
    place_before: frozenset[str]
    place_after: frozenset[str]
    famous: frozenset[str]
    common: frozenset[str]
    one_digit: frozenset[str]
    two_digits: frozenset[str]
    tens: frozenset[str]


@cache
def words() -> Words:
    data = tomllib.loads(Path(__file__).with_name("words.toml").read_text(encoding="utf-8"))
    sets = {
        name: frozenset(value if isinstance(value, list) else value.split())
        for name, value in data.items()
        if name != "famous"
    }
    sets["famous"] = frozenset(name for line in data["famous"].split("\n") for name in line.split("|") if name)
    sets["streets"] |= STREET_TYPES
    return Words(**sets)


def plain(word: str) -> str:
    """The word without case, accents and apostrophes."""
    return _remembered(word) if len(word) <= _LONGEST_REMEMBERED else _plain(word)


def _plain(word: str) -> str:
    return word.lower().translate(_PLAIN).replace("’", "").replace("'", "").replace("´", "")


# The words of a language come again and again.
_remembered = lru_cache(maxsize=50_000)(_plain)
