from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_console.presentation import (
    ago,
    channel_look,
    due_in_words,
    masked_email,
    masked_phone,
    sla_clock,
    span_in_words,
    status_look,
)
from agent_console.theme import theme_css
from intake.service_requests.lifecycle import LIFE_TEXTS, OUTCOMES

NOW = datetime(2026, 11, 19, 19, 0, tzinfo=UTC)  # Thursday 13:00 in Mexico City
ZONE = "America/Mexico_City"


@pytest.mark.parametrize(
    ("hours", "spanish", "english"),
    [
        (0, "1 min", "1 min"),
        (0.8, "48 min", "48 min"),
        (2.3, "2 h 18 min", "2 h 18 min"),
        (23.99, "23 h 59 min", "23 h 59 min"),
        (24, "1 día", "1 day"),
        (30, "1 día 6 h", "1 day 6 h"),
        (48, "2 días", "2 days"),
        (24 * 417, "417 días", "417 days"),
    ],
)
def test_spans_in_words(hours: float, spanish: str, english: str) -> None:
    assert span_in_words(timedelta(hours=hours), "es") == spanish
    assert span_in_words(timedelta(hours=hours), "en") == english


@pytest.mark.parametrize(
    ("asked_h", "due_h", "closed_h", "life", "css", "words"),
    [
        (-1, 20, None, "new", "calm", "quedan 20 h 00 min"),
        (-30, 15, None, "new", "soon", "quedan 15 h 00 min"),  # two thirds of the time used
        (-1, 3, None, "new", "soon", "quedan 3 h 00 min"),  # under half a shift left
        (-9, -1.0833, None, "in_progress", "late", "venció hace 1 h 04 min"),
        (-9, 0, None, "in_progress", "late", "venció hace 1 min"),
        (-1, 20, None, "waiting_resident", "held", "en pausa"),
        (-50, -10, -11, "closed", "calm", "a tiempo"),
        (-90, -60, -10, "closed", "held", "tarde por 2 días"),
    ],
)
def test_the_clock_says_how_the_promise_stands(
    asked_h: float, due_h: float, closed_h: float | None, life: str, css: str, words: str
) -> None:
    clock = sla_clock(
        requested_at=NOW + timedelta(hours=asked_h),
        expected_at=NOW + timedelta(hours=due_h),
        closed_at=None if closed_h is None else NOW + timedelta(hours=closed_h),
        life=life,
        now=NOW,
        language="es",
    )
    assert (clock.css, clock.text) == (css, words)


def test_without_a_date_nothing_is_promised() -> None:
    clock = sla_clock(requested_at=NOW, expected_at=None, closed_at=None, life="new", now=NOW, language="es")
    assert (clock.css, clock.share) == ("held", None)


@given(st.floats(-2e4, 2e4), st.floats(-2e4, 2e4), st.sampled_from(sorted(LIFE_TEXTS)))
def test_the_pie_never_leaves_its_circle(asked_h: float, due_h: float, life: str) -> None:
    clock = sla_clock(
        requested_at=NOW + timedelta(hours=asked_h),
        expected_at=NOW + timedelta(hours=due_h),
        closed_at=NOW if life == "closed" else None,
        life=life,
        now=NOW,
        language="es",
    )
    assert clock.share is None or 0 <= clock.share <= 1
    assert (clock.share is None) == (clock.icon != "")


@pytest.mark.parametrize(
    ("back", "words"),
    [
        (timedelta(seconds=3), "hace un momento"),
        (timedelta(minutes=11), "hace 11 min"),
        (timedelta(hours=2), "hace 2 h 00 min"),
        (timedelta(hours=16), "Ayer, 21:00"),
        (timedelta(days=3), "Lunes 16, 13:00"),
        (timedelta(days=55), "25 sep 2026"),
        (timedelta(hours=-1), "Hoy, 14:00"),
    ],
)
def test_how_long_ago(back: timedelta, words: str) -> None:
    assert ago(NOW - back, NOW, ZONE, "es") == words


def test_a_date_is_said_in_the_city() -> None:
    due = datetime(2026, 11, 28, 0, 30, tzinfo=UTC)
    assert due_in_words(due, ZONE, "es", now=NOW) == "viernes 27 de noviembre, 18:30"


@pytest.mark.parametrize(
    ("address", "masked"),
    [
        ("+525512345678", "55 •••• 5678"),
        ("+5215512345678", "55 •••• 5678"),
        ("5512345678", "55 •••• 5678"),
        ("+12025550123", "20 •••• 0123"),
        ("1234567", "•••• 4567"),
        ("311", "••••"),
        ("ATIENDE", "••••"),
        ("", "••••"),
    ],
)
def test_phones_are_masked(address: str, masked: str) -> None:
    assert masked_phone(address) == masked


@given(st.from_regex(r"\+?[0-9]{0,15}", fullmatch=True))
def test_a_masked_phone_cannot_be_called(address: str) -> None:
    shown = sum(c.isdigit() for c in masked_phone(address))
    digits = sum(c.isdigit() for c in address)
    assert shown <= 6
    assert shown < digits or digits == 0


def test_emails_are_masked() -> None:
    assert masked_email("ana.martinez@correo.example") == "a•••@correo.example"
    assert masked_email("sin arroba") == "•••"


@pytest.mark.parametrize("language", ["es", "en"])
def test_every_state_has_a_word_an_icon_and_a_colour(language: str) -> None:
    for life in LIFE_TEXTS:
        for outcome in OUTCOMES if life == "closed" else (None,):
            look = status_look(life, outcome, "pending", language)
            assert look.text
            assert look.icon
            assert look.css


def test_an_unknown_channel_is_shown_by_its_own_name() -> None:
    assert channel_look("paloma", "es").text == "paloma"


def test_a_theme_changes_only_what_a_city_may_change() -> None:
    hostile = {"brand": "red; } body { display: none", "ink": "#000000", "accent": "#ffc44d", "band": "#12345"}
    assert theme_css({"light": hostile, "dark": "x"}) == (
        "@media (prefers-color-scheme: light) { :root { --accent: #ffc44d; } }\n"
    )
    assert theme_css(None) == ""
