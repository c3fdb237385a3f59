"""How many SMS a text costs, and how to write Spanish so that it costs fewer.

GSM 03.38 (3GPP TS 23.038 §6.2.1) packs 160 letters into one SMS. It has é ñ ü ¿ ¡ but not á í ó ú: one "ó" turns the whole
message into UCS-2, 70 letters to an SMS. ñ is in the alphabet and is never replaced: "año" must not become "ano".
"""

import unicodedata
from dataclasses import dataclass

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡"
    "ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
# Sent as an escape and a letter: two septets, which may not be split between two SMS.
_EXTENDED = frozenset("\f^{}\\[~]|€")

GSM7_SINGLE, GSM7_PART = 160, 153
UCS2_SINGLE, UCS2_PART = 70, 67
UNITS_CAP = 918  # six GSM-7 parts

_REPLACED = {
    "“": '"', "”": '"', "„": '"', "«": '"', "»": '"', "‘": "'", "’": "'", "‚": "'", "´": "'", "`": "'",
    "–": "-", "—": "-", "‐": "-", "‑": "-", "−": "-", "…": "...", "·": ".", "•": "-",
    "º": "o", "ª": "a", "°": "o", "±": "+/-", "×": "x",
    "\u00a0": " ", "\u202f": " ", "\u2009": " ", "\u2007": " ", "\t": " ", "\u200b": "", "\u00ad": "", "\ufeff": "",
}  # fmt: skip


@dataclass(frozen=True)
class Size:
    """What a text costs. units: septets for GSM-7, UTF-16 code units for UCS-2."""

    encoding: str
    units: int
    segments: int


def is_gsm7(text: str) -> bool:
    """True when every letter is in the GSM-7 alphabet or its extension."""
    return all(letter in _BASIC or letter in _EXTENDED for letter in text)


def measure(text: str) -> Size:
    """Encoding, units and number of SMS. An empty text is one SMS."""
    if is_gsm7(text):
        return _pack("GSM-7", [2 if letter in _EXTENDED else 1 for letter in text], GSM7_SINGLE, GSM7_PART)
    # A pair of surrogates (an emoji) is two units that stay together.
    return _pack("UCS-2", [2 if ord(letter) > 0xFFFF else 1 for letter in text], UCS2_SINGLE, UCS2_PART)


def _pack(encoding: str, costs: list[int], single: int, part: int) -> Size:
    units = sum(costs)
    if units <= single:
        return Size(encoding, units, 1)
    segments, used = 1, 0
    for cost in costs:
        if used + cost > part:
            segments, used = segments + 1, 0
        used += cost
    return Size(encoding, units, segments)


def plain(text: str) -> str:
    """`text` in GSM-7 letters where there is a plain equivalent; what has none (an emoji, a Greek word) stays as it is."""
    return "".join(_plain_letter(letter) for letter in unicodedata.normalize("NFC", text))


def _plain_letter(letter: str) -> str:
    if letter in _BASIC or letter in _EXTENDED:
        return letter
    if letter in _REPLACED:
        return _REPLACED[letter]
    without_marks = "".join(c for c in unicodedata.normalize("NFKD", letter) if not unicodedata.combining(c))
    return without_marks if without_marks and is_gsm7(without_marks) else letter


def economical(text: str) -> str:
    """The plain form when it takes fewer SMS, else `text` itself: an emoji makes a message UCS-2 whatever its accents do."""
    candidate = plain(text)
    return candidate if measure(candidate).segments < measure(text).segments else text
