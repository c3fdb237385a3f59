import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.catalog.matching import match_services
from intake.catalog.spelling import stem
from intake.classifier.model import BrokenModel, TextModel, features
from intake.classifier.queries import CLEAR, with_model
from intake.classifier.training import Example, evaluate, is_held_back
from tests.intake.catalog.test_matching import made

MODEL = TextModel(
    ("BACHE", "FUGA"),
    (0.0, 0.0),
    {stem("camion"): (1.0, ((0, 4.0),)), stem("manantial"): (2.0, ((1, 6.0),)), "raro": (1.0, ())},
)
SERVICES = [made("BACHE", "Bache", ["bache"]), made("FUGA", "Fuga", ["fuga"], position=1)]


def test_it_says_how_likely_each_service_is() -> None:
    (best, share), (other, rest) = MODEL.predict("un manantial")
    assert (best, other) == ("FUGA", "BACHE")
    assert share == pytest.approx(1 / (1 + math.exp(-6)))
    assert share + rest == pytest.approx(1)
    assert MODEL.predict("nada que conozca") == []
    assert MODEL.predict("") == []


def test_numbers_and_untelling_words_are_no_features() -> None:
    assert features("el bache de la 5512345678 y la fuga") == ["bach", "fuga", "bach fuga"]


def test_what_is_stored_comes_back_the_same() -> None:
    assert TextModel.from_bytes(MODEL.to_bytes()) == MODEL
    assert MODEL.to_bytes() == MODEL.to_bytes()


@given(st.binary(max_size=200))
def test_bytes_that_are_no_model_are_refused(content: bytes) -> None:
    with pytest.raises(BrokenModel):
        TextModel.from_bytes(content)


@pytest.mark.parametrize(
    "broken",
    [
        TextModel((), (), {}),
        TextModel(("A",), (), {}),
        TextModel(("A",), (0.0,), {"x": (1.0, ((3, 1.0),))}),
    ],
)
def test_a_model_that_does_not_add_up_is_refused(broken: TextModel) -> None:
    with pytest.raises(BrokenModel):
        TextModel.from_bytes(broken.to_bytes())


def test_it_only_adds_where_the_matcher_is_not_clear() -> None:
    def asked(text: str, threshold: float = 0.9) -> list[tuple[str, float]]:
        found = with_model(MODEL, threshold, SERVICES, match_services(SERVICES, text), text)
        return [(match.definition.code, match.score) for match in found]

    assert asked("un bache junto al manantial") == [
        (m.definition.code, m.score) for m in match_services(SERVICES, "bache")
    ]
    assert asked("hay un manantial") == [("FUGA", 99.8)]
    ((code, score),) = asked("hay un manantial", threshold=0.999)
    assert code == "FUGA"
    assert score < CLEAR
    assert asked("nada") == []
    assert with_model(MODEL, 0.9, SERVICES[:1], [], "un manantial") == []


def test_figures_count_what_they_say() -> None:
    held = [Example("manantial", "FUGA"), Example("camion", "FUGA"), Example("nada", "BACHE")]
    figures = evaluate(MODEL.predict, held, 0.9)
    assert (figures.rows, figures.sure, figures.right_when_sure) == (3, 2 / 3, 0.5)
    assert (figures.first, figures.of_three) == (1 / 3, 2 / 3)
    assert evaluate(MODEL.predict, [], 0.9).right_when_sure is None


@given(st.text(max_size=40))
def test_the_same_words_are_always_on_the_same_side(text: str) -> None:
    assert is_held_back(text) == is_held_back(text.upper().lower() if text.isascii() else text)
    assert is_held_back("Hay un BACHE, grande") == is_held_back("hay un bache grande")
