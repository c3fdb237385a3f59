"""How many messages a second a channel takes, and who goes first.

Each message takes the next free slot of its channel, written on it once. Campaigns have slots of their own, fewer than there
are, and take one of the common ones only when it is free at that moment: whatever a campaign has waiting, a folio goes at once.
"""

from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import func
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, col

from channels.models import ChannelPace
from kernel.settings import Pacing

BULK_SHARE = 0.7
# After a pause a channel takes this much at once.
_BURST = timedelta(seconds=1)
_pacing = Pacing()


def configure(pacing: Pacing) -> None:
    """Called by the registry whenever it connects."""
    global _pacing
    _pacing = pacing


def slot(session: Session, channel: str, *, is_bulk: bool, reserved: datetime | None, now: datetime) -> datetime:
    """When a message may go: `now`, or later. reserved: what this gave before, for the same message."""
    rate = _pacing.rates.get(channel, 0.0)
    if rate <= 0:
        return now
    if not is_bulk:
        return reserved if reserved is not None else max(now, _take(session, channel, "all", 1 / rate, now=now))
    if reserved is None:
        reserved = max(now, _take(session, channel, "bulk", 1 / (rate * BULK_SHARE), now=now))
    if reserved > now:
        return reserved
    return now if _take_if_free(session, channel, 1 / rate, now=now) else now + timedelta(seconds=1 / rate)


def _take(session: Session, channel: str, lane: Literal["all", "bulk"], each_s: float, *, now: datetime) -> datetime:
    """The next slot of this lane, taken."""
    each = timedelta(seconds=each_s)
    begins = func.greatest(col(ChannelPace.next_at), now - _BURST)
    made = insert(ChannelPace).values(channel=channel, lane=lane, next_at=now - _BURST + each)
    after: datetime = session.execute(
        made.on_conflict_do_update(index_elements=["channel", "lane"], set_={"next_at": begins + each}).returning(
            col(ChannelPace.next_at)
        )
    ).scalar_one()
    return after - each


def _take_if_free(session: Session, channel: str, each_s: float, *, now: datetime) -> bool:
    """True when the common lane has a slot at this moment; then it is taken."""
    first = insert(ChannelPace).values(channel=channel, lane="all", next_at=now - _BURST)
    session.execute(first.on_conflict_do_nothing(index_elements=["channel", "lane"]))
    pace = session.get_one(ChannelPace, (channel, "all"), with_for_update=True, populate_existing=True)
    if pace.next_at > now:
        return False
    pace.next_at = max(pace.next_at, now - _BURST) + timedelta(seconds=each_s)
    session.add(pace)
    session.flush()
    return True
