from datetime import date

import pytest
from shapely.geometry import MultiPolygon, box

from georef.boundaries import Area, BoundaryIndex
from georef.points import LonLat


def test_an_area_of_several_parts_has_a_border_around_each() -> None:
    parts = MultiPolygon([box(-99.20, 19.30, -99.10, 19.40), box(-99.05, 19.30, -99.04, 19.31)])
    index = BoundaryIndex("jurisdiction", [Area("A", "A", parts, date(2024, 1, 1), None)])
    border = index.nearest_border(LonLat(-99.045, 19.3050), date(2026, 1, 1))
    assert border is not None
    assert border.metres == pytest.approx(525, rel=0.02)  # half the small part's width, in the middle of it
