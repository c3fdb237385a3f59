"""Numbers as people say them: digit by digit, in pairs, or as a recogniser writes them. Pure."""

import re
from collections.abc import Sequence

from intake.catalog.matching import fold

_UNITS = {
    word: number
    for number, words in enumerate((
        "cero zero oh", "un uno una one", "dos two", "tres three", "cuatro four", "cinco five", "seis six", "siete seven",
        "ocho eight", "nueve nine", "diez ten", "once eleven", "doce twelve", "trece thirteen", "catorce fourteen",
        "quince fifteen", "dieciseis sixteen", "diecisiete seventeen", "dieciocho eighteen", "diecinueve nineteen", "veinte",
        "veintiuno veintiun", "veintidos", "veintitres", "veinticuatro", "veinticinco", "veintiseis", "veintisiete",
        "veintiocho", "veintinueve",
    ))
    for word in words.split()
}  # fmt: skip
_TENS = {
    "treinta": 30, "cuarenta": 40, "cincuenta": 50, "sesenta": 60, "setenta": 70, "ochenta": 80, "noventa": 90,
    "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90,
}  # fmt: skip
_HUNDREDS = {
    "cien": 100, "ciento": 100, "doscientos": 200, "trescientos": 300, "cuatrocientos": 400, "quinientos": 500,
    "seiscientos": 600, "setecientos": 700, "ochocientos": 800, "novecientos": 900,
}  # fmt: skip
_HUNDRED, _THOUSAND = frozenset(("hundred",)), frozenset(("mil", "thousand"))
_DOUBLE = {"doble": 2, "double": 2, "triple": 3}
_WORD = re.compile(r"\d+|[^\W\d_]+")
# `1,200` as it is written here; a comma before anything but three digits is a decimal one.
_WRITTEN = re.compile(r"[+-]?(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:[.,]\d+)?)", re.ASCII)
# A house is said so; whoever says `cinco de mayo` or `mil cumbres` names a street.
_HOUSE = re.compile(
    r"\b(?:(?:un|dos|tres|cuatro|cinco|seis|siete|ocho|nueve|diez)\s+)?mil\b[\w\s]*|\b\w+cientos\b[\w\s]*|\bquinientos\b[\w\s]*"
    r"|\bciento\b[\w\s]*|\b\w+\s+hundred\b[\w\s]*|\b\w+\s+thousand\b[\w\s]*",
    re.IGNORECASE,
)


def digits_in(text: str) -> str:
    """The digits that a person says, in order; words that are no numbers are passed over.

    `veintiséis, cuarenta y ocho, diecisiete` is `264817`; `cero cinco` is `05`; `doble cero` is `00`.
    """
    words = _words(text)
    found: list[str] = []
    at = 0
    while at < len(words):
        digits, at = _number(words, at)
        found.append(digits)
    return "".join(found)


def number_in(text: str) -> str | None:
    """The first number that is written or said, as digits; None where there is none.

    `1,200` is `1200`, `dos mil quince` is `2015`, `dos, cuatro, uno` is `241`.
    """
    if written := _WRITTEN.search(text):
        number = written[0]
        return number.replace(",", "") if re.search(r",\d{3}(?!\d)", number) else number.replace(",", ".")
    words = _words(text)
    found: list[str] = []
    at = 0
    while at < len(words):
        digits, after = _number(words, at)
        if digits:
            found.append(digits)
        elif found:
            break
        at = after
    return "".join(found) or None


def others(text: str) -> list[str]:
    """The words that are no numbers, folded."""
    words = _words(text)
    found: list[str] = []
    at = 0
    while at < len(words):
        digits, after = _number(words, at)
        if not digits:
            found.append(words[at])
        at = after
    return found


def with_digits(text: str) -> str:
    """The number of a house as it is written on its door: `Sabinos doscientos catorce` is `Sabinos 214`."""
    return _HOUSE.sub(_house, text)


def _house(said: re.Match[str]) -> str:
    parts = re.split(r"(\s+)", said[0])
    words = [fold(part) for part in parts[::2]]
    digits, after = _number(words, 0) if words else ("", 0)
    if len(digits) < 3 or words[:after] == ["mil"]:  # Mil Cumbres
        return said[0]
    return digits + "".join(parts[2 * after - 1 :])


def _words(text: str) -> list[str]:
    return [fold(word) for word in _WORD.findall(text)]


def _number(words: Sequence[str], at: int) -> tuple[str, int]:
    """What begins there, as digits, and where it ends; nothing, and the next word, where no number begins."""
    word = words[at]
    if word.isascii() and word.isdigit():
        return word, at + 1
    if word in _DOUBLE and at + 1 < len(words) and _UNITS.get(words[at + 1], 10) < 10:
        return str(_UNITS[words[at + 1]]) * _DOUBLE[word], at + 2
    number, after = _below_thousand(words, at)
    if after < len(words) and words[after] in _THOUSAND and (after == at or number):
        rest, end = _below_thousand(words, after + 1)
        return str((number or 1) * 1000 + rest), end
    return (str(number), after) if after > at else ("", at + 1)


def _below_thousand(words: Sequence[str], at: int) -> tuple[int, int]:
    if at >= len(words):
        return 0, at
    if words[at] in _HUNDREDS:
        rest, after = _below_hundred(words, at + 1)
        return _HUNDREDS[words[at]] + rest, after
    number, after = _below_hundred(words, at)
    if 1 <= number <= 9 and words[after : after + 1] and words[after] in _HUNDRED:
        after += 1 + (words[after + 1 : after + 2] == ["and"])
        rest, end = _below_hundred(words, after)
        return number * 100 + rest, end
    return number, after


def _below_hundred(words: Sequence[str], at: int) -> tuple[int, int]:
    if at >= len(words):
        return 0, at
    word = words[at]
    if word in _TENS:
        # "treinta y seis", "thirty six"; "treinta, doce" is 30 and 12
        after = at + 2 if words[at + 1 : at + 2] in (["y"], ["and"]) else at + 1
        unit = _UNITS.get(words[after], 0) if after < len(words) else 0
        is_english = word.endswith("ty")
        if 1 <= unit <= 9 and (after == at + 2 or is_english):
            return _TENS[word] + unit, after + 1
        return _TENS[word], at + 1
    if word in _UNITS:
        return _UNITS[word], at + 1
    return 0, at
