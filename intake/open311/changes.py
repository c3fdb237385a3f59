"""GET `changes` [extension]: every change of requests in one order that never changes, followed by cursor.

An agency's key with `read_private` follows its own requests; everybody else what is public in the city.
"""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from sqlalchemy import Row
from sqlmodel import Session

from intake.changes import queries
from intake.changes.queries import BEGINNING, Reader
from intake.open311.context import Audience, City
from intake.open311.filters import read_count
from intake.open311.forms import Fields
from intake.open311.update_words import said
from intake.open311.updates import media_of, photos_behind
from intake.service_requests import published
from intake.service_requests.lifecycle import open311_status

DEFAULT_LIMIT = 100
MAX_LIMIT = 1000


def feed(session: Session, city: City, audience: Audience, query: Fields, *, base_url: str, fmt: str) -> dict[str, Any]:
    """The changes behind `cursor`, at most `limit`, and the cursor to go on with. Raises InvalidInput."""
    limit = read_count(query, "limit", DEFAULT_LIMIT, MAX_LIMIT)
    after = queries.read_cursor(session, city.id, query.one("cursor") or BEGINNING)
    rows = queries.after(session, Reader(city.id, audience.agency_code), after, limit=limit + 1)
    photos = photos_behind(session, [(row.event_id, row.data) for row in rows[:limit]])
    root = f"{base_url}/open311/v2"
    changes = [_change(row, city, audience, root, fmt, photos.get(row.event_id, ())) for row in rows[:limit]]
    cursor = changes[-1]["cursor"] if changes else queries.cursor_at(session, after)
    again = urlencode({"jurisdiction_id": city.id, "cursor": cursor, "limit": limit})
    return {
        "changes": changes,
        "cursor": cursor,
        "has_more": len(rows) > limit,
        "next": f"{base_url}/open311/v2/changes.{fmt}?{again}",
        "follows": audience.agency_code or "public",
    }


def _change(
    row: Row[Any], city: City, audience: Audience, root: str, fmt: str, photos: Sequence[str]
) -> dict[str, Any]:
    life = row.data.get("life", row.life)
    # Of a request that has gone to another agency, the one it left reads what everybody may read.
    may_read = row.is_public or row.agency_code == audience.agency_code
    note = row.public_note if row.public_note is not None else published.note_for_all(row.note, row.actor_kind)
    return {
        "cursor": queries.cursor_of(row.seq, row.event_id, row.published_at),
        "change_id": str(row.event_id),
        "what": "transferred" if row.is_farewell else row.name,
        "service_request_id": row.folio,
        "at": row.at.astimezone(city.zone).isoformat(timespec="seconds"),
        "status": open311_status(life),
        "detailed_status": said(row.data, row.life, row.outcome_code),
        "service_code": row.service_code,
        "agency_responsible": row.agency_name,
        "description": (note or None) if may_read else None,
        "media_url": media_of(row.data, photos) if may_read else None,
        "request_url": f"{root}/requests/{row.folio}.{fmt}?{urlencode({'jurisdiction_id': city.id})}",
    }
