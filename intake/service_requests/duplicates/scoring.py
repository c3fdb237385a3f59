"""How likely two reports are about one thing: a sum of log-odds, one part for each thing that speaks for it or against. Pure.

The weights were chosen on real rows (docs/duplicates.md). Each part is monotone: nearer, younger, more alike in words never
makes it less likely.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from georef.distances import distance_m
from georef.points import LonLat
from intake.catalog.definitions import DuplicateRules
from intake.catalog.matching import fold

# From this score on a pair is worth a person's look; from this one on somebody who can only answer yes or no is asked.
LIKELY, SURE = 0.5, 0.63

BASE = -1.55
NEAR = 1.4  # at the very spot; nothing at the radius
FAR = -1.4  # where the doubt about the places is as wide as twice the radius
FRESH = 1.0  # said at the same moment; half of it after HALF_DAYS
HALF_DAYS = 2.0
CLOSED = -0.5  # closed just now
CLOSED_LONG = -0.3  # more of that when as many days have gone by as the service allows
FAMILY = -1.1  # another service of the same group
SAME_ASSET, OTHER_ASSET = 2.5, -3.5
SAME_ADDRESS = 0.4
WORDS = 1.5  # the very same words
SAME_CONTACT = 1.0

# A phone's own reading is never better than this, and it says nothing against two being one.
_PHONE_M = 20.0
_FEW_LETTERS = 4
_SHORT = 24
_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class Sighting:
    """What is reported, as far as it tells one thing from another. point: WGS84; precision_m: how far it may be off.

    assets: answers that name the thing, by attribute code. words: the public ones where somebody else may read what comes of it.
    """

    service_code: str
    group_code: str
    point: LonLat
    at: datetime
    precision_m: float | None = None
    words: str = ""
    address: str = ""
    address_id: str | None = None
    assets: Mapping[str, str] = field(default_factory=dict)
    contact_point_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Likeness:
    """score: 0 to 1. parts: log-odds by name, in the order of the table in docs/duplicates.md; facts: what they were made of."""

    score: float
    parts: Mapping[str, float]
    facts: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        return {"parts": dict(self.parts), "facts": dict(self.facts)}


@dataclass(frozen=True, slots=True)
class Pair:
    """Two reports of which all but the words was compared. parts: as in Likeness, as if no words were alike."""

    parts: Mapping[str, float]
    metres: float
    hours: float
    closed_hours: float | None
    is_same_service: bool
    is_same_asset: bool | None
    is_same_contact: bool

    def score(self, alike: float) -> float:
        """0 to 1. alike: the likeness of the words. More alike is never less likely, so with 1.0 it is the most it can be."""
        return _probability(BASE + sum(self._parts(alike).values()))

    def likeness(self, alike: float) -> Likeness:
        """The same score with what it was made of."""
        facts = {
            "metres": round(self.metres),
            "hours": round(self.hours, 1),
            "closed_hours": None if self.closed_hours is None else round(self.closed_hours, 1),
            "same_service": self.is_same_service,
            "same_asset": self.is_same_asset,
            "alike": round(alike, 2),
            "same_contact": self.is_same_contact,
        }
        rounded = {name: round(odds, 3) for name, odds in self._parts(alike).items()}
        return Likeness(self.score(alike), rounded, facts)

    def _parts(self, alike: float) -> dict[str, float]:
        return {**self.parts, "words": WORDS * alike}


def likeness(
    told: Sighting,
    known: Sighting,
    rules: DuplicateRules,
    *,
    closed_at: datetime | None = None,
    is_same_contact: bool = False,
) -> Likeness:
    """How likely `told` is `known`, which was there before. closed_at: when that was closed. rules: of what is told."""
    pair = compare(told, known, rules, closed_at=closed_at, is_same_contact=is_same_contact)
    return pair.likeness(similarity(told.words, known.words))


def compare(
    told: Sighting,
    known: Sighting,
    rules: DuplicateRules,
    *,
    closed_at: datetime | None = None,
    is_same_contact: bool = False,
) -> Pair:
    """`likeness` up to the words, which cost as much as all the rest."""
    metres = distance_m(told.point, known.point)
    days = abs((told.at - known.at).total_seconds()) / 86400
    closed_days = max(0.0, (told.at - closed_at).total_seconds() / 86400) if closed_at else None
    asset = _asset(told, known)
    parts = {
        "near": near(metres, doubt_m(told.precision_m, known.precision_m), rules.radius_m),
        "fresh": FRESH * 2 ** (-days / HALF_DAYS),
        "closed": 0.0
        if closed_days is None
        else CLOSED + CLOSED_LONG * min(2, closed_days / max(1, rules.closed_days)),
        "service": 0.0 if told.service_code == known.service_code else FAMILY,
        "asset": {True: SAME_ASSET, False: OTHER_ASSET, None: 0.0}[asset],
        "address": SAME_ADDRESS if _is_same_address(told, known) else 0.0,
        "words": 0.0,
        "contact": SAME_CONTACT if is_same_contact else 0.0,
    }
    return Pair(
        parts,
        metres,
        days * 24,
        None if closed_days is None else closed_days * 24,
        told.service_code == known.service_code,
        asset,
        is_same_contact,
    )


def near(metres: float, doubt: float, radius_m: float) -> float:
    """Log-odds of the distance. doubt: how far apart the two places may really be, for all that is known of them."""
    share = math.hypot(metres, doubt) / max(1.0, radius_m)
    if share <= 1:
        return NEAR * (1 - share)
    return FAR * min(1.0, share - 1)


def doubt_m(one: float | None, other: float | None) -> float:
    """How far apart two reports of one spot may be placed, by how precisely each was placed."""
    return math.hypot(*(max(0.0, (precision or 0.0) - _PHONE_M) / 2 for precision in (one, other)))


def similarity(one: str, other: str) -> float:
    """Shared trigrams of the folded words, of all that either has: 0 to 1, as PostgreSQL's pg_trgm counts them."""
    ours, theirs = trigrams(one), trigrams(other)
    if not ours or not theirs:
        return 0.0
    shared = len(ours & theirs)
    return shared / (len(ours) + len(theirs) - shared)


