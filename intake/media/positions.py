"""Where a photo was taken, as its file says (EXIF). Pure. Whoever asks decides whether it may be known."""

import math
from collections.abc import Sequence
from io import BytesIO

from PIL import Image

from georef.points import LonLat
from intake.media.sniffing import BROKEN, format_of

_GPS = 0x8825
_SIDE_OF_LAT, _LAT, _SIDE_OF_LON, _LON = 1, 2, 3, 4


def position_of(data: bytes) -> LonLat | None:
    """WGS84; None when the file tells none that can be true. data: a photo that `reencoding.prepare` could decode."""
    name = format_of(data)
    if name is None:
        return None
    try:
        with Image.open(BytesIO(data), formats=(name,)) as image:
            told = image.getexif().get_ifd(_GPS)
        lat = _degrees(told[_LAT], told[_SIDE_OF_LAT], "S")
        lon = _degrees(told[_LON], told[_SIDE_OF_LON], "W")
    except (*BROKEN, KeyError, TypeError, ZeroDivisionError):
        return None
    # A phone that knows nothing writes noughts; nobody lives there.
    is_told = math.isfinite(lon) and math.isfinite(lat) and (lon, lat) != (0, 0)
    return LonLat(lon, lat) if is_told and abs(lon) <= 180 and abs(lat) <= 90 else None


def _degrees(told: Sequence[float] | float, side: str, negative: str) -> float:
    """told: degrees, minutes and seconds, of which cameras leave out the last ones."""
    parts = told if isinstance(told, Sequence) else (told,)
    value = sum(float(part) / 60.0**power for power, part in enumerate(parts))
    return -value if side.strip("\0 ").upper() == negative else value
