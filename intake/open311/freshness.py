"""Whether a client has this answer already, and in which encoding it wants it. Pure but for the response it may replace.

Entity tags are weak: the same data, compressed or not. They are made of the body itself, so they are right whatever an answer is
made of: the request, the catalogue, the agency's name, this program's own version.
"""

import re
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from hashlib import sha256

from starlette.requests import Request
from starlette.responses import Response

from intake.open311.headers import answer_headers

# For answers that anybody may have. `no-cache` means: keep it, and ask whether it still holds, which costs a 304.
REVALIDATE = "public, no-cache"
SHORTLY = "public, max-age=10"
MINUTE = "public, max-age=60"
NEVER = "no-store"

_ETAG = re.compile(r'(?:W/)?"([^"]*)"')
_QUALITY = re.compile(r"q\s*=\s*([0-9.]+)", re.IGNORECASE)


def entity_tag(body: bytes) -> str:
    return f'W/"{urlsafe_b64encode(sha256(body).digest()[:15]).decode()}"'


def is_known(headers: Mapping[str, str], etag: str, last_modified: str | None) -> bool:
    """Whether the conditions of a GET say that the client has this answer. If-None-Match wins over If-Modified-Since."""
    asked = headers.get("if-none-match")
    if asked is not None:
        opaque = etag.removeprefix("W/").strip('"')
        return asked.strip() == "*" or opaque in _ETAG.findall(asked)
    since = headers.get("if-modified-since")
    if since is None or last_modified is None:
        return False
    try:
        return parsedate_to_datetime(last_modified) <= parsedate_to_datetime(since)
    except (TypeError, ValueError, OverflowError):  # no date, or one without a zone
        return False


def fresh(http_request: Request, response: Response, policy: str) -> Response:
    """`response` with its validators, or a 304 in its place. policy: the Cache-Control, unless a handler has told another.

    A handler tells another when it shows more than anybody may see: that is kept by nobody.
    """
    told = answer_headers(http_request.scope)
    if policy == NEVER or "cache-control" in told:
        response.headers["cache-control"] = NEVER
        return response
    etag = entity_tag(bytes(response.body))
    headers = {"cache-control": policy, "etag": etag}
    if is_known(http_request.headers, etag, told.get("last-modified")):
        return Response(status_code=304, headers=headers)
    response.headers.update(headers)
    return response


def accepts_gzip(accept_encoding: str | None) -> bool:
    """Whether the header takes gzip: named with a quality above zero."""
    if not accept_encoding or "gzip" not in accept_encoding.lower():
        return False
    for item in accept_encoding.lower().split(","):
        coding, _, parameters = item.partition(";")
        if coding.strip() == "gzip":
            quality = _QUALITY.search(parameters)
            try:
                return quality is None or float(quality[1]) > 0
            except ValueError:
                return False
    return False
