"""A recording as an answer: sound and nothing else, in parts if they are asked for, and kept by nobody on the way."""

import re

from starlette.responses import Response

from channels.voice import recording_files
from intake.calls.line_models import CallRecording
from intake.media.serving import kept, refusal
from kernel.errors import AtiendeError, NotFound

_RANGE = re.compile(r"bytes=(\d{0,15})-(\d{0,15})")
# A browser that jumps in a long file needs no more at once.
_MOST = 4 * 1024 * 1024


def part_of(row: CallRecording, wanted: str) -> Response:
    """wanted: the header `Range`, or "" for all of it. 416 for a part that it does not have, 404 or 503 as for photos."""
    size = row.plain_bytes or 0
    headers = kept({"cache-control": "no-store", "accept-ranges": "bytes"})
    asked = _RANGE.fullmatch(wanted.strip())
    start, end = _limits(asked[1], asked[2], size) if asked else (0, size)
    if asked and not start < end:
        return Response(status_code=416, headers=headers | {"content-range": f"bytes */{size}"})
    if asked:
        end = min(end, start + _MOST)
        headers |= {"content-range": f"bytes {start}-{end - 1}/{size}"}
    try:
        data = recording_files.read(row, start, end)
    except AtiendeError as error:
        return refusal(404 if isinstance(error, NotFound) else 503)
    return Response(data, 206 if asked else 200, headers=headers, media_type=row.media_type)


def _limits(first: str, last: str, size: int) -> tuple[int, int]:
    """From and up to: `5-9`, `5-` and the last five, `-5`."""
    if first:
        return int(first), min(int(last) + 1, size) if last else size
    return max(size - int(last or "0"), 0), size
