"""The people who hold the demo's phones. All fictional, as are their numbers."""

import re
import secrets
from dataclasses import dataclass

_OLD_MOBILE = re.compile(r"\+521(\d{10})")


@dataclass(frozen=True)
class Neighbour:
    name: str
    number: str

    @property
    def spoken_number(self) -> str:
        """Ten digits the way Mexicans write them: `55 1234 5678`."""
        return spoken(self.number)


def spoken(number: str) -> str:
    """A Mexican number in groups; any other as it is."""
    number = _OLD_MOBILE.sub(r"+52\1", number)
    digits = number.removeprefix("+52")
    if number.startswith("+52") and len(digits) == 10:
        return f"{digits[:2]} {digits[2:6]} {digits[6:]}"
    return number


NEIGHBOURS = (
    Neighbour("Ana", "+525512345678"),
    Neighbour("Jorge", "+525587654321"),
    Neighbour("Citlali", "+525529418830"),
)


def new_number() -> str:
    """A number nobody has written from."""
    return f"+52550000{secrets.randbelow(9000) + 1000}"


def neighbour(number: str) -> Neighbour:
    """Who has this number, also as WhatsApp writes it; a stranger has no name."""
    same_as = _OLD_MOBILE.sub(r"+52\1", number)
    return next(
        (Neighbour(known.name, number) for known in NEIGHBOURS if known.number == same_as), Neighbour("", number)
    )
