"""The words of a text are the same ones in the database and in Python."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlmodel import Session

from intake.open311.searching import LONGEST_WORD, words_of

_LETTERS = st.characters(codec="utf-8", exclude_characters="\0")
_LATIN = st.characters(min_codepoint=0x20, max_codepoint=0x36F)
# What most texts are made of, and the database reads without taking letters apart; words of forty letters and more among it.
_SPANISH = st.sampled_from("aaeiozáéíóúñüAENZÁÉÑÜ09 .,'\n-\u0301")
_KINDS = (st.text(_LETTERS, max_size=60), st.text(_LATIN, max_size=120), st.text(_SPANISH, max_size=200))
_LONG = st.text(st.sampled_from("aáñz0Z"), min_size=38, max_size=44)
_TEXTS = st.lists(st.one_of(*_KINDS, _LONG), min_size=1, max_size=40)


@pytest.mark.database
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_TEXTS)
def test_the_database_reads_the_same_words(session: Session, texts: list[str]) -> None:
    asked = text(
        "SELECT n, tsvector_to_array(public_search_words(t, NULL)),"
        " tsvector_to_array(public_search_days(t, NULL, '2000-01-08 23:30:00-02'))"
        " FROM unnest(CAST(:texts AS text[])) WITH ORDINALITY AS x (t, n)"
    )
    with session.begin_nested():
        rows = session.connection().execute(asked, {"texts": texts}).all()
    # Behind the day in UTC; of a text without words only that is left. Longer words are found by their first letters.
    assert all(
        {f"8:{word}" for word in row[1]} == {word[: LONGEST_WORD + 2] for word in row[2]} - {"8:"} for row in rows
    )
    found = {row.n: set(row[1]) for row in rows}
    assert found == {n: set(words_of(one)) for n, one in enumerate(texts, start=1)}


@pytest.mark.database
def test_accents_case_and_signs(session: Session) -> None:
    asked = text("SELECT tsvector_to_array(public_search_words('AÑIL, N\u0303andu\u0301 \u212a5', 'Peñón Nº 7'))")
    assert set(session.connection().execute(asked).scalar_one()) == {"anil", "nandu", "k5", "penon", "n", "7"}


@pytest.mark.database
@pytest.mark.parametrize("letters", [1900, 2500, 9000])
def test_words_longer_than_an_index_holds_are_cut(session: Session, letters: int) -> None:
    asked = text("SELECT tsvector_to_array(public_search_days(:said, 'Sabinos 5', '2000-01-09'))")
    found = session.connection().execute(asked, {"said": "hoyo " + "z" * letters}).scalar_one()
    assert {word[: LONGEST_WORD + 2] for word in found} >= {"8:hoyo", "8:" + "z" * LONGEST_WORD, "8:sabinos", "8:5"}
    assert max(map(len, found)) <= 2000
