"""Reads the layer files of a folder: GeoJSON in EPSG:4326, lon-lat, whose features carry `code` and `name`.

Plain JSON on purpose: geopandas takes a second to start, and folders are read whenever the demo starts.
"""

import json

from shapely.errors import GEOSException
from shapely.geometry import shape

from intake.city_folder.values import Edition, NamedArea
from kernel.errors import InvalidInput


def read_edition(edition: Edition) -> list[NamedArea]:
    """The areas of one edition, in file order. Raises InvalidInput when it is not such a file."""
    try:
        features = json.loads(edition.path.read_text(encoding="utf-8"))["features"]
        return [
            (str(found["properties"]["code"]), str(found["properties"]["name"]), shape(found["geometry"]))
            for found in features
        ]
    except (ValueError, KeyError, TypeError, GEOSException) as error:
        raise InvalidInput(
            "{file} debe ser GeoJSON con code y name en cada zona: {reason}", file=edition.path.name, reason=repr(error)
        ) from None
