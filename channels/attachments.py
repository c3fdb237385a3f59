"""Taking in attachments: fetched, looked at by their own bytes, kept or refused with a reason. No transaction is open here.

Photos are made anew as everywhere (`intake/media`): only pixels cross. Sounds are kept as they came and played in the console.
Of everything else nothing is kept but what it was called; there a scanner for viruses has its place (docs/attachments.md).
"""

from collections.abc import Mapping
from hashlib import sha256

import structlog

from channels.errors import FetchFailed
from channels.media_fetching import Fetches, read_all
from intake.conversations.attachment_models import STORED, MessageAttachment, file_key, photo_key, thumb_key
from intake.conversations.attachments import PICTURES, SOUNDS, Taken
from intake.media import storage
from intake.media.jobs import decode
from intake.media.positions import position_of
from intake.media.sniffing import sniff
from intake.media.sounds import sound_type
from intake.media.values import NotAPhoto

log = structlog.get_logger(__name__)

MOST_ATTEMPTS = 12  # an hour and a half, as `kernel.jobs.retry_after` spaces them
NOT_KEPT = "not_kept"


def take(row: MessageAttachment, channels: Mapping[str, object]) -> Taken:
    """What to write down of it. Raises FetchFailed when its bytes cannot be had, Unavailable when the store is away."""
    if not storage.is_configured():
        return Taken.not_kept("no_store")
    if row.kind not in (*PICTURES, *SOUNDS):
        return Taken.not_kept(NOT_KEPT, _size_of(row, channels))
    data = _bytes_of(row, channels, storage.shelf().limits.max_file_bytes)
    if not data:
        return Taken.not_kept("empty", 0)
    return _picture(data) if row.kind in PICTURES else _sound(data)


def _bytes_of(row: MessageAttachment, channels: Mapping[str, object], most: int) -> bytes:
    if row.held is not None:
        if len(row.held) > most:
            raise FetchFailed("too_large", permanent=True, size_bytes=len(row.held))
        return row.held
    with _fetching(row, channels).fetch(row.reference) as stream:
        return read_all(stream, most)


def _size_of(row: MessageAttachment, channels: Mapping[str, object]) -> int | None:
    if row.held is not None:
        return len(row.held)
    if row.size_bytes is not None:
        return row.size_bytes
    with _fetching(row, channels).fetch(row.reference) as stream:
        return stream.size_bytes


def _fetching(row: MessageAttachment, channels: Mapping[str, object]) -> Fetches:
    channel = channels.get(row.channel)
    if channel is None:
        raise FetchFailed("not_connected")
    if not isinstance(channel, Fetches):
        raise FetchFailed("unknown_kind", permanent=True)
    return channel


def _picture(data: bytes) -> Taken:
    limits = storage.shelf().limits
    try:
        sniff(data, number=1, max_bytes=limits.max_file_bytes, max_pixels=limits.max_pixels)
        photo, thumb = decode(data)
        place = position_of(data)
    except NotAPhoto as problem:
        log.info("attachment.no_photo", problem=problem.text)
        return Taken.not_kept("no_photo", len(data))
    key, store = storage.new_key(), storage.shelf().storage
    store.put(photo_key(key), photo.data)
    store.put(thumb_key(key), thumb.data)
    return Taken(
        STORED,
        size_bytes=len(data),
        sha256=sha256(photo.data).digest(),
        storage_key=key,
        stored_type="image/jpeg",
        stored_bytes=len(photo.data),
        width=photo.width,
        height=photo.height,
        place=place,
    )


def _sound(data: bytes) -> Taken:
    found = sound_type(data)
    if found is None:
        return Taken.not_kept("no_sound", len(data))
    key = storage.new_key()
    storage.shelf().storage.put(file_key(key), data)
    return Taken(
        STORED,
        size_bytes=len(data),
        sha256=sha256(data).digest(),
        storage_key=key,
        stored_type=found,
        stored_bytes=len(data),
    )
