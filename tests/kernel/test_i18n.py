"""The reader's language: which one a header asks for, and what a text says when nobody translated it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.i18n import LANGUAGES, best_language, translate
from kernel.ids import new_id


@pytest.mark.parametrize(
    ("header", "language"),
    [
        (None, "es"),
        ("", "es"),
        ("en-US,en;q=0.9,es;q=0.8", "en"),
        ("es-MX,es;q=0.9,en;q=0.8", "es"),
        ("fr-FR, fr;q=0.9, en;q=0.5", "en"),
        ("fr", "es"),
        ("en;q=0", "es"),
        ("en;q=much", "es"),
    ],
)
def test_the_language_a_browser_asks_for(header: str | None, language: str) -> None:
    assert best_language(header) == language


@given(st.text(max_size=40))
def test_no_header_is_too_strange(header: str) -> None:
    assert best_language(header) in LANGUAGES


def test_texts_fall_back_to_spanish_and_keep_what_is_in_their_fields() -> None:
    assert translate("en-GB", "No existe ese recurso.") != "No existe ese recurso."
    assert translate("fr", "No existe ese recurso.") == "No existe ese recurso."
    assert translate("en", "sin traducción {what}", what="{braces}") == "sin traducción {braces}"
    assert translate("en", "") == ""


def test_ids_grow_and_do_not_repeat() -> None:
    made = [new_id() for _ in range(2000)]
    assert made == sorted(made)
    assert len(set(made)) == len(made)
    assert {one.version for one in made} == {7}
