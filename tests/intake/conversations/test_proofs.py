"""Asking in the dialogue that another address count as theirs, and typing the code: on the database, as residents do it."""

from datetime import timedelta

import pytest
from sqlalchemy import Engine
from sqlmodel import Session, col, select

from intake.conversations import arrivals, proofs
from intake.conversations.advance import advance
from intake.conversations.dialogue import other_address
from intake.conversations.dialogue.steps import AskCode
from intake.conversations.models import Conversation, Message
from intake.conversations.values import InboundMessage
from intake.people import actions as people
from intake.people import addresses, codes, same
from intake.people.code_models import ContactCode
from intake.people.models import PersonLink
from kernel import db
from kernel.outbox import OutboxEvent
from tests.factories import CITY, NOW
from tests.intake.conversations.conftest import Phone
from tests.intake.conversations.talk import Talk

pytestmark = pytest.mark.database
OTHER = "+525598765432"


@pytest.fixture(autouse=True)
def only_sms() -> None:
    """Whatever channels another test connected in this process."""
    proofs.configure({"phone": "sms"})


def _code(session: Session) -> ContactCode:
    return session.exec(select(ContactCode).order_by(col(ContactCode.asked_at).desc())).first()  # type: ignore[return-value]  # there is one


def _digits(session: Session) -> str:
    digits = codes.digits_of(session, _code(session).id)
    assert digits
    return digits


def _asked(phone: Phone, words: str = "UNIR 55 9876 5432") -> str:
    """Asks, and lets the job run; the digits."""
    phone.write(words)
    digits = _digits(phone.session)
    proofs.send(phone.session, _code(phone.session).id, now=phone.now)
    phone.unread()
    return digits


def _message_with_code(session: Session) -> Message:
    return session.exec(select(Message).where(Message.author_kind == "proof")).one()


def test_a_resident_links_another_telephone(phone: Phone) -> None:
    session = phone.session
    assert phone.write("UNIR 55 9876 5432") == [
        "Mandamos un código a tu teléfono que termina en 5432. Escribe aquí sus 6 números antes de 10 min."
    ]
    (event,) = session.exec(select(OutboxEvent).where(OutboxEvent.name == "contact_code.asked")).all()
    assert event.payload == {"code_id": str(_code(session).id)}
    digits = _digits(session)
    for _ in range(2):
        proofs.send(session, _code(session).id, now=phone.now)
    (told,) = phone.unread()
    assert told.startswith(
        "•••••• es tu código del 311 de Ciudad Prueba. Lo pidió quien nos escribe por mensaje de texto."
    )
    message = _message_with_code(session)
    assert digits not in str(message.model_dump())
    assert proofs.carried(session, message)[0].startswith(f"{digits} es tu código")
    assert phone.write(digits) == [
        "Listo: tu teléfono que termina en 5432 y esta dirección son de la misma persona. Tus reportes cuentan desde las dos."
    ]
    asker = session.exec(select(Conversation).where(Conversation.id != message.conversation_id)).one()
    assert len(same.contact_points_of(session, asker.person_id)) == 2
    # Sent twice by a nervous thumb: it was heard, and nothing else happens.
    assert phone.write(digits) == ["Ese código ya sirvió: las dos direcciones están unidas."]
    assert len(session.exec(select(PersonLink)).all()) == 1


def test_wrong_used_up_and_expired_ones_are_told_apart(phone: Phone) -> None:
    digits = _asked(phone)
    wrong = [f"{(int(digits) + n) % 1_000_000:06}" for n in range(1, 6)]
    assert phone.write(wrong[0]) == ["Ese código no es. Intentos que te quedan: 4."]
    for typed in wrong[1:4]:
        (told,) = phone.write(f"código {typed[:3]} {typed[3:]}")
    assert told == "Ese código no es. Intentos que te quedan: 1."
    assert phone.write(wrong[4])[0].startswith("Fueron 5 intentos y ese código ya no sirve.")
    assert phone.write(digits)[0].startswith("Fueron 5 intentos y ese código ya no sirve.")
    digits = _asked(phone, "unir 55 9876 5432")
    assert phone.write(digits, after=timedelta(minutes=11))[0].startswith("Ese código ya venció.")
    assert phone.session.exec(select(PersonLink)).all() == []


