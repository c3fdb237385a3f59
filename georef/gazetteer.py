"""Finds named places in what people write: accent-blind, tolerant of misspelling, honest about what it does not know."""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from rapidfuzz import fuzz, process

from georef import addresses
from georef.distances import distance_m
from georef.likeness import differs_in_enye, may_be, windows
from georef.names import GENERIC, core, core_words, enyes, fold, is_number, sound
from georef.nearest import NearestPlaces
from georef.places import Place, PlaceMatch
from georef.points import LonLat
from georef.ranking import doubt, lies_in, middle, order

__all__ = ["Gazetteer", "Place", "PlaceMatch"]

# Below this a match is a guess, and none is better than a guess.
MIN_SCORE = 60.0
_SAME_PLACE_M = 500.0
_STREET_KINDS = frozenset({"street", "crossing"})
# What a name loses when it was found by a shorter form of it.
_SHORT_FORM = 8.0
_OTHER_ENYE = 4.0
# "Avenida Tláhuac" is hardly the station Tláhuac.
_NOT_A_STREET = 12.0
_SURE = 95.0
_SAME_SOUND = 97.0
# What an area scores when the text says "colonia" before its name, less how it is misspelt; and what is far from it loses.
_SAID_COLONIA = 88.0
_ELSEWHERE = 20.0
_CORNER_ELSEWHERE = 6.0
_OFFICE = re.compile(r"^(?:alcald[ií]a|delegaci[oó]n|municipio)(?: de)? ", re.IGNORECASE)