# Few, the sets of one look: the garbage collector walks all that are kept, and with thousands the slowest looks waited for it.
@lru_cache(maxsize=64)
def trigrams(text: str) -> frozenset[str]:
    """Of each word with two blanks before it and one after; nothing of a text too short to tell anything."""
    words = _WORD.findall(fold(text[:1000]))
    if sum(map(len, words)) < _FEW_LETTERS:
        return frozenset()
    return frozenset().union(*map(_of_short if max(map(len, words)) <= _SHORT else _of_word, words))


def _of_word(word: str) -> frozenset[str]:
    padded = f"  {word} "
    return frozenset(padded[i : i + 3] for i in range(len(padded) - 2))


# People use few words many times; what is longer is none, and would fill the memory.
_of_short = lru_cache(maxsize=4096)(_of_word)


def _asset(told: Sighting, known: Sighting) -> bool | None:
    """Whether both name the same thing; None when they do not say, or not in answer to the same question."""
    if told.address_id and told.address_id == known.address_id:
        return True
    both = told.assets.keys() & known.assets.keys()
    if not both or told.service_code != known.service_code:
        return None
    return all(told.assets[code].strip().lower() == known.assets[code].strip().lower() for code in both)


def _is_same_address(told: Sighting, known: Sighting) -> bool:
    """Whether both wrote the same address with a number in it; a street's name alone is a long place."""
    ours = _plain(told.address)
    return any(letter.isdigit() for letter in ours) and ours == _plain(known.address)


@lru_cache(maxsize=512)
def _plain(text: str) -> str:
    return " ".join(_WORD.findall(fold(text)))


def _probability(odds: float) -> float:
    return 1 / (1 + math.exp(-odds))
