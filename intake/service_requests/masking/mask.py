"""All the rules over one text. Pure; never raises; everything else stays as it is, letter for letter."""

from collections.abc import Collection

from intake.service_requests.masking import contacts, numbers, own, people, plates, spelt
from intake.service_requests.masking.marks import HIDDEN, Mark, Masked, merged, without
from intake.service_requests.masking.people import Places
from intake.service_requests.masking.screening import Look

_ROUNDS = 4


def no_places() -> frozenset[str]:
    """The names of no city: more looks like a person then."""
    return frozenset()


def mask(
    text: str,
    places: Places = no_places,
    *,
    names: Collection[str] = (),
    is_address: bool = False,
    screened: bool = True,
) -> Masked:
    """What everybody may read of `text`, and what was hidden. Masking the result again changes nothing.

    `places` gives the folded names of the city's places; it is called only when the text has a name that could be one of them.
    `names`: of whoever reported it, as they gave them. `is_address`: the text says where something is, so that a name without a
    cue is a street's. Not `screened`: every rule reads every text, also where a quick look has ruled it out; the answer is the
    same, and many times slower.
    """
    found = _marks(text, places, names, is_address, screened)
    if not found:
        return Masked(text)
    found = merged(found)
    shown = without(text, found)
    for _ in range(_ROUNDS):
        # What was hidden may have stood between a cue and a name, or parted two halves of a number.
        more = merged(_marks(shown, places, names, is_address, screened))
        if not more:
            break
        found = merged([*found, *(_in_original(mark, found) for mark in more)])
        shown = without(text, found)
    return Masked(shown, tuple(found))


def _marks(text: str, places: Places, names: Collection[str], is_address: bool, screened: bool) -> list[Mark]:
    look = Look(text) if screened else None
    plain = [
        *contacts.marks(text, look),
        *spelt.marks(text, look),
        *numbers.marks(text, look),
        *plates.marks(text, look),
    ]
    if plain:
        plain = merged(plain)
    if names:
        plain = merged([*plain, *own.marks(text, names, [(mark.start, mark.end) for mark in plain])])
    barred = [(mark.start, mark.end) for mark in plain]
    return [*plain, *people.marks(text, places, barred, is_address=is_address, look=look)]


def _in_original(mark: Mark, found: list[Mark]) -> Mark:
    """A mark of the masked text, at its place in the original."""
    return Mark(_place(mark.start, found, False), _place(mark.end, found, True), mark.kind, mark.score, mark.why)


def _place(at: int, found: list[Mark], is_end: bool) -> int:
    shift = 0
    for mark in found:
        start = mark.start - shift
        if at <= start and not (at == start and not is_end):
            break
        if at < start + len(HIDDEN):
            return mark.end if is_end and at > start else mark.start
        shift += mark.end - mark.start - len(HIDDEN)
    return at + shift
