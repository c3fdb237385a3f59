"""Photos and sounds of a thread, to whoever may read the thread. Never anything that a browser could run."""

import re
import uuid

from fastapi import APIRouter, Request
from fastapi.responses import Response

from agent_console import threads
from agent_console.access import viewer_in
from intake.conversations import attachments
from intake.conversations.attachment_models import MessageAttachment, file_key, photo_key, thumb_key
from intake.media.serving import FOR_STAFF, kept, refusal
from intake.media.sounds import PLAYABLE
from intake.media.storage import shelf
from kernel import db
from kernel.errors import AtiendeError, NotFound

# Without the dependencies of the thread's other handlers: their transaction would be open while the store is read.
router = APIRouter(prefix="/conversaciones/{conversation_id}/adjuntos", include_in_schema=False)

_ROLES = ("operator", "supervisor", "admin")
_RANGE = re.compile(r"bytes=(\d{1,12})-(\d{0,12})")


def _found(http_request: Request, conversation_id: uuid.UUID, name: str) -> MessageAttachment:
    try:
        attachment_id = uuid.UUID(name)
    except ValueError:
        raise _unknown() from None
    with db.transaction() as session:
        viewer = viewer_in(http_request, session)
        if viewer.role not in _ROLES:
            raise _unknown()
        thread = threads.find(session, viewer, conversation_id)
        found = attachments.in_thread(session, thread.id, attachment_id)
    if found is None or found.storage_key is None:
        raise _unknown()
    return found


@router.get("/{name}-mini.jpg")
def show_thumbnail(http_request: Request, conversation_id: uuid.UUID, name: str) -> Response:
    return _picture(_found(http_request, conversation_id, name), thumb=True)


@router.get("/{name}.jpg")
def show_picture(http_request: Request, conversation_id: uuid.UUID, name: str) -> Response:
    return _picture(_found(http_request, conversation_id, name), thumb=False)


def _picture(row: MessageAttachment, *, thumb: bool) -> Response:
    if not row.is_photo or row.storage_key is None:
        raise _unknown()
    key = thumb_key(row.storage_key) if thumb else photo_key(row.storage_key)
    return _answer(key, "image/jpeg", f'inline; filename="adjunto-{row.id}{"-mini" if thumb else ""}.jpg"')


@router.get("/{name}")
def play(http_request: Request, conversation_id: uuid.UUID, name: str) -> Response:
    row = _found(http_request, conversation_id, name)
    if row.is_photo or row.storage_key is None or row.stored_type is None:
        raise _unknown()
    ending = row.stored_type.rpartition("/")[2]
    # What no browser plays is saved, and its type is one that nobody opens by mistake.
    can_play = row.stored_type in PLAYABLE
    where = f'{"inline" if can_play else "attachment"}; filename="adjunto-{row.id}.{ending}"'
    asked = _RANGE.fullmatch(http_request.headers.get("range", ""))
    media_type = row.stored_type if can_play else "application/octet-stream"
    return _answer(file_key(row.storage_key), media_type, where, asked)


def _answer(key: str, media_type: str, where: str, asked: re.Match[str] | None = None) -> Response:
    try:
        data = shelf().storage.get(key)
    except AtiendeError as error:
        return refusal(404 if isinstance(error, NotFound) else 503)
    headers = kept(FOR_STAFF) | {"content-disposition": where, "accept-ranges": "bytes"}
    if asked is None:
        return Response(data, headers=headers, media_type=media_type)
    first, last = int(asked[1]), min(int(asked[2] or len(data) - 1), len(data) - 1)
    if first > last:
        return Response(status_code=416, headers=headers | {"content-range": f"bytes */{len(data)}"})
    headers["content-range"] = f"bytes {first}-{last}/{len(data)}"
    return Response(data[first : last + 1], 206, headers=headers, media_type=media_type)


def _unknown() -> NotFound:
    return NotFound("No encontramos ese adjunto.")
