"""A quick look that rules out most rules for most texts, so that only few are read word by word."""

import re
from dataclasses import dataclass
from functools import cache

from intake.service_requests.masking.words import SHORT_GIVEN, plain, words

_DIGIT = re.compile(r"\d")
_ASCII = re.compile("[a-z]+")
_LETTERS = re.compile(r"[^\W\d_]+")
_JOINED = re.compile(r"(?<=[^\W\d_])[’'´](?=[^\W\d_])")


class Look:
    """What a quick look sees: the text in small letters, and how many digits it has."""

    __slots__ = ("digits", "low")

    def __init__(self, text: str) -> None:
        self.low = text.lower()
        self.digits = len(_DIGIT.findall(text))


@dataclass(frozen=True, slots=True)
class _Needed:
    """Plain words without one of which a text holds no name. `vague`: those that begin none unless they have a capital."""

    any_text: frozenset[str]
    address: frozenset[str]
    vague: frozenset[str]


@cache
def _needed() -> _Needed:
    known = words()
    cues = known.titles | known.street_titles | known.kin | _telling(known.any_before)
    # Without a cue every name needs a given name, and in an address every name needs a cue.
    any_text = cues | known.given | SHORT_GIVEN
    return _Needed(any_text, cues | _telling(known.named_before), (known.given & known.ambiguous) - cues - SHORT_GIVEN)


def _telling(phrases: frozenset[str]) -> frozenset[str]:
    """The longest word of each phrase."""
    return frozenset(max(phrase.split(), key=len) for phrase in phrases)


def may_name_somebody(text: str, look: Look, *, is_address: bool) -> bool:
    """False only where `people.marks` finds nothing."""
    needed = _needed()
    said = _words_of(look.low)
    if is_address:
        return not needed.address.isdisjoint(said)
    if needed.any_text.isdisjoint(said):
        return False
    telling = needed.any_text.intersection(said)
    if not telling <= needed.vague:
        return True
    # Written small in a text that does not shout, `luz` is light.
    return any(
        word[0].isupper() and (plain(word) in telling or (len(word) > 2 and word.isupper()))
        for word in _LETTERS.findall(_joined(text))
    )


def _words_of(low: str) -> list[str]:
    """Its words, plain."""
    low = _joined(low)
    if low.isascii():
        return _ASCII.findall(low)
    return [word if word.isascii() else plain(word) for word in _LETTERS.findall(low)]


def _joined(text: str) -> str:
    return _JOINED.sub("", text) if "'" in text or "’" in text or "´" in text else text
