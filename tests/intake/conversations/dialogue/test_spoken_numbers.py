"""Numbers as people say and write them. What is said of any number is understood as that number."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.conversations.dialogue.spoken_numbers import number_in, others, with_digits

_ONES = (
    "cero", "uno", "dos", "tres", "cuatro", "cinco", "seis", "siete", "ocho", "nueve", "diez", "once", "doce", "trece", "catorce",
    "quince", "dieciséis", "diecisiete", "dieciocho", "diecinueve", "veinte", "veintiuno", "veintidós", "veintitrés",
    "veinticuatro", "veinticinco", "veintiséis", "veintisiete", "veintiocho", "veintinueve",
)  # fmt: skip
_TENS = {3: "treinta", 4: "cuarenta", 5: "cincuenta", 6: "sesenta", 7: "setenta", 8: "ochenta", 9: "noventa"}
_HUNDREDS = (
    "ciento", "doscientos", "trescientos", "cuatrocientos", "quinientos", "seiscientos", "setecientos", "ochocientos",
    "novecientos",
)  # fmt: skip


def in_spanish(number: int) -> str:
    if number >= 1000:
        thousands, rest = divmod(number, 1000)
        return " ".join(
            part
            for part in ("" if thousands == 1 else in_spanish(thousands), "mil", in_spanish(rest) if rest else "")
            if part
        )
    if number == 100:
        return "cien"
    if number > 100:
        return f"{_HUNDREDS[number // 100 - 1]} {in_spanish(number % 100) if number % 100 else ''}".strip()
    if number < 30:
        return _ONES[number]
    tens, ones = divmod(number, 10)
    return _TENS[tens] + (f" y {_ONES[ones]}" if ones else "")


@given(st.integers(0, 99_999))
def test_every_number_is_understood_as_it_is_said(number: int) -> None:
    said = in_spanish(number)
    assert number_in(f"creo que son {said} más o menos") == str(number)
    assert others(said) == []


@given(st.integers(101, 9999))
def test_a_door_is_written_as_its_number(number: int) -> None:
    told = with_digits(f"Sabinos {in_spanish(number)}, colonia Centro")
    # A thousand is a name, too: Mil Cumbres.
    assert told == f"Sabinos {'mil' if number == 1000 else number}, colonia Centro"


@pytest.mark.parametrize(
    ("said", "number"),
    [
        ("1,200", "1200"),
        ("12,345.5", "12345.5"),
        ("1,5", "1.5"),
        ("1.5 metros", "1.5"),
        ("dos, cuatro, uno, cinco", "2415"),
        ("twenty five", "25"),
        ("two thousand four hundred and fifteen", "2415"),
        ("son 3 de 5", "3"),
        ("dos de cinco", "2"),
        ("no sé", None),
    ],
)
def test_numbers_as_people_give_them(said: str, number: str | None) -> None:
    assert number_in(said) == number


@pytest.mark.parametrize(
    "street",
    [
        "dos carros en Cinco de Mayo",
        "Avenida Mil Cumbres",
        "Avenida de los Cien Metros",
        "Eje Tres Sur",
        "calle Dieciséis de Septiembre",
    ],
)
def test_streets_with_numbers_in_their_names_stay(street: str) -> None:
    assert with_digits(street) == street
