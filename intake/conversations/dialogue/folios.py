"""Is this message about a request that was already made? Pure."""

import re
from dataclasses import dataclass

from intake.conversations.dialogue.words import plain
from kernel.errors import InvalidInput
from kernel.folio import LENGTH, is_valid, normalize

_WORD = r"(?:folios?|estado|estatus|status|reporte|report|seguimiento|ticket|request|solicitud)"
_AFTER_WORD = re.compile(rf"\b{_WORD}\b[^\d\n]{{0,24}}((?:\d[\s\-.·]{{0,3}}){{6,14}})", re.IGNORECASE)
_ONLY_DIGITS = re.compile(r"[#\s]*((?:\d[\s\-.·\u00a0\u202f]*){8,12})[.!?\s]*")
_NEWEST = re.compile(
    r"(?:(?:cual es )?(?:el |mi |mis |my )?(?:estado|estatus|status|folio|seguimiento)s?"
    r"(?: (?:de|del|of))?(?: (?:mi|mis|el|la|my|the))?(?: (?:reporte|reportes|solicitud|folio|report|request))?"
    r"|(?:y )?(?:como|que) (?:va|paso|sigue|quedo|hay)(?: (?:de|del|con))?(?: (?:mi|el|la|lo))?(?: de mi)?"
    r" (?:reporte|solicitud|folio|queja)|mi reporte|my report"
    r"|(?:what is |what s |whats )?the status of my (?:report|request)|hows my report|how is my report(?: going)?"
    r"|any news(?: (?:on|about) my report)?)"
)


@dataclass(frozen=True, slots=True)
class FolioQuestion:
    """folio: ten valid digits, or None for "my newest request". fault: `length` or `digit` when the number cannot be a folio."""

    folio: str | None = None
    fault: str | None = None


def read(text: str, *, digits_alone: bool) -> FolioQuestion | None:
    """What the message asks about a request, or None when it asks nothing of the kind.

    digits_alone: a message of nothing but digits counts too (not while a number was asked for).
    """
    if found := _AFTER_WORD.search(text):
        return _checked(found[1])
    if digits_alone and (found := _ONLY_DIGITS.fullmatch(text.strip())):
        return _checked(found[1])
    return FolioQuestion() if _NEWEST.fullmatch(plain(text)) else None


def _checked(written: str) -> FolioQuestion:
    digits = "".join(c for c in written if c.isdecimal())
    if len(digits) > LENGTH and is_valid(digits[:LENGTH]) and not written.strip().isdigit():
        digits = digits[:LENGTH]  # "folio 26 4817 3053 12 dias": the number ended where the words went on
    try:
        return FolioQuestion(normalize(digits))
    except InvalidInput:
        return FolioQuestion(fault="length" if len(digits) != LENGTH else "digit")
