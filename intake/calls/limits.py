"""How much one telephone can make the line do: calls back to somebody who asked for none, and places of many calls at once.

A number that shows may be made up and one that is keyed is anybody's, so both who asks and who is to be called are counted.
Refused is only that: the report can be made, a message left, and whoever waits goes on waiting.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Literal

from sqlmodel import Session, col, select

from intake.calls.limit_models import CallerFlag
from intake.calls.models import Call
from intake.catalog import cities
from intake.conversations import in_line
from intake.distribution.lifecycle import QUEUED
from intake.people.models import ContactPoint
from intake.people.same import NOBODYS
from kernel import db
from kernel.ids import new_id

Refusal = Literal["known", "enough"]
_DAY = timedelta(days=1)
_KEPT_FOR = timedelta(days=2)
# Hidden numbers cannot be told apart: all of them together.
_HIDDEN = "hidden"

_COUNT = """
    INSERT INTO callback_count (jurisdiction_id, scope, hour, asked)
    VALUES ($1, $2, date_trunc('hour', $3::timestamptz), $4)
    ON CONFLICT (jurisdiction_id, scope, hour) DO UPDATE SET asked = callback_count.asked + excluded.asked RETURNING 1
"""
_COUNTED = """
    SELECT coalesce(sum(asked), 0) FROM callback_count WHERE jurisdiction_id = $1 AND scope = $2 AND hour > $3
"""
_FORGET = "DELETE FROM callback_count WHERE hour < $1 RETURNING 1"
_OPEN = """
    SELECT 1 FROM call JOIN work_item ON work_item.conversation_id = call.conversation_id
    WHERE call.jurisdiction_id = $1 AND call.direction = 'inbound' AND call.id <> $3
        AND (callback_contact_point_id = $2 OR callback_contact_point_id IS NULL AND contact_point_id = $2)
        AND work_item.kind = 'callback' AND work_item.state IN ('queued', 'offered', 'assigned')
    LIMIT 1
"""
_IN_LINE = """
    SELECT count(*) FROM call JOIN work_item ON work_item.conversation_id = call.conversation_id
    WHERE call.jurisdiction_id = $1 AND call.contact_point_id = $2 AND call.id <> $3 AND call.ended_at IS NULL
        AND call.direction = 'inbound' AND work_item.kind = 'voice' AND work_item.state IN ('queued', 'offered')
        AND ($4::timestamptz IS NULL OR (work_item.enqueued_at, work_item.id) < ($4, $5::uuid))
"""
_FLAG = """
    INSERT INTO caller_flag (id, jurisdiction_id, reason, scope, digits, refused, at) VALUES ($1, $2, $3, $4, $5, 1, $6)
    ON CONFLICT (jurisdiction_id, reason, scope) WHERE reviewed_at IS NULL
    DO UPDATE SET refused = caller_flag.refused + 1 RETURNING 1
"""


@dataclass(frozen=True, slots=True)
class Limits:
    """`[guards]` of a city's folder says otherwise.

    Calls back in a day: to one number at the wish of others, and at the wish of one number, or of all hidden ones together.
    calls_in_line: of one number at once.
    """

    callbacks_to: int = 4
    callbacks_by: int = 6
    callbacks_hidden: int = 60
    calls_in_line: int = 5


def limits_of(session: Session, jurisdiction_id: str) -> Limits:
    """What the city's folder says, else the usual."""
    given = cities.city(session, jurisdiction_id).settings.get("guards", {})
    return Limits(**{each.name: int(given[each.name]) for each in fields(Limits) if each.name in given})


def refuse_callback(session: Session, call: Call, target: ContactPoint, *, now: datetime) -> Refusal | None:
    """Why no call back to this number is taken down, if none is; asking counts either way.

    `known`: one is to be made already, to the very number that calls. Of another number only `enough` is said: nobody is to learn
    who has asked for a call.
    """
    city, limits = call.jurisdiction_id, limits_of(session, call.jurisdiction_id)
    asker = session.get_one(ContactPoint, call.contact_point_id)
    is_own = asker.id == target.id
    by, to = f"by:{_scope_of(asker)}", f"to:{_scope_of(target)}"
    # Who is to be called second: of two who ask at once one waits here, and then sees what the other has taken down.
    asked_by = _count(session, city, by, 1, now)
    asked_to = _count(session, city, to, 0 if is_own else 1, now)
    if asked_by > (limits.callbacks_hidden if asker.kind in NOBODYS else limits.callbacks_by):
        _flag(session, city, "callbacks_by", asker, now)
        return "enough"
    if not is_own and asked_to > limits.callbacks_to:
        _flag(session, city, "callbacks_to", target, now)
        return "enough"
    if db.fetch(session, _OPEN, [city, target.id, call.id], prepare=True):
        return "known" if is_own else "enough"
    return None


def may_wait(session: Session, call: Call, *, now: datetime) -> bool:
    """Whether there is a place in the line for one more call of this number; of two that came at once the first stays.

    Hidden numbers are not counted: they are everybody's.
    """
    caller = session.get_one(ContactPoint, call.contact_point_id)
    if caller.kind in NOBODYS:
        return True
    mine = in_line.place_of_call(session, call.conversation_id)
    if mine is not None and (mine.kind != "voice" or mine.state != QUEUED):
        return True
    values = [call.jurisdiction_id, caller.id, call.id, mine and mine.enqueued_at, mine and mine.id]
    ((before,),) = db.fetch(session, _IN_LINE, values, prepare=True)
    if before < limits_of(session, call.jurisdiction_id).calls_in_line:
        return True
    _flag(session, call.jurisdiction_id, "calls_in_line", caller, now)
    return False


def flags(session: Session, jurisdiction_id: str) -> Sequence[CallerFlag]:
    """What nobody has looked at yet, newest first."""
    waiting = select(CallerFlag).where(
        CallerFlag.jurisdiction_id == jurisdiction_id, col(CallerFlag.reviewed_at).is_(None)
    )
    return session.exec(waiting.order_by(col(CallerFlag.at).desc()).limit(50)).all()


def forget(session: Session, *, now: datetime) -> None:
    """Drops the counts of hours that are over."""
    db.fetch(session, _FORGET, [now - _KEPT_FOR])


def _count(session: Session, jurisdiction_id: str, scope: str, more: int, now: datetime) -> int:
    """How often it was asked in the last day, with this time."""
    session.flush()
    db.fetch(session, _COUNT, [jurisdiction_id, scope, now, more], prepare=True)
    ((asked,),) = db.fetch(session, _COUNTED, [jurisdiction_id, scope, now - _DAY], prepare=True)
    return int(asked)


def _flag(session: Session, jurisdiction_id: str, reason: str, contact: ContactPoint, now: datetime) -> None:
    digits = "" if contact.kind in NOBODYS else contact.last_digits
    values = [new_id(), jurisdiction_id, reason, _scope_of(contact), digits, now]
    db.fetch(session, _FLAG, values, prepare=True)


def _scope_of(contact: ContactPoint) -> str:
    return _HIDDEN if contact.kind in NOBODYS else str(contact.id)
