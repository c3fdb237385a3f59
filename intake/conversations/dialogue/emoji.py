"""Emoji that stand for a word: `hay un 🐕 muerto` tells of a dog, not of a person. The list is data: vocabulary.toml. Pure."""

import re

from intake.conversations.dialogue.words import VOCABULARY, language_lead, plain

_WORDS = {
    sign: (spanish, english) for signs, spanish, english in VOCABULARY["emoji"]["words"] for sign in signs.split()
}
# One or several of the same, with what colours or shapes them, unless the word stands behind them already.
_SIGN = re.compile(
    rf"({'|'.join(map(re.escape, sorted(_WORDS, key=len, reverse=True)))})(?:[\uFE0F\u200D\U0001F3FB-\U0001F3FF]|\1)*+(?!\s*\()"
)


def spelled(text: str, language: str = "es") -> str:
    """The text with the word behind each emoji that stands for one: `hay un 🐕 (perro) muerto`.

    language: of the words, unless the text's own tell another. A message of nothing but emoji says no more than it did.
    """
    if not any(letter.isalpha() for letter in text):
        return text
    lead = language_lead(plain(text))
    is_english = lead > 0 or (lead == 0 and language == "en")
    return _SIGN.sub(lambda found: f"{found[0]} ({_WORDS[found[1]][is_english]})", text)
