from collections.abc import Callable
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.service_requests.public_text import HIDDEN, public_text
from kernel.folio import FolioScrambler, spaced

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
        "55 - 1234 - 5678",
        "5 5 1 2 3 4 5 6 7 8",
        "52 1 55 1234 5678",
        "044 55 1234 5678",
        "01 (55) 1234 5678",
        "+34 600 123 456",
        "+1 (212) 555-0100",
        "ana@example.org",
        "ana.lazcano+311@correo.example.com.mx",
    ],
)
def test_contacts_are_hidden(words: str) -> None:
    assert public_text(f"Llámenme: {words}, gracias") == f"Llámenme: {HIDDEN}, gracias"
    assert public_text(words) == HIDDEN


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
        "Calle 602 y 613",
        "carretera a Toluca km 23",
        "C.P. 06800",
        "manzana 5 lote 8",
        "mz 12 lt 34, 06800",
        "Norte 45 1234 07700",
        "Roma 234 12 06800",
        "Insurgentes Sur 2345-1 03100",
        "Av. 5 de Mayo 120-3 Int. 4 06000 CDMX",
        "Calle 10 No. 1520 x 23 y 25",
        "2026-11-19 13:00",
        "21-11-2026 13 horas",
        "19.43261 -99.13321",
        "19.43260771, -99.13320801",
    ],
)
def test_other_numbers_stay(words: str) -> None:
    assert public_text(words) == words


@given(st.integers(0, 10**7 - 1))
def test_folios_stay(number: int) -> None:
    words = f"mi folio es {KEYED.folio(2026, number)}"
    assert public_text(words) == words


@given(st.integers(0, 10**7 - 1))
def test_a_telephone_beside_a_folio_is_hidden_and_the_folio_stays(number: int) -> None:
    folio = KEYED.folio(2026, number)
    for written in (folio, spaced(folio), f"{folio[:2]}-{folio[2:6]}-{folio[6:]}"):
        assert public_text(f"folio {written}, tel. 5512345678") == f"folio {written}, tel. {HIDDEN}"
        shown = public_text(f"55 1234 5678 {written}")
        assert "1234 5678" not in shown


@given(st.integers(0, 10**8 - 1))
def test_no_telephone_passes_for_a_folio(number: int) -> None:
    digits = f"55{number:08d}"
    assert public_text(f"llama al {digits}") == f"llama al {HIDDEN}"
    assert public_text(f"Juárez 12 {digits[:2]} {digits[2:6]} {digits[6:]}").endswith(HIDDEN)


def test_place_words_lose_their_contacts_only() -> None:
    words = "frente a mi casa, Juárez 12, soy Rosa Perez 55 1234 5678 rosa@correo.mx"
    assert public_text(words) == f"frente a mi casa, Juárez 12, soy {HIDDEN} {HIDDEN} {HIDDEN}"


HOSTILE: dict[str, Callable[[int], str]] = {
    "an address that is all dots": lambda n: "a" * (n // 2) + "@" + "." * (n // 2),
    "a long name and no address": lambda n: "a" * (n - 1) + "@",
    "nothing but names": lambda n: "a@" * (n // 2),
    "endless labels": lambda n: "a@" + "a." * (n // 2),
    "addresses of the greatest length": lambda n: ("a" * 64 + "@" + "b" * 255 + "@") * (n // 321),
    "one long number": lambda n: "2" * n,
    "single digits": lambda n: "2 " * (n // 2),
    "pairs of digits": lambda n: "22 " * (n // 3),
    "plus signs": lambda n: "+22 " * (n // 4),
    "wide gaps": lambda n: "2     " * (n // 6),
    "hours": lambda n: "1.1:" * (n // 4),
}


@pytest.mark.parametrize("shape", HOSTILE)
def test_the_cost_grows_with_the_length_and_not_faster(shape: str) -> None:
    make = HOSTILE[shape]
    # Far above the 4,000 letters of a description, where a quadratic cost is sixteen times as much for four times the letters.
    assert _seconds(make(32_000)) < 9 * _seconds(make(8_000)) + 0.002


def _seconds(words: str) -> float:
    def once() -> float:
        began = process_time()
        public_text(words)
        return process_time() - began

    return min(once() for _ in range(5))


@given(st.text(max_size=300))
def test_any_text_passes_and_loses_only_contacts(words: str) -> None:
    shown = public_text(words)
    assert shown == words or HIDDEN in shown
    assert public_text(shown) == shown