def test_six_digits_are_ordinary_words_where_no_code_is_open(phone: Phone) -> None:
    (answer,) = phone.write("481730")
    assert "código" not in answer
    _asked(phone)
    (later,) = phone.write("481730", after=timedelta(minutes=61))
    assert "código" not in later


def test_danger_comes_first(phone: Phone) -> None:
    phone.write("unir")
    assert "911" in phone.write("hay un herido, unir 55 9876 5432")[0]
    assert phone.session.exec(select(ContactCode)).all() == []
    digits = _asked(phone)
    assert "911" in phone.write("se está quemando mi casa")[0]
    assert phone.write(digits)[0].startswith("Listo: ")


def test_asked_step_by_step_and_given_up(phone: Phone) -> None:
    assert phone.write("Unir")[0].startswith("¿Qué otra dirección es tuya?")
    assert phone.write("ana@correo.example")[0].startswith("A esa dirección no podemos escribirle ahora")
    phone.write("unir")
    # Nothing that was written while an address was awaited takes notices away.
    assert phone.write("cancelar")[0].startswith("Está bien, no unimos nada.")
    contact = phone.conversation.contact_point_id
    assert not people.is_opted_out(phone.session, contact)
    phone.write("unir")
    assert phone.write("hay un bache en avenida sabinos 214, el carmen")[0].startswith("Listo, recibimos tu reporte.")
    assert phone.write("unir 123")[0] != ""
    assert phone.session.exec(select(ContactCode)).all() == []


@pytest.mark.parametrize("number", ["+1 900 555 0199", "800 123 4567", "12345678"])
def test_no_code_goes_where_somebody_might_earn_by_it(phone: Phone, number: str) -> None:
    assert phone.write(f"UNIR {number}")[0].startswith("No entendimos esa dirección.")
    assert phone.session.exec(select(ContactCode)).all() == []


def test_a_report_that_is_being_told_goes_on(phone: Phone) -> None:
    assert phone.write("hay un bache")[0].startswith("¿Dónde es?")
    digits = _asked(phone)
    told = phone.write(digits)
    assert told[0].startswith("Listo: ")
    assert told[1].startswith("¿Dónde es?")
    assert phone.write("avenida sabinos 214, el carmen")[0].startswith("Listo, recibimos tu reporte.")


def test_where_a_question_wants_a_number_the_code_is_named(phone: Phone) -> None:
    phone.write("se fundió la luz del poste en avenida sabinos 214, el carmen")
    digits = _asked(phone)
    assert (
        phone.session.exec(
            select(Conversation).where(Conversation.id != _message_with_code(phone.session).conversation_id)
        )
        .one()
        .dialogue["step"]
        == "question"
    )
    phone.write(digits)
    assert _code(phone.session).tries == 0
    assert phone.write(f"mi código es {digits}")[0].startswith("Listo: ")


def test_while_a_person_answers_the_code_is_heard(phone: Phone) -> None:
    digits = _asked(phone)
    phone.write("hablar")
    assert phone.write(digits)[0].startswith("Listo: ")
    assert phone.write("¿y ahora?") == []


def test_typed_where_it_was_sent_it_proves_nothing_and_is_not_shown(phone: Phone) -> None:
    digits = _asked(phone)
    there = Phone(phone.session, sender=OTHER, now=phone.now, read=phone.read)
    assert there.write(digits)[0].startswith("Ese código se escribe donde se pidió, no aquí.")
    assert phone.session.exec(select(PersonLink)).all() == []
    bodies = phone.session.exec(select(Message.body)).all()
    assert not [body for body in bodies if digits in body]


def test_an_opt_out_before_it_is_queued_is_obeyed(phone: Phone) -> None:
    phone.write("UNIR 55 9876 5432")
    target = people.find_or_create(phone.session, CITY, "phone", OTHER, now=NOW)
    people.record_consent(phone.session, target.id, purpose="notices", is_granted=False, words="ALTO", now=NOW)
    proofs.send(phone.session, _code(phone.session).id, now=phone.now)
    assert phone.session.exec(select(Message).where(Message.author_kind == "proof")).all() == []
    assert phone.write("unir 55 9876 5432", after=timedelta(minutes=1))[0].startswith(
        "A esa dirección no le escribimos"
    )


