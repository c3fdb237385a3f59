"""Streets by the keys of a telephone, keys as answers, and the hours in which people answer."""

import string
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.voice.ivr import hours, keypad, keys_read
from channels.voice.ivr.twiml import MOST_HINTS, MOST_OF_A_HINT, alone, document, hints
from channels.voice.ivr.values import Ask, Page, Said
from georef.gazetteer import Gazetteer, Place
from georef.points import LonLat
from intake.catalog.cities import City
from intake.conversations import wording as dialogue
from kernel.i18n import LANGUAGES
from routing.calendars import WorkingCalendar
from tests.channels.conftest import BASE_URL
from tests.channels.voice.ivr.grammar import faults

AT = LonLat(-99.15, 19.42)
STREETS = ("Avenida Sabinos", "Sabino", "Calle Sabinas", "Niebla", "5 de Mayo", "Avenida de la Calera", "Año Nuevo")
MAP = Gazetteer(
    [
        *(Place("street", name, AT, 50) for name in STREETS),
        Place("crossing", "Avenida Sabinos y Niebla", AT, 20),
        Place("crossing", "Avenida Sabinos y 5 de Mayo", AT, 20),
    ]
)
CITY = City("x", "Prueba", "America/Mexico_City", "es", None, {})


@pytest.mark.parametrize(
    ("keys", "found"),
    [
        ("722", ["Sabino", "Avenida Sabinos", "Calle Sabinas"]),
        ("7224667", ["Avenida Sabinos"]),
        ("2836", ["Avenida Sabinos", "Avenida de la Calera"]),
        ("2253", ["Avenida de la Calera"]),
        ("53", ["5 de Mayo"]),
        ("2666", ["Año Nuevo"]),
        ("7", []),
        ("999", []),
    ],
)
def test_streets_by_their_first_letters(keys: str, found: list[str]) -> None:
    assert keypad.beginning(keys, keypad.streets_of(MAP)) == found


def test_only_streets_that_cross_it() -> None:
    others = keypad.crossings_of(MAP)["Avenida Sabinos"]
    assert others == {"Niebla", "5 de Mayo"}
    assert keypad.beginning("64", keypad.streets_of(MAP), others) == ["Niebla"]


@given(st.sampled_from(STREETS), st.integers(2, 30))
def test_every_street_is_found_by_its_own_keys(name: str, many: int) -> None:
    keys = keypad.keys_of(name)[:many]
    assert name in keypad.beginning(keys, keypad.streets_of(MAP))


@pytest.mark.parametrize(
    ("expects", "keys", "meant"),
    [
        ("choice", "2", "2"), ("choice", "*", None), ("open", "1", keys_read.BY_KEYS), ("open", "4", None),
        ("number", "12", "12"),
        ("several", "1*3", "1,3"), ("several", "13", "1,3"), ("moment", "2", "<yesterday>"), ("moment", "7", None),
        ("words", "1", "<dont_know>"), ("words", "5", None),
    ],
)  # fmt: skip
def test_what_keys_mean(expects: str, keys: str, meant: str | None) -> None:
    assert keys_read.meaning(expects, keys) == meant


def test_hours_and_holidays() -> None:
    calendar = WorkingCalendar(
        {
            "timezone": "America/Mexico_City",
            "hours": {day: [["09:00", "18:30"]] for day in ("mon", "tue", "wed", "thu", "fri")},
            "closed": ["2026-11-20"],
        }
    )
    thursday = datetime(2026, 11, 19, 19, 0, tzinfo=UTC)  # 13:00 there
    assert hours.at(calendar, thursday).is_open
    assert hours.at(calendar, thursday).in_words(CITY, "es", thursday) == "hoy hasta las 18 y media"
    night = thursday + timedelta(hours=9)
    closed = hours.at(calendar, night)
    assert not closed.is_open
    # Friday is a holiday, then comes the weekend.
    assert closed.in_words(CITY, "es", night) == "el lunes 23 de noviembre de las 9 a las 18 y media"
    assert closed.in_words(CITY, "en", night) == "on Monday 23 November from 9 am to 6 30 pm"