@dataclass(slots=True)
class _Name:
    """One comparable form of the names of one or more places."""

    text: str
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
        self._districts = {
            fold(name): place
            for place in self.places
            if place.kind == "district"
            for name in (place.name, *place.aliases)
        }
        self._nearest: NearestPlaces | None = None
        self._keys = list(self._names)
        self._sounds = [sound(key) for key in self._keys]

    def corner_near(self, point: LonLat, within_m: float) -> Place | None:
        """The corner next to a point; None when there is none within `within_m` metres."""
        if self._nearest is None:
            self._nearest = NearestPlaces(self.places, {"crossing"})
        return self._nearest.to(point, within_m)

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
        name = self._names.setdefault(text, _Name(text))
        if all(known != position for known, _ in name.places):
            name.places.append((position, cost))

    def search(self, text: str, *, limit: int = 5, near: LonLat | None = None) -> list[PlaceMatch]:
        """The likeliest places for what somebody wrote, best first; nothing known gives an empty list.

        Understands "A esq. B", "A y B", "A entre B y C", "col. X" and words such as "afuera de". With `near`, places of about the
        same score come nearest first. A district named after the last comma holds: what lies elsewhere is no match for it.
        """
        rest, _, last = text.rpartition(",")
        district = self._districts.get(fold(_OFFICE.sub("", last.strip()))) if rest.strip() else None
        if district is None:
            return self._search(text, limit, near, None)
        inside = self._search(rest, limit, near, district)
        if inside:
            return inside
        found = self._search(text, limit, near, None)
        weighed = [m if lies_in(m.place, district) else replace(m, score=round(m.score - _ELSEWHERE, 1)) for m in found]
        return sorted((match for match in weighed if match.score >= MIN_SCORE), key=lambda match: order(match, near))

    def _search(self, text: str, limit: int, near: LonLat | None, within: Place | None) -> list[PlaceMatch]:
        written = addresses.read(text)
        if not written.text:
            return []
        said = self._said_colonias(written, text)
        found = self._named(written.rest if said else written.text, text)
        for position, score in said.items():
            found[position] = max(score, found.get(position, 0.0))
        colonias = list(said) or self._areas_among(found)
        against = _ELSEWHERE if said else 6.0
        matches = self._corner_matches(written, colonias, against)
        matches += [self._alone(position, score, colonias, against) for position, score in found.items()]
        matches = [
            match for match in matches if match.score >= MIN_SCORE and (within is None or lies_in(match.place, within))
        ]
        matches = [replace(match, score=round(match.score - doubt(match, matches), 1)) for match in matches]
        matches.sort(key=lambda match: order(match, near))
        unique: list[PlaceMatch] = []
        for match in matches:
            if len(unique) == limit:
                break
            # The two platforms of one station are one place to everybody.
            if all(match.label != kept.label or distance_m(match.point, kept.point) > _SAME_PLACE_M for kept in unique):
                unique.append(match)
        return unique

    def _named(self, folded: str, original: str = "", only: frozenset[str] | None = None) -> dict[int, float]:
        """Score by position of every place whose name is in the text, exactly or misspelt."""
        words = folded.split()
        told = [word for word in core_words(words) if not word.isdigit()] or words
        told_length = len(" ".join(told))
        runs = windows(words)
        if not runs or not self._keys:
            return {}
        texts = list(runs)
        # float32 rows of windows x names; anything under the cut-off comes back as 0.
        scores = process.cdist(
            [sound(window) for window in texts], self._sounds, scorer=fuzz.ratio, score_cutoff=78, dtype=np.float32
        )
        written_enyes = enyes(original)
        best: dict[int, tuple[float, str, bool]] = {}
        for row, column in zip(*np.nonzero(scores), strict=True):
            window, name = texts[row], self._names[self._keys[column]]
            alike = float(scores[row, column]) if window == name.text else min(float(scores[row, column]), _SAME_SOUND)
            if not may_be(window, name.text, alike):
                continue
            coverage = min(1.0, len(window) / told_length)
            for position, cost in name.places:
                place = self.places[position]
                if only is not None and place.kind not in only:
                    continue
                if place.kind == "crossing" and alike < _SURE:
                    continue  # half of a corner is no corner
                if runs[window] and place.kind not in _STREET_KINDS:
                    cost += _NOT_A_STREET
                other = differs_in_enye(window, written_enyes, (place.name, *place.aliases))
                score = alike * (0.7 + 0.3 * coverage) - cost - (_OTHER_ENYE if other else 0.0)
                if score > best.get(position, (0.0, "", False))[0]:
                    best[position] = (score, name.text, other)
        return self._without_false_enyes(best)

    @staticmethod
    def _without_false_enyes(best: dict[int, tuple[float, str, bool]]) -> dict[int, float]:
        right = {name for _, name, other in best.values() if not other}
        return {position: score for position, (score, name, other) in best.items() if not (other and name in right)}

    def _said_colonias(self, written: addresses.WrittenPlace, original: str) -> dict[int, float]:
        """Score by position of the areas that follow the word "colonia", best first."""
        if written.colonia is None:
            return {}
        named = self._named(written.colonia, original, frozenset({"colonia"}))
        best = max(named.values(), default=0.0)
        # Only the fullest names: "Ex Hacienda San Juan" is not also "San Juan".
        close = {
            position: score - best + min(best, _SAID_COLONIA) for position, score in named.items() if score > best - 8
        }
        return dict(sorted(close.items(), key=lambda item: (-item[1], item[0]))[:12])

    def _areas_among(self, found: dict[int, float]) -> list[int]:
        areas = [position for position in found if self.places[position].kind in ("colonia", "district")]
        return sorted(areas, key=lambda position: (-found[position], position))[:8]

    def _alone(self, position: int, score: float, colonias: Sequence[int], against: float) -> PlaceMatch:
        place = self.places[position]
        if place.kind == "street" and colonias and against >= _ELSEWHERE:
            area = self.places[colonias[0]]
            reach_m = place.precision_m + area.precision_m
            if area.precision_m < place.precision_m and distance_m(place.point, area.point) <= reach_m:
                # The stretch of a long avenue inside the colonia, not the middle of the avenue.
                label = f"{place.name}, {area.label}"
                return PlaceMatch(place, round(min(score, 100.0), 1), area.point, area.precision_m, label)
        if position not in colonias and colonias:
            score += self._agreement(place, colonias, against)
        return PlaceMatch(place, round(min(score, 100.0), 1), place.point, place.precision_m, place.label)

    def _agreement(self, place: Place, colonias: Sequence[int], against: float) -> float:
        """Points for lying in an area that the text names as well, or `against` for lying elsewhere."""
        context = fold(place.context)
        for position in colonias:
            colonia = self.places[position]
            if place.kind != "crossing" and against < _ELSEWHERE and core(colonia.name) in core(place.name):
                return 0.0  # "la Calera" names the colonia or its market, not the one in the other
            if core(colonia.name) in context:
                return 12.0
            if distance_m(place.point, colonia.point) <= colonia.precision_m + min(place.precision_m, 1000.0):
                return 10.0
        # A long street is everywhere along its length.
        return 0.0 if place.kind == "street" and place.precision_m > 1000 else -against

    def _corner_matches(
        self, written: addresses.WrittenPlace, colonias: Sequence[int], against: float
    ) -> list[PlaceMatch]:
        matches: list[PlaceMatch] = []
        for first, second in written.crossings:
            matches += self._corner(first, second, colonias, against)
        if written.between is not None:
            street, first, second = written.between
            ends = (
                self._corner(street, first, colonias, against)[:1] + self._corner(street, second, colonias, against)[:1]
            )
            if len(ends) == 2:
                matches.append(middle(*ends))
                ends = [replace(end, score=end.score - 10) for end in ends]
            matches += ends or self._corner(first, second, colonias, against)
        return matches

    def _streets(self, text: str) -> dict[str, float]:
        """Score by core name of the streets that a piece of text may mean, best first, at most four."""
        scores: dict[str, float] = {}
        for position, score in self._named(text, only=frozenset({"street"})).items():
            name = core(self.places[position].name)
            scores[name] = max(score, scores.get(name, 0.0))
        parts = {part for pair in self._corners for part in pair}
        for window in windows(text.split()):
            if window in parts:
                scores[window] = max(scores.get(window, 0.0), 90.0)
        return dict(sorted(scores.items(), key=lambda item: (-item[1], item[0]))[:4])

    def _corner(self, first: str, second: str, colonias: Sequence[int], against: float) -> list[PlaceMatch]:
        matches: list[PlaceMatch] = []
        for name, score in self._streets(first).items():
            for other, other_score in self._streets(second).items():
                if name == other:
                    continue
                both = min(100.0, (score + other_score) / 2 + 5)
                for position in self._corners.get(frozenset((name, other)), ()):
                    place = self.places[position]
                    # Two streets that do cross weigh more than a colonia, which people often get wrong.
                    bonus = self._agreement(place, colonias, min(against, _CORNER_ELSEWHERE)) if colonias else 0.0
                    matches.append(
                        PlaceMatch(
                            place, round(min(100.0, both + bonus), 1), place.point, place.precision_m, place.label
                        )
                    )
                if not matches:
                    matches += self._approach(name, other, both - 15, colonias, against)
        return sorted(matches, key=lambda match: order(match, None))

    def _approach(
        self, name: str, other: str, score: float, colonias: Sequence[int], against: float
    ) -> list[PlaceMatch]:
        """No such crossing on record: the stretch of the first street that comes nearest to the other one."""
        pairs = [
            (distance_m(a.point, b.point), a, b)
            for a in self._streets_called(name)
            for b in self._streets_called(other)
        ]
        if not pairs:
            return []
        metres, street, beside = min(pairs, key=lambda pair: (pair[0], pair[1].name))
        bonus = self._agreement(street, colonias, against) if colonias else 0.0
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
