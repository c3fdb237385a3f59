"""A text as words, numbers and what is between them."""

import re
from dataclasses import dataclass

from intake.service_requests.masking.words import plain, words

_TOKEN = re.compile(r"[^\W\d_]+(?:[’'´][^\W\d_]+)*|\d+|\[…\]")
_JOINS = re.compile(r"\.?[ \t\u00a0]{1,3}|\.")
_ABBREVIATIONS = frozenset(
    (
        "sr", "sra", "srta", "sres", "lic", "ing", "arq", "dr", "dra", "prof", "profr", "profa", "mtro", "mtra",
        "gral", "cap", "ma", "fco", "gpe", "mr", "mrs", "ms", "av", "col", "esq", "st", "sto", "sta", "blvd", "calz",
        "ave", "pza", "pque", "mdo", "cda", "priv", "prol", "rd", "no", "num", "atte",
    )
)  # fmt: skip


@dataclass(slots=True)
class Token:
    """`text[start:end]`. joins: nothing but a blank, or the full stop of an abbreviation, is between it and the word before."""

    start: int
    end: int
    plain: str
    is_capital: bool
    is_word: bool
    joins: bool
    gap: str


def tokens(text: str, barred: list[tuple[int, int]]) -> list[Token]:
    """The words and numbers; those within `barred`, or hidden before, are no words and have no `plain`."""
    found: list[Token] = []
    waiting = barred[::-1]
    last = 0
    before: Token | None = None
    for match in _TOKEN.finditer(text):
        start, end = match.span()
        while waiting and waiting[-1][1] <= start:
            waiting.pop()
        word = match[0]
        first = word[0]
        is_hidden = first == "[" or bool(waiting and waiting[-1][0] < end)
        gap = text[last:start]
        is_word = not is_hidden and first.isalpha()
        joins = before is not None and (
            gap == " " or (_JOINS.fullmatch(gap) is not None and not (gap[0] == "." and not is_short(before)))
        )
        before = Token(start, end, "" if is_hidden else plain(word), is_word and first.isupper(), is_word, joins, gap)
        found.append(before)
        last = end
    return found


def is_short(token: Token) -> bool:
    """Whether a full stop behind this word may be that of an abbreviation."""
    return token.end - token.start == 1 or token.plain in _ABBREVIATIONS or token.plain in words().between
