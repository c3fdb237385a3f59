"""What became of a contact, in the few words that an operator chooses from: data of the city, else these. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

# In `Jurisdiction.settings`.
SETTING = "dispositions"

# What may be seen of a contact by itself, and proposes an answer.
HINTS = ("reported", "known_folio", "silent")


@dataclass(frozen=True)
class Disposition:
    """groups: the service groups that it is offered for; none: for every contact. hint: which of `HINTS` proposes it."""

    code: str
    name: Mapping[str, str]
    groups: tuple[str, ...] = ()
    hint: str = ""


USUAL: tuple[Disposition, ...] = (
    Disposition("reported", {"es": "Se levantó un reporte", "en": "A report was made"}, hint="reported"),
    Disposition("status", {"es": "Se informó de un folio", "en": "Told how a report stands"}, hint="known_folio"),
    Disposition("answered", {"es": "Se orientó", "en": "Was given information"}),
    Disposition("referred", {"es": "Se canalizó a otra instancia", "en": "Referred elsewhere"}),
    Disposition("silent", {"es": "No contestó o se cortó", "en": "No answer, or cut off"}, hint="silent"),
    Disposition("not_ours", {"es": "Equivocado, broma o abuso", "en": "Wrong number, prank or abuse"}),
)


def of_city(settings: Mapping[str, Any]) -> Sequence[Disposition]:
    """The city's own, in its order; the usual ones where it names none."""
    rows = settings.get(SETTING)
    if not rows:
        return USUAL
    return [Disposition(row["code"], row["name"], tuple(row["groups"]), row["hint"]) for row in rows]


def offered(known: Sequence[Disposition], groups: set[str]) -> list[Disposition]:
    """The short list for a contact about these service groups: what is theirs first, then what fits everything."""
    theirs = [one for one in known if groups.intersection(one.groups)]
    return theirs + [one for one in known if not one.groups]


def proposed(choices: Sequence[Disposition], hints: Sequence[str]) -> str:
    """The code of the first choice that one of the hints asks for, the stronger hint first; "" of none."""
    for hint in hints:
        for one in choices:
            if one.hint == hint:
                return one.code
    return ""
