"""Going back, correcting, starting over, reading back; what belongs to a report after it was made; a report begun elsewhere."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine
from sqlmodel import Session, col, select

from intake.conversations import actions, arrivals
from intake.conversations.advance import advance
from intake.conversations.dialogue.next_step import next_step
from intake.conversations.dialogue.state import STEPS, DialogueState, Place
from intake.conversations.dialogue.steps import AddWords, Submit
from intake.conversations.models import Conversation, Message
from intake.conversations.values import InboundMedia, InboundMessage
from intake.service_requests.models import ServiceRequest, ServiceRequestEvent
from kernel.errors import Unavailable
from tests.factories import CITY, NOW
from tests.intake.conversations.conftest import Phone
from tests.intake.conversations.talk import Talk, context

LIGHT = "no hay luz en la calle en niebla y sabinos"


class Chat(Talk):
    """A talk where reports are read back."""

    def say(self, text: str, **values: object) -> "Chat":
        self.now += timedelta(seconds=30)
        self.state = DialogueState.from_json(self.state.to_json())
        self.step = next_step(self.state, text, replace(context(self.now), reads_back=True))
        self.state = self.step.state
        return self


class TestReadingBack:
    def test_what_took_several_messages_is_read_back(self) -> None:
        chat = Chat().say(LIGHT).say("1")
        assert chat.keys == ["review"]
        assert "Luz" in chat.bodies[0]
        assert "No enciende" in chat.bodies[0]
        assert "Niebla" in chat.bodies[0]
        assert isinstance(chat.say("1").step.effect, Submit)

    def test_one_whole_message_is_not(self) -> None:
        assert isinstance(Chat().say("hay un bache en av sabinos 214 esq niebla, el carmen").step.effect, Submit)

    def test_where_messages_cost_it_is_not(self) -> None:
        assert isinstance(Talk().say(LIGHT).say("1").step.effect, Submit)

    def test_what_is_said_instead_is_added_and_asked_once_more(self) -> None:
        chat = Chat().say(LIGHT).say("1").say("es el poste de la esquina")
        assert chat.keys == ["review"]
        step = chat.say("junto a la tienda").step
        assert isinstance(step.effect, Submit)
        assert "poste de la esquina" in step.effect.description
        assert "junto a la tienda" in step.effect.description

    @pytest.mark.parametrize("said", ["enviar", "sí", "ok", "send it"])
    def test_words_for_yes(self, said: str) -> None:
        assert isinstance(Chat().say(LIGHT).say("1").say(said).step.effect, Submit)


class TestCorrecting:
    def test_an_answer(self) -> None:
        chat = Chat().say(LIGHT).say("1").say("corregir")
        assert chat.keys == ["fix"]
        assert chat.say("3").keys == ["ask_choice"]
        step = chat.say("2").say("enviar").step
        assert isinstance(step.effect, Submit)
        assert list(step.effect.attributes.values()) == [["parpadea"]]

    def test_the_place_by_its_name(self) -> None:
        chat = Chat().say(LIGHT).say("1").say("2").say("dónde")
        assert chat.keys == ["where"]
        step = chat.say("av sabinos 214, el carmen").say("sí").step
        assert isinstance(step.effect, Submit)
        assert step.effect.place is not None
        assert "214" in step.effect.place.label

    def test_the_service_and_with_it_its_questions(self) -> None:
        chat = Chat().say(LIGHT).say("1").say("2").say("1")
        assert chat.keys == ["what_short"]
        step = chat.say("es un bache").say("1").step
        assert isinstance(step.effect, Submit)
        assert step.effect.attributes == {}
        assert step.effect.place is not None

    def test_nothing_after_all(self) -> None:
        chat = Chat().say(LIGHT).say("1").say("2").say("4")
        assert chat.keys == ["review"]

    def test_in_the_middle_of_a_report(self) -> None:
        talk = Talk().say(LIGHT).say("me equivoqué")
        assert talk.keys == ["fix"]
        assert talk.say("2").keys == ["where"]

    def test_an_answer_that_fits_nothing_twice_brings_a_person(self) -> None:
        talk = Talk().say(LIGHT).say("corregir").say("mmm").say("mmmm").say("mmmmm")
        assert talk.keys == ["stuck"]


class TestCorrectingAtOnce:
    """What is right is said in place of the number of what is wrong."""

    def test_the_place(self) -> None:
        chat = Chat().say(LIGHT).say("1").say("corregir").say("la dirección es niebla 20, el carmen")
        assert chat.keys == ["review"]
        assert "Niebla 20" in chat.bodies[0]
        assert "No enciende" in chat.bodies[0]
        step = chat.say("enviar").step
        assert isinstance(step.effect, Submit)
        assert step.effect.place is not None
        assert "Niebla 20" in step.effect.place.label

    @pytest.mark.parametrize(
        "said", ["niebla 20, el carmen", "no, la calle es niebla 20, el carmen", "the address is niebla 20, el carmen"]
    )
    def test_the_place_in_other_ways(self, said: str) -> None:
        assert "Niebla 20" in Chat().say(LIGHT).say("1").say("corregir").say(said).bodies[0]

    def test_a_place_that_nobody_knows_is_asked_for_as_ever(self) -> None:
        talk = Talk().say(LIGHT).say("corregir").say("la dirección es Calle Inventada 5")
        assert talk.keys == ["where_again"]
        assert talk.state.draft is not None
        assert talk.state.draft.place_words == "Calle Inventada 5"

    def test_that_it_is_another_place(self) -> None:
        assert Talk().say(LIGHT).say("corregir").say("la dirección es otra").keys == ["where"]

    @pytest.mark.parametrize(
        ("said", "asked"),
        [("el lugar", "where"), ("La calle.", "where"), ("dónde es", "where"), ("el problema", "what_short")],
    )
    def test_what_is_wrong_may_be_named_in_other_words(self, said: str, asked: str) -> None:
        chat = Chat().say(LIGHT).say("1").say("corregir").say(said)
        assert chat.keys == [asked]
        told = chat.say("niebla 20, el carmen").bodies if asked == "where" else chat.say("no hay luz").say("1").bodies
        assert "Luz" in told[0]

    def test_an_answer(self) -> None:
        step = Chat().say(LIGHT).say("1").say("corregir").say("parpadea").say("enviar").step
        assert isinstance(step.effect, Submit)
        assert list(step.effect.attributes.values()) == [["parpadea"]]

    def test_an_answer_that_was_not_given_yet(self) -> None:
        step = Talk().say(LIGHT).say("corregir").say("parpadea").step
        assert isinstance(step.effect, Submit)
        assert list(step.effect.attributes.values()) == [["parpadea"]]

    def test_the_service_and_the_place(self) -> None:
        chat = Chat().say(LIGHT).say("1").say("corregir").say("es un bache en niebla 20, el carmen")
        assert chat.keys == ["review"]
        assert "Bache" in chat.bodies[0]
        assert "Niebla 20" in chat.bodies[0]

    @pytest.mark.parametrize("said", ["mmm", "la calle es muy oscura"])
    def test_what_tells_nothing_anew_is_asked_again(self, said: str) -> None:
        assert Talk().say(LIGHT).say("corregir").say(said).keys in (["fix"], ["where_again"])

    @pytest.mark.parametrize(
        "said",
        [
            "la dirección es niebla 20, el carmen",
            "no, es en niebla 20, el carmen",
            "perdón, mejor es niebla 20, el carmen",
            "sorry, it's at niebla 20, el carmen",
        ],
    )
    def test_the_place_while_something_else_is_asked(self, said: str) -> None:
        talk = Talk().say(LIGHT).say(said)
        assert talk.keys == ["ask_choice"]
        assert talk.state.draft is not None
        assert talk.state.draft.place is not None
        assert "Niebla 20" in talk.state.draft.place.label

    @pytest.mark.parametrize("said", ["la calle es muy oscura", "no es en niebla 20", "no, es peligroso"])
    def test_words_about_the_street_change_no_place(self, said: str) -> None:
        chat = Chat().say(LIGHT).say("1").say(said)
        assert chat.keys == ["review"]
        assert "Sabinos y Niebla" in chat.bodies[0]


class TestGoingBack:
    def test_from_a_question_to_the_place_and_on_to_the_service(self) -> None:
        talk = Talk().say(LIGHT)
        assert talk.say("atrás").keys == ["where"]
        assert talk.say("ATRAS").keys == ["what_short"]
        assert talk.say("regresar").keys == ["what_short"]

    def test_with_nothing_told_there_is_no_back(self) -> None:
        assert "fix" not in Talk().say("atrás").keys


def test_starting_over_forgets_it() -> None:
    talk = Talk().say(LIGHT).say("empezar de nuevo")
    assert talk.keys == ["restarted"]
    assert talk.state.draft is None


def test_what_was_told_so_far() -> None:
    talk = Talk().say(LIGHT).say("qué llevo")
    assert talk.keys == ["summary", "ask_choice"]
    assert talk.bodies[0].startswith("Llevamos: Luz")


SAID = [LIGHT, "bache", "1", "2", "atrás", "corregir", "3", "resumen", "el carmen", "no sé", "empezar de nuevo"]


@given(st.lists(st.sampled_from(SAID), max_size=9))
def test_whatever_the_order_the_state_is_one_and_an_answer_comes(said: list[str]) -> None:
    chat = Chat()
    for text in said:
        chat.say(text)
        assert chat.state.step in STEPS
        assert chat.step.texts or chat.step.effect
        assert DialogueState.from_json(chat.state.to_json()) == chat.state


def picture(
    phone: Phone, provider_id: str, *, channel: str = "sms", body: str = "", sender: str | None = None
) -> list[str]:
    told = InboundMessage(
        channel, provider_id, sender or phone.sender, "", body, phone.now, [InboundMedia("photo", f"x:{provider_id}")],
        sender_kind="whatsapp" if channel == "whatsapp" else "sender",
    )  # fmt: skip
    message = arrivals.receive(phone.session, told, jurisdiction_id=CITY, now=phone.now)
    advance(phone.session, message.conversation_id, now=phone.now)
    return phone.unread()


def pictures(session: Session) -> list[Message]:
    return [message for message in session.exec(select(Message).order_by(col(Message.seq))) if message.media]


class TestAPictureThatComesLater:
    def made(self, phone: Phone) -> None:
        phone.write("hay un bache en quiosco norte")
        if not phone.requests:
            phone.write("no sé")
            phone.write("no sé")
        assert len(phone.requests) == 1

    def test_soon_after_on_another_channel_of_the_same_number(self, phone: Phone, session: Session) -> None:
        self.made(phone)
        [told] = picture(phone, "W1", channel="whatsapp", sender="+5215512345678")
        assert "lo sumamos al reporte" in told
        assert pictures(session)[0].service_request_id == phone.requests[0].id

    @pytest.mark.parametrize("words", ["la foto", "aquí está la foto", "here is the picture"])
    def test_with_words_that_say_no_more(self, phone: Phone, session: Session, words: str) -> None:
        self.made(phone)
        [told] = picture(phone, "W1", body=words)
        assert "lo sumamos al reporte" in told or "we added it to report" in told
        assert pictures(session)[0].service_request_id == phone.requests[0].id

    def test_with_such_words_and_nothing_reported_it_is_asked_what_it_shows(self, phone: Phone) -> None:
        assert picture(phone, "W1", body="la foto") == ["Recibimos tu foto. Cuéntanos qué pasa y dónde."]

    def test_hours_later_it_is_asked_of_which(self, phone: Phone, session: Session) -> None:
        self.made(phone)
        phone.now += timedelta(hours=5)
        [asked] = picture(phone, "W1")
        assert "¿De cuál reporte es?" in asked
        assert pictures(session)[0].service_request_id is None
        [told] = phone.write("1")
        assert "lo sumamos al reporte" in told
        assert pictures(session)[0].service_request_id == phone.requests[0].id

    def test_of_none_of_them_it_waits_for_the_next(self, phone: Phone, session: Session) -> None:
        self.made(phone)
        phone.now += timedelta(hours=5)
        picture(phone, "W1")
        assert phone.write("2")[0].startswith("¿Qué pasa y dónde?")
        phone.write("fuga de agua")
        phone.write("no sé")
        phone.write("no sé")
        assert pictures(session)[0].service_request_id == phone.requests[1].id

    def test_before_anything_else(self, phone: Phone, session: Session) -> None:
        picture(phone, "W1")
        self.made(phone)
        assert pictures(session)[0].service_request_id == phone.requests[0].id

    def test_with_a_folio_of_somebody_else_a_person_looks(self, phone: Phone, session: Session) -> None:
        self.made(phone)
        folio = phone.requests[0].folio
        other = Phone(session, sender="+525598765432", now=phone.now, read=phone.read)
        other.write(f"estado {folio}")
        said = picture(other, "W9")
        assert "se hizo desde otro lado" in said[-1]
        assert pictures(session)[0].service_request_id is None
        threads = session.exec(select(Conversation.state).order_by(col(Conversation.created_at))).all()
        assert list(threads) == ["automatic", "with_agent"]


def by_whatsapp(phone: Phone, provider_id: str, body: str) -> list[str]:
    told = InboundMessage("whatsapp", provider_id, "+5215512345678", "", body, phone.now, sender_kind="whatsapp")
    message = arrivals.receive(phone.session, told, jurisdiction_id=CITY, now=phone.now)
    advance(phone.session, message.conversation_id, now=phone.now)
    return phone.unread()


class TestAPictureOfWhatIsBeingTold:
    """By WhatsApp, while the report is half told by SMS from the same number."""

    def sent(self, phone: Phone, provider_id: str = "W1", body: str = "") -> list[str]:
        return picture(phone, provider_id, channel="whatsapp", body=body, sender="+5215512345678")

    def finished(self, phone: Phone) -> ServiceRequest:
        phone.write("no sé")
        phone.write("no sé")
        return phone.requests[-1]

    @pytest.mark.parametrize("words", ["", "aquí está la foto"])
    def test_it_goes_with_that_report(self, phone: Phone, session: Session, words: str) -> None:
        phone.write("fuga de agua")
        [told] = self.sent(phone, body=words)
        assert told == "Recibimos tu foto: va con el reporte que nos estás contando."
        self.sent(phone, "W2")
        made = self.finished(phone)
        assert [message.service_request_id for message in pictures(session)] == [made.id, made.id]

    def test_after_hours_of_silence_it_is_asked(self, phone: Phone, session: Session) -> None:
        phone.write("fuga de agua")
        phone.now += timedelta(hours=3)
        [asked] = self.sent(phone)
        assert "1 El que estás contando, 2 ninguno." in asked
        assert "va con el reporte" in by_whatsapp(phone, "W2", "sí")[0]
        made = self.finished(phone)
        assert pictures(session)[0].service_request_id == made.id

    def test_with_another_report_of_this_hour_it_is_asked(self, phone: Phone, session: Session) -> None:
        TestAPictureThatComesLater().made(phone)
        phone.write("fuga de agua")
        [asked] = self.sent(phone)
        assert "1 El que estás contando, 2 Bache" in asked
        assert "lo sumamos al reporte" in by_whatsapp(phone, "W2", "2")[0]
        assert pictures(session)[0].service_request_id == phone.requests[0].id
        self.finished(phone)
        assert pictures(session)[0].service_request_id == phone.requests[0].id

    def test_of_none_of_them_it_waits_for_the_next(self, phone: Phone, session: Session) -> None:
        phone.write("fuga de agua")
        phone.now += timedelta(hours=3)
        self.sent(phone)
        by_whatsapp(phone, "W2", "ninguno")
        self.finished(phone)
        assert pictures(session)[0].service_request_id is None

    def test_dropped_meanwhile_it_is_asked_what_it_shows(self, phone: Phone, session: Session) -> None:
        phone.write("fuga de agua")
        phone.now += timedelta(hours=3)
        self.sent(phone)
        phone.write("empezar de nuevo")
        assert by_whatsapp(phone, "W2", "1") == ["Recibimos tu foto. Cuéntanos qué pasa y dónde."]
        by_whatsapp(phone, "W3", "bache en quiosco norte")
        by_whatsapp(phone, "W4", "no sé")
        by_whatsapp(phone, "W5", "no sé")
        by_whatsapp(phone, "W6", "enviar")
        assert pictures(session)[0].service_request_id == phone.requests[-1].id

    def test_somebody_else_s_picture_does_not(self, phone: Phone, session: Session) -> None:
        phone.write("fuga de agua")
        [told] = picture(phone, "W1", channel="whatsapp", sender="+5215587654321")
        assert told == "Recibimos tu foto. Cuéntanos qué pasa y dónde."

    def test_what_was_sent_before_it_went_on_elsewhere_goes_along(self, phone: Phone, session: Session) -> None:
        phone.write("fuga de agua", media=1)
        by_whatsapp(phone, "W1", "continuar")
        by_whatsapp(phone, "W2", "no sé")
        by_whatsapp(phone, "W3", "no sé")
        by_whatsapp(phone, "W4", "enviar")
        assert pictures(session)[0].service_request_id == phone.requests[-1].id


@pytest.mark.database
def test_a_picture_waits_while_the_other_thread_is_busy(committed_city: Engine) -> None:
    with Session(committed_city) as session:
        phone = Phone(session)
        phone.write("fuga de agua")
        session.commit()
    with Session(committed_city) as holder, Session(committed_city) as session:
        actions.held(holder, holder.exec(select(Conversation.id)).one())
        phone = Phone(session)
        with pytest.raises(Unavailable):
            picture(phone, "W1", channel="whatsapp", sender="+5215512345678")
        session.rollback()
        holder.rollback()
        assert "va con el reporte" in picture(phone, "W1", channel="whatsapp", sender="+5215512345678")[-1]
        session.rollback()


def test_a_mistake_seen_after_it_was_made_goes_to_a_person(phone: Phone, session: Session) -> None:
    TestAPictureThatComesLater().made(phone)
    [asked] = phone.write("corregir")
    assert "Escribe qué está mal" in asked
    phone.write("es en la otra esquina")
    assert phone.conversation.state == "with_agent"
    notes = session.exec(select(ServiceRequestEvent.note).where(ServiceRequestEvent.actor_kind == "resident")).all()
    assert "es en la otra esquina" in notes


def test_a_report_begun_by_sms_goes_on_by_whatsapp(phone: Phone, session: Session) -> None:
    phone.write("fuga de agua")
    told = InboundMessage("whatsapp", "W1", "+5215512345678", "", "continuar", phone.now, sender_kind="whatsapp")
    message = arrivals.receive(session, told, jurisdiction_id=CITY, now=phone.now)
    advance(session, message.conversation_id, now=phone.now)
    resumed, asked = phone.unread()
    assert "Seguimos" in resumed
    assert asked.startswith("¿Dónde es?")
    sms = session.exec(select(Conversation).where(Conversation.channel == "sms")).one()
    assert DialogueState.from_json(sms.dialogue).draft is None


def test_with_nothing_begun_that_is_said(phone: Phone) -> None:
    [told] = phone.write("continuar")
    assert "No encontramos un reporte a medias" in told


def test_who_corrects_says_what_belongs_to_which(phone: Phone) -> None:
    step = next_step(DialogueState(step="amend", folio="2648173053", submitted_at=NOW), "es otra calle", context(NOW))
    assert step.effect == AddWords("2648173053", needs_agent=True)


class TestSayingWhatItIsInstead:
    @pytest.mark.parametrize(
        "said",
        [
            "no era bache, era una fuga de agua",
            "me equivoqué, era fuga de agua",
            "cambié de idea, mejor es fuga de agua",
            "sorry, it was a water leak",
        ],
    )
    def test_while_it_is_told_it_takes_the_place_of_the_other(self, said: str) -> None:
        talk = Talk().say("hay un bache").say(said)
        assert talk.keys == ["where"]
        assert talk.state.draft is not None
        assert (talk.state.draft.service_code, talk.state.draft.place_words) == ("FUGA", None)

    def test_the_place_that_was_told_stays(self) -> None:
        chat = Chat().say("hay un bache").say("niebla 20, el carmen").say("no era bache, era una fuga de agua")
        assert chat.keys == ["review"]
        assert "Fuga" in chat.bodies[0]
        assert "Niebla 20" in chat.bodies[0]

    def test_what_names_no_service_is_an_answer_like_any_other(self) -> None:
        talk = Talk().say("hay un bache").say("no es en sabinos, es en niebla 20")
        assert talk.state.draft is None or talk.state.draft.service_code == "BACHE"

    @pytest.mark.parametrize(
        ("said", "key", "needs_agent"),
        [
            ("no era fuga, era coladera", "disputed", True),
            ("quiero cancelar mi reporte", "disputed", True),
            ("me equivoqué, la calle es otra", "disputed", True),
            ("ya no hace falta, ya lo arreglaron", "added", False),
            ("it has been fixed already", "added", False),
        ],
    )
    def test_after_it_was_made_it_goes_to_that_report(self, said: str, key: str, needs_agent: bool) -> None:
        talk = Talk(DialogueState(folio="2648173056", submitted_at=NOW)).say(said)
        assert talk.keys == [key]
        assert talk.step.effect == AddWords("2648173056", needs_agent=needs_agent)

    def test_a_whole_report_is_one_of_its_own(self) -> None:
        state = DialogueState(folio="2648173056", submitted_at=NOW)
        step = Talk(state).say("ya lo arreglaron mal, hay otro bache en niebla 20, el carmen").step
        assert isinstance(step.effect, Submit)


def test_a_place_sent_while_the_service_is_chosen_leaves_the_choice() -> None:
    talk = Talk().say("hay un arbol apunto de caerse sobre mi casa")
    assert talk.keys == ["which"]
    offered = talk.state.services
    talk.say("", shared=Place("Niebla 20", -101.41, 21.87, 100.0, 20))
    assert (talk.keys, talk.state.services) == (["which"], offered)
    assert talk.say("1").keys != ["which"]


def test_my_street_is_no_place_that_nobody_knows() -> None:
    said = "hay una fuga de agua aqui en mi calle y ya lleva 3 dias tirandose el agua"
    assert Talk().say(said).keys == ["where"]
