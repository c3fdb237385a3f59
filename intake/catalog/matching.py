"""Which service do these words mean? Pure: no database, accent-blind, tolerant of typos, in Spanish and English.

A word counts by where it stands (keyword, name, description) and by how few services share it. The result is a ranking with
an honest score, not a verdict: callers decide what score is enough to go on without asking.
"""

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from rapidfuzz.distance import DamerauLevenshtein

from intake.catalog.definitions import ServiceDefinition

_KEYWORD, _NAME, _DESCRIPTION = 1.0, 0.7, 0.25
# One telling keyword, shared with no other service, scores 75.
_SATURATION = 1.386
_WORD = re.compile(r"[^\W_]+")
_UNTELLING = (
    "a al algo aqui asi ayuda calle casa como con cuando da de del desde donde el ella en enfrente es esa ese esta estan este"
    " esto favor frente ha hace hacia han hasta hay la las le les lo los mas me mi mis mucho muchos muy no nos o otra otro para"
    " pero por porque puede pueden que quiero reportar reporte se señor si sin sobre son su sus tambien te ten tenemos tengo"
    " tiene toda todo un una unas uno unos va via vez y ya yo"
    " an and are at be but for from has have i in is it my near of on or our please report street the there this to was we with"
    " without not you your"
)
_STOPWORDS = frozenset(_UNTELLING.split())
# Alone they tell nothing; in a keyword they turn it around: "no hay agua" is not about water that is there.
_TURNING = frozenset(("no", "sin", "not", "without"))
# Longest first: only one is taken off, and only when at least three letters stay.
_LISTED_ENDINGS = (
    "aciones acion amiento imiento ando iendo aron ieron aban adas ados idas idos ada ado ida ido aba ara era ira ian ia"
    " ar er ir es as os an en s a e o io ing ed"
)
_ENDINGS = sorted(_LISTED_ENDINGS.split(), key=len, reverse=True)


@dataclass(frozen=True, slots=True)
class ServiceMatch:
    """score: 0 to 100; `because`: the words of the catalogue that were recognised, strongest first."""

    definition: ServiceDefinition
    score: float
    because: tuple[str, ...]


def match_services(definitions: Iterable[ServiceDefinition], text: str, limit: int = 4) -> list[ServiceMatch]:
    """The services that `text` may be about, best first; [] when no word of it is known."""
    index = _index(tuple(definitions))
    stems = {_stem(word) for word in _words(text) if word not in _STOPWORDS or word in _TURNING}
    found = []
    for definition, phrases in index:
        weights = []
        for phrase, stem_set, weight in phrases:
            closeness = min(_closeness(stem, stems) for stem in stem_set)
            if closeness > 0:
                weights.append((weight * closeness, phrase, stem_set))
        score, because = _sum_distinct(weights)
        if score > 0:
            found.append(ServiceMatch(definition, round(100 * (1 - math.exp(-score * _SATURATION)), 1), because))
    found.sort(key=lambda match: (-match.score, match.definition.position, match.definition.code))
    return found[:limit]


def fold(text: str) -> str:
    """Lower case without accents, ñ kept: `año` and `ano` are different words."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFD", unicodedata.normalize("NFC", text).casefold().replace("ñ", "\0"))
    for letter in set(decomposed):
        if letter > "\x7f" and unicodedata.combining(letter):
            decomposed = decomposed.replace(letter, "")
    return decomposed.replace("\0", "ñ")


def _words(text: str) -> list[str]:
    return _WORD.findall(fold(text))


def _stem(word: str) -> str:
    if word in _TURNING:
        return "no"
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)]
    return word


def _closeness(stem: str, said: set[str]) -> float:
    if stem in said:
        return 1.0
    if len(stem) < 5:
        return 0.0  # short words one letter apart are other words: poste and posta, hoyo and hoy
    allowed = 1 if len(stem) < 8 else 2
    # Hardly anybody mistypes a first letter, and "mirador" is no "vibrador".
    alike = (other for other in said if other[0] == stem[0])
    near = min((DamerauLevenshtein.distance(stem, other, score_cutoff=allowed) for other in alike), default=9)
    return 0.0 if near > allowed else 0.8 / near


def _sum_distinct(weights: list[tuple[float, str, frozenset[str]]]) -> tuple[float, tuple[str, ...]]:
    # One said word is counted once, however many phrases of the service hold it.
    weights.sort(key=lambda item: (-item[0], item[1]))
    total, used, because = 0.0, set[str](), []
    for weight, phrase, stem_set in weights:
        if stem_set <= used:
            continue
        total += weight
        used |= stem_set
        because.append(phrase)
    return total, tuple(because)


_Phrases = tuple[tuple[str, frozenset[str], float], ...]


def _index(definitions: tuple[ServiceDefinition, ...]) -> list[tuple[ServiceDefinition, _Phrases]]:
    sources = tuple(
        (
            definition.keywords,
            tuple(definition.name.values()),
            tuple(definition.description.values()),
        )
        for definition in definitions
    )
    return list(zip(definitions, _phrases(sources), strict=True))


@lru_cache(maxsize=64)
def _phrases(sources: tuple[tuple[Sequence[str], ...], ...]) -> tuple[_Phrases, ...]:
    per_service: list[dict[frozenset[str], tuple[str, float]]] = []
    for keywords, names, descriptions in sources:
        phrases: dict[frozenset[str], tuple[str, float]] = {}
        for texts, weight, whole in (
            (keywords, _KEYWORD, True),
            (names, _NAME, False),
            (descriptions, _DESCRIPTION, False),
        ):
            for item in texts:
                telling = [word for word in _words(item) if word not in _STOPWORDS]
                if whole and telling:
                    telling = [word for word in _words(item) if word not in _STOPWORDS or word in _TURNING]
                for phrase in [telling] if whole else [[word] for word in telling]:
                    if phrase:
                        phrases.setdefault(frozenset(_stem(word) for word in phrase), (" ".join(phrase), weight))
        per_service.append(phrases)
    shared = Counter(stem_set for phrases in per_service for stem_set in phrases)
    return tuple(
        tuple(
            # A phrase of several words tells more than one word; a word that many services share tells less.
            (phrase, stem_set, weight * (1 + 0.5 * (len(stem_set) - 1)) / math.sqrt(shared[stem_set]))
            for stem_set, (phrase, weight) in phrases.items()
        )
        for phrases in per_service
    )
