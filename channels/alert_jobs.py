"""Looking at the feeds of alerts that a city follows. Nothing is fetched inside a transaction, and nothing but public https."""

from urllib.parse import urljoin, urlsplit
from uuid import UUID

import structlog

from channels.errors import FetchFailed
from channels.media_fetching import Source, open_stream, read_all
from intake.incidents import alerts, feeds
from intake.incidents.cap.reading import MOST_BYTES, read_any
from intake.incidents.cap.values import Alert
from intake.incidents.models import AlertFeed
from intake.webhooks.addresses import read_address
from intake.webhooks.config import config
from kernel import clock, db
from kernel.errors import InvalidInput

# Of those that a feed only names; it names the newest first.
_MOST_NAMED = 10

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
    try:
        found, trouble = _fetched(feed.url), ""
    except FetchFailed as failure:
        found, trouble = [], failure.reason
    except InvalidInput:
        found, trouble = [], "not_as_promised"
    for alert in alerts.in_turn(found):
        _take_in(feed.jurisdiction_id, alert)
    with db.transaction() as session:
        feeds.note(session, feed.id, trouble)


def _take_in(jurisdiction_id: str, alert: Alert) -> None:
    ours = alerts.sender_of(urlsplit(config().base_url).hostname or "localhost")
    try:
        with db.transaction() as session:
            taken = alerts.take_in(session, jurisdiction_id, alert, ours=ours, now=clock.now())
        log.info("alert.taken_in", outcome=taken.outcome)
    except InvalidInput as refusal:
        # Most of what a country's feed says is not for this city, or is over.
        log.info("alert.not_for_us", why=refusal.text)


def _fetched(url: str) -> list[Alert]:
    """The alerts of a feed, those that it only names fetched from its own host. Raises FetchFailed, InvalidInput."""
    found, links = read_any(_bytes(url))
    host = urlsplit(url).hostname
    for link in [urljoin(url, one) for one in links][:_MOST_NAMED]:
        if urlsplit(link).hostname != host:
            continue
        try:
            found += read_any(_bytes(link))[0]
        except (FetchFailed, InvalidInput) as failure:
            log.info("alert.unread", error=type(failure).__name__)
    return found


def _bytes(url: str) -> bytes:
    with open_stream(Source(url, local_origin=_local(url))) as stream:
        return read_all(stream, MOST_BYTES)


def _local(url: str) -> str | None:
    """The address of this machine, for the demo only."""
    parts = urlsplit(url)
    literal = read_address(parts.hostname or "")
    is_here = literal is not None and literal.is_loopback
    return f"{parts.scheme}://{parts.netloc}" if is_here and config().allow_loopback else None
