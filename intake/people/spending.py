"""A budget for what strangers can make us send: one-time codes, answers to folios.

Whoever earns by the message (SMS pumping) asks for thousands, to numbers in a row or in a country far away. Beyond the budget the
breaker of that scope opens, supervisors are told, and it stays open until one of them closes it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import phonenumbers
from sqlmodel import Session, col, select

from intake.people.addresses import REGION
from intake.people.spending_models import SpendingBreaker
from kernel import db
from kernel.errors import NotFound
from kernel.ids import new_id
from kernel.outbox import record

# An hour, by scope; `[guards]` of a city's folder says otherwise. A city of millions is asked some thousands of folios in its
# worst hour, all over the country's numbers.
MOST_HOME, MOST_ABROAD = 5_000, 60
MOST_IN_A_ROW, MOST_IN_A_ROW_ABROAD = 200, 30
# Of a number, what says in which row of ten thousand it is.
_ROW_DIGITS = 4
_COSTLY = (
    phonenumbers.PhoneNumberType.PREMIUM_RATE,
    phonenumbers.PhoneNumberType.SHARED_COST,
    phonenumbers.PhoneNumberType.PERSONAL_NUMBER,
    phonenumbers.PhoneNumberType.UAN,
    phonenumbers.PhoneNumberType.PAGER,
    phonenumbers.PhoneNumberType.VOICEMAIL,
)
_LIMITS = """
    SELECT (settings -> 'guards' ->> 'sms_home')::int, (settings -> 'guards' ->> 'sms_abroad')::int,
        (settings -> 'guards' ->> 'sms_in_a_row')::int, (settings -> 'guards' ->> 'sms_in_a_row_abroad')::int
    FROM jurisdiction WHERE id = $1
"""
_OPEN = """
    UPDATE spending_breaker SET refused = refused + 1
    WHERE jurisdiction_id = $1 AND scope = ANY($2) AND reset_at IS NULL RETURNING 1
"""
_COUNT = """
    INSERT INTO spending_count (jurisdiction_id, scope, hour, sent) VALUES ($1, $2, date_trunc('hour', $3::timestamptz), 1)
    ON CONFLICT (jurisdiction_id, scope, hour) DO UPDATE SET sent = spending_count.sent + 1 RETURNING sent
"""
_BREAK = """
    INSERT INTO spending_breaker (id, jurisdiction_id, scope, purpose, most, refused, opened_at)
    VALUES ($1, $2, $3, $4, $5, 1, $6)
    ON CONFLICT (jurisdiction_id, scope) WHERE reset_at IS NULL DO NOTHING RETURNING 1
"""
_FORGIVE = "DELETE FROM spending_count WHERE jurisdiction_id = $1 AND scope = $2 RETURNING 1"
_FORGET = "DELETE FROM spending_count WHERE hour < $1 RETURNING 1"


@dataclass(frozen=True, slots=True)
class Budget:
    """How many messages an hour a scope may be sent."""

    scope: str
    most: int


@dataclass(frozen=True, slots=True)
class Limits:
    """What strangers can make a city send an hour at most: in its country, in another, and to ten thousand numbers in a row."""

    home: int = MOST_HOME
    abroad: int = MOST_ABROAD
    in_a_row: int = MOST_IN_A_ROW
    in_a_row_abroad: int = MOST_IN_A_ROW_ABROAD


USUAL = Limits()


def limits_of(session: Session, jurisdiction_id: str) -> Limits:
    """What the city's folder says, else the usual."""
    session.flush()
    found = db.fetch(session, _LIMITS, [jurisdiction_id], prepare=True)
    given = found[0] if found else (None,) * 4
    usual = (USUAL.home, USUAL.abroad, USUAL.in_a_row, USUAL.in_a_row_abroad)
    return Limits(*(most if own is None else int(own) for own, most in zip(given, usual, strict=True)))


