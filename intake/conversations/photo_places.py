"""The place that a photo carries: kept aside, sealed, until whoever sent it says that it may be used; a day at most.

Nobody who sends a picture expects to send where they live. So it is no part of what is shown or asked of the thread: the dialogue
says that it is there, once, where it would ask for the place anyway, and only FOTO makes it the place of the report. It is gone
once it was used, once the report is made without it, and after a day.
"""

from datetime import datetime, timedelta
from uuid import UUID

from sqlmodel import Session

from georef.points import LonLat
from kernel import crypto, db

KEPT_FOR = timedelta(hours=24)
_CONTEXT = "message_attachment.place"
# The newest first, and whether one was offered already.
_KEPT = """
    SELECT a.id, a.place_sealed, a.place_offered_at IS NOT NULL FROM message_attachment a JOIN message m ON m.id = a.message_id
    WHERE m.conversation_id = $1 AND a.place_sealed IS NOT NULL AND a.changed_at > $2 ORDER BY a.changed_at DESC, a.id DESC
"""
_NOTE_OFFERED = "UPDATE message_attachment SET place_offered_at = $2 WHERE id = $1 RETURNING 1"
_FORGET = "UPDATE message_attachment SET place_sealed = NULL WHERE id = ANY($1) RETURNING 1"
_EXPIRE = """
    UPDATE message_attachment SET place_sealed = NULL WHERE place_sealed IS NOT NULL AND changed_at <= $1 RETURNING 1
"""


def sealed(place: LonLat) -> bytes:
    return crypto.vault().seal(f"{place.lon:.6f} {place.lat:.6f}", context=_CONTEXT)


def kept(session: Session, conversation_id: UUID, *, now: datetime) -> LonLat | None:
    """The place of the newest photo of the thread that carries one."""
    found = _kept(session, conversation_id, now)
    if not found:
        return None
    lon, lat = crypto.vault().unseal(bytes(found[0][1]), context=_CONTEXT).split()
    return LonLat(float(lon), float(lat))


def to_offer(session: Session, conversation_id: UUID, *, now: datetime) -> UUID | None:
    """The photo whose place may be offered; none once one of the thread was, however many carry a place."""
    found = _kept(session, conversation_id, now)
    return found[0][0] if found and not any(is_offered for _, _, is_offered in found) else None


def note_offered(session: Session, attachment_id: UUID, *, now: datetime) -> None:
    db.fetch(session, _NOTE_OFFERED, [attachment_id, now])


def forget(session: Session, conversation_id: UUID, *, now: datetime) -> None:
    """It was used."""
    db.fetch(session, _FORGET, [[row[0] for row in _kept(session, conversation_id, now)]])


def expire(session: Session, *, now: datetime) -> None:
    """Nobody said that it may be used."""
    db.fetch(session, _EXPIRE, [now - KEPT_FOR])


def _kept(session: Session, conversation_id: UUID, now: datetime) -> list[tuple[UUID, bytes, bool]]:
    session.flush()
    return db.fetch(session, _KEPT, [conversation_id, now - KEPT_FOR])
