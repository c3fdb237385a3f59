"""Answers as people give them, by datatype."""

from datetime import UTC, datetime
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.catalog.definitions import AttributeDefinition, Option, ServiceDefinition
from intake.conversations.dialogue import questions
from intake.service_requests.answers import read_answer

ZONE = ZoneInfo("America/Mexico_City")
NOW = datetime(2026, 11, 19, 19, 0, tzinfo=UTC)  # Thursday, 13:00 in the city
OPTIONS = (
    Option("off", {"es": "No enciende", "en": "Does not light"}),
    Option("flicker", {"es": "Parpadea", "en": "Flickers"}),
    Option("day", {"es": "Prendida de día", "en": "On by day"}),
)
YES_NO = (Option("si", {"es": "Sí", "en": "Yes"}), Option("no", {"es": "No", "en": "No"}))
SERVICE = ServiceDefinition(
    uuid4(), "prueba", "X", {"es": "X"}, {}, "realtime", "g", {}, (), {}, {}, "note", False, False, 1, ZONE
)


def attribute(datatype: str, options: tuple[Option, ...] = ()) -> AttributeDefinition:
    return AttributeDefinition("CODE", datatype, True, True, 1, {"es": "¿Qué?", "en": "What?"}, {}, options)


def read(datatype: str, text: str, options: tuple[Option, ...] = ()) -> list[str] | None:
    return questions.read(attribute(datatype, options), text, "es", NOW, ZONE)


@pytest.mark.parametrize(
    ("text", "key"),
    [("1", "off"), ("2.", "flicker"), ("3)", "day"), ("la 2", "flicker"), ("opción dos", "flicker"), ("2️⃣", "flicker"),
     ("２", "flicker"),
     ("parpadea", "flicker"), ("PARPADEA!!", "flicker"), ("creo que parpadea", "flicker"), ("parpadeo", "flicker"),
     ("no enciende", "off"), ("does not light", "off"), ("off", "off"), ("prendida de dia", "day"), ("la primera", "off")],
)  # fmt: skip
def test_one_of_a_list(text: str, key: str) -> None:
    assert read("singlevaluelist", text, OPTIONS) == [key]


@pytest.mark.parametrize("text", ["4", "0", "99", "morado", "no sé", "1 y 2", "", "🙂"])
def test_what_is_not_on_the_list(text: str) -> None:
    assert read("singlevaluelist", text, OPTIONS) is None


@pytest.mark.parametrize(
    ("text", "key"),
    [("sí", "si"), ("Si", "si"), ("claro", "si"), ("no", "no"), ("nel", "no"), ("yes", "si"), ("2", "no")],
)
def test_yes_and_no_in_all_their_words(text: str, key: str) -> None:
    assert read("singlevaluelist", text, YES_NO) == [key]


@pytest.mark.parametrize(
    ("text", "keys"),
    [("1,3", ["off", "day"]), ("1 y 2", ["off", "flicker"]), ("1 3", ["off", "day"]),
     ("parpadea, no enciende", ["flicker", "off"]),
     ("2", ["flicker"]), ("2,2", ["flicker"]), ("1 and 3", ["off", "day"]), ("3;1", ["day", "off"]),
     ("1,9", None), ("morado", None)],
)  # fmt: skip
def test_several_of_a_list(text: str, keys: list[str] | None) -> None:
    assert read("multivaluelist", text, OPTIONS) == keys


@pytest.mark.parametrize(
    ("text", "number"),
    [("3", "3"), ("como 3", "3"), ("2,5 metros", "2.5"), ("-1.5", "-1.5"), ("dos", "2"), ("unos tres", "3"), ("0042", "0042"),
     ("cero", "0"), ("muchos", None), ("", None), ("٣", None)],
)  # fmt: skip
def test_numbers(text: str, number: str | None) -> None:
    assert read("number", text) == (None if number is None else [number])


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2026-11-18 08:30", "2026-11-18T08:30:00-06:00"),
        ("hoy 8:30", "2026-11-19T08:30:00-06:00"),
        ("ayer", "2026-11-18T12:00:00-06:00"),
        ("ayer a las 8 de la noche", "2026-11-18T20:00:00-06:00"),
        ("antier 7 am", "2026-11-17T07:00:00-06:00"),
        ("yesterday at 5 pm", "2026-11-18T17:00:00-06:00"),
        ("20/10", "2026-10-20T12:00:00-06:00"),
        ("25/12 12:00", "2025-12-25T12:00:00-06:00"),
        ("3/2/25 9:05", "2025-02-03T09:05:00-06:00"),
        ("ahorita", "2026-11-19T13:00:00-06:00"),
        ("hace 3 días", "2026-11-16T13:00:00-06:00"),
        ("desde hace dos semanas", "2026-11-05T13:00:00-06:00"),
        ("2 hours ago", "2026-11-19T11:00:00-06:00"),
    ],
)
def test_moments(text: str, at: str) -> None:
    assert read("datetime", text) == [at]


@pytest.mark.parametrize("text", ["quién sabe", "31/02", "99/99", "12", "a las 8"])
def test_what_is_no_moment(text: str) -> None:
    assert read("datetime", text) is None


def test_a_question_shows_its_choices() -> None:
    asked = questions.ask(attribute("singlevaluelist", OPTIONS), "en")
    assert asked.key == "ask_choice"
    assert asked.params["choices"] == "1 Does not light, 2 Flickers, 3 On by day"


@given(
    st.sampled_from(["string", "text", "number", "datetime", "singlevaluelist", "multivaluelist"]), st.text(max_size=80)
)
def test_every_answer_that_is_taken_is_one_the_form_accepts(datatype: str, text: str) -> None:
    asked = attribute(datatype, OPTIONS if "list" in datatype else ())
    given_ = questions.read(asked, text, "es", NOW, ZONE)
    if given_ is not None:
        read_answer(asked, given_, SERVICE)
