"""Every text in every language: the same keys and fields, one SMS long, dates in words."""

import string
import unicodedata
from datetime import UTC, datetime

import pytest

from channels.sms import gsm7
from intake.conversations import wording
from intake.conversations.wording import RequestInWords
from kernel.i18n import LANGUAGES

NOW = datetime(2026, 11, 21, 18, 0, tzinfo=UTC)
DUE = datetime(2026, 11, 28, 0, 0, tzinfo=UTC)  # Friday 27 at 18:00 in the city
GSM7 = set(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡"
    "ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
FIELDS = {
    "city": "Ciudad Jacaranda",
    "emergency": "911",
    "women": "55 0000 0765",
    "folio": "26 4817 3053",
    "place": "Av. Sabinos 214, El Carmen, Los Sabinos",
    "date": "miércoles 25 de noviembre",
    "agency": "Aguas de Jacaranda",
    "service": "Luz de la calle apagada",
    "question": "¿Qué ocurre con la luz?",
    "choices": "1 No enciende, 2 Parpadea",
    "other": 3,
    "note": "",
    "media": "tu archivo",
    "summary": "Luz de la calle apagada. Dónde: Av. Sabinos 214. ¿Qué pasa?: No enciende",
    "metres": "menos de 10",
    "span": "17 h",
    "code": "481730",
    "channel": "mensaje de texto",
    "address": "tu teléfono que termina en 5678",
    "digits": "5678",
    "minutes": 10,
    "left": 4,
    "words": '"Sale agua limpia de la banqueta desde la..." ',
}


def without_accents(text: str) -> str:
    """As the SMS channel sends it: letters that GSM-7 has stay, the others lose their accent."""
    return "".join(c if c in GSM7 else unicodedata.normalize("NFD", c)[0] for c in text)


def every_text() -> list[tuple[str, str, str]]:
    return [
        (language, section, key)
        for language in LANGUAGES
        for section, texts in wording.texts(language).items()
        for key in texts
    ]


@pytest.mark.parametrize(("language", "section", "key"), every_text())
def test_each_text_fits_one_sms(language: str, section: str, key: str) -> None:
    text = wording.texts(language)[section][key]
    fields = {name for _, name, _, _ in string.Formatter().parse(text) if name}
    assert fields <= set(FIELDS)
    sent = without_accents(wording.say(language, section, key, **FIELDS))
    assert set(sent) <= GSM7, set(sent) - GSM7
    assert len(sent) <= wording.ONE_SMS, len(sent)
    assert sent.strip()


def test_every_language_has_the_same_texts_with_the_same_fields() -> None:
    def fields(language: str) -> dict[tuple[str, str], set[str | None]]:
        return {
            (section, key): {name for _, name, _, _ in string.Formatter().parse(text)} - {None}
            for section, texts in wording.texts(language).items()
            for key, text in texts.items()
        }

    assert fields("en") == fields("es")


def test_nothing_is_lost_from_año() -> None:
    assert without_accents("El año que viene, mañana") == "El año que viene, mañana"


def request(**values: object) -> RequestInWords:
    defaults: dict[str, object] = {
        "folio": "2648173053",
        "service": "Bache en la calle",
        "life": "new",
        "outcome_code": None,
        "agency": ("Aguas de Jacaranda", "Aguas"),
        "expected_at": DUE,
        "closed_at": None,
        "note": "",
        "gives_folio": True,
        "is_default_agency": False,
        "timezone": "America/Mexico_City",
        "language": "es",
    }
    return RequestInWords(**(defaults | values))  # type: ignore[arg-type]  # built by name


def test_received_says_folio_who_and_when() -> None:
    assert wording.received(request(), NOW) == (
        "Listo, recibimos tu reporte. Folio 26 4817 3053. Lo atiende Aguas de Jacaranda, a más tardar el viernes 27 de noviembre."
    )
    assert "Friday 27 November" in wording.received(request(language="en"), NOW)


def test_a_long_name_gives_way_to_the_short_one() -> None:
    long = "Secretaría de Gestión Integral del Agua y Saneamiento de la Ciudad"
    assert "Lo atiende SEGIAGUA" in wording.received(request(agency=(long, "SEGIAGUA")), NOW)


@pytest.mark.parametrize("outcome", ["resolved", "not_found", "private_property", "outside_jurisdiction", "duplicate",
                                     "no_further_action", "cancelled_by_resident"])  # fmt: skip
def test_each_outcome_has_its_own_words(outcome: str) -> None:
    from intake.service_requests.lifecycle import OUTCOMES

    assert outcome in OUTCOMES
    closed = request(life="closed", outcome_code=outcome, closed_at=DUE)
    told = wording.notice(closed, "closed", outcome, "Fuimos hoy", NOW)
    assert told is not None
    assert "Fuimos hoy." in told
    assert "  " not in told
    assert "26 4817 3053" in wording.status(closed, NOW)


@pytest.mark.parametrize("word", ["tubería ", "€", "🚰", "[]^~", "👩‍🔧 "])
@pytest.mark.parametrize("life", ["in_progress", "waiting_resident", "reopened", "closed"])
def test_news_with_a_note_of_any_length_fits_what_a_provider_takes(word: str, life: str) -> None:
    from intake.service_requests.lifecycle import OUTCOMES

    note = word * (4000 // len(word))
    for outcome in OUTCOMES if life == "closed" else [None]:
        told = wording.notice(request(life=life), life, outcome, note, NOW)
        assert told is not None
        assert "…" in told
        assert gsm7.measure(gsm7.economical(told)).units <= gsm7.UNITS_CAP
    short = wording.notice(request(life=life), life, "resolved", "Se cambió el tramo", NOW)
    assert short is not None
    assert "Se cambió el tramo." in short


def test_a_note_is_cut_between_words() -> None:
    told = wording.notice(request(life="reopened"), "reopened", None, "válvula, " * 100, NOW)
    assert told is not None
    assert "válvula, válvula… Te avisamos" in told


def test_there_is_a_text_for_every_outcome() -> None:
    from intake.service_requests.lifecycle import OUTCOMES

    for language in LANGUAGES:
        assert {f"closed_{code}" for code in OUTCOMES} <= set(wording.texts(language)["notice"])
        assert {f"closed_{code}" for code in OUTCOMES} <= set(wording.texts(language)["status"])


def test_another_year_is_said() -> None:
    assert "de enero de 2027" in wording.received(request(expected_at=datetime(2027, 1, 8, 20, tzinfo=UTC)), NOW)


def test_a_new_request_is_no_news() -> None:
    assert wording.notice(request(), "new", None, "", NOW) is None
