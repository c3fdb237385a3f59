"""What is written of a confidential report once nobody talks with them any more: somebody else may read it."""

from dataclasses import replace

import pytest
from sqlmodel import col, select

from georef.points import LonLat
from intake.conversations import wording
from intake.conversations.models import Message
from intake.conversations.notices import tell_joined
from intake.conversations.requests import in_words
from intake.people import actions as people
from intake.service_requests import actions as service_requests
from intake.service_requests.duplicates import joining
from intake.service_requests.lifecycle import OUTCOMES
from intake.service_requests.values import Reporter, Submission
from kernel.i18n import LANGUAGES
from tests.factories import CITY, IN_NORTE, NOW
from tests.intake.conversations.conftest import Phone
from tests.intake.conversations.test_advance import change, tell

pytestmark = pytest.mark.database
NOISE = {
    "es": "mucho ruido en avenida sabinos 214, el carmen",
    "en": "there is loud music at avenida sabinos 214, el carmen",
}
# Of the city's texts and names, all that would tell what it is about.
TELLING = ("ruido", "noise", "alcaldía", "norte", "sabinos", "carmen", "multamos", "atiende", "reporte", "report")


@pytest.mark.parametrize("language", LANGUAGES)
def test_news_name_the_city_and_the_folio_alone(phone: Phone, language: str) -> None:
    if language == "en":
        phone.write("english")
    phone.write(NOISE[language])
    (request,) = phone.requests
    assert not request.is_public
    for life, outcome in (("in_progress", None), ("waiting_resident", None), ("closed", "resolved")):
        (told,) = tell(phone, change(phone, life, outcome, "Multamos al bar de Sabinos 214."))
        assert told.startswith("Ciudad Prueba: ")
        assert wording.folio_in_words(request.folio) in told
        assert ("ESTADO" if language == "es" else "STATUS") in told
        assert [word for word in TELLING if word in told.lower()] == []
    newest = phone.session.exec(select(Message).order_by(col(Message.seq).desc()).limit(1)).one()
    assert (newest.template, sorted(newest.template_params)) == ("notice.private_news", ["city", "folio"])
    # Who asks for more in their own thread is told.
    asked = "estado" if language == "es" else "status"
    assert "Ruido" in phone.write(f"{asked} {request.folio}")[0]


@pytest.mark.parametrize("language", LANGUAGES)
def test_who_is_written_to_of_a_form_is_told_to_call(phone: Phone, language: str) -> None:
    contact = people.find_or_create(phone.session, CITY, "phone", "55 1234 5678", now=phone.now)
    service_requests.submit(
        phone.session,
        Submission(
            CITY,
            "RUIDO",
            "web",
            point=LonLat(*IN_NORTE),
            reporter=Reporter(contact.person_id, contact.id),
            language=language,
        ),
        now=phone.now,
    )
    for event_id in (None, change(phone, "in_progress")):
        (told,) = tell(phone, event_id)
        assert told.startswith("Ciudad Prueba: ")
        assert wording.folio_in_words(phone.requests[0].folio) in told
        assert "311" in told
        assert [word for word in TELLING if word in told.lower()] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_piece_of_news_has_the_same_words(phone: Phone, language: str) -> None:
    phone.write(NOISE["es"])
    words = replace(in_words(phone.session, phone.requests[0], language), private_news="private_news_call")
    cases = [("in_progress", None), ("reopened", None), *(("closed", outcome) for outcome in OUTCOMES)]
    assert len({wording.notice(words, life, outcome, "Multamos.", NOW) for life, outcome in cases}) == 1
    assert wording.notice(words, "new", None, "", NOW) is None


def test_who_joined_what_was_hidden_meanwhile_is_told_the_folio_alone(phone: Phone) -> None:
    contact = people.find_or_create(phone.session, CITY, "phone", "55 1234 5678", now=phone.now)
    reporter = Reporter(contact.person_id, contact.id)
    request = service_requests.submit(
        phone.session, Submission(CITY, "FUGA", "web", point=LonLat(*IN_NORTE)), now=phone.now
    )
    _, report = joining.join(
        phone.session, joining.MeToo(CITY, request.id, "web", "", "joins", reporter=reporter), now=phone.now
    )
    request.is_public = False
    phone.session.flush()
    tell_joined(phone.session, request.id, report.id, now=phone.now)
    told = phone.session.exec(select(Message).order_by(col(Message.seq).desc()).limit(1)).one()
    assert told.body.startswith("Ciudad Prueba: tu folio es ")
    assert [word for word in (*TELLING, "agua") if word in told.body.lower()] == []
