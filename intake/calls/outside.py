"""Whom a call may be passed on to outside: only whom the city names, since an operator must not dial the world. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from intake.catalog.definitions import text_in
from intake.people.addresses import read_phone
from kernel.errors import InvalidInput

# In `Jurisdiction.settings`.
SETTING = "transfer_numbers"


@dataclass(frozen=True)
class Outsider:
    """number: E.164. words: what else one looks for them by. is_urgent: one key away, beside the others."""

    number: str
    name: str
    words: tuple[str, ...] = ()
    is_urgent: bool = False


def outsiders(settings: Mapping[str, Any], language: str) -> Sequence[Outsider]:
    """The city's, in its order; then the lines it names for dangers, where a telephone network can dial them (911 it cannot)."""
    found = {
        one["number"]: Outsider(one["number"], text_in(one["name"], language), tuple(one["words"]), one["is_urgent"])
        for one in settings.get(SETTING, [])
    }
    for key in ("emergency_phone", "women_phone"):
        number = dialable(str(settings.get(key) or ""))
        if number is not None and number not in found:
            found[number] = Outsider(number, str(settings[key]), (), True)
    return list(found.values())


def dialable(text: str) -> str | None:
    """The whole number (E.164); None for a short one, which is dialled from within a network only."""
    try:
        return read_phone(text).key
    except InvalidInput:
        return None