def budgets_of(phone: str, limits: Limits = USUAL) -> tuple[Budget, ...]:
    """The scopes that a number (E.164) counts in; none where nothing is ever sent: premium numbers, and no numbers. Pure."""
    try:
        number = phonenumbers.parse(phone)
    except phonenumbers.NumberParseException:
        return ()
    if not phonenumbers.is_possible_number(number) or phonenumbers.number_type(number) in _COSTLY:
        return ()
    region = phonenumbers.region_code_for_country_code(number.country_code or 0)
    home = region == REGION
    return (
        Budget(f"+{number.country_code}", limits.home if home else limits.abroad),
        Budget(f"{phone[:-_ROW_DIGITS]}{'x' * _ROW_DIGITS}", limits.in_a_row if home else limits.in_a_row_abroad),
    )


def spend(session: Session, jurisdiction_id: str, phone: str, purpose: str, *, now: datetime) -> bool:
    """Whether this one may be sent; it counts. purpose: `code` or `folio`. Records `spending.stopped` when a breaker opens."""
    budgets = budgets_of(phone, limits_of(session, jurisdiction_id))
    if not budgets:
        return False
    scopes = [budget.scope for budget in budgets]
    if db.fetch(session, _OPEN, [jurisdiction_id, scopes], prepare=True):
        return False
    is_within = True
    # Always the country first: two that ask at once wait for each other in one order.
    for budget in budgets:
        ((sent,),) = db.fetch(session, _COUNT, [jurisdiction_id, budget.scope, now], prepare=True)
        if sent > budget.most:
            is_within = False
            values = [new_id(), jurisdiction_id, budget.scope, purpose, budget.most, now]
            if db.fetch(session, _BREAK, values, prepare=True):
                record(session, "spending.stopped", at=now, jurisdiction_id=jurisdiction_id)
    return is_within


def is_stopped(session: Session, jurisdiction_id: str, phone: str) -> bool:
    """Whether nothing would be sent there now; nothing is counted."""
    return not budgets_of(phone) or stopping(session, jurisdiction_id, phone) is not None


def stopping(session: Session, jurisdiction_id: str, phone: str) -> UUID | None:
    """The breaker that keeps this number from being sent anything, the first to open; None where none does."""
    scopes = [budget.scope for budget in budgets_of(phone)]
    held = select(SpendingBreaker.id).where(
        SpendingBreaker.jurisdiction_id == jurisdiction_id,
        col(SpendingBreaker.scope).in_(scopes),
        col(SpendingBreaker.reset_at).is_(None),
    )
    return session.exec(held.order_by(col(SpendingBreaker.opened_at)).limit(1)).first()


def open_breakers(session: Session, jurisdiction_id: str) -> Sequence[SpendingBreaker]:
    """What stands still, newest first."""
    held = select(SpendingBreaker).where(
        SpendingBreaker.jurisdiction_id == jurisdiction_id, col(SpendingBreaker.reset_at).is_(None)
    )
    return session.exec(held.order_by(col(SpendingBreaker.opened_at).desc()).limit(50)).all()


def reset(
    session: Session, breaker_id: UUID, jurisdiction_id: str, *, by: UUID, by_name: str, now: datetime
) -> SpendingBreaker:
    """Sends there again, from a fresh budget. Doing it twice does it once. Records `spending.resumed`. Raises NotFound."""
    found = owned(session, breaker_id, jurisdiction_id)
    if found.reset_at is None:
        found.reset_at, found.reset_by, found.reset_by_name = now, by, by_name
        session.add(found)
        session.flush()
        db.fetch(session, _FORGIVE, [jurisdiction_id, found.scope])
        record(session, "spending.resumed", at=now, breaker_id=found.id)
    return found


def owned(session: Session, breaker_id: UUID, jurisdiction_id: str) -> SpendingBreaker:
    """The breaker, locked. Raises NotFound, also for another city's."""
    found = session.get(SpendingBreaker, breaker_id, with_for_update=True, populate_existing=True)
    if found is None or found.jurisdiction_id != jurisdiction_id:
        raise NotFound("No encontramos esa alarma.")
    return found


def forget_counts(session: Session, before: datetime) -> None:
    """Drops the counts of hours that are over."""
    db.fetch(session, _FORGET, [before])
