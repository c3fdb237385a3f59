"""One point on Earth, in the order that GeoJSON and every file use."""

from dataclasses import dataclass

from kernel.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class LonLat:
    """WGS84 (EPSG:4326) decimal degrees: longitude first. Raises InvalidInput when not finite or off the globe."""

    lon: float
    lat: float

    def __post_init__(self) -> None:
        if not -180 <= self.lon <= 180:
            raise InvalidInput("La longitud debe estar entre -180 y 180 grados.", field="long")
        if not -90 <= self.lat <= 90:
            raise InvalidInput("La latitud debe estar entre -90 y 90 grados.", field="lat")
