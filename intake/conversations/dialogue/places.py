"""Finding the place in what a person writes: `hay un bache en av sabinos 214 esq niebla, el carmen`."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import takewhile

from georef.distances import distance_m
from georef.points import LonLat
from intake.catalog.matching import fold
from intake.conversations.dialogue.state import Place
from intake.conversations.dialogue.words import (
    EMPTY,
    ENDS_A_PLACE,
    JOINS,
    LACKS,
    LEADS,
    NO_PLACE,
    OF_MANY,
    PLACE_KINDS,
    PREPOSITIONS,
    plain,
)

# Below the first a name only resembles what was said; from the second it is there.
POSSIBLE = 60.0
SURE = 85.0
_LEAD, _NEAR_ENOUGH_M = 6.0, 600.0
# No colonia is a circle; its corners lie farther out.
_SHAPELESS = 1.5
# A whole message costs at most so many look-ups of so many words.
_MOST_LOOKUPS, _MOST_WORDS = 8, 30
_MOST_WORDS_OF_A_PLACE = 12

_TOKEN = re.compile(r"[^\W_]+")
# A full stop after `av` or `col` ends no sentence.
_SENTENCE_END = re.compile(r"(?:(?<=[^\W\d_]{4})|(?<=\d\d))[.!?;](?=\s|$)|\n")
_LOOSE_ENDS = re.compile(r"^\s*(?:al|del|de|a)\s+|[\s,]+(?:y|o|e|a|de|con|and|or)\s*$", re.IGNORECASE)
_NOTHING_BY_ITSELF = EMPTY | PLACE_KINDS | PREPOSITIONS


@dataclass(frozen=True, slots=True)
class Finding:
    """words: the part of the message that is about the place; places: what it may mean, best first."""

    words: str
    places: tuple[Place, ...]

    @property
    def is_sure(self) -> bool:
        """True when nobody need be asked: a good match, near enough, and nothing else nearly as good."""
        if not self.places:
            return False
        best = self.places[0]
        rivals = [place for place in self.rivals if place is not best]
        return best.score >= SURE and not is_wide(best) and not rivals

    @property
    def is_told(self) -> bool:
        """True when the words are surely about a place, though it may be nobody's: a name only resembles many things."""
        return not self.places or self.places[0].score >= SURE

    @property
    def is_known(self) -> bool:
        """True when the words name a place that is there."""
        return bool(self.places) and self.places[0].score >= SURE

    @property
    def rivals(self) -> tuple[Place, ...]:
        """The best place and those nearly as good; what is written and lies alike counts once."""
        best = self.places[0].score if self.places else 0.0
        seen: dict[tuple[str, float, float], Place] = {}
        for place in self.places:
            if place.score >= best - _LEAD:
                seen.setdefault((place.label, round(place.lon, 2), round(place.lat, 2)), place)
        return tuple(seen.values())

    @property
    def is_nameless(self) -> bool:
        """True when several places would be read out alike, so that nobody could choose."""
        return len({place.label for place in self.rivals}) < len(self.rivals)

    @property
    def is_only_an_area(self) -> bool:
        """True for a district or colonia with no street: too wide to send somebody to."""
        return bool(self.places) and is_wide(self.places[0])


def is_wide(place: Place) -> bool:
    """True when the place is too large to find anything in it."""
    return place.precision_m > _NEAR_ENOUGH_M


def find_in_report(text: str, look_up: Callable[[str], Sequence[Place]]) -> Finding | None:
    """The place that a whole report tells, if it tells one. Its `places` are empty when the name is nobody's."""
    best: Finding | None = None
    for words in _fragments(text):
        places = tuple(place for place in look_up(words) if place.score >= POSSIBLE)
        if places and (best is None or _is_better(places[0], best)):
            best = Finding(words, places)
        elif best is None and _names_a_street(words):
            best = Finding(words, ())
    return best


def _is_better(place: Place, found: Finding) -> bool:
    """True when a part of the message tells a place better: by name, or by not being as wide."""
    if not found.places:
        return True
    known = found.places[0]
    if is_wide(known) != is_wide(place) and min(known.score, place.score) >= SURE:
        return is_wide(known)
    return place.score > known.score + 1


def find_in_answer(text: str, look_up: Callable[[str], Sequence[Place]]) -> Finding:
    """The place that an answer to "where?" names."""
    found = find_in_report(text, look_up)
    if found and found.places:
        return found
    words = text.strip()
    return Finding(words, tuple(place for place in look_up(_beginning(words)) if place.score >= POSSIBLE))


