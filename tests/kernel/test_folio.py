from hypothesis import given
from hypothesis import strategies as st

from kernel.folio import FolioScrambler, is_valid, normalize, spaced, spoken

KEYED = FolioScrambler(b"k" * 32)
folios = st.integers(0, 10**7 - 1).map(lambda number: KEYED.folio(2026, number))


@given(folios, st.integers(0, 9), st.integers(0, 9))
def test_every_single_wrong_digit_is_caught(folio: str, position: int, digit: int) -> None:
    wrong = folio[:position] + str(digit) + folio[position + 1 :]
    assert is_valid(wrong) == (wrong == folio)


@given(folios, st.integers(0, 8))
def test_every_adjacent_swap_is_caught(folio: str, at: int) -> None:
    swapped = folio[:at] + folio[at + 1] + folio[at] + folio[at + 2 :]
    assert is_valid(swapped) == (swapped == folio)


@given(st.lists(st.tuples(st.integers(2000, 2099), st.integers(0, 10**9)), max_size=20))
def test_many_at_once_are_the_same_as_one_at_a_time(pairs: list[tuple[int, int]]) -> None:
    assert KEYED.folios(pairs) == [KEYED.folio(year, number) for year, number in pairs]


def test_a_thousand_folios_in_a_row_are_different_and_not_in_order() -> None:
    made = [KEYED.folio(2026, number) for number in range(1000)]
    assert len(set(made)) == 1000
    assert made != sorted(made)


@given(folios)
def test_a_folio_is_read_back_however_it_is_spaced(folio: str) -> None:
    assert normalize(spaced(folio)) == normalize(f" {folio[:2]}-{folio[2:6]} {folio[6:]} ") == folio


def test_a_folio_is_said_in_pairs() -> None:
    assert spoken("2648173056") == "veintiséis; cuarenta y ocho, diecisiete; treinta, cincuenta y seis"
    assert spoken("2600010203") == "veintiséis; cero cero, cero uno; cero dos, cero tres"


@given(folios)
def test_every_folio_can_be_said(folio: str) -> None:
    assert len(spoken(folio).replace(";", ",").split(",")) == 5