def test_a_code_that_is_over_is_not_queued(phone: Phone) -> None:
    phone.write("UNIR 55 9876 5432")
    proofs.send(phone.session, _code(phone.session).id, now=phone.now + timedelta(minutes=10))
    assert phone.session.exec(select(Message).where(Message.author_kind == "proof")).all() == []


def test_two_at_once_ask_for_one_code(committed_city: Engine) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with db.transaction() as session:
        inbound = InboundMessage("telegram", "1", "777", "bot", "Hola", NOW, sender_kind="telegram")
        thread_id = arrivals.receive(session, inbound, jurisdiction_id=CITY, now=NOW).conversation_id

    def ask(_: int) -> object:
        with db.transaction() as session:
            thread = session.get_one(Conversation, thread_id)
            asked = proofs.ask(session, thread, addresses.read_phone(OTHER), "es", now=NOW)
            assert isinstance(asked, ContactCode)
            return asked.id

    with ThreadPoolExecutor(6) as pool:
        assert len(set(pool.map(ask, range(6)))) == 1
    with db.transaction() as session:
        assert len(session.exec(select(OutboxEvent).where(OutboxEvent.name == "contact_code.asked")).all()) == 1


def test_two_at_once_try_five_times_and_not_ten(committed_city: Engine) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with db.transaction() as session:
        inbound = InboundMessage("telegram", "1", "777", "bot", "Hola", NOW, sender_kind="telegram")
        thread_id = arrivals.receive(session, inbound, jurisdiction_id=CITY, now=NOW).conversation_id
        asked = proofs.ask(
            session, session.get_one(Conversation, thread_id), addresses.read_phone(OTHER), "es", now=NOW
        )
        assert isinstance(asked, ContactCode)
        wrong = f"{(int(codes.digits_of(session, asked.id) or '0') + 1) % 1_000_000:06}"

    def guess(_: int) -> str:
        with db.transaction() as session:
            return str(proofs.answer(session, session.get_one(Conversation, thread_id), wrong, now=NOW).verdict)

    with ThreadPoolExecutor(6) as pool:
        told = list(pool.map(guess, range(10)))
    assert sorted(told) == ["used_up"] * 6 + ["wrong"] * 4


@pytest.mark.parametrize(
    ("text", "kind", "address"),
    [
        ("UNIR 55 1234 5678", "phone", "55 1234 5678"),
        ("unir mi whatsapp +52 55 1234 5678 por favor", "whatsapp", "+52 55 1234 5678"),
        ("Quiero unir mi otro correo: ana@correo.example", "email", "ana@correo.example"),
        ("link my email ana@correo.example", "email", "ana@correo.example"),
        ("vincular (55) 1234-5678", "phone", "55) 1234-5678"),
    ],
)
def test_what_asks_for_a_code(text: str, kind: str, address: str) -> None:
    step = Talk().say(text).step
    assert step.effect == AskCode(kind, address)


@pytest.mark.parametrize(
    "text",
    [
        "hay una fuga, mi correo es ana@correo.example",
        "mi otro número es 55 1234 5678",
        "quieren unir la calle 5 con la 12345678 de abril y hay un bache",
        "ana@correo.example",
        "55 1234 5678",
    ],
)
def test_what_does_not(text: str) -> None:
    assert not isinstance(Talk().say(text).step.effect, AskCode)


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("481730", "481730"),
        ("481 730.", "481730"),
        ("Código: 481-730", "481730"),
        ("mi código es 481730", "481730"),
        ("the code is 481730", "481730"),
        ("calle 481730", None),
        ("481730 gracias", None),
        ("26 4817 3053", None),
        ("", None),
    ],
)
def test_what_may_be_a_code(text: str, digits: str | None) -> None:
    assert other_address.typed(text) == digits
    assert other_address.typed("481730", needs_word=True) is None
    assert other_address.typed("código 481730", needs_word=True) == "481730"


def test_nothing_is_done_twice_when_the_job_runs_again(phone: Phone) -> None:
    digits = _asked(phone)
    phone.write(digits)
    asker = phone.session.exec(select(Message).where(Message.body == digits)).one()
    asker.status = "received"  # as if the job had crashed after its effects
    phone.session.flush()
    advance(phone.session, asker.conversation_id, now=phone.now)
    assert len(phone.session.exec(select(PersonLink)).all()) == 1
    assert phone.unread() == []
