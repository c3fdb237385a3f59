"""Where two editions of a layer differ, and what one leaves to nobody or to two."""

from itertools import pairwise

import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import box

from routing.whatif.boundaries import differences, holes, overlaps, square_metres, with_owners, with_requests
from routing.whatif.sides import NamedArea, Side, drafted
from tests.routing.cast import NOW
from tests.routing.whatif.cast import MOVED, live

_CUTS = st.lists(st.integers(1, 99), min_size=1, max_size=5, unique=True).map(sorted)


def _strips(cuts: list[int]) -> list[NamedArea]:
    """The city cut from west to east, named by their order."""
    edges = [-99.20, *(-99.20 + 0.001 * cut for cut in cuts), -99.10]
    return [(f"S{n}", f"Franja {n}", box(west, 19.30, east, 19.50)) for n, (west, east) in enumerate(pairwise(edges))]


def _side(areas: list[NamedArea]) -> Side:
    return drafted(live(), layers={"district": areas})


# The first example builds trees and plans; the machine may be busy.
@given(_CUTS, _CUTS)
def test_pieces_are_all_that_changes_and_nothing_twice(old: list[int], new: list[int]) -> None:
    before, after = _side(_strips(old)).layers["district"], _side(_strips(new)).layers["district"]
    pieces = differences(before, after)
    assert (pieces == []) == (old == new)
    for piece in pieces:
        assert piece.from_area is not None
        assert piece.to_area is not None
        assert piece.from_area.code != piece.to_area.code
        inside = piece.geometry.representative_point()
        assert piece.from_area.geometry.covers(inside)
        assert piece.to_area.geometry.covers(inside)
    together = shapely.union_all([piece.geometry for piece in pieces])
    assert square_metres(together) == pytest.approx(sum(piece.m2 for piece in pieces), rel=1e-3)
    back = differences(after, before)
    assert sum(piece.m2 for piece in back) == pytest.approx(sum(piece.m2 for piece in pieces), rel=1e-6)


@given(_CUTS)
def test_a_partition_has_neither_holes_nor_overlaps(cuts: list[int]) -> None:
    side = _side(_strips(cuts))
    assert holes(side.layers["district"], side.layers["jurisdiction"]) == []
    assert overlaps(side.layers["district"]) == []


def test_a_moved_border_with_its_owners_and_requests() -> None:
    before, after = live(), _side(MOVED)
    pieces = differences(before.layers["district"], after.layers["district"])
    services = [("BACHE", "calles"), ("LUMINARIA", "luz"), ("FUGA", "agua")]
    (piece,) = with_requests(with_owners(pieces, before, after, services, NOW), [(-99.14, 19.35), (-99.11, 19.35)])
    assert (piece.from_area.code, piece.to_area.code) == ("E", "W")  # type: ignore[union-attr]  # both are there
    assert (piece.before, piece.after, piece.services, piece.requests) == ("ALC-E", "ALC-W", 2, 1)
    assert piece.m2 == pytest.approx(0.02 * 0.20 * 110_678 * 105_060, rel=0.01)


def test_a_gap_and_an_overlap() -> None:
    side = _side([("W", "Oeste", box(-99.20, 19.30, -99.14, 19.50)), ("E", "Este", box(-99.15, 19.30, -99.10, 19.49))])
    (hole,) = holes(side.layers["district"], side.layers["jurisdiction"])
    assert hole.geometry.bounds == pytest.approx((-99.14, 19.49, -99.10, 19.50))
    (overlap,) = overlaps(side.layers["district"])
    assert {overlap.first.code, overlap.second.code} == {"W", "E"}
    assert overlap.geometry.bounds == pytest.approx((-99.15, 19.30, -99.14, 19.49))
    pieces = differences(live().layers["district"], side.layers["district"])
    gone = [piece for piece in pieces if piece.to_area is None]
    assert [piece.from_area.code for piece in gone if piece.from_area] == ["E"]


def test_an_area_that_only_changes_its_code_changes_hands() -> None:
    before = live()
    after = _side(
        [("W", "Oeste", box(-99.20, 19.30, -99.15, 19.50)), ("E2", "Este", box(-99.15, 19.30, -99.10, 19.50))]
    )
    (piece,) = differences(before.layers["district"], after.layers["district"])
    assert (piece.from_area.code, piece.to_area.code) == ("E", "E2")  # type: ignore[union-attr]  # both are there
    (owned,) = with_owners([piece], before, after, [("BACHE", "calles")], NOW)
    assert (owned.before, owned.after) == ("ALC-E", "MESA")