def test_a_line_that_never_closes_says_no_hours() -> None:
    days = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
    calendar = WorkingCalendar({"timezone": "UTC", "hours": {day: [["00:00", "24:00"]] for day in days}})
    now = datetime(2026, 11, 19, 23, 59, tzinfo=UTC)
    assert hours.at(calendar, now) == hours.Hours(is_open=True)


@given(st.lists(st.text(max_size=150), max_size=700))
def test_hints_are_as_many_and_as_long_as_are_taken(phrases: list[str]) -> None:
    given_ = hints(tuple(phrases))
    assert len(given_) <= MOST_HINTS
    assert all(0 < len(hint) <= MOST_OF_A_HINT and "," not in hint for hint in given_)


@given(st.text(max_size=400), st.booleans(), st.sampled_from([1, 10, None]), st.text(max_size=80))
def test_every_page_is_good(words: str, listens: bool, digits: int | None, hint: str) -> None:
    says = (Said("Hola.", "es"), Said(words, "es"))
    ask = Ask(digits, listens, hints=hints((hint,)))
    for page in (Page(says, ask), Page(says, ask, music=True), Page(says, record=True), Page(says)):
        assert faults(document(page, 7, BASE_URL, language="es")) == []
        assert Page.from_json(page.to_json()).says == says
    assert faults(alone("Un momento", "es", pause_s=3, then=f"{BASE_URL}/webhooks/voice?a=1")) == []


@pytest.mark.parametrize(
    "bad",
    [
        "<Response><Dial><Gather action='x'/></Dial><Hangup/></Response>",
        "<Response><Say language='es-MX'>hola</Say></Response>",
        f"<Response><Gather action='{BASE_URL}/webhooks/voice' numDigits='0'/><Hangup/></Response>",
        "<Response><Redirect>https://evil.example/webhooks/voice</Redirect></Response>",
        "<Response><Hangup/><Say language='es-MX'>hola</Say></Response>",
        "<Response><Play>/webhooks</Play><Hangup/></Response>",
        "<Respuesta/>",
        "<Response>",
    ],
)
def test_the_grammar_finds_faults(bad: str) -> None:
    assert faults(bad)


def _fields(texts: dict[str, str]) -> dict[str, set[str]]:
    return {key: {name for _, name, _, _ in string.Formatter().parse(text) if name} for key, text in texts.items()}


def test_both_languages_say_the_same() -> None:
    spoken = {language: dict(dialogue.texts_of_channel("voice", language)) for language in LANGUAGES}
    assert _fields(spoken["es"]) == _fields(spoken["en"])


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_said_takes_the_place_of_what_is_written(language: str) -> None:
    """A spoken text has no field that the written one lacks, and asks nobody to write or to answer with a number."""
    written = {
        f"{section}.{key}": text for section, texts in dialogue.texts(language).items() for key, text in texts.items()
    }
    spoken = {
        key: text
        for key, text in dialogue.texts_of_channel("voice", language).items()
        if key.partition(".")[0] not in ("machine", "labels")
    }
    assert set(spoken) <= set(written)
    fields, allowed = _fields(dict(spoken)), _fields(written)
    assert all(fields[key] <= allowed[key] for key in spoken)
    typed = ("escribe", "responde ", "write ", "reply ")
    assert [key for key, text in spoken.items() if any(word in text.lower() for word in typed)] == []
    # What is not worded anew makes sense to an ear as it is.
    left = {
        key: text for key, text in written.items() if key not in spoken and key.split(".")[0] in ("dialogue", "status")
    }
    asked = [key for key, text in left.items() if any(word in text.lower() for word in typed)]
    # These follow another address, or a code for one: neither is asked for by voice.
    assert [key for key in asked if not key.startswith(("dialogue.link_", "dialogue.code_"))] == []
