"""The words of a search, as the database's `public_search_words` reads those of a request. Pure.

Latin letters without accents or case, and digits; everything else is between words. A word finds those that begin with it.
"""

import re
from unicodedata import normalize

LONGEST_WORD = 40
_WORD = re.compile("[a-z0-9]+")
# The last two are the signs of kelvin and ångström, which are letters to Unicode.
_LATIN = (range(0x41, 0x5B), range(0xC0, 0x250), range(0x1E00, 0x1F00), range(0x212A, 0x212C))
_COMBINING = range(0x300, 0x370)
_FOLDED: dict[int, str | None] = {
    **{code: normalize("NFD", chr(code))[0].lower() for letters in _LATIN for code in letters},
    **dict.fromkeys(_COMBINING),
}


def words_of(text: str) -> tuple[str, ...]:
    """Each word once, in order, cut to LONGEST_WORD."""
    return tuple(dict.fromkeys(word[:LONGEST_WORD] for word in _WORD.findall(text.translate(_FOLDED))))


def tsquery_of(words: tuple[str, ...]) -> str:
    """The words as PostgreSQL's tsquery: all of them, each as a beginning. They hold letters and digits only."""
    return " & ".join(f"'{word}':*" for word in words)
