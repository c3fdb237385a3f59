"""Places from the words of text messages, in the demo city."""

import pytest

from intake.conversations.placing import find_places, house_number
from tests.intake.conversations.talk import demo_city


def labels(words: str) -> list[str]:
    return [place.label for place in find_places(demo_city()[1], words)]


@pytest.mark.parametrize(
    ("words", "first"),
    [
        ("av. sabinos 214, el carmen", "Avenida Sabinos 214, El Carmen, Los Sabinos"),
        ("sabinos 214 col. el carmen", "Avenida Sabinos 214, El Carmen, Los Sabinos"),
        ("sabinos 214", "Avenida Sabinos 214"),
        ("los sabinos", "Los Sabinos"),
        ("av sabinos 214 esq niebla, el carmen", "Avenida Sabinos y Niebla, El Carmen, Los Sabinos"),
        ("privada juarez", "Privada Juárez"),
        ("privada juarez 15", "Privada Juárez 15"),
        ("cerrada abedul", "Cerrada Abedul"),
        ("calle 8 num 20", "Calle 8 núm. 20"),
        ("corner of Juarez and Morelos", "Juárez y Morelos, Centro, Los Sabinos"),
        ("primaria benito juarez", "Escuela Primaria Benito Juárez, El Carmen, Los Sabinos"),
    ],
)
def test_what_is_meant_comes_first(words: str, first: str) -> None:
    assert labels(words)[0] == first


def test_what_was_narrowed_down_has_no_rival_in_its_parts() -> None:
    found = find_places(demo_city()[1], "av. sabinos 214, el carmen")
    assert found[0].score - found[1].score > 6
    assert found[0].precision_m <= 650


def test_nothing_known_is_nothing() -> None:
    assert labels("junto a la tienda roja de don Chava") == []
    assert labels("") == []


@pytest.mark.parametrize(
    ("words", "number"),
    [("sabinos 214", "214"), ("sabinos 214-B", "214-B"), ("sabinos #12", "12"), ("eje 4 sur", None), ("km 23", None),
     ("manzana 5 lote 8", None), ("calle 8", None), ("calle 8 num. 20", "20"), ("sin numero", None), ("norte 174", None)],
)  # fmt: skip
def test_house_numbers(words: str, number: str | None) -> None:
    assert house_number(words) == number
