"""GET `servicerequestupdates`, the extension by which FixMyStreet and others follow requests in windows of time.

An update is a numbered change that everybody may read. Its time is the time it was published: a client that asks for the
last hours would never see one that appears late under an older time.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlmodel import Session

from intake.changes.numbering import AHEAD
from intake.media import queries as media
from intake.media.storage import photo_url
from intake.open311.context import Audience, City
from intake.open311.filters import read_bounds
from intake.open311.forms import Fields
from intake.open311.update_words import said
from intake.service_requests import published
from kernel import clock
from kernel.errors import InvalidInput

_DEFAULT_SPAN = timedelta(hours=2)
MAX_UPDATES = 10_000

_FEED = (
    "SELECT e.id, r.folio, c.published_at, e.public_note, CASE WHEN e.public_note IS NULL THEN e.note END AS note,"
    " e.actor_kind, e.data, r.life, r.outcome_code"
    " FROM service_request_change c JOIN service_request_event e ON e.id = c.event_id"
    " JOIN service_request r ON r.id = c.service_request_id"
    " WHERE c.jurisdiction_id = %(jurisdiction_id)s AND c.published_at >= %(since)s AND c.published_at < %(until)s"
    " AND c.is_public AND NOT c.is_farewell AND e.name IN ('status_changed', 'noted') AND {may_read}"
    " ORDER BY c.published_at, c.seq LIMIT %(limit)s"
)


def feed(session: Session, city: City, audience: Audience, query: Fields) -> list[dict[str, Any]]:
    """The public updates in the window, of requests that the reader may see, oldest first.

    Without a window it is the last two hours. Raises InvalidInput, also for a window that holds more than one answer can:
    a list cut short would look like a whole one.
    """
    # What is being published just now carries a time that is a little ahead.
    since, until = read_bounds(query, city.zone, now=clock.now() + AHEAD, default_span=_DEFAULT_SPAN)
    values = {"since": since, "until": until, "jurisdiction_id": city.id, "limit": MAX_UPDATES + 1, **audience.values}
    rows = session.connection().exec_driver_sql(_FEED.format(may_read=audience.may_read), values).all()
    if len(rows) > MAX_UPDATES:
        raise InvalidInput(
            "Hay más de {limit} actualizaciones en ese lapso: pide uno más corto.",
            field="start_date",
            limit=f"{MAX_UPDATES:,}",
        )
    photos = photos_behind(session, [(row.id, row.data) for row in rows])
    return [
        {
            "update_id": str(row.id),
            "service_request_id": row.folio,
            "status": said(row.data, row.life, row.outcome_code),
            "updated_datetime": row.published_at.astimezone(city.zone).isoformat(timespec="seconds"),
            "description": (
                published.note_for_all(row.note, row.actor_kind) if row.note is not None else row.public_note
            )
            or None,
            "media_url": media_of(row.data, photos.get(row.id, ())),
        }
        for row in rows
    ]


def photos_behind(session: Session, changes: Sequence[tuple[int, dict[str, Any]]]) -> dict[int, list[str]]:
    """The addresses of our own photos that belong to these events (id and data), as far as everybody may see them."""
    came_with = media.public_photos_of_events(session, [event_id for event_id, _ in changes])
    told = {event_id: UUID(data["media_file_id"]) for event_id, data in changes if "media_file_id" in data}
    seen = media.public_among(session, list(told.values()))
    ids = came_with | {event_id: [one] for event_id, one in told.items() if one in seen}
    return {event_id: [url for url in map(photo_url, found) if url] for event_id, found in ids.items()}


def media_of(data: dict[str, Any], photos: Sequence[str]) -> str | list[str] | None:
    """The pictures of an update as FixMyStreet reads them, ours before theirs: nothing, one address, or several."""
    shown = [*photos, *(url for url in map(published.public_url, data.get("media_urls", ())) if url)]
    return shown if len(shown) > 1 else shown[0] if shown else None
