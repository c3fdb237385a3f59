"""Words as people write them: without accents, by ear, in any form, with slips of the thumb. Pure; the lists are data."""

import re
import tomllib
import unicodedata
from functools import lru_cache
from pathlib import Path
from typing import Any

_DATA: dict[str, Any] = tomllib.loads((Path(__file__).parent / "vocabulary.toml").read_text("utf-8"))
_WORD = re.compile(r"[^\W_]+")
_REPEATED = re.compile(r"([a-zñ])\1{2,}")
# How Spanish sounds where it is written in several ways, in this order.
_SOUNDS = tuple(
    (re.compile(pattern), sound)
    for pattern, sound in (
        (r"(?<!c)h", ""),
        (r"ll", "y"),
        (r"v", "b"),
        (r"z|c(?=[ei])", "s"),
        (r"qu(?=[ei])|c(?!h)|q", "k"),
        (r"gu(?=[ei])", "g"),
        (r"g(?=[ei])", "j"),
        (r"y\b", "i"),
        (r"([bdfgjkmnpst])\1", r"\1"),
    )
)


def fold(text: str) -> str:
    """Lower case without accents, ñ kept: `año` and `ano` are different words."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFD", unicodedata.normalize("NFC", text).casefold().replace("ñ", "\0"))
    for letter in set(decomposed):
        if letter > "\x7f" and unicodedata.combining(letter):
            decomposed = decomposed.replace(letter, "")
    return decomposed.replace("\0", "ñ")


def words_of(text: str) -> list[str]:
    """The folded words of `text`, with what is short for another word written out."""
    found = (_REPEATED.sub(r"\1", word) for word in _WORD.findall(fold(text)))
    return [whole for word in found for whole in _SHORT.get(word, (word,))]


@lru_cache(maxsize=16384)
def sound(word: str) -> str:
    """The same for words that sound alike: `baches` and `vaches`, `hoyo` and `ollo`."""
    for pattern, heard in _SOUNDS:
        word = pattern.sub(heard, word)
    return word


@lru_cache(maxsize=16384)
def stem(word: str) -> str:
    """What the forms of a folded word have in common, by ear; irregular ones are listed."""
    heard = sound(word)
    if heard in _FORMS:
        return _FORMS[heard]
    for ending in _ENDINGS:
        if heard.endswith(ending) and len(heard) - len(ending) >= 3:
            cut = heard[: -len(ending)]
            return _FORMS.get(cut, cut)
    return heard


_SHORT = {short: tuple(whole.split()) for short, whole in _DATA["short"].items()}
# Longest first: only one is taken off, and only when at least three letters stay.
_ENDINGS = sorted({sound(ending) for ending in _DATA["endings"].split()}, key=len, reverse=True)
_FORMS: dict[str, str] = {sound(form): name for name, forms in _DATA["forms"].items() for form in forms.split()}
STOPWORDS = frozenset(_DATA["untelling"].split())
# They count only together with other words.
WEAK = frozenset(_DATA["weak"].split())
TURNING = frozenset(_DATA["turning"].split())
# Words that are no slip of another: nobody who writes `camino` means `camión`.
NOT_SLIPS = frozenset(_DATA["not_slips"].split())
SAME = {tuple(phrase.split()): tuple(group[0].split()) for group in _DATA["same"]["phrases"] for phrase in group[1:]}
SYNONYMS = {stem(word): stem(group.split()[0]) for group in _DATA["same"]["words"] for word in group.split()}
TOPICS: dict[str, tuple[str, ...]] = {name: tuple(phrases) for name, phrases in _DATA["topics"].items()}
