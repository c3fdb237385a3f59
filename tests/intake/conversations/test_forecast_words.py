"""How long such requests take, in a text message that has room for it."""

from datetime import UTC, datetime, timedelta

from intake.conversations.wording import ONE_SMS, RequestInWords, received, status

NOW = datetime(2026, 11, 19, 19, 0, tzinfo=UTC)


def words(agency: str = "Alumbrado", forecast: str = "8 de cada 10 terminan en 6 días.") -> RequestInWords:
    return RequestInWords(
        folio="2648173056", service="Luz apagada", life="new", outcome_code=None, agency=(agency, agency),
        expected_at=NOW + timedelta(days=8), closed_at=None, note="", gives_folio=True, is_default_agency=False,
        timezone="America/Mexico_City", language="es", forecast=forecast,
    )  # fmt: skip


def test_it_follows_the_legal_term() -> None:
    for told in (received(words(), NOW), status(words(), NOW)):
        assert told.endswith("a más tardar el viernes 27 de noviembre. 8 de cada 10 terminan en 6 días.")
        assert len(told) <= ONE_SMS


def test_it_never_costs_a_second_message() -> None:
    long = "Dirección General de Alumbrado Público y Mantenimiento de la Ciudad"
    assert "8 de cada 10" not in status(words(long), NOW)
    assert status(words(forecast=""), NOW).endswith("noviembre.")


def test_nothing_is_said_of_a_late_one() -> None:
    late = words()
    assert "8 de cada 10" not in status(late, NOW + timedelta(days=30))
