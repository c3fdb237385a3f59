"""The parameters of a list as values. Pure."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from intake.open311.cells import KILOMETRE
from intake.open311.filters import MAX_RADIUS_M, Box, Filters, read_filters
from intake.open311.forms import Fields, read_query
from intake.open311.searching import LONGEST_WORD, tsquery_of, words_of
from kernel.errors import InvalidInput
from tests.factories import NOW

MEXICO = ZoneInfo("America/Mexico_City")


def read(query: str) -> Filters:
    return read_filters(read_query(query.encode()), MEXICO, now=NOW)


@pytest.mark.parametrize(
    "written",
    [
        "-99.16,19.41,-99.14,19.43",
        "-99.14,19.43,-99.16,19.41",
        "-99.16,19.43,-99.14,19.41",
        "-99.14;19.41;-99.16;19.43",
        " -99.16 , 19.41 ; -99.14 , 19.43 ",
    ],
)
def test_a_box_is_read_from_any_two_corners(written: str) -> None:
    assert read(f"bbox={written}").box == Box(-99.16, 19.41, -99.14, 19.43)


@pytest.mark.parametrize(
    "query",
    [
        "bbox=1,2,3",
        "bbox=1,2,3,4,5",
        "bbox=a,b,c,d",
        "bbox=1,2,3,",
        "bbox=-200,0,10,10",
        "bbox=0,91,10,10",
        "bbox=nan,0,1,1",
        "bbox=1e5,0,1,1",
        "lat=19.4",
        "lat=19.4&long=-99.1",
        "radius=100",
        "long=-99.1&radius=100",
        "lat=x&long=-99.1&radius=100",
        "lat=19.4&long=-99.1&radius=-5",
        "lat=19.4&long=-99.1&radius=0",
        f"lat=19.4&long=-99.1&radius={MAX_RADIUS_M + 1}",
        "lat=95&long=-99.1&radius=100",
        "lat=19,4&long=-99.1&radius=100",
        "has_photo=maybe",
        "updated_after=yesterday",
        "updated_before=1",
    ],
)
def test_what_cannot_be_meant_is_refused(query: str) -> None:
    with pytest.raises(InvalidInput):
        read(query)


def test_the_half_of_a_place_that_is_missing_is_named() -> None:
    with pytest.raises(InvalidInput, match="long required"):
        read("lat=19.4&radius=5")


def test_zero_is_a_place() -> None:
    circle = read("lat=0&long=0&radius=10").circle
    assert circle is not None
    assert (circle.centre.lon, circle.centre.lat) == (0, 0)


@pytest.mark.parametrize(
    ("query", "said"), [("has_photo=true", True), ("has_photo=0", False), ("has_photo=", None), ("", None)]
)
def test_a_claim_is_true_false_or_not_made(query: str, said: bool | None) -> None:
    assert read(query).has_photo is said


def test_the_last_change_alone_leaves_the_age_open() -> None:
    found = read("updated_after=2026-11-19T10:00:00Z")
    assert found.requested is None
    assert found.updated is not None
    both = read("updated_after=2026-11-19T10:00:00Z&start_date=2026-11-01")
    assert both.requested is not None
    assert both.updated == found.updated


def test_the_span_of_the_last_change_is_cut_too() -> None:
    updated = read(f"updated_after=2020-01-01T00:00:00Z&updated_before={NOW:%Y-%m-%dT%H:%M:%SZ}").updated
    assert updated is not None
    assert updated.until - updated.since == timedelta(days=90, seconds=1)


def test_an_agency_s_name_may_hold_a_comma() -> None:
    assert "Obras, Calles y Parques" in read("agency_responsible=Obras,%20Calles%20y%20Parques").agencies


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Árbol CAÍDO", ("arbol", "caido")),
        ("a\u0301rbol", ("arbol",)),
        ("ñandú, ñandú", ("nandu",)),
        ("C-214 s/n", ("c", "214", "s", "n")),
        ("مرحبا 😀 !!", ()),
        ("x" * 100, ("x" * LONGEST_WORD,)),
        ("", ()),
    ],
)
def test_words_are_folded(text: str, words: tuple[str, ...]) -> None:
    assert words_of(text) == words


def test_nothing_of_a_search_gets_out_of_its_quotes() -> None:
    assert tsquery_of(words_of("a' | 'b & !c:* \\ (d)")) == "'a':* & 'b':* & 'c':* & 'd':*"


def test_words_of_both_names_are_one_search() -> None:
    assert read("q=hoyo&search=Grande").words == ("hoyo", "grande")
    assert read("q=...").words == ()
    assert read("q=").words is None


def test_a_small_box_is_a_few_cells_and_a_large_one_none() -> None:
    cells = KILOMETRE.cells_of(Box(-99.155, 19.412, -99.145, 19.418))
    assert cells is not None
    assert len(cells) == 2
    assert KILOMETRE.cells_of(Box(-99.2, 19.3, -99.1, 19.5)) is None


def test_absent_and_empty_are_the_same() -> None:
    empty = "&".join(
        f"{name}=" for name in ("bbox", "lat", "long", "radius", "q", "has_photo", "updated_after", "status")
    )
    assert read(empty) == read_filters(Fields(()), MEXICO, now=NOW)
