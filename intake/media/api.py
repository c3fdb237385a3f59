"""`/media/{id}.jpg` and `/media/{id}-mini.jpg`: photos for everybody."""

from uuid import UUID

from fastapi import APIRouter, Request, Response

from intake.media import queries
from intake.media.serving import FOR_ALL, picture, refusal
from kernel import db

router = APIRouter(include_in_schema=False)
_METHODS = ["GET", "HEAD"]


@router.api_route("/media/{name}-mini.jpg", methods=_METHODS)
def thumbnail(http_request: Request, name: str) -> Response:
    return _shown(http_request, name, thumb=True)


@router.api_route("/media/{name}.jpg", methods=_METHODS)
def photo(http_request: Request, name: str) -> Response:
    return _shown(http_request, name, thumb=False)


def _shown(http_request: Request, name: str, *, thumb: bool) -> Response:
    try:
        media_file_id = UUID(hex=name)
    except ValueError:
        return refusal(404)
    with db.transaction() as session:
        found = queries.public_photo(session, media_file_id)
    if found is None:
        return refusal(404)
    return picture(http_request, found, thumb=thumb, headers=FOR_ALL)
