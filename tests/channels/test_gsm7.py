"""What a text costs in SMS."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.sms.gsm7 import economical, is_gsm7, measure, plain

SPANISH = st.text(alphabet="abcdefghijklmnñopqrstuvwxyzáéíóúüÁÉÍÓÚÜÑ ¿?¡!,.;:€[]{}^~|\\0123456789—“”", max_size=400)


@pytest.mark.parametrize(
    ("text", "encoding", "segments"),
    [
        ("", "GSM-7", 1),
        ("a" * 160, "GSM-7", 1),
        ("a" * 161, "GSM-7", 2),
        ("a" * 306, "GSM-7", 2),
        ("a" * 307, "GSM-7", 3),
        ("€" * 80, "GSM-7", 1),
        ("€" * 81, "GSM-7", 2),
        ("ñ" * 160, "GSM-7", 1),
        ("ó" * 70, "UCS-2", 1),
        ("ó" * 71, "UCS-2", 2),
        ("ó" * 134, "UCS-2", 2),
        ("ó" * 135, "UCS-2", 3),
        # An extended letter may not straddle two SMS: at place 153 it moves to the next one, and pushes the rest along.
        ("a" * 152 + "€" + "a" * 152, "GSM-7", 3),
        ("a" * 151 + "€" + "a" * 153, "GSM-7", 2),
        # Nor may the two halves of an emoji.
        ("á" * 66 + "🚰" + "á" * 66, "UCS-2", 3),
        ("á" * 65 + "🚰" + "á" * 67, "UCS-2", 2),
    ],
)
def test_size(text: str, encoding: str, segments: int) -> None:
    size = measure(text)
    assert (size.encoding, size.segments) == (encoding, segments)


def test_one_accent_doubles_a_notice_and_plain_letters_undo_it() -> None:
    notice = "Listo, tu reporte quedó registrado. " + "Lo atiende Aguas de Jacaranda. " * 4
    assert (measure(notice).encoding, measure(notice).segments) == ("UCS-2", 3)
    assert (measure(economical(notice)).encoding, measure(economical(notice)).segments) == ("GSM-7", 1)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("año, niño, Ñandú, pingüino", "año, niño, Ñandu, pingüino"),
        ("aquí quedó á í ó ú Á Í Ó Ú", "aqui quedo a i o u A I O U"),
        ("«26 4817 3053» — listo…", '"26 4817 3053" - listo...'),
        ("folio 26\u00a04817\u00a03053", "folio 26 4817 3053"),
        ("ya 🚰", "ya 🚰"),
        ("n\u0303", "ñ"),
    ],
)
def test_plain_letters(text: str, expected: str) -> None:
    assert plain(text) == expected


def test_accents_stay_where_taking_them_saves_nothing() -> None:
    assert economical("Aquí está 🚰") == "Aquí está 🚰"
    assert economical("¿Qué pasó?") == "¿Qué pasó?"  # one SMS either way: then it may as well be well written


@given(st.text(max_size=400))
def test_any_text_has_a_size(text: str) -> None:
    size = measure(text)
    per_part = 153 if size.encoding == "GSM-7" else 67
    assert size.segments >= 1
    assert size.units <= max(size.segments * per_part, 160)
    # At most one unit of each part is lost to a letter that may not be split.
    assert size.segments == 1 or size.units >= (size.segments - 1) * (per_part - 1)


@given(st.text(max_size=300))
def test_plain_is_stable_and_never_costs_more(text: str) -> None:
    once = plain(text)
    assert plain(once) == once
    assert measure(economical(text)).segments <= measure(text).segments


@given(SPANISH)
def test_spanish_always_fits_the_cheap_alphabet_and_keeps_its_ene(text: str) -> None:
    cheap = plain(text)
    assert is_gsm7(cheap)
    assert cheap.count("ñ") == text.count("ñ")
    assert cheap.count("Ñ") == text.count("Ñ")
