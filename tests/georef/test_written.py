"""Points copied out of maps, and numbers that are none."""

import pytest

from georef.points import LonLat
from georef.written import point_in

HERE = LonLat(-101.4184, 21.878)


@pytest.mark.parametrize(
    "text",
    [
        "21.8780, -101.4184",
        "21.8780,-101.4184",
        "21.8780 -101.4184",
        "hay un bache en 21.8780, -101.4184, es hondo",
        "https://www.google.com/maps?q=21.8780,-101.4184",
        "https://maps.google.com/?q=21.8780%2C-101.4184",
        "https://www.google.com/maps/@21.8780,-101.4184,17z",
        "https://maps.apple.com/?ll=21.8780,-101.4184",
        "geo:21.8780,-101.4184",
    ],
)
def test_a_point_by_itself_and_in_the_address_of_a_map(text: str) -> None:
    assert point_in(text) == HERE


@pytest.mark.parametrize(
    "text",
    [
        "", "niebla 20", "26 4817 3056", "cuesta 1,250.00 o 1,300.00", "20.11.2026 a las 8.30", "21.8, -101.4",
        "km 12.5, 13.2", "91.8780, -101.4184", "21.8780, -181.4184", "192.168.100.200",
    ],
)  # fmt: skip
def test_other_numbers_are_none(text: str) -> None:
    assert point_in(text) is None
