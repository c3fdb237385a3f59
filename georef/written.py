"""Points as people copy them out of a map: latitude first."""

import re

from georef.points import LonLat

# Three decimals are a hundred metres: whoever writes fewer means a price, a date or a kilometre.
_PAIR = re.compile(
    r"(?<![\d.,-])(?P<lat>-?\d{1,2}\.\d{3,17})\s?(?:,|%2C|;|\s)\s?\+?(?P<lon>-?\d{1,3}\.\d{3,17})(?![\d.]*\d)",
    re.IGNORECASE,
)


def point_in(text: str) -> LonLat | None:
    """The first point that `text` tells, by itself or in the address of a map; None when it tells none. WGS84."""
    for found in _PAIR.finditer(text):
        lat, lon = float(found["lat"]), float(found["lon"])
        if -90 <= lat <= 90 and -180 <= lon <= 180:
            return LonLat(lon, lat)
    return None
