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
_DOUBLE = {"doble": 2, "double": 2, "triple": 3}
_WORD = re.compile(r"\d+|[^\W\d_]+")


def digits_in(text: str) -> str:
    """The digits that a person says, in order; words that are no numbers are passed over.

    `veintiséis, cuarenta y ocho, diecisiete` is `264817`; `cero cinco` is `05`; `doble cero` is `00`.
    """
    words = [fold(word) for word in _WORD.findall(text)]
    found: list[str] = []
    at = 0
    while at < len(words):
        digits, at = _number(words, at)
        found.append(digits)
    return "".join(found)


def _number(words: Sequence[str], at: int) -> tuple[str, int]:
    word = words[at]
    if word.isdigit():
        return word, at + 1
    if word in _DOUBLE and at + 1 < len(words) and _UNITS.get(words[at + 1], 10) < 10:
        return str(_UNITS[words[at + 1]]) * _DOUBLE[word], at + 2
    if word in _HUNDREDS:
        rest, after = _below_hundred(words, at + 1)
        return str(_HUNDREDS[word] + rest), after
    if word in _UNITS or word in _TENS:
        number, after = _below_hundred(words, at)
        return str(number), after
    return "", at + 1


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