def lies_in(place: Place, area: Place) -> bool:
    """True for a place that somebody can be sent to, within the circle that stands for a colonia or an avenue."""
    if is_wide(place) or place.score < POSSIBLE:
        return False
    away_m = distance_m(LonLat(place.lon, place.lat), LonLat(area.lon, area.lat))
    return away_m <= area.precision_m * _SHAPELESS


def before_place(text: str, finding: Finding | None) -> str:
    """What the message says before its place begins: the words about the matter itself."""
    if finding is None:
        return text
    start = text.find(finding.words)
    return text[:start] if start > 0 else text


def in_words(text: str, finding: Finding | None) -> str | None:
    """The words about the place as they were written, also of a place that nobody knows; None when none are told.

    What was found in the message as a whole has no words of its own: its label stands for them.
    """
    if finding and finding.places and finding.words == text.strip():
        return finding.places[0].label if finding.places[0].score >= SURE else None
    tokens = _tokens_of(text)
    begun = text.find(finding.words) if finding else -1
    starts = [
        index + 1
        for index, (start, _, word) in enumerate(tokens)
        if word in LEADS and index + 1 < len(tokens) and (begun < 0 or start < begun)
    ]
    for index in starts:
        told = _told(text, tokens[index:])
        # What was found may be the end of it: "Reforma casi esquina con Bucareli".
        if told and (finding.words[:12] in told if finding else _sounds_like_a_place(told)):
            return told
    return _told(finding.words, _tokens_of(finding.words)) if finding else None


def _tokens_of(text: str) -> list[tuple[int, int, str]]:
    return [(match.start(), match.end(), fold(match[0])) for match in _TOKEN.finditer(text)]


def _told(text: str, tokens: Sequence[tuple[int, int, str]]) -> str | None:
    """From the first token to where the message goes on about something else."""
    begin = tokens[0][0] if tokens else 0
    ends = [start for index, (start, _, word) in enumerate(tokens) if index and word in ENDS_A_PLACE]
    ended = _SENTENCE_END.split(text[begin : ends[0] if ends else None], maxsplit=1)[0]
    words = _LOOSE_ENDS.sub("", ended).strip(" ,.;:-!?¡¿\n")
    return words if any(word not in _NOTHING_BY_ITSELF for word in plain(words).split()) else None


def _sounds_like_a_place(words: str) -> bool:
    """True for names and corners: `Juárez y Balderas`, `la Narvarte`, `calle 8`; also one or two words in small letters."""
    said = plain(words).split()
    if not said or len(said) > _MOST_WORDS_OF_A_PLACE or any(word in NO_PLACE for word in said):
        return False
    named = any(match[0][0].isupper() for match in _TOKEN.finditer(words))
    joined = any(word in JOINS for word in said[1:-1]) or any(word.isdigit() for word in said)
    telling = [word for word in said if word not in EMPTY]
    return named or joined or said[0] in PLACE_KINDS or len(telling) <= 2


def _fragments(text: str) -> list[str]:
    """Endings of the message that may name a place, longest first, then the whole message."""
    tokens = [(match.start(), fold(match[0])) for match in _TOKEN.finditer(text)]
    starts: list[int] = []
    for index, (start, word) in enumerate(tokens):
        if word in PLACE_KINDS:
            starts.append(start)
        elif word in PREPOSITIONS and index + 1 < len(tokens):
            starts.append(tokens[index + 1][0])
    fragments = [text[start:].strip() for start in dict.fromkeys(starts)]
    # "… esq niebla. Es muy hondo": the place ends with the sentence.
    fragments = [_SENTENCE_END.split(words, maxsplit=1)[0].strip() for words in fragments]
    telling = [words for words in fragments if any(word not in _NOTHING_BY_ITSELF for word in plain(words).split())]
    whole = text.strip()
    if whole and whole not in telling:
        telling.append(whole)
    return [_beginning(words) for words in telling[:_MOST_LOOKUPS]]


def _beginning(words: str) -> str:
    # Looking up grows with the square of the words; nobody needs thirty to name a place.
    ends = [match.end() for match in _TOKEN.finditer(words)]
    return words if len(ends) <= _MOST_WORDS else words[: ends[_MOST_WORDS - 1]]


def _names_a_street(words: str) -> bool:
    said = plain(words).split()
    # "En mi calle y ya lleva tres días" names none, nor does "puente peatonal sin luz".
    name = takewhile(lambda word: word not in ENDS_A_PLACE and word not in LACKS, said[1:])
    return bool(said) and said[0] in PLACE_KINDS and any(word not in _NOTHING_BY_ITSELF | OF_MANY for word in name)
