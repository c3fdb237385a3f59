"""The place in a photo: offered once where it would be asked for, used when its sender says so, and forgotten otherwise."""

from datetime import timedelta

import pytest
from sqlmodel import Session, select

from intake.conversations import actions, photo_places
from intake.conversations.jobs import forget_photo_places, offer_place_of_photo
from intake.conversations.models import Conversation, Message
from kernel import clock
from kernel.outbox import OutboxEvent
from tests.channels.test_attachments import Pigeon, Rosa, city, pigeon, rosa, shelf  # noqa: F401  # fixtures
from tests.intake.media.pictures import taken_at

LON, LAT = -99.1512, 19.4123
OFFER = "responde FOTO"


class Told(Rosa):
    """Rosa, whose photos say where they were taken."""

    def place(self, body: str = "", **more: object) -> Message:
        return self.photo(body, taken_at(LON, LAT, colour=(self.count, 9, 9)), **more)

    def work(self) -> None:
        super().work()
        for event in self.session.exec(select(OutboxEvent).where(OutboxEvent.name == "attachment.place_kept")).all():
            offer_place_of_photo(**event.payload)

    def offers(self) -> int:
        return sum(OFFER in answer for answer in self.answers())

    def is_kept(self, message: Message) -> bool:
        return self.attachment(message).place_sealed is not None


@pytest.fixture
def told(session: Session, pigeon: Pigeon) -> Told:  # noqa: F811  # the fixture
    return Told(session, pigeon)


def test_it_is_offered_where_the_place_is_asked_for_and_used_when_they_say_so(told: Told) -> None:
    photo = told.place("hay un bache")
    assert told.offers() == 0
    told.work()
    assert told.offers() == 1
    sealed = told.attachment(photo).place_sealed
    assert sealed is not None
    assert b"19.4" not in sealed
    told.send("Foto")
    request = told.request()
    assert (request.lon, request.lat) == pytest.approx((LON, LAT), abs=1e-5)
    assert "foto" not in request.description.lower()
    assert not told.is_kept(photo)


def test_of_a_photo_that_came_first_it_is_offered_with_the_question(told: Told) -> None:
    told.place()
    told.work()
    assert told.offers() == 0
    told.send("hay un bache")
    assert told.offers() == 1
    told.send("usa la foto")
    assert told.request().lon == pytest.approx(LON, abs=1e-5)


def test_whoever_tells_the_place_has_it_erased(told: Told) -> None:
    photo = told.place("hay un bache")
    told.work()
    assert told.is_kept(photo)
    told.send("Mercado de La Calera")
    request = told.request()
    assert request.lon != pytest.approx(LON, abs=1e-5)
    assert not told.is_kept(photo)


def test_a_whole_report_keeps_none(told: Told) -> None:
    photo = told.place("hay un bache en el Mercado de La Calera")
    told.work()
    assert told.request()
    assert (told.offers(), told.is_kept(photo)) == (0, False)


def test_an_album_is_one_offer(told: Told) -> None:
    told.place("hay un bache")
    told.place(after_s=2)
    told.work()
    told.place(after_s=2)
    told.work()
    assert told.offers() == 1


def test_the_word_means_nothing_without_such_a_photo(told: Told) -> None:
    photo = told.photo("hay un bache")
    told.work()
    told.send("foto")
    assert told.offers() == 0
    asked_again = told.session.get_one(Conversation, photo.conversation_id).dialogue
    assert (asked_again["step"], asked_again["draft"]["place"]) == ("where", None)


def test_a_caption_of_that_word_is_no_consent(told: Told) -> None:
    photo = told.place("hay un bache")
    told.work()
    told.place("foto")
    assert told.is_kept(photo)
    assert told.session.get_one(Conversation, photo.conversation_id).dialogue["draft"]["place"] is None


def test_while_a_person_answers_nothing_is_offered(told: Told) -> None:
    photo = told.place("hay un bache")
    thread = actions.held(told.session, photo.conversation_id)
    actions.hand_to_agent(told.session, thread, said=photo, now=told.now)
    told.work()
    told.send("foto")
    assert (told.offers(), told.is_kept(photo)) == (0, True)


def test_after_a_day_it_is_gone(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    photo = told.place("hay un bache")
    told.work()
    forget_photo_places()
    assert told.is_kept(photo)
    now = clock.now() + photo_places.KEPT_FOR + timedelta(minutes=1)
    monkeypatch.setattr(clock, "now", lambda: now)
    forget_photo_places()
    assert not told.is_kept(photo)
