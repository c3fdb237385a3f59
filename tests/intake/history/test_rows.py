from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.history.rows import REPAIRS, Past, Rejected, code_of, counted
from intake.service_requests.values import MAX_DESCRIPTION
from tests.intake.history.conftest import COLUMNS, Reader, mapped


def test_an_ordinary_row(read: Reader) -> None:
    assert read() == Past(
        line=2,
        source_id="A-1",
        service_code="BACHE",
        requested_at=datetime(2025, 6, 11, 20, 0, tzinfo=UTC),
        updated_at=datetime(2025, 6, 11, 20, 0, tzinfo=UTC),
        life="new",
        outcome_code=None,
        closed_at=None,
        expected_at=None,
        channel="import",
        agency_code=None,
        lon=-99.15,
        lat=19.42,
        description="Un hoyo",
        is_plain=True,
    )


@pytest.mark.parametrize("words", ["C:\\ruta", "dos\tcosas", "dos\nlíneas", "\u2028"])
def test_a_row_with_letters_that_mean_something_in_copy_is_not_plain(read: Reader, words: str) -> None:
    assert not read(words=words).is_plain
    assert not Reader(mapped(defaults={"address": words}))().is_plain


def test_a_closed_row(read: Reader) -> None:
    row = read(status="Closed", closed="2025-06-12T10:00", agency="ALC-N")
    assert (row.life, row.outcome_code, row.agency_code) == ("closed", "resolved", "ALC-N")
    assert row.closed_at == row.updated_at == datetime(2025, 6, 12, 16, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("id", " ", "identifier is missing"),
        ("id", "x" * 201, "identifier is missing, or too long"),
        ("opened", "", "date of the request is missing"),
        ("opened", "2025-02-30", "no date"),
        ("opened", "2027-01-01", "cannot be"),
        ("opened", "1900-01-01", "cannot be"),
        ("closed", "1900-01-01", "cannot be"),
        ("closed", "2025-06-01", "closed before it was asked for"),
        ("status", "Archived", "does not say which state"),
        ("service", "OVNI", "no service for this value"),
        ("agency", "NASA", "no agency"),
        ("lon", "oeste", "not a number"),
        ("lat", "", "not a number"),
        ("lat", "nan", "not a number"),
        ("words", "ca\udcf1on", "not in utf-8"),
    ],
)
def test_rows_that_stay_out(read: Reader, column: str, value: str, reason: str) -> None:
    cells = {"status": "Closed"} if column == "closed" else {}
    with pytest.raises(Rejected) as caught:
        read(**(cells | {column: value}))
    assert reason in caught.value.reason("en")
    assert caught.value.reason("es") != caught.value.reason("en")
    if value != "nan":
        assert caught.value.column == column
    assert len(caught.value.shown) <= 80


@pytest.mark.parametrize(
    ("kind", "cells"),
    [
        ("control", {"words": "a\0b\x07"}),
        ("cut", {"words": "x" * 5000}),
        ("null_island", {"lon": "0", "lat": "0.0"}),
        ("no_closing", {"status": "Closed"}),
        ("open_closing", {"closed": "2025-06-12"}),
        ("closed_first", {"status": "Closed", "closed": "2025-06-11"}),
    ],
)
def test_what_is_put_right(read: Reader, kind: str, cells: dict[str, str]) -> None:
    row = read(**cells)
    assert read.translator.repairs == {kind: 1}
    assert len(row.description) <= MAX_DESCRIPTION
    assert "\0" not in row.description
    assert (row.lon is None) == (kind == "null_island")
    assert (row.closed_at is not None) == (row.life == "closed")
    assert row.closed_at is None or row.closed_at >= row.requested_at


def test_every_repair_is_told_in_both_languages() -> None:
    for kind in REPAIRS:
        assert counted({kind: 2}, "es") != counted({kind: 2}, "en")


def test_cells_in_the_other_encoding_can_be_read() -> None:
    read = Reader(mapped(csv={"encoding": "detect"}))
    assert read(words="ca\udcf1on").description == "cañon"
    assert read.translator.repairs == {"decoded": 1}


def test_words_without_a_service_may_become_retired_ones() -> None:
    read = Reader(mapped(service={"column": "service", "unknown": "retire"}))
    assert read(service="Noise - Street/Sidewalk").service_code == "NOISE_STREET_SIDEWALK"
    assert read(service="BACHE").service_code == "BACHE"
    assert read.translator.retired == {"NOISE_STREET_SIDEWALK": "Noise - Street/Sidewalk"}
    assert code_of("Año … ñ") == "ANO_N"
    assert code_of("…") == "OTRO"


def test_a_status_may_follow_from_the_closing_date() -> None:
    read = Reader(mapped(status={"code": "by_date"}))
    assert read().life == "new"
    assert read(closed="2025-06-12").life == "closed"


def test_constants_defaults_and_joined_columns() -> None:
    read = Reader(
        mapped(
            fields={"source_id": "id", "description": "words", "address": ["agency", "service"]},
            agency={"code": "ALC-N"},
            constants={"zipcode": "06000"},
            defaults={"description": "Sin palabras"},
        )
    )
    row = read(words="", agency="")
    assert (row.description, row.zipcode, row.address, row.agency_code) == ("Sin palabras", "06000", "Hoyo", "ALC-N")
    assert read(agency="ALC-N").address == "ALC-N, Hoyo"


@given(st.lists(st.text(max_size=20), min_size=len(COLUMNS), max_size=len(COLUMNS)))
def test_any_cells_make_a_row_or_a_reason(cells: list[str]) -> None:
    read = Reader()
    try:
        row = read.translator.read(1, cells)
    except Rejected as problem:
        told = f"{problem.reason('en')} {problem.shown}".encode()
        assert told  # either way is right
    else:
        assert row.description.isprintable() or "\n" in row.description
