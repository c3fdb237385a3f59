"""WhatsApp's customer service window: free words are taken only for a day after the person's own last message. Pure.

Whatever we send neither opens nor lengthens it. Source: Twilio, "WhatsApp: the 24-hour customer service window" (read 2026-11).
"""

from datetime import datetime, timedelta

WINDOW = timedelta(hours=24)
# A message that leaves us a moment before the end arrives after it.
_MARGIN = timedelta(seconds=30)


def window_closes_at(last_inbound_at: datetime | None) -> datetime | None:
    """Until when free words may be sent; None to somebody who never wrote."""
    return None if last_inbound_at is None else last_inbound_at + WINDOW


def is_open(last_inbound_at: datetime | None, now: datetime) -> bool:
    closes_at = window_closes_at(last_inbound_at)
    return closes_at is not None and now < closes_at - _MARGIN
