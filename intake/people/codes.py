"""Asking for a code, and what becomes of one that somebody types. Its life: `proving.py`; in words: docs/people.md."""

import hmac
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast
from uuid import UUID

from sqlalchemy import ColumnElement, func, update
from sqlmodel import Session, col, select

from intake.people import actions, linking, proving, queries, same, spending
from intake.people.addresses import Address
from intake.people.code_models import ContactCode
from intake.people.linking import PROOF, By
from intake.people.models import ContactPoint
from intake.people.proving import Standing, State, Verdict
from kernel import crypto
from kernel.ids import new_id
from kernel.outbox import record

# Who asks twice in one breath means one code.
SAME_ASK = timedelta(seconds=30)
_HOUR = timedelta(hours=1)
MOST_TO_ADDRESS, MOST_FROM_ASKER, MOST_BY_AGENT = 3, 5, 30
_CONTEXT = "contact_code"
_LINKS = col(ContactCode.thread_id).is_(None)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why no code was sent: nobodys, own, already, undone, opted_out or too_many (then: for how many minutes)."""

    reason: str
    minutes: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a typed code. `undone`: right, but an agent has taken such a proof back meanwhile; `none`: there is none.

    left: how many tries there are still. target: where the code had been sent, when it was right.
    """

    verdict: Verdict | str
    left: int = 0
    target: ContactPoint | None = None


def standing_of(code: ContactCode) -> Standing:
    return Standing(cast(State, code.state), code.tries, code.asked_at)


def ask(
    session: Session,
    asker: ContactPoint,
    person_id: UUID,
    address: Address,
    *,
    channel: str,
    asked_on: str,
    language: str,
    by: By = PROOF,
    now: datetime,
) -> ContactCode | Refusal:
    """An open code for this address, which a job then sends on `channel`; one that was open for the same two is replaced.

    Asked twice within `SAME_ASK` it is one code. Records `contact_code.asked`. by: the agent who asks for the person.
    """
    if asker.kind in same.NOBODYS:
        return Refusal("nobodys")
    city = asker.jurisdiction_id
    take_turns(session, city)
    target = queries.contact_point_of(session, city, address)
    if refusal := _refusal(session, asker, person_id, target, by):
        return refusal
    if target is not None:
        known = _open(session, asker.id, target.id)
        if known is not None and now - known.asked_at < SAME_ASK:
            return known
    if refusal := too_many(session, asker, target, by, now):
        return refusal
    if channel == "sms" and address.phone and not spending.spend(session, city, address.phone, "code", now=now):
        return Refusal("too_many", 60)
    if target is None:
        target = actions.find_or_create_address(session, city, address, now=now, language=language)
        # A telephone number that is new on this network may be one that is known on another.
        if refusal := _refusal(session, asker, person_id, target, by):
            return refusal
    theirs = [col(ContactCode.asker_id) == asker.id, col(ContactCode.target_id) == target.id, _LINKS]
    close(theirs, session, "replaced", now)
    return make(
        session,
        asker,
        person_id,
        target,
        channel=channel,
        asked_on=asked_on,
        language=language,
        by=by,
        now=now,
    )


def take_turns(session: Session, jurisdiction_id: str) -> None:
    """Until this transaction ends nobody else in the city asks for a code: two at once are one after the other."""
    session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"contact_code:{jurisdiction_id}", 0))))


def make(
    session: Session,
    asker: ContactPoint,
    person_id: UUID,
    target: ContactPoint,
    *,
    channel: str,
    asked_on: str,
    language: str,
    by: By = PROOF,
    thread_id: UUID | None = None,
    now: datetime,
) -> ContactCode:
    """A new code that may be sent, with the event that has it sent."""
    digits, id_ = proving.new_code(), new_id()
    made = ContactCode(
        id=id_,
        jurisdiction_id=target.jurisdiction_id,
        asker_id=asker.id,
        person_id=person_id,
        target_id=target.id,
        channel=channel,
        asked_on=asked_on,
        language=language,
        code_hash=_hashed(id_, digits),
        code_sealed=crypto.vault().seal(digits, context=_CONTEXT),
        asked_by=by.id,
        asked_by_name=by.name,
        thread_id=thread_id,
        asked_at=now,
    )
    session.add(made)
    session.flush()
    record(session, "contact_code.asked", at=now, code_id=made.id)
    return made


def _refusal(
    session: Session, asker: ContactPoint, person_id: UUID, target: ContactPoint | None, by: By
) -> Refusal | None:
    if target is None:
        return None
    if target.id == asker.id:
        return Refusal("own")
    if set(same.same_person(session, person_id)) & set(same.people_at(session, target.id)):
        return Refusal("already")
    if by.id is None and linking.was_undone(session, person_id, target):
        return Refusal("undone")
    return Refusal("opted_out") if actions.is_opted_out(session, target.id) else None


