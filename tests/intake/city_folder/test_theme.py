"""Two colours make a whole theme, and a theme nobody can read is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.city_folder import theme

COLOUR = st.integers(0, 0xFFFFFF).map(lambda value: f"#{value:06x}")


def test_contrast_of_black_and_white() -> None:
    assert theme.contrast("#000000", "#ffffff") == pytest.approx(21)
    assert theme.contrast("#777777", "#777777") == pytest.approx(1)
    # The product's own blue on white, as the design measured it.
    assert theme.contrast("#0c5a78", "#ffffff") == pytest.approx(7.6, abs=0.05)


@given(COLOUR, COLOUR)
def test_every_token_is_derived_and_what_was_given_stays(brand: str, accent: str) -> None:
    made = theme.complete({"brand": brand, "accent": accent, "on-brand": "#123456"}, {"band": "#654321"})
    for mode in theme.MODES:
        assert set(made[mode]) == set(theme.TOKENS)
        assert all(theme.is_colour(value) for value in made[mode].values())
    assert made["light"]["brand"] == brand
    assert made["light"]["on-brand"] == "#123456"
    assert made["dark"]["band"] == "#654321"


def test_a_red_brand_is_fine_and_a_pale_one_is_not() -> None:
    assert not list(theme.too_faint(theme.complete({"brand": "#7a1f3d", "accent": "#ffb81c"}, {})))
    faint = {
        (mode, pair)
        for mode, pair, *_ in theme.too_faint(theme.complete({"brand": "#c9a0b0", "accent": "#b05a5a"}, {}))
    }
    assert ("light", "brand") in faint
    assert ("light", "on-accent") in faint
