"""The people who hold the demo's phones. All fictional, as are their numbers."""

import secrets
from dataclasses import dataclass


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
    """Who has this number; a stranger has no name."""
    return next((known for known in NEIGHBOURS if known.number == number), Neighbour("", number))
