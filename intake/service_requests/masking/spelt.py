"""Contacts as people say them aloud, or write them so that no program should know them: `ana arroba correo punto mx`, `ana (at)
correo.mx`, a telephone number in words.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache

from intake.service_requests.masking.marks import Mark
from intake.service_requests.masking.screening import Look
from intake.service_requests.masking.words import plain, words

# Begun only where a word begins, and possessive: each letter is looked at a fixed number of times.
_LOCAL = r"(?<![\w.+-])[\w.+-]{1,64}+"
_BRACKETED = r"\s?[(\[{{<]\s?(?:{})\s?[)\]}}>]\s?"
_AT = rf"(?:\s?@\s?|{_BRACKETED.format('at|arroba|@')}|\s{{1,3}}arroba\s{{1,3}})"
_DOT = rf"(?:\s?\.\s?|{_BRACKETED.format('dot|punto|[.]')}|\s{{1,3}}(?:punto|dot)\s{{1,3}})"
_SPOKEN_DOT = rf"(?:{_BRACKETED.format('dot|punto')}|\s{{1,3}}(?:punto|dot)\s{{1,3}})"
# Not `es`, `me` or `us`: words that begin the next sentence.
_END = r"(?:com|mx|org|net|gob|gov|edu)(?!\w)"
_LABEL = r"[\w-]{1,63}+"
_EMAIL = re.compile(
    rf"(?i){_LOCAL}(?:{_AT}(?:{_LABEL}{_DOT}){{1,4}}{_END}|\s{{1,3}}at\s{{1,3}}(?:{_LABEL}{_SPOKEN_DOT}){{1,4}}{_END})"
)
# `ana@correo`: whoever reads it knows the rest.
_NO_END = re.compile(rf"{_LOCAL}@[^\W\d_]{{3,63}}+(?![\w@]|\.\w)")
_TWO_LETTERS = re.compile(r"[^\W\d_]{2}")
_SAID = frozenset(("arroba", "at"))

_WORD = re.compile(r"[^\W\d_]+|\d+")
_GAP = re.compile(r"[\s,.-]{1,3}")
_FEWEST, _MOST = 10, 15
# Without the city's own digits, where somebody says that it is a telephone.
_FEWEST_SAID = 8
_CUE = re.compile(r"(?i)\b(?:tel|cel|m[oó]vil|whats|phone|call|ll[aá]m|marc|m[aá]rqu|n[uú]mero|number)")
_CUE_REACH = 40


@cache
def _digits() -> Mapping[str, int]:
    """How many digits a word stands for."""
    known = words()
    return dict.fromkeys(known.one_digit, 1) | dict.fromkeys(known.two_digits | known.tens, 2)


@cache
def _numbers() -> frozenset[str]:
    return frozenset(_digits())


def marks(text: str, look: Look | None = None) -> Iterable[Mark]:
    """E-mail addresses and telephone numbers written apart from how a machine would write them."""
    said = None if look is None else look.words
    if said is None:
        return [*_emails(text), *_phones(text)]
    found: list[Mark] = []
    if "@" in text or not _SAID.isdisjoint(said):
        found += _emails(text)
    if not _numbers().isdisjoint(said):
        found += _phones(text)
    return found


def _emails(text: str) -> Iterator[Mark]:
    for found in _EMAIL.finditer(text):
        yield Mark(*found.span(), "email", 0.9, "spelt")
    for found in _NO_END.finditer(text):
        if _TWO_LETTERS.search(found[0].partition("@")[0]):
            yield Mark(*found.span(), "email", 0.8, "no end")


def _phones(text: str) -> Iterator[Mark]:
    run: list[re.Match[str]] = []
    for word in _WORD.finditer(text):
        if run and _continues(text, run[-1], word):
            run.append(word)
            continue
        yield from _phone(text, run)
        run = [word] if _size(word[0]) else []
    yield from _phone(text, run)


def _size(word: str) -> int:
    return len(word) if word.isdigit() else _digits().get(plain(word), 0)


def _continues(text: str, before: re.Match[str], word: re.Match[str]) -> bool:
    if not _GAP.fullmatch(text, before.end(), word.start()):
        return False
    return _size(word[0]) > 0 or (plain(word[0]) in ("y", "and") and plain(before[0]) in words().tens)


def _phone(text: str, run: list[re.Match[str]]) -> Iterator[Mark]:
    """The run as a telephone number, if most of its digits are words and it has as many as one."""
    digits = spelt = 0
    before = ""
    for word in run:
        # `treinta y cuatro` is two digits, `thirty-four` as well.
        is_counted = _size(word[0]) == 1 and (before in ("y", "and") or before in words().tens)
        size = 0 if is_counted else _size(word[0])
        digits += size
        spelt += 0 if word[0].isdigit() else size
        before = plain(word[0])
    least = _FEWEST_SAID if run and _CUE.search(text, max(0, run[0].start() - _CUE_REACH), run[0].start()) else _FEWEST
    if least <= digits <= _MOST and spelt * 2 > digits:
        yield Mark(run[0].start(), run[-1].end(), "phone", 0.8, "spelt")
