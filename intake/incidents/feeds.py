"""Addresses where others publish alerts: added, looked at in turn, removed. The fetching itself is above this folder."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TypedDict
from uuid import UUID

from sqlmodel import Session, col, select

from intake.incidents.models import AlertFeed
from kernel.errors import InvalidInput, NotFound
from kernel.outbox import record

LOOKED_AT_EVERY = timedelta(minutes=5)
MOST = 20


class Looked(TypedDict):
    """A document that a feed names. at: when it was read last, or tried; replaced: keys of the messages it takes the place of."""

    at: str
    is_read: bool
    replaced: list[str]


def add(session: Session, jurisdiction_id: str, url: str, *, by_name: str, now: datetime) -> AlertFeed:
    """A feed, looked at at once; the one that is there already. The caller has checked the address. Raises InvalidInput."""
    held = of_city(session, jurisdiction_id)
    known = next((feed for feed in held if feed.url == url), None)
    if known is not None:
        return known
    if len(held) >= MOST:
        raise InvalidInput("Ya son muchas direcciones. Quita alguna.", field="url")
    made = AlertFeed(jurisdiction_id=jurisdiction_id, url=url, added_by_name=by_name, added_at=now)
    session.add(made)
    session.flush()
    record(session, "alert_feed.added", at=now, feed_id=made.id)
    return made


def remove(session: Session, feed_id: UUID, jurisdiction_id: str, *, now: datetime) -> None:
    """Doing it twice does it once. Raises NotFound."""
    found = session.get(AlertFeed, feed_id)
    if found is None or found.jurisdiction_id != jurisdiction_id:
        raise NotFound("No encontramos esa dirección.")
    found.removed_at = found.removed_at or now
    session.add(found)
    session.flush()


def of_city(session: Session, jurisdiction_id: str) -> Sequence[AlertFeed]:
    """In the order in which they were added."""
    held = select(AlertFeed).where(AlertFeed.jurisdiction_id == jurisdiction_id, col(AlertFeed.removed_at).is_(None))
    return session.exec(held.order_by(col(AlertFeed.added_at))).all()


def claim_due(session: Session, *, now: datetime, feed_id: UUID | None = None) -> AlertFeed | None:
    """One feed whose turn it is (or this one), which nobody else looks at for a while; None when there is none."""
    due = select(AlertFeed).where(col(AlertFeed.removed_at).is_(None))
    if feed_id is not None:
        due = due.where(AlertFeed.id == feed_id)
    else:
        before = now - LOOKED_AT_EVERY
        due = due.where(col(AlertFeed.looked_at).is_(None) | (col(AlertFeed.looked_at) <= before))
    due = due.order_by(col(AlertFeed.looked_at).asc().nulls_first()).limit(1).with_for_update(skip_locked=True)
    found = session.exec(due).one_or_none()
    if found is not None:
        found.looked_at = now
        session.add(found)
        session.flush()
    return found


def whose_turn(named: Sequence[str], looked: Mapping[str, Looked], *, most: int) -> list[str]:
    """Which of the documents that a feed names are read now: those never looked at, as it orders them, then who waits longest.

    Some publishers write what is new under the old address.
    """
    return sorted(named, key=lambda link: looked[link]["at"] if link in looked else "")[:most]


def note(session: Session, feed_id: UUID, trouble: str, looked: Mapping[str, Looked]) -> None:
    """What the look gave."""
    found = session.get_one(AlertFeed, feed_id)
    found.trouble, found.links = trouble, dict(looked)
    session.add(found)
    session.flush()
