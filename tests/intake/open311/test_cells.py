from hypothesis import given
from hypothesis import strategies as st

from intake.open311.cells import DISTRICT, KILOMETRE, MOST_CELLS, Grid, padded
from intake.open311.filters import Box

grids = st.sampled_from([KILOMETRE, DISTRICT])
lons, lats = st.floats(-180, 180), st.floats(-90, 90)
sides = st.floats(0, 0.2)
shares = st.floats(0, 1)


@given(grids, lons, lats, sides, sides, shares, shares)
def test_whatever_lies_in_a_box_lies_in_its_squares(
    grid: Grid, lon: float, lat: float, wide: float, high: float, east: float, north: float
) -> None:
    box = Box(lon, lat, lon + wide, lat + high)
    cells = grid.cells_of(box)
    within = (min(lon + wide * east, box.east), min(lat + high * north, box.north))
    (cell,) = grid.cells_of(Box(*within, *within)) or [None]
    if cells is not None:
        assert cell in cells
        assert len(set(cells)) == len(cells) <= MOST_CELLS


@given(st.lists(st.integers(), max_size=MOST_CELLS))
def test_a_few_sizes_hold_all_squares_and_nothing_else(cells: list[int]) -> None:
    filled = padded(cells)
    assert len(filled) in (4, 9, MOST_CELLS)
    assert filled[: len(cells)] == cells
    assert set(filled[len(cells) :]) <= {None}


def test_squares_of_different_places_have_different_numbers() -> None:
    corners = [(-99.15, 19.41), (-99.14, 19.41), (-99.15, 19.42), (99.15, -19.41), (0.0, 0.0), (-0.001, 0.0)]
    assert len({tuple(KILOMETRE.cells_of(Box(*corner, *corner)) or ()) for corner in corners}) == len(corners)
