"""A quick look that rules out most rules for most texts, so that only few are read word by word."""

import re
from dataclasses import dataclass
from functools import cache

from intake.service_requests.masking.words import SHORT_GIVEN, plain, words

_DIGIT = re.compile(r"\d")
_ASCII = re.compile("[a-z]+")
_LETTERS = re.compile(r"[^\W\d_]+")
# The accents of Spanish; a text without others needs no look at each of its words.
_ACCENTS = (("á", "a"), ("é", "e"), ("í", "i"), ("ó", "o"), ("ú", "u"), ("ñ", "n"), ("ü", "u"))
_JOINED = re.compile(r"(?<=[^\W\d_])[’'´](?=[^\W\d_])")
_BYTES = range(256)
_SMALL = {**{code: code + 0x20 for code in b"ABCDEFGHIJKLMNOPQRSTUVWXYZ"}, **{ord(a): ord(b) for a, b in _ACCENTS}}
_AS_LETTERS = bytes({**_SMALL, **{ord(a.upper()): ord(b) for a, b in _ACCENTS}}.get(code, code) for code in _BYTES)
# Letters as they are, everything else a blank.
_AS_WORDS = bytes(code if chr(code).isascii() and chr(code).isalpha() else 0x20 for code in _BYTES)
_SHAPES = {**dict.fromkeys(b"abcdefghijklmnopqrstuvwxyz", 0x61), **dict.fromkeys(b"0123456789", 0x30), 0x2D: 0x2D}
_AS_SHAPE = bytes({**_SHAPES, **dict.fromkeys(b"/._", 0x2E)}.get(code, 0x20) for code in _BYTES)


class Look:
    """What a quick look sees: how many digits the text has, and where the first is (0 without).

    Of a text with none but Spanish letters also its `letters`, plain and small, byte by byte; its `words` (plain, apart from
    apostrophes within them); and its `shape`, with a blank before and behind: `a` for letters, `0` for digits, `-`, `.` for the
    signs that codes are written with, else a blank.
    """

    __slots__ = ("digits", "first", "letters", "shape", "text", "words")

    def __init__(self, text: str) -> None:
        self.text = text
        self.letters = letters = _plain_letters(text)
        self.shape: bytes | None = None
        self.words: list[str] | None = None
        if letters is not None:
            self.shape = b" " + letters.translate(_AS_SHAPE) + b" "
            self.digits = self.shape.count(b"0")
            self.first = self.shape.find(b"0") - 1 if self.digits else 0
            if b"'" in letters:
                letters = _joined(letters.decode()).encode()
            self.words = letters.translate(_AS_WORDS).decode().split()
        else:
            found = _DIGIT.search(text)
            self.first = found.start() if found else 0
            self.digits = len(_DIGIT.findall(text, self.first)) if found else 0

    @property
    def low(self) -> str:
        """The text in small letters."""
        return self.text.lower()


def _plain_letters(text: str) -> bytes | None:
    """The text without case and accents, a byte for each letter; None where it has others than Spanish ones."""
    # Bytes are exchanged by a table in a tenth of the time that a pattern takes to look at them.
    try:
        letters = text.encode("latin-1").translate(_AS_LETTERS)
    except UnicodeEncodeError:
        return None
    return letters if letters.isascii() else None


@dataclass(frozen=True, slots=True)
class _Needed:
    """Plain words without one of which a text holds no name. `vague`: those that begin none unless they have a capital."""

    any_text: frozenset[str]
    address: frozenset[str]
    vague: frozenset[str]


@cache
def _needed() -> _Needed:
    known = words()
    cues = known.titles | known.street_titles | known.kin | _telling(known.any_before | known.signed_before)
    # Without a cue every name needs a given name, and in an address every name needs a cue.
    any_text = cues | known.given | SHORT_GIVEN
    return _Needed(any_text, cues | _telling(known.named_before), (known.given & known.ambiguous) - cues - SHORT_GIVEN)


def _telling(phrases: frozenset[str]) -> frozenset[str]:
    """The longest word of each phrase."""
    return frozenset(max(phrase.split(), key=len) for phrase in phrases)


def may_name_somebody(text: str, look: Look, *, is_address: bool) -> bool:
    """False only where `people.marks` finds nothing."""
    needed = _needed()
    said = _words_of(look.low) if look.words is None else look.words
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
    bare = low if low.isascii() else _without_accents(low)
    if bare.isascii():
        return _ASCII.findall(bare)
    return [word if word.isascii() else plain(word) for word in _LETTERS.findall(low)]


def _without_accents(low: str) -> str:
    for letter, plain_letter in _ACCENTS:
        low = low.replace(letter, plain_letter)
    return low


def _joined(text: str) -> str:
    return _JOINED.sub("", text) if "'" in text or "’" in text or "´" in text else text
