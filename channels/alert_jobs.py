"""Looking at the feeds of alerts that a city follows. Nothing is fetched inside a transaction, and nothing but public https."""

from collections.abc import Sequence
from datetime import datetime
from urllib.parse import urljoin, urlsplit
from uuid import UUID

import structlog

from channels.errors import FetchFailed
from channels.media_fetching import Source, open_stream, read_all
from intake.incidents import alerts, feeds
from intake.incidents.cap.reading import MOST_BYTES, read_any
from intake.incidents.cap.values import Alert
from intake.incidents.feeds import Looked
from intake.incidents.models import AlertFeed
from intake.webhooks.addresses import read_address
from intake.webhooks.config import config
from kernel import clock, db
from kernel.errors import InvalidInput

# Of those that a feed only names; it names the newest first.
_MOST_NAMED = 200
_MOST_READ = 10  # at one look
_MOST_REPLACED = 50  # kept of each

log = structlog.get_logger(__name__)


def look_at_feeds() -> None:
    """Looks at each feed whose turn it is. Runs every minute; two at once take different ones."""
    while True:
        with db.transaction() as session:
            feed = feeds.claim_due(session, now=clock.now())
        if feed is None:
            return
        _look(feed)


def look_at_feed(feed_id: str, **_: object) -> None:
    """Looks at one that was just added."""
    with db.transaction() as session:
        feed = feeds.claim_due(session, now=clock.now(), feed_id=UUID(feed_id))
    if feed is not None:
        _look(feed)


def _look(feed: AlertFeed) -> None:
    found: list[Alert] = []
    looked: dict[str, Looked] = feed.links
    try:
        found, looked, trouble = _fetched(feed, clock.now())
    except FetchFailed as failure:
        trouble = failure.reason
    except InvalidInput:
        trouble = "not_as_promised"
    for alert in alerts.in_turn(found, {key for one in looked.values() for key in one["replaced"]}):
        _take_in(feed.jurisdiction_id, alert)
    with db.transaction() as session:
        feeds.note(session, feed.id, trouble, looked)


def _take_in(jurisdiction_id: str, alert: Alert) -> None:
    ours = alerts.sender_of(urlsplit(config().base_url).hostname or "localhost")
    try:
        with db.transaction() as session:
            taken = alerts.take_in(session, jurisdiction_id, alert, ours=ours, now=clock.now())
        log.info("alert.taken_in", outcome=taken.outcome)
    except InvalidInput as refusal:
        # Most of what a country's feed says is not for this city, or is over.
        log.info("alert.not_for_us", why=refusal.text)


def _fetched(feed: AlertFeed, now: datetime) -> tuple[list[Alert], dict[str, Looked], str]:
    """The alerts of a feed, those that it only names fetched from its own host, and what is wrong with some of them.

    Raises FetchFailed, InvalidInput when it is the feed itself.
    """
    document = read_any(_bytes(feed.url))
    found, named = document.alerts, _named(feed.url, document.links)
    looked: dict[str, Looked] = {link: feed.links[link] for link in named if link in feed.links}
    for link in feeds.whose_turn(named, looked, most=_MOST_READ):
        try:
            inside = read_any(_bytes(link))
            found += inside.alerts
            replaced = alerts.replaced_by(inside.alerts)[-_MOST_REPLACED:]
            looked[link] = Looked(at=now.isoformat(), is_read=not inside.refusals, replaced=replaced)
        except (FetchFailed, InvalidInput) as failure:
            log.info("alert.unread", error=type(failure).__name__)
            replaced = looked[link]["replaced"] if link in looked else []
            looked[link] = Looked(at=now.isoformat(), is_read=False, replaced=replaced)
    is_whole = not document.refusals and all(one["is_read"] for one in looked.values())
    return found, looked, "" if is_whole else "some_unread"


def _named(url: str, links: Sequence[str]) -> list[str]:
    """The addresses that a feed names, without those of other hosts."""
    named = []
    for link in links:
        try:
            address = urljoin(url, link)
            if urlsplit(address).hostname == urlsplit(url).hostname:
                named.append(address)
        except ValueError:  # no address at all
            continue
    return list(dict.fromkeys(named))[:_MOST_NAMED]


def _bytes(url: str) -> bytes:
    with open_stream(Source(url, local_origin=_local(url))) as stream:
        return read_all(stream, MOST_BYTES)


def _local(url: str) -> str | None:
    """The address of this machine, for the demo only."""
    parts = urlsplit(url)
    literal = read_address(parts.hostname or "")
    is_here = literal is not None and literal.is_loopback
    return f"{parts.scheme}://{parts.netloc}" if is_here and config().allow_loopback else None
