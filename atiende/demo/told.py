"""How residents of the demo tell things: phrases filled with places, and the typing of a hurried thumb."""

import random
import unicodedata
from dataclasses import dataclass

from georef.points import LonLat

_TYPOS = (
    ("qu", "k"),
    ("por favor", "xfa"),
    ("que ", "q "),
    ("porque", "xq"),
    ("también", "tmb"),
    ("h", ""),
    ("v", "b"),
)


@dataclass(frozen=True)
class Spot:
    """Where something happened: the address as kept, and how people said it (`""` when only the description tells)."""

    point: LonLat | None
    precision_m: float | None
    address: str
    said: str


def phrase(chance: random.Random, template: str, words: dict[str, list[str]], spot: Spot) -> str:
    """`template` filled; about one in three as people type it on a phone."""
    text = template.format(
        place=spot.said,
        since=chance.choice(words["since"]),
        plea=chance.choice(words["plea"]),
        opening=chance.choice(words["opening"]),
    )
    text = " ".join(text.split())
    mood = chance.random()
    if mood < 0.18:
        text = _typed(chance, text)
    elif mood < 0.22:
        text = text.upper()
    elif mood < 0.7:
        text = text[:1].upper() + text[1:]
    return text


def _typed(chance: random.Random, text: str) -> str:
    """Without accents and capitals, and one or two slips."""
    plain = "".join(c for c in unicodedata.normalize("NFD", text.lower()) if unicodedata.category(c) != "Mn")
    for wrong, right in chance.sample(_TYPOS, 2):
        plain = plain.replace(wrong, right, 1)
    if chance.random() < 0.5 and len(plain) > 12:
        at = chance.randrange(4, len(plain) - 4)
        plain = plain[:at] + plain[at + 1] + plain[at] + plain[at + 2 :]
    return plain.rstrip(".")
