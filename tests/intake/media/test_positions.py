"""What a photo's file says of where it was taken is read as cameras write it, and nothing strange in it does harm."""

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from PIL.TiffImagePlugin import IFDRational

from georef.points import LonLat
from intake.media.positions import position_of
from tests.intake.media.pictures import jpeg, taken_at


@given(lon=st.floats(-180, 180), lat=st.floats(-90, 90))
def test_it_is_read_to_less_than_a_metre(lon: float, lat: float) -> None:
    found = position_of(taken_at(lon, lat))
    if found is None:
        assert max(abs(lon), abs(lat)) < 1e-5
    else:
        assert (found.lon, found.lat) == pytest.approx((lon, lat), abs=5e-6)


def with_gps(**tags: Any) -> bytes:
    exif = Image.Exif()
    known = {"side_of_lat": 1, "lat": 2, "side_of_lon": 3, "lon": 4}
    exif.get_ifd(0x8825).update({known[name]: value for name, value in tags.items()})
    return jpeg(exif=exif)


MEXICO = {"side_of_lat": "N", "lat": (19.0, 25.0, 57.0), "side_of_lon": "W", "lon": (99.0, 8.0, 0.0)}


@pytest.mark.parametrize(
    ("tags", "found"),
    [
        (MEXICO, LonLat(-(99 + 8 / 60), 19 + 25 / 60 + 57 / 3600)),
        ({**MEXICO, "lat": (19.0, 25.95, 0.0), "side_of_lat": "n\0"}, LonLat(-(99 + 8 / 60), 19 + 25.95 / 60)),
        ({**MEXICO, "lat": (IFDRational(Fraction(39, 2)),)}, LonLat(-(99 + 8 / 60), 19.5)),
        ({}, None),
        ({**MEXICO, "lon": (0.0, 0.0, 0.0), "lat": (0.0, 0.0, 0.0)}, None),
        ({**MEXICO, "lat": (190.0, 0.0, 0.0)}, None),
        ({**MEXICO, "lat": (IFDRational(0, 0),)}, None),
        ({"lat": (19.0, 25.0, 57.0)}, None),
    ],
    ids=["seconds", "minutes", "degrees", "none", "noughts", "off the globe", "nought over nought", "half"],
)
def test_what_cameras_write_and_what_they_should_not(tags: dict[str, Any], found: LonLat | None) -> None:
    told = position_of(with_gps(**tags))
    if found is None:
        assert told is None
    else:
        assert told is not None
        assert (told.lon, told.lat) == pytest.approx((found.lon, found.lat), abs=1e-5)


@pytest.mark.parametrize("data", [b"", b"GIF89a", jpeg(), taken_at(-99.1, 19.4)[:60]])
def test_what_is_no_such_photo_tells_none(data: bytes) -> None:
    assert position_of(data) is None
