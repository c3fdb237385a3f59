"""What a resident wrote, without the ways to reach somebody: a description is published, contact details never are. Pure."""

import re

from kernel.folio import is_valid

HIDDEN = "[…]"
_EMAIL = re.compile(r"[^\s@<>()\[\]:;,\"']+@[^\s@<>()\[\]:;,\"']+\.[^\s@<>()\[\]:;,\"'.]+")
# Ten digits or more as a telephone is written: groups of two to four with blanks, dots or hyphens, perhaps +52 or (55).
_PHONE = re.compile(
    r"(?<![\d.,-])(?:\+\d{1,3}[ .-]?)?(?:\(\d{2,3}\)[ .-]?)?\d{2,4}(?:[ .-]?\d{2,4}){1,5}(?![\d.,-]*\d)"
)
# Cheap to fail, and most descriptions do: ten digits, each at most five characters after the one before.
_TEN_DIGITS = re.compile(r"\d(?:[^\d]{0,5}\d){9}")


def without_contacts(text: str) -> str:
    """`text` with e-mail addresses and telephone numbers replaced by HIDDEN; folios, dates and coordinates stay."""
    if "@" in text:
        text = _EMAIL.sub(HIDDEN, text)
    return _PHONE.sub(_unless_folio, text) if _TEN_DIGITS.search(text) else text


def _unless_folio(found: re.Match[str]) -> str:
    digits = "".join(c for c in found.group() if c.isdigit())
    is_phone = 10 <= len(digits) <= 13 and not is_valid(digits)
    return HIDDEN if is_phone else found.group()
