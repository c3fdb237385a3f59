"""Which service do these words mean? Pure: no database, accent-blind, tolerant of typos, in Spanish and English.

A phrase counts by where it stands (keyword, way of saying it, name, description), by how many services share it, and by how
surely each of its words was said. The result is a ranking with an honest score and its reasons, not a verdict: callers decide
what score is enough to go on without asking. How it works in words: docs/understanding.md.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise

from rapidfuzz import process
from rapidfuzz.distance import OSA, Prefix

from intake.catalog.definitions import ServiceDefinition
from intake.catalog.spelling import (
    NOT_SLIPS,
    SAME,
    STOPWORDS,
    SYNONYMS,
    TOPICS,
    TURNING,
    WEAK,
    fold,
    sound,
    stem,
    words_of,
)

__all__ = ["Reason", "ServiceMatch", "fold", "match_services"]

_WEIGHTS = {"keyword": 1.0, "said_as": 1.0, "hint": 0.4, "name": 0.6, "description": 0.2}
# By how surely a word was said: as it is written, in another form, by ear, by another word for it, with a slip.
_CLOSENESS = {"word": 1.0, "form": 1.0, "sound": 0.92, "synonym": 0.95, "typo": 0.75}
# One telling keyword, shared with no other service, scores 75.
_SATURATION = 1.386
_HINT, _AGAINST = "~", "-"
_LONGEST_MESSAGE = 120
_FORM = 0.95
# So many telling words on, a "no" still turns a word around.
_TURNS = 2


@dataclass(frozen=True, slots=True)
class Reason:
    """said: the words of the message. known: the phrase they matched, of `source` (keyword, said_as, hint, name, description).

    how: the least sure of word, form, sound, synonym and typo.
    """

    said: str
    known: str
    source: str
    how: str


@dataclass(frozen=True, slots=True)
class ServiceMatch:
    """score: 0 to 100; `because`: the phrases that were recognised and how, strongest first."""

    definition: ServiceDefinition
    score: float
    because: tuple[str, ...]
    reasons: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True)
class _Phrase:
    service: int
    words: tuple[str, ...]
    stems: tuple[str, ...]
    source: str
    weight: float
    # Other ways in which the same is written.
    variants: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class _Token:
    """A telling word of the message: what stem of the catalogue it is, how surely, and what stood there."""

    said: str
    stem: str
    closeness: float
    how: str
    word: str


@dataclass(frozen=True, slots=True)
class _Index:
    by_stem: dict[str, tuple[_Phrase, ...]]
    # How words are heard, for slips of the thumb.
    heard: tuple[str, ...]
    stem_of: dict[str, str]
    words: frozenset[str]
    written: dict[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class _Hit:
    phrase: _Phrase
    places: tuple[int, ...]
    weight: float


def match_services(definitions: Iterable[ServiceDefinition], text: str, limit: int = 4) -> list[ServiceMatch]:
    """The services that `text` may be about, best first; [] when no word of it is known."""
    definitions = tuple(definitions)
    index = _index(tuple(_sources(definition) for definition in definitions))
    tokens = _tokens(text, index)
    hits: dict[int, list[_Hit]] = defaultdict(list)
    for hit in _hits(tokens, index):
        hits[hit.phrase.service].append(hit)
    found = []
    for number, of_service in hits.items():
        score, used = _sum_distinct(of_service)
        if score > 0 and used:
            found.append(_match(definitions[number], score, used, tokens))
    found.sort(key=lambda match: (-match.score, match.definition.position, match.definition.code))
    return found[:limit]


def _match(definition: ServiceDefinition, score: float, used: Sequence[_Hit], tokens: Sequence[_Token]) -> ServiceMatch:
    reasons = tuple(_reason(hit, tokens) for hit in used)
    scored = round(100 * (1 - math.exp(-score * _SATURATION)), 1)
    return ServiceMatch(definition, max(scored, 0.1), tuple(reason.known for reason in reasons), reasons)


def _reason(hit: _Hit, tokens: Sequence[_Token]) -> Reason:
    said = [tokens[place] for place in sorted(hit.places)]
    words = {token.word for token in said}
    stems = {stem(word) for word in words}
    known = max(
        (hit.phrase.words, *hit.phrase.variants),
        key=lambda variant: (len(words & set(variant)), len(stems & {stem(word) for word in variant})),
    )
    if words >= set(known) - TURNING:
        how = "word"
    else:
        how = min(
            (token.how for token in said if token.word not in known), key=lambda how: _CLOSENESS[how], default="form"
        )
        if how in ("word", "synonym"):
            how = "form" if stems >= {stem(word) for word in known} - TURNING else "synonym"
    return Reason(" ".join(token.said for token in said), " ".join(known), hit.phrase.source, how)


def _tokens(text: str, index: _Index) -> list[_Token]:
    """The telling words of the message, in order, as the catalogue knows them."""
    tokens = []
    for said, word in _joined(words_of(text)[:_LONGEST_MESSAGE]):
        if word in TURNING:
            tokens.append(_Token(said, "no", 1.0, "word", "no"))
        elif word not in STOPWORDS:
            known, how = _known(word, index)
            tokens.append(_Token(said, known, _CLOSENESS[how], how, word))
    return tokens


def _joined(words: Sequence[str]) -> Iterable[tuple[str, str]]:
    """Each word as it was said and as it is read: two words that are one thing (`no sirve`) become that one."""
    place = 0
    while place < len(words):
        for length in (3, 2):
            if (one := SAME.get(tuple(words[place : place + length]))) is not None:
                yield from ((" ".join(words[place : place + length]), word) for word in one)
                place += length
                break
        else:
            yield words[place], words[place]
            place += 1


def _known(word: str, index: _Index) -> tuple[str, str]:
    """The stem of the catalogue that `word` is, and how."""
    own = stem(word)
    meant = SYNONYMS.get(own, own)
    if meant in index.by_stem:
        if word in index.words:
            return meant, "word"
        if own != meant:
            return meant, "synonym"
        return meant, "form" if any(_is_form(word, other, own) for other in index.written[own]) else "sound"
    if word not in NOT_SLIPS and (slip := _slip(sound(word), index)):
        return slip, "typo"
    return meant, "word"


def _is_form(word: str, other: str, own: str) -> bool:
    """True for two forms of a word that are written alike; words that only sound alike differ before the ending."""
    return stem(own) != own or Prefix.similarity(word, other) >= len(own) - 1


def _slip(heard: str, index: _Index) -> str | None:
    if len(heard) < 4:
        return None
    near = process.extract(heard, index.heard, scorer=OSA.distance, score_cutoff=2 if len(heard) >= 9 else 1, limit=8)
    for other, distance, _ in near:
        # Short words one letter apart are other words: poste and posta, hoyo and hoy. Hardly anybody mistypes a first letter,
        # and what differs in the ending alone is another word: `funcionar` is no `funcionario`.
        is_long = len(other) >= (5 if distance == 1 else 9)
        if is_long and other[0] == heard[0] and (distance == 1 or other[-2:] == heard[-2:]):
            return index.stem_of[other]
    return None


def _hits(tokens: Sequence[_Token], index: _Index) -> Iterable[_Hit]:
    places: dict[str, list[int]] = defaultdict(list)
    for place, token in enumerate(tokens):
        places[token.stem].append(place)
    seen = set()
    for said in places:
        for phrase in index.by_stem.get(said, ()):
            if id(phrase) in seen:
                continue
            seen.add(id(phrase))
            if all(one in places for one in phrase.stems) and _is_turned(phrase, places):
                yield _hit(phrase, places, tokens)


def _is_turned(phrase: _Phrase, places: dict[str, list[int]]) -> bool:
    """False when the phrase has a "no" that stands elsewhere in the message than before its word."""
    for no, word in pairwise(phrase.stems):
        if no == "no" and not any(0 < place - other <= _TURNS for place in places[word] for other in places["no"]):
            return False
    return True


def _hit(phrase: _Phrase, places: dict[str, list[int]], tokens: Sequence[_Token]) -> _Hit:
    first = places[phrase.stems[0]]
    # The occurrence of each word nearest to the first word of the phrase.
    best: tuple[int, ...] = ()
    span = 10**6
    for start in first:
        chosen = tuple(min(places[one], key=lambda place: abs(place - start)) for one in phrase.stems)
        if (width := max(chosen) - min(chosen)) < span:
            best, span = chosen, width
    closeness = min(tokens[place].closeness for place in best)
    spread = span + 1 - len(phrase.stems)
    apart = 1.0 if spread <= 2 else 0.8 if spread <= 5 else 0.55
    said = {tokens[place].word for place in best}
    # Of two phrases that differ in the form of a word, the one that was said counts a little more.
    alike = max(len(said.intersection(variant)) for variant in (phrase.words, *phrase.variants)) / len(phrase.words)
    return _Hit(phrase, best, phrase.weight * closeness * apart * (_FORM + (1 - _FORM) * min(alike, 1.0)))


def _sum_distinct(hits: list[_Hit]) -> tuple[float, list[_Hit]]:
    """One said word is counted once, however many phrases of the service hold it."""
    hits.sort(key=lambda hit: (-hit.weight, hit.phrase.words))
    total, used, kept = 0.0, set[int](), []
    for hit in hits:
        if hit.weight < 0:
            total += hit.weight
            continue
        new = [place for place in hit.places if place not in used]
        if not new:
            continue
        total += hit.weight * len(new) / len(hit.places)
        used.update(new)
        kept.append(hit)
    return total, kept


# Kept unexpanded: it is the key by which a catalogue's index is found again.
_Sources = tuple[tuple[str, tuple[str, ...]], ...]


def _sources(definition: ServiceDefinition) -> _Sources:
    return (
        ("keyword", definition.keywords),
        ("said_as", definition.said_as),
        ("topic", definition.topics),
        ("name", tuple(definition.name.values())),
        ("description", tuple(definition.description.values())),
    )


@lru_cache(maxsize=64)
def _index(services: tuple[_Sources, ...]) -> _Index:
    """What a catalogue says, ready to be looked up; made once for each version of it."""
    phrases = [phrase for number, sources in enumerate(services) for phrase in _phrases(number, sources)]
    shared = Counter(frozenset(phrase.stems) for phrase in phrases)
    by_stem: dict[str, list[_Phrase]] = defaultdict(list)
    stem_of: dict[str, str] = {}
    written: dict[str, list[str]] = defaultdict(list)
    for phrase in phrases:
        # A phrase of several words tells more than one word; a word that many services share tells less.
        weight = phrase.weight * (1 + 0.5 * (len(phrase.stems) - 1)) / math.sqrt(shared[frozenset(phrase.stems)])
        weighed = _Phrase(phrase.service, phrase.words, phrase.stems, phrase.source, weight, phrase.variants)
        for one in phrase.stems:
            by_stem[one].append(weighed)
        for word in {word for variant in (phrase.words, *phrase.variants) for word in variant}:
            own = stem(word)
            written[own].append(word)
            stem_of.setdefault(sound(word), SYNONYMS.get(own, own))
    return _Index(
        {key: tuple(of) for key, of in by_stem.items()},
        tuple(stem_of),
        stem_of,
        frozenset(word for of in written.values() for word in of),
        defaultdict(tuple, {own: tuple(dict.fromkeys(of)) for own, of in written.items()}),
    )


def _phrases(number: int, sources: _Sources) -> list[_Phrase]:
    found: dict[tuple[frozenset[str], bool], _Phrase] = {}
    for source, text in _expanded(sources):
        sign = text[0] if text[:1] in (_HINT, _AGAINST) else ""
        for words in _said_in(source, text):
            stems = tuple(
                dict.fromkeys("no" if word in TURNING else SYNONYMS.get(stem(word), stem(word)) for word in words)
            )
            if not stems or (len(words) == 1 and words[0] in WEAK):
                continue
            kind = "hint" if sign == _HINT else source
            key = frozenset(stems), sign == _AGAINST
            if (same := found.get(key)) is None:
                found[key] = _Phrase(number, words, stems, kind, -1.0 if sign == _AGAINST else _WEIGHTS[kind])
            elif words != same.words:
                found[key] = replace(same, variants=(*same.variants, words))
    return list(found.values())


def _expanded(sources: _Sources) -> Iterable[tuple[str, str]]:
    for source, texts in sources:
        for text in texts:
            if source == "topic":
                yield from (("said_as", phrase) for phrase in TOPICS.get(text, ()))
            else:
                yield source, text


def _said_in(source: str, text: str) -> list[tuple[str, ...]]:
    """The telling words: of a phrase all together, of a name or a description each for itself."""
    told = [word for _, word in _joined(words_of(text))]
    telling = [word for word in told if word not in STOPWORDS and word not in TURNING]
    if source in ("name", "description"):
        return [(word,) for word in telling]
    return [tuple(word for word in told if word not in STOPWORDS or word in TURNING)] if telling else []
