"""A photo as an answer: never anything but a picture, whoever opens its address, and kept by whoever fetched it."""

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from intake.media.models import MediaFile
from intake.media.storage import shelf
from kernel.errors import AtiendeError, NotFound

# Whatever a browser made of the bytes, it could run and load nothing.
_SAFE = {
    "content-security-policy": "default-src 'none'; sandbox",
    "x-content-type-options": "nosniff",
}
# A photo never changes; that it was hidden must reach whoever kept it, so nobody keeps it for longer than a day.
FOR_ALL = {
    "cache-control": "public, max-age=86400, immutable",
    "access-control-allow-origin": "*",
    "cross-origin-resource-policy": "cross-origin",
}
FOR_STAFF = {"cache-control": "private, no-cache"}
_RETRY_AFTER_S = "10"


def picture(http_request: Request, found: MediaFile, *, thumb: bool, headers: dict[str, str]) -> Response:
    """The photo or its thumbnail; 304 for a reader who has it. Call it outside any transaction: the store may be slow."""
    kind = "thumb" if thumb else "photo"
    tag = f'"{found.id.hex}-{kind}"'
    sent = _SAFE | headers | {"etag": tag}
    if _has(http_request.headers.get("if-none-match", ""), tag):
        return Response(status_code=304, headers=sent)
    sent["content-disposition"] = f'inline; filename="foto-{found.id}{"-mini" if thumb else ""}.jpg"'
    size = found.thumb_bytes if thumb else found.photo_bytes
    if http_request.method == "HEAD":
        return Response(headers=sent | {"content-length": str(size)}, media_type="image/jpeg")
    try:
        data = shelf().storage.get(found.thumb_key if thumb else found.photo_key)
    except AtiendeError as error:
        return refusal(404 if isinstance(error, NotFound) else 503)
    return Response(data, headers=sent, media_type="image/jpeg")


def kept(headers: dict[str, str]) -> dict[str, str]:
    """Headers for bytes of a stranger: whatever a browser took them for, they can do nothing."""
    return _SAFE | headers


def refusal(status: int) -> Response:
    """No such photo, or none just now; the same for what is hidden and for what never was."""
    headers = _SAFE | {"cache-control": "no-store"}
    if status == 503:
        headers["retry-after"] = _RETRY_AFTER_S
    return PlainTextResponse("", status, headers=headers)


def _has(if_none_match: str, tag: str) -> bool:
    given = [one.strip().removeprefix("W/") for one in if_none_match.split(",")]
    return tag in given or "*" in given
