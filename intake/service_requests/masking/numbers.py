"""Numbers that stand for a person: CURP, RFC, voter's and insurance numbers, bank cards and accounts."""

import re
from collections.abc import Iterable, Iterator

from intake.service_requests.masking.marks import Mark
from intake.service_requests.masking.screening import Look

_DATE = r"\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])"
_OFFICIAL = re.compile(
    rf"(?i)(?<![a-z0-9])(?:(?P<curp>[a-z]{{4}}{_DATE}[hmx][a-z]{{5}}[a-z0-9]\d)"
    rf"|(?P<voter>[a-z]{{6}}{_DATE}\d\d[hm]\d{{3}})"
    rf"|(?P<rfc>[a-zñ&]{{3,4}}{_DATE}[a-z0-9]{{3}})"
    r"|(?P<ssn>(?<!-)\d{3}-\d\d-\d{4}(?!-)))(?![a-z0-9])"
)
# Any number, where somebody says what it is.
_SAID = re.compile(
    r"(?i)\b(?:curp|rfc|ine|ife|nss|n[uú]m(?:ero)?\.? de seguro social|pasaporte|passport|ssn|licencia de conducir"
    r"|clave de elector|cic|ocr"
    r"|driver'?s licen[sc]e)(?: (?:es|is|no\.?|num\.?|n[uú]mero|number))?"
    r"[:#\s]{1,3}(?P<number>[a-z0-9ñ&]{0,8}\d[a-z0-9-]{5,17})(?![a-z0-9])"
)
# Groups of three digits or more, one blank or hyphen between them: how cards and accounts are written.
_LONG = re.compile(r"(?<![\d.,-])\d{3,19}(?:[ -]\d{3,19}){0,6}(?![\d]|[.,]\d)")
_CARD = (13, 19)
_CLABE = 18


# Of those that nobody says what they are.
_FEWEST_DIGITS = 6
# What each of them needs, cheap to fail: all begin with a digit.
_MAY_BE_OFFICIAL = re.compile(r"\d(?:\d{5}|\d\d-\d\d-)")
_MAY_BE_SAID = re.compile(r"\d[\w-]{5}")
_MAY_BE_LONG = re.compile(r"\d(?:[ -]?\d){12}")
# A word of each way in which somebody says what a number is.
_SAYING = frozenset(
    (
        "curp", "rfc", "ine", "ife", "nss", "social", "pasaporte", "passport", "ssn", "conducir", "elector", "cic", "ocr",
        "license", "licence",
    )
)  # fmt: skip


def marks(text: str, look: Look | None = None) -> Iterable[Mark]:
    if look is not None and (not look.digits or (look.digits < _FEWEST_DIGITS and not _says(look))):
        return ()
    return _marks(text, look)


def _marks(text: str, look: Look | None) -> Iterator[Mark]:
    if look is None or (look.digits >= _FEWEST_DIGITS and _MAY_BE_OFFICIAL.search(text)):
        for found in _OFFICIAL.finditer(text):
            yield Mark(*found.span(), "id", 1.0, str(found.lastgroup))
    if look is None or (_says(look) and _MAY_BE_SAID.search(text, look.first)):
        for found in _SAID.finditer(text):
            yield Mark(*found.span("number"), "id", 0.9, "said")
    if look is None or (look.digits > 12 and _MAY_BE_LONG.search(text)):
        for found in _LONG.finditer(text):
            digits = re.sub(r"\D", "", found[0])
            if (len(digits) == _CLABE and is_clabe(digits)) or (
                _CARD[0] <= len(digits) <= _CARD[1] and is_card(digits)
            ):
                yield Mark(*found.span(), "card", 1.0, "check digit")


def _says(look: Look) -> bool:
    # Within an apostrophe a word may be part of a longer one.
    return look.words is None or "'" in look.text or not _SAYING.isdisjoint(look.words)


def is_card(digits: str) -> bool:
    """Luhn's check digit, under a first digit that payment cards have."""
    if digits[0] not in "23456" or len(set(digits)) < 2:
        return False
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def is_clabe(digits: str) -> bool:
    """A Mexican bank account with its check digit (weights 3, 7, 1)."""
    total = sum(int(digit) * (3, 7, 1)[place % 3] % 10 for place, digit in enumerate(digits[:17]))
    return (10 - total % 10) % 10 == int(digits[17])
