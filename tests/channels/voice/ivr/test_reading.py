"""How texts are read aloud, and how numbers are understood. What is said of a folio is understood as that folio."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.voice.ivr import reading
from channels.voice.ivr.reading import MOST_LETTERS, aloud, by_digit
from intake.conversations.dialogue.spoken_numbers import digits_in
from kernel.folio import spoken

DIGITS = st.text("0123456789", min_size=10, max_size=10)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("Av. Sabinos 214, Col. El Carmen", "avenida Sabinos 214, colonia El Carmen"),
        ("Eje 7 Sur y Calz. de Tlalpan", "Eje 7 Sur y calzada de Tlalpan"),
        ("Blvd. Adolfo López núm. 18 / Priv. Juárez", "bulevar Adolfo López número 18 y privada Juárez"),
        ("1er. Anillo", "primer Anillo"),
        ("Avenida 1o. de Mayo, retorno 3º", "Avenida primero de Mayo, retorno tercero"),
        ("3º Anillo", "tercer Anillo"),
        ("2a. Cerrada de 5 de Mayo", "segunda Cerrada de 5 de Mayo"),
        ("2A CERRADA DE JUAREZ", "segunda CERRADA DE JUAREZ"),
        ("la 3a, sección 5a y 2a de Cedros", "la tercera, sección quinta y segunda de Cedros"),
        ("1ª Privada", "primera Privada"),
        ("Calle Roble 5A", "Calle Roble 5 A"),
        ("Calle Roble 2a, Col. Centro", "Calle Roble 2 A, colonia Centro"),
        ("Roble 5A. Col. Centro", "Roble 5 A. colonia Centro"),
        ("Nte. 45 s/n, C.P. 06700, CDMX", "norte 45 sin número, código postal 06700, Ciudad de México"),
        ("a 62 m, de hace 17 h", "a 62 metros, de hace 17 horas"),
        ("a 1 m, de hace 1 min, o hace 1\u00a0h", "a un metro, de hace un minuto, o hace una hora"),
        ("¿De dónde viene?: Negocio", "¿De dónde viene? Negocio"),
        ("a 11 m, de hace 21 min", "a 11 metros, de hace 21 minutos"),
        (
            'hace 17 h. "Sale agua de la banqueta..." ¿Es este?',
            "hace 17 horas. Dice: Sale agua de la banqueta. ¿Es este?",
        ),
        ("llame ya al 911", "llame ya al nueve once"),
        ("Es el 311 de la ciudad", "Es el tres once de la ciudad"),
        ("marque *0311", "marque asterisco cero, tres, uno, uno"),
        ("la Línea Mujeres, *765", "la Línea Mujeres, asterisco siete, seis, cinco"),
        ("Niebla 214", "Niebla 214"),
        ("Calle Sabinas 214 y Calle Roble 300", "Calle Sabinas 214 y Calle Roble 300"),
        ("en Avenida Niebla 311, o Calle Roble número 911", "en Avenida Niebla 311, o Calle Roble número 911"),
        ("Llame al 911. El 311 sigue abierto", "Llame al nueve once. El tres once sigue abierto"),
        ("folio 26 4817 3056", "folio veintiséis; cuarenta y ocho, diecisiete; treinta, cincuenta y seis"),
        ("mira https://311.example/f/26 🙂 <b>", "mira b"),
    ],
)
def test_it_is_said_as_people_say_it(written: str, said: str) -> None:
    assert aloud(written, "es") == said


def test_in_english_too() -> None:
    assert aloud("Report 26 4817 3056, 62 m away, call 911", "en") == (
        "Report two, six; four, eight, one, seven; three, zero, five, six, 62 meters away, call nine one one"
    )


@given(DIGITS)
def test_a_folio_is_understood_as_it_is_said(folio: str) -> None:
    assert digits_in(spoken(folio)) == folio
    assert digits_in(reading.folio(folio, "en")) == folio
    assert digits_in(by_digit(folio, "es")) == folio
    assert digits_in(f"es el {folio[:2]} {folio[2:6]} {folio[6:]} creo") == folio


@pytest.mark.parametrize(
    ("said", "digits"),
    [
        ("veintiséis cuarenta y ocho diecisiete treinta cincuenta y seis", "2648173056"),
        ("dos seis cuatro ocho uno siete tres cero cinco seis", "2648173056"),
        ("doble cero siete", "007"),
        ("two six forty eight seventeen thirty fifty six", "2648173056"),
        ("treinta, doce", "3012"),
        ("doscientos catorce", "214"),
        ("no lo tengo", ""),
    ],
)
def test_numbers_as_people_say_them(said: str, digits: str) -> None:
    assert digits_in(said) == digits


@given(st.text(max_size=3000), st.sampled_from(["es", "en"]))
def test_whatever_is_written_can_be_read(written: str, language: str) -> None:
    told = aloud(written, language)
    assert len(told) <= MOST_LETTERS + 1
    assert not set(told) & set("<>*_#|{}\n")
    assert digits_in(written) is not None
