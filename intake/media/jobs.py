"""Decoding photos, away from whoever waits for an answer, and throwing away what nobody needs. Each may run twice."""

import threading
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from sqlalchemy import and_, delete, or_
from sqlmodel import Session, col, select

from intake.media import actions
from intake.media.models import DISCARDED, READY, RECEIVED, RESERVED, UNREADABLE, MediaFile
from intake.media.storage import is_configured, shelf
from intake.media.values import NotAPhoto, Rendition
from kernel import clock, db

log = structlog.get_logger(__name__)

# Longer than the day that a draft of the web form is kept.
KEEP_RESERVED = timedelta(hours=48)
# What cannot be read today may be read by the next version.
KEEP_UNREADABLE = timedelta(days=30)
# Whoever settled it is about to throw the original away himself.
_KEEP_SETTLED = timedelta(minutes=10)
_BATCH = 200
# A decoded photo takes tens of megabytes: one at a time in each process, however many threads it runs jobs in.
_one_decodes = threading.Lock()


def prepare_photo(media_file_id: str, **_: object) -> None:
    """Decodes a photo that was attached, stores photo and thumbnail, and throws the original away.

    The keys come from the row: who runs a second time writes the same objects again. Raises Unavailable, NotFound: tried again.
    """
    with db.transaction() as session:
        row = session.get(MediaFile, UUID(media_file_id))
        if row is None or row.state != RECEIVED:
            return
    storage = shelf().storage
    original = storage.get(row.original_key)
    made = _prepared(original, row)
    if made is not None:
        storage.put(row.photo_key, made[0].data)
        storage.put(row.thumb_key, made[1].data)
    with db.transaction() as session:
        settled = actions.settle(session, row.id, made, now=clock.now())
    if settled is not None and settled.state == READY:
        _drop_original(row)


def decode(original: bytes, *, number: int = 1) -> tuple[Rendition, Rendition]:
    """Photo and thumbnail, one at a time in this process. Raises NotAPhoto."""
    from intake.media.reencoding import prepare  # colours and decoders: only where photos are decoded

    with _one_decodes:
        return prepare(original, number=number, max_pixels=shelf().limits.max_pixels)


def _prepared(original: bytes, row: MediaFile) -> tuple[Rendition, Rendition] | None:
    try:
        return decode(original, number=row.position)
    except NotAPhoto as problem:
        log.info("photo cannot be read", media_file_id=str(row.id), problem=problem.text)
        return None


def _drop_original(row: MediaFile) -> None:
    shelf().storage.delete(row.original_key)
    with db.transaction() as session:
        kept = session.get(MediaFile, row.id)
        if kept is not None:
            kept.keeps_original = False
            session.add(kept)


def tidy_up() -> None:
    """Throws away photos that no report ever took, and originals that are not needed any more."""
    if not is_configured():
        return
    now = clock.now()
    with db.transaction() as session:
        orphans = _discarded(session, now)
    for row in orphans:
        # Bytes first: a row whose bytes are gone is found again, bytes whose row is gone never are.
        shelf().storage.delete(row.original_key)
        with db.transaction() as session:
            session.connection().execute(delete(MediaFile).where(col(MediaFile.id) == row.id))
    with db.transaction() as session:
        settled = _settled(session, now)
    for row in settled:
        _drop_original(row)
    shelf().storage.tidy(before=now - KEEP_RESERVED)


def _discarded(session: Session, now: datetime) -> list[MediaFile]:
    """The photos that nobody took in time; from here on nobody can."""
    late = (
        select(MediaFile)
        .where(
            col(MediaFile.keeps_original),
            col(MediaFile.state).in_((RESERVED, DISCARDED)),
            col(MediaFile.changed_at) < now - KEEP_RESERVED,
        )
        .limit(_BATCH)
        .with_for_update(skip_locked=True)
    )
    found = list(session.exec(late))
    for row in found:
        row.state = DISCARDED
        session.add(row)
    return found


def _settled(session: Session, now: datetime) -> list[MediaFile]:
    """The photos that are done with their originals, and whose job did not get to say so."""
    is_ready = and_(col(MediaFile.state) == READY, col(MediaFile.changed_at) < now - _KEEP_SETTLED)
    is_lost = and_(col(MediaFile.state) == UNREADABLE, col(MediaFile.changed_at) < now - KEEP_UNREADABLE)
    return list(
        session.exec(select(MediaFile).where(col(MediaFile.keeps_original), or_(is_ready, is_lost)).limit(_BATCH))
    )
