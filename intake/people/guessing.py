"""Whoever asks about folios in a row is looking for somebody else's: wrong ones are counted by address and by city, over time.

Typing errors hardly count: a folio has a check digit, and what fails it was never looked up.
"""

from datetime import datetime, timedelta

from sqlmodel import Session

from intake.people.models import ContactPoint
from intake.people.same import NOBODYS
from kernel import db

# Wrong folios: of one address in an hour and in a day; of a city in an hour, from all its addresses.
MOST_AN_HOUR, MOST_A_DAY = 10, 30
MOST_IN_CITY = 300
# Hidden numbers cannot be told apart: all of them together.
MOST_HIDDEN = 60
_HIDDEN, _CITY = "hidden", "city"

_COUNTED = """
    SELECT scope, coalesce(sum(wrong) FILTER (WHERE hour >= date_trunc('hour', $3::timestamptz)), 0), sum(wrong)
    FROM folio_guess WHERE jurisdiction_id = $1 AND scope = ANY($2) AND hour > $4 GROUP BY scope
"""
_COUNT = """
    INSERT INTO folio_guess (jurisdiction_id, scope, hour, wrong) VALUES ($1, $2, date_trunc('hour', $3::timestamptz), 1)
    ON CONFLICT (jurisdiction_id, scope, hour) DO UPDATE SET wrong = folio_guess.wrong + 1 RETURNING wrong
"""
_FORGET = "DELETE FROM folio_guess WHERE hour < $1 RETURNING 1"
DAY = timedelta(days=1)


def may_ask(session: Session, contact_point: ContactPoint, *, was_wrong: bool, now: datetime) -> bool:
    """Whether this address may ask about one more folio. was_wrong: the last one in this talk was no report.

    While a whole city is being tried out, everybody may ask once: who has their folio in hand needs no second time.
    """
    scope = _scope_of(contact_point)
    values = [contact_point.jurisdiction_id, [scope, _CITY], now, now - DAY]
    counted = {one: (int(hour), int(day)) for one, hour, day in db.fetch(session, _COUNTED, values, prepare=True)}
    hour, day = counted.get(scope, (0, 0))
    if scope == _HIDDEN:
        is_within = hour < MOST_HIDDEN
    else:
        is_within = hour < MOST_AN_HOUR and day < MOST_A_DAY
    return is_within and (not was_wrong or counted.get(_CITY, (0, 0))[0] < MOST_IN_CITY)


def was_wrong(session: Session, contact_point: ContactPoint, *, now: datetime) -> None:
    """Counts a folio that is no report, or none that they may know of."""
    # The city last: whoever counts at the same time waits for its row as short as can be.
    for scope in (_scope_of(contact_point), _CITY):
        db.fetch(session, _COUNT, [contact_point.jurisdiction_id, scope, now], prepare=True)


def forget(session: Session, before: datetime) -> None:
    """Drops the counts of hours that are over."""
    db.fetch(session, _FORGET, [before])


def _scope_of(contact_point: ContactPoint) -> str:
    return _HIDDEN if contact_point.kind in NOBODYS else str(contact_point.id)
