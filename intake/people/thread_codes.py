"""Codes for one thread: whoever is there reads what comes to an address. They link nothing, and are worth nothing elsewhere.

Asked for and tried as those that link (`codes.py`), with the same limits and the same life (`proving.py`).
"""

from datetime import datetime
from uuid import UUID

from sqlmodel import Session, col, select

from intake.people import actions, codes, proving, spending
from intake.people.code_models import ContactCode
from intake.people.codes import Refusal
from intake.people.linking import PROOF
from intake.people.models import ContactPoint


def ask(
    session: Session,
    asker: ContactPoint,
    target: ContactPoint,
    thread_id: UUID,
    *,
    asked_on: str,
    language: str,
    now: datetime,
) -> ContactCode | Refusal:
    """An open code for `target`, a telephone number, which a job then sends by SMS. One that was open in the thread is replaced.

    Asked twice within `codes.SAME_ASK` it is one code. Records `contact_code.asked`.
    """
    codes.take_turns(session, asker.jurisdiction_id)
    known = _open(session, thread_id)
    if known is not None and known.target_id == target.id and now - known.asked_at < codes.SAME_ASK:
        return known
    if actions.is_opted_out(session, target.id):
        return Refusal("opted_out")
    if refusal := codes.too_many(session, asker, target, PROOF, now):
        return refusal
    if not spending.spend(session, asker.jurisdiction_id, actions.address_of(target), "code", now=now):
        return Refusal("too_many", 60)
    codes.close([col(ContactCode.thread_id) == thread_id], session, "replaced", now)
    return codes.make(
        session,
        asker,
        asker.person_id,
        target,
        channel="sms",
        asked_on=asked_on,
        language=language,
        thread_id=thread_id,
        now=now,
    )


def answer(session: Session, thread_id: UUID, typed: str, *, now: datetime) -> bool:
    """Whether these are the digits of the code that is open in this thread. A wrong guess counts; the right one is kept."""
    code = _open(session, thread_id)
    if code is None:
        return False
    after, verdict = proving.judge(codes.standing_of(code), fits=codes.fits(code, typed), now=now)
    codes.settle(code, after, PROOF, now)
    session.flush()
    return verdict == "right"


def proved_in(session: Session, thread_id: UUID) -> set[UUID]:
    """The addresses that whoever is in this thread has proved to read."""
    proved = select(ContactCode.target_id).where(ContactCode.thread_id == thread_id, ContactCode.state == "proved")
    return set(session.exec(proved))


def _open(session: Session, thread_id: UUID) -> ContactCode | None:
    held = select(ContactCode).where(ContactCode.thread_id == thread_id, ContactCode.state == "open")
    return session.exec(held.with_for_update().execution_options(populate_existing=True)).one_or_none()
