import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.open311.screening import HIDDEN, without_contacts
from kernel.folio import FolioScrambler

KEYED = FolioScrambler(b"k" * 32)


@pytest.mark.parametrize(
    "words",
    [
        "55 1234 5678",
        "5512345678",
        "+52 55 1234 5678",
        "+5215512345678",
        "(55) 1234-5678",
        "55-12-34-56-78",
        "722.123.4567",
        "ana@example.org",
        "ana.lazcano+311@correo.example.com.mx",
    ],
)
def test_contacts_are_hidden(words: str) -> None:
    assert without_contacts(f"Llámenme: {words}, gracias") == f"Llámenme: {HIDDEN}, gracias"
    assert without_contacts(words) == HIDDEN


@pytest.mark.parametrize(
    "words",
    [
        "",
        "Av. Sabinos 214, C.P. 06800",
        "desde el 2026-11-19 a las 13:00",
        "poste 0042, a 120 metros",
        "19.43261, -99.13321",
        "19.4326077, -99.1332080",
        "gasto de 1,250,000.00 pesos",
        "llamé al 911 y al 311",
        "@ las 9",
        "entre 12 y 14, piso 3",
    ],
)
def test_other_numbers_stay(words: str) -> None:
    assert without_contacts(words) == words


@given(st.integers(0, 10**7 - 1))
def test_folios_stay(number: int) -> None:
    words = f"mi folio es {KEYED.folio(2026, number)}"
    assert without_contacts(words) == words


@given(st.text(max_size=300))
def test_any_text_passes_and_loses_only_contacts(words: str) -> None:
    shown = without_contacts(words)
    assert shown == words or HIDDEN in shown
    assert without_contacts(shown) == shown