def too_many(
    session: Session, asker: ContactPoint, target: ContactPoint | None, by: By, now: datetime
) -> Refusal | None:
    """The refusal, where enough were asked for lately: from here, or to there."""
    theirs = (col(ContactCode.asker_id) == asker.id) & col(ContactCode.asked_by).is_(None)
    limits: list[tuple[ColumnElement[bool], int]] = [
        (col(ContactCode.asked_by) == by.id, MOST_BY_AGENT) if by.id else (theirs, MOST_FROM_ASKER)
    ]
    if target is not None:
        limits.append((col(ContactCode.target_id) == target.id, MOST_TO_ADDRESS))
    for whose, most in limits:
        lately = select(ContactCode.asked_at).where(whose, col(ContactCode.asked_at) > now - _HOUR)
        found = session.exec(lately.order_by(col(ContactCode.asked_at).desc()).limit(most)).all()
        if len(found) == most:
            wait = found[-1] + _HOUR - now
            return Refusal("too_many", max(1, -(-int(wait.total_seconds()) // 60)))
    return None


def answer(session: Session, asker_ids: Collection[UUID], typed: str, *, by: By = PROOF, now: datetime) -> Answer:
    """Tries six digits on what these addresses have open; the right ones link. A wrong one counts against every open code.

    The caller's transaction keeps the count, also where nothing is linked.
    """
    rows = session.exec(
        select(ContactCode)
        .where(col(ContactCode.asker_id).in_(asker_ids), ContactCode.state == "open", _LINKS)
        .order_by(col(ContactCode.id))
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()
    told: list[tuple[Verdict, int]] = []
    # The right one ends the matter, before a wrong guess is counted at the others.
    for code in sorted(rows, key=lambda row: not fits(row, typed)):
        before = standing_of(code)
        after, verdict = proving.judge(before, fits=fits(code, typed), now=now)
        settle(code, after, by, now)
        if verdict == "right":
            return _linked(session, code, by, now)
        told.append((verdict, after.left))
    session.flush()
    for verdict in ("wrong", "used_up", "expired"):
        left = [many for one, many in told if one == verdict]
        if left:
            return Answer(verdict, max(left))
    newest = newest_of(session, asker_ids, since=now - proving.REMEMBERED_FOR)
    if newest is None:
        return Answer("none")
    verdict = proving.judge(standing_of(newest), fits=False, now=now)[1]
    if newest.state == "proved":
        return Answer("over", target=session.get_one(ContactPoint, newest.target_id) if fits(newest, typed) else None)
    return Answer(verdict)


def _linked(session: Session, code: ContactCode, by: By, now: datetime) -> Answer:
    target = session.get_one(ContactPoint, code.target_id)
    is_agents = by.id is not None or code.asked_by is not None
    if not is_agents and linking.was_undone(session, code.person_id, target):
        return Answer("undone")
    link = linking.prove_code(
        session, session.get_one(ContactPoint, code.asker_id), code.person_id, target, by=by, now=now
    )
    code.link_id = link.id if link else None
    session.flush()
    return Answer("right", target=target)


def settle(code: ContactCode, after: Standing, by: By, now: datetime) -> None:
    """Writes down what became of it."""
    code.tries = after.tries
    if after.state == "open":
        return
    code.state, code.settled_at, code.code_sealed = after.state, now, None
    code.answered_by, code.answered_by_name = by.id, by.name


def look(session: Session, contact_point_id: UUID, typed: str, *, now: datetime) -> str:
    """What six digits from this address are, before they count: open, expired, used_up, proved (it was, by these) or "" for
    no code; `elsewhere` for one that was sent here, and belongs where it was asked for."""
    newest = newest_of(session, [contact_point_id], since=now - proving.REMEMBERED_FOR)
    state = standing_of(newest).at(now).state if newest else ""
    if newest is not None and (state in ("open", "expired", "used_up") or (state == "proved" and fits(newest, typed))):
        return state
    sent_here = session.exec(
        select(ContactCode).where(ContactCode.target_id == contact_point_id, ContactCode.state == "open")
    )
    return "elsewhere" if any(fits(code, typed) for code in sent_here) else ""


def newest_of(session: Session, asker_ids: Collection[UUID], *, since: datetime) -> ContactCode | None:
    """The last code that was asked for from these addresses."""
    asked = select(ContactCode).where(
        col(ContactCode.asker_id).in_(asker_ids), col(ContactCode.asked_at) > since, _LINKS
    )
    return session.exec(asked.order_by(col(ContactCode.asked_at).desc(), col(ContactCode.id).desc()).limit(1)).first()


def of_askers(session: Session, asker_ids: Collection[UUID], *, limit: int) -> Sequence[ContactCode]:
    """The last codes that were asked for from these addresses, newest first."""
    asked = select(ContactCode).where(col(ContactCode.asker_id).in_(asker_ids), _LINKS)
    return session.exec(asked.order_by(col(ContactCode.asked_at).desc(), col(ContactCode.id).desc()).limit(limit)).all()


def is_open(session: Session, code_id: UUID, *, now: datetime) -> bool:
    """Whether a code still serves somebody."""
    code = session.get(ContactCode, code_id, populate_existing=True)
    return code is not None and standing_of(code).at(now).state == "open"


def digits_of(session: Session, code_id: UUID) -> str | None:
    """The digits that a message is to carry; None when they were forgotten."""
    code = session.get(ContactCode, code_id, populate_existing=True)
    if code is None or code.code_sealed is None:
        return None
    return crypto.vault().unseal(code.code_sealed, context=_CONTEXT)


def expire(session: Session, *, now: datetime) -> None:
    """Closes what nobody answered in time; the digits are forgotten."""
    close([col(ContactCode.asked_at) <= now - proving.LIVES_FOR], session, "expired", now)


def close(which: list[ColumnElement[bool]], session: Session, state: str, now: datetime) -> None:
    """Ends those that are open."""
    session.execute(
        update(ContactCode)
        .where(col(ContactCode.state) == "open", *which)
        .values(state=state, settled_at=now, code_sealed=None)
    )


def _open(session: Session, asker_id: UUID, target_id: UUID) -> ContactCode | None:
    return session.exec(
        select(ContactCode).where(
            ContactCode.asker_id == asker_id, ContactCode.target_id == target_id, ContactCode.state == "open", _LINKS
        )
    ).one_or_none()


def fits(code: ContactCode, typed: str) -> bool:
    """Whether these are its digits."""
    return hmac.compare_digest(code.code_hash, _hashed(code.id, typed))


def _hashed(code_id: UUID, digits: str) -> bytes:
    return crypto.vault().lookup(f"contact_code.{code_id}", digits)
