"""Finds named places in what people write: accent-blind, tolerant of misspelling, honest about what it does not know."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from rapidfuzz import fuzz, process

from georef import addresses
from georef.distances import distance_m
from georef.names import GENERIC, PARTICLES, TYPES, core, core_words, enyes, fold, is_number, numbers
from georef.points import LonLat

# Below this a match is a guess, and none is better than a guess.
MIN_SCORE = 60.0
_LONGEST_NAME_WORDS = 7
_STREET_KINDS = frozenset({"street", "crossing"})
# What a name loses when it was found by a shorter form of it.
_SHORT_FORM = 8.0
_OTHER_ENYE = 4.0


@dataclass(frozen=True, slots=True)
class Place:
    """A named place. `precision_m`: how far the point may be off; `context`: where it lies, in words (colonia, district)."""

    kind: str
    name: str
    point: LonLat
    precision_m: float
    aliases: tuple[str, ...] = ()
    context: str = ""


@dataclass(frozen=True, slots=True)
class PlaceMatch:
    """A place found in a text. `score` 0 to 100: from 85 the name is there, below 70 somebody should confirm it.

    `point` and `precision_m` are of what was described (a corner of two streets), not always of `place` itself.
    """

    place: Place
    score: float
    point: LonLat
    precision_m: float
    label: str


@dataclass(slots=True)
class _Name:
    """One comparable form of the names of one or more places."""

    text: str
    numbers: tuple[str, ...]
    places: list[tuple[int, float]] = field(default_factory=list)  # (position, what this form costs)


class Gazetteer:
    """The named places of a city, read-only after it is made; safe to share between threads."""

    def __init__(self, places: Iterable[Place]) -> None:
        self.places: tuple[Place, ...] = tuple(places)
        self._names: dict[str, _Name] = {}
        self._corners: dict[frozenset[str], list[int]] = defaultdict(list)
        for position, place in enumerate(self.places):
            for name in (place.name, *place.aliases):
                self._add(name, position)
        self._keys = list(self._names)

    def _add(self, name: str, position: int) -> None:
        if self.places[position].kind == "crossing":
            for pair in addresses.read(name.replace("/", " y ").replace(" - ", " y ")).crossings:
                streets = frozenset(core(street) for street in pair)
                self._corners[streets].append(position)
        self._key(core(name), position, 0.0)
        words = core(name).split()
        # Everyday speech drops the numeral of "Doctores III" and the "Mercado" of "Mercado La Calera".
        if len(words) > 1 and is_number(words[-1]) and not words[-1][0].isdigit():
            self._key(" ".join(words[:-1]), position, _SHORT_FORM / 2)
        if len(words) > 1 and words[0] in GENERIC:
            self._key(" ".join(words[1:]), position, _SHORT_FORM)

    def _key(self, text: str, position: int, cost: float) -> None:
        if not text:
            return
        name = self._names.setdefault(text, _Name(text, numbers(text)))
        if all(known != position for known, _ in name.places):
            name.places.append((position, cost))

    def search(self, text: str, *, limit: int = 5, near: LonLat | None = None) -> list[PlaceMatch]:
        """The likeliest places for what somebody wrote, best first; nothing known gives an empty list.

        Understands "A esq. B", "A y B", "A entre B y C", "col. X" and words such as "afuera de". With `near`, places of about the
        same score come nearest first.
        """
        written = addresses.read(text)
        if not written.text:
            return []
        found = self._named(written.text, text)
        colonias = self._colonias(written, found)
        matches = self._corner_matches(written, text, colonias)
        matches += [self._alone(position, score, colonias) for position, score in found.items()]
        matches = [match for match in matches if match.score >= MIN_SCORE]
        matches.sort(key=lambda match: _order(match, near))
        seen: set[tuple[str, float, float]] = set()
        unique: list[PlaceMatch] = []
        for match in matches:
            key = (match.label, match.point.lon, match.point.lat)
            if key not in seen:
                seen.add(key)
                unique.append(match)
        return unique[:limit]

    def _named(self, folded: str, original: str = "", only: frozenset[str] | None = None) -> dict[int, float]:
        """Score by position of every place whose name is in the text, exactly or misspelt."""
        words = folded.split()
        told = [word for word in core_words(words) if not word.isdigit()] or words
        told_length = len(" ".join(told))
        windows = _windows(words)
        if not windows or not self._keys:
            return {}
        texts = list(windows)
        # float32 rows of windows x names; anything under the cut-off comes back as 0.
        scores = process.cdist(texts, self._keys, scorer=fuzz.ratio, score_cutoff=78, dtype=np.float32)
        written_enyes = enyes(original)
        best: dict[int, tuple[float, float, bool]] = {}
        for row, column in zip(*np.nonzero(scores), strict=True):
            window, name = texts[row], self._names[self._keys[column]]
            alike = float(scores[row, column])
            if alike < _least(name.text) or numbers(window) != name.numbers:
                continue
            coverage = min(1.0, len(window) / told_length)
            for position, cost in name.places:
                place = self.places[position]
                if only is not None and place.kind not in only:
                    continue
                other = _differs_in_enye(window, written_enyes, place)
                score = alike * (0.7 + 0.3 * coverage) - cost - (_OTHER_ENYE if other else 0.0)
                if score > best.get(position, (0.0, 0.0, False))[0]:
                    best[position] = (score, alike - cost, other)
        return self._without_false_enyes(best)

    def _without_false_enyes(self, best: dict[int, tuple[float, float, bool]]) -> dict[int, float]:
        exact = {core(self.places[position].name) for position, (_, _, other) in best.items() if not other}
        return {
            position: score
            for position, (score, _, other) in best.items()
            if not (other and core(self.places[position].name) in exact)
        }

    def _colonias(self, written: addresses.WrittenPlace, found: dict[int, float]) -> list[int]:
        """Positions of the areas (colonia or district) the text names, best first."""
        areas = {
            position: score
            for position, score in found.items()
            if self.places[position].kind in ("colonia", "district")
        }
        if written.colonia:
            areas |= {
                position: score + 20
                for position, score in self._named(written.colonia, only=frozenset({"colonia"})).items()
            }
        return sorted(areas, key=lambda position: -areas[position])[:8]

    def _alone(self, position: int, score: float, colonias: Sequence[int]) -> PlaceMatch:
        place = self.places[position]
        if position not in colonias and colonias:
            score += self._agreement(place, colonias)
        return PlaceMatch(place, round(min(score, 100.0), 1), place.point, place.precision_m, _label(place))

    def _agreement(self, place: Place, colonias: Sequence[int]) -> float:
        """Points for lying in a colonia that the text names as well."""
        context = fold(place.context)
        for position in colonias:
            colonia = self.places[position]
            if core(colonia.name) and core(colonia.name) in context:
                return 12.0
            if distance_m(place.point, colonia.point) <= colonia.precision_m:
                return 10.0
        return -6.0

    def _corner_matches(
        self, written: addresses.WrittenPlace, original: str, colonias: Sequence[int]
    ) -> list[PlaceMatch]:
        matches: list[PlaceMatch] = []
        for first, second in written.crossings:
            matches += self._corner(first, second, colonias)
        if written.between is not None:
            street, first, second = written.between
            ends = self._corner(street, first, colonias)[:1] + self._corner(street, second, colonias)[:1]
            if len(ends) == 2:
                matches.append(_middle(*ends))
            matches += ends or self._corner(first, second, colonias)
        return matches

    def _streets(self, text: str) -> dict[str, float]:
        """Score by core name of the streets that a piece of text may mean, best first, at most four."""
        scores: dict[str, float] = {}
        for position, score in self._named(text, only=frozenset({"street"})).items():
            name = core(self.places[position].name)
            scores[name] = max(score, scores.get(name, 0.0))
        parts = {part for pair in self._corners for part in pair}
        for window in _windows(text.split()):
            if window in parts:
                scores[window] = max(scores.get(window, 0.0), 90.0)
        return dict(sorted(scores.items(), key=lambda item: (-item[1], item[0]))[:4])

    def _corner(self, first: str, second: str, colonias: Sequence[int]) -> list[PlaceMatch]:
        matches: list[PlaceMatch] = []
        for name, score in self._streets(first).items():
            for other, other_score in self._streets(second).items():
                if name == other:
                    continue
                both = min(100.0, (score + other_score) / 2 + 5)
                for position in self._corners.get(frozenset((name, other)), ()):
                    place = self.places[position]
                    bonus = self._agreement(place, colonias) if colonias else 0.0
                    matches.append(
                        PlaceMatch(
                            place, round(min(100.0, both + bonus), 1), place.point, place.precision_m, _label(place)
                        )
                    )
                if not matches:
                    matches += self._approach(name, other, both - 15, colonias)
        return sorted(matches, key=lambda match: _order(match, None))

    def _approach(self, name: str, other: str, score: float, colonias: Sequence[int]) -> list[PlaceMatch]:
        """No such crossing on record: the stretch of the first street that comes nearest to the other one."""
        pairs = [
            (distance_m(a.point, b.point), a, b)
            for a in self._streets_called(name)
            for b in self._streets_called(other)
        ]
        if not pairs:
            return []
        metres, street, beside = min(pairs, key=lambda pair: (pair[0], pair[1].name))
        bonus = self._agreement(street, colonias) if colonias else 0.0
        return [
            PlaceMatch(
                street,
                round(min(100.0, score + bonus), 1),
                street.point,
                max(street.precision_m, metres),
                f"{street.name} y {beside.name}",
            )
        ]

    def _streets_called(self, name: str) -> list[Place]:
        known = self._names.get(name)
        found = [self.places[position] for position, _ in known.places] if known else []
        return [place for place in found if place.kind == "street"]


def _windows(words: Sequence[str]) -> dict[str, None]:
    """Distinct cores of every run of words that could be a name, in order."""
    windows: dict[str, None] = {}
    for start in range(len(words)):
        for end in range(start + 1, min(len(words), start + _LONGEST_NAME_WORDS) + 1):
            run = list(words[start:end])
            kept = core_words(run)
            text = " ".join(kept)
            # "mercado" alone, or a house number alone, is not the name of a place.
            if kept and not all(word in GENERIC or word.isdigit() for word in kept):
                windows[text] = None
    if len(words) <= 3 and words and all(w in GENERIC or w in TYPES or w in PARTICLES or w.isdigit() for w in words):
        windows[core(" ".join(words))] = None
    return windows


def _least(name: str) -> float:
    """How alike a misspelling must be: short names must be exact, long ones may hold two or three slips."""
    return 100.0 if len(name) <= 4 else 88.0 if len(name) <= 6 else 84.0 if len(name) <= 9 else 80.0


def _differs_in_enye(window: str, written: frozenset[str], place: Place) -> bool:
    words = set(window.split())
    ours = frozenset(word for name in (place.name, *place.aliases) for word in enyes(name))
    return bool((words & written) ^ (words & ours))


def _order(match: PlaceMatch, near: LonLat | None) -> tuple[float, float, float, str]:
    away = distance_m(match.point, near) if near is not None else 0.0
    # Five points at most for nearness: a good name far away still beats a bad one next door.
    return (-(match.score - min(away / 1000, 5.0)), match.precision_m, away, match.label)


def _middle(first: PlaceMatch, second: PlaceMatch) -> PlaceMatch:
    a, b = first.point, second.point
    return replace(
        first,
        score=round(min(100.0, (first.score + second.score) / 2 + 2), 1),
        point=LonLat((a.lon + b.lon) / 2, (a.lat + b.lat) / 2),
        precision_m=max(first.precision_m, second.precision_m, distance_m(a, b) / 2),
        label=f"{first.label} / {second.label}",
    )


def _label(place: Place) -> str:
    return f"{place.name}, {place.context}" if place.context else place.name
