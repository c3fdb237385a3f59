"""The names of a city's places, as the rules for public text compare them."""

from functools import partial
from weakref import WeakKeyDictionary

from sqlmodel import Session

from georef.gazetteer import Gazetteer
from intake.service_requests.masking.people import Places
from intake.service_requests.masking.words import plain
from routing import queries as routing

# As long as the gazetteer itself stands; `routing` makes a new one when the city's places change.
_known: WeakKeyDictionary[Gazetteer, frozenset[str]] = WeakKeyDictionary()


def places_of(session: Session, jurisdiction_id: str) -> Places:
    """Looks the names up when they are first asked for, and not before: most texts name nobody."""
    return partial(_names, session, jurisdiction_id)


def _names(session: Session, jurisdiction_id: str) -> frozenset[str]:
    gazetteer = routing.gazetteer(session, jurisdiction_id)
    found = _known.get(gazetteer)
    if found is None:
        names = (name for place in gazetteer.places for name in (place.name, *place.aliases))
        found = _known[gazetteer] = frozenset(form for name in names for form in _forms(name))
    return found


def _forms(name: str) -> list[str]:
    """The name as written and without its first word, which is often its kind: `calle Juan Aldama`, `Juan Aldama`."""
    words = plain(name).replace("/", " ").replace(",", " ").split()
    return [" ".join(words[first:]) for first in range(max(1, len(words) - 1))][:3]
