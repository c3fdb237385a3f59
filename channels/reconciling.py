"""What residents wrote and we never heard of: a webhook of ours was down, and the provider does not call again for ever.

Providers that keep a log are asked for it every few minutes, for the time since the last comparison. What is in it goes the
way of every call, and is recognised there when it was told before.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Protocol, runtime_checkable

import structlog
from sqlalchemy.dialects.postgresql import insert

from channels.errors import DeliveryError
from channels.models import ReconciledUntil
from channels.receiving import receive_call
from channels.registry import Channel
from channels.values import Webhook
from kernel import clock, db

log = structlog.get_logger(__name__)

# A message that came a moment ago is on its way to our webhook.
_ON_ITS_WAY = timedelta(seconds=60)
# Their log may be behind, and clocks differ.
_OVERLAP = timedelta(minutes=10)
# Answering what is older would surprise more than it helps; a person finds it in the provider's console.
_MOST = timedelta(days=3)


@runtime_checkable
class Remembering(Protocol):
    """A channel whose provider can be asked what came in."""

    def heard_since(self, since: datetime) -> Iterable[Webhook]:
        """Calls as the webhook would have got them, oldest first. Raises DeliveryError when the list is not whole."""


def reconcile(channels: Mapping[str, Channel]) -> None:
    """One round. A provider that does not answer is asked again in the next one, for all of the time since."""
    for name, channel in channels.items():
        if isinstance(channel, Remembering):
            _compare(name, channel, channel)


def _compare(name: str, channel: Channel, log_of: Remembering) -> None:
    now = clock.now()
    since = _since(name, now)
    until = now - _ON_ITS_WAY
    try:
        calls = [call for call in log_of.heard_since(since) if call.received_at <= until]
    except DeliveryError as failure:
        log.warning("reconciling.no_answer", channel=name, reason=failure.reason)
        return
    for call in calls:
        if receive_call(channel, call):
            log.warning("reconciling.found", channel=name, at=call.received_at.isoformat())
    with db.transaction() as session:
        session.merge(ReconciledUntil(channel=name, at=now))


def _since(name: str, now: datetime) -> datetime:
    """From when on to compare; the first time, from now on: what came before this program is not its own."""
    with db.transaction() as session:
        first = insert(ReconciledUntil).values(channel=name, at=now).on_conflict_do_nothing(index_elements=["channel"])
        session.execute(first)
        return max(session.get_one(ReconciledUntil, name).at - _OVERLAP, now - _MOST)
