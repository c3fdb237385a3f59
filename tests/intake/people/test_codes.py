"""Proof by a one-time code on the database: what it links, what it never does, and how often it may be asked for."""

from datetime import timedelta
from uuid import uuid4

import pytest
from sqlmodel import Session, select

from intake.people import actions, addresses, codes, linking, same
from intake.people.code_models import ContactCode
from intake.people.codes import Refusal
from intake.people.linking import PROOF, By
from intake.people.models import ContactPoint, Person, PersonLink
from intake.people.proving import LIVES_FOR, MOST_TRIES
from kernel import crypto
from tests.factories import CITY, NOW, make_city

pytestmark = pytest.mark.database
AMIR = By(uuid4(), "Amir Torres")
HOME = "+525512345678"


def _chat(session: Session, chat: str = "777") -> ContactPoint:
    return actions.find_or_create(session, CITY, "telegram", chat, now=NOW)


def _ask(session: Session, asker: ContactPoint, address: str = HOME, by: By = PROOF, minutes: float = 0) -> object:
    kind, channel = ("email", "email") if "@" in address else ("phone", "sms")
    return codes.ask(
        session,
        asker,
        asker.person_id,
        addresses.read(kind, address),
        channel=channel,
        asked_on="telegram",
        language="es",
        by=by,
        now=NOW + timedelta(minutes=minutes),
    )


def _asked(session: Session, asker: ContactPoint, address: str = HOME, **more: object) -> ContactCode:
    made = _ask(session, asker, address, **more)  # type: ignore[arg-type]  # as above
    assert isinstance(made, ContactCode), made
    return made


def _digits(session: Session, code: ContactCode) -> str:
    found = codes.digits_of(session, code.id)
    assert found
    return found


def _other(digits: str) -> str:
    return f"{(int(digits) + 1) % 1_000_000:06}"


def _answer(session: Session, asker: ContactPoint, typed: str, by: By = PROOF, minutes: float = 1) -> codes.Answer:
    return codes.answer(session, [asker.id], typed, by=by, now=NOW + timedelta(minutes=minutes))


def test_the_right_code_links_with_its_evidence_and_is_undone(session: Session) -> None:
    make_city(session)
    chat = _chat(session)
    code = _asked(session, chat)
    digits = _digits(session, code)
    phone = actions.find_or_create(session, CITY, "phone", HOME, now=NOW)
    assert same.same_person(session, chat.person_id) == [chat.person_id]
    told = _answer(session, chat, digits)
    assert (told.verdict, told.target and told.target.id) == ("right", phone.id)
    assert {chat.id, phone.id} <= {point.id for point in same.contact_points_of(session, chat.person_id)}
    (link,) = same.links_of(session, [chat.person_id])
    assert (link.basis, link.linked_by, code.link_id, code.state) == ("code", None, link.id, "proved")
    linking.undo(session, CITY, link.id, why="No era", by=AMIR, now=NOW)
    assert same.same_person(session, chat.person_id) == [chat.person_id]
    # A proof of one's own does not stand against an agent's word; the agent may ask again.
    assert _ask(session, chat, minutes=2) == Refusal("undone")
    again = _asked(session, chat, by=AMIR, minutes=2)
    assert _answer(session, chat, _digits(session, again), by=AMIR, minutes=3).verdict == "right"
    assert len(same.links_of(session, [chat.person_id])) == 1


def test_the_digits_are_nowhere_to_be_read(session: Session) -> None:
    make_city(session)
    chat = _chat(session)
    code = _asked(session, chat)
    digits = _digits(session, code)
    assert digits.encode() not in code.code_hash + (code.code_sealed or b"")
    assert code.code_hash != crypto.vault().lookup("contact_code", digits)
    _answer(session, chat, digits)
    assert code.code_sealed is None
    assert codes.digits_of(session, code.id) is None


def test_a_wrong_one_links_nobody_and_the_fifth_ends_it(session: Session) -> None:
    make_city(session)
    chat = _chat(session)
    digits = _digits(session, _asked(session, chat))
    for left in range(MOST_TRIES - 1, 0, -1):
        told = _answer(session, chat, _other(digits))
        assert (told.verdict, told.left) == ("wrong", left)
    assert _answer(session, chat, _other(digits)).verdict == "used_up"
    assert _answer(session, chat, digits).verdict == "used_up"
    assert session.exec(select(PersonLink)).all() == []


def test_after_ten_minutes_the_right_one_is_too_late(session: Session) -> None:
    make_city(session)
    chat = _chat(session)
    code = _asked(session, chat)
    digits = _digits(session, code)
    assert _answer(session, chat, digits, minutes=10).verdict == "expired"
    assert session.exec(select(PersonLink)).all() == []
    assert (code.state, code.code_sealed) == ("expired", None)


def test_a_code_that_nobody_typed_is_forgotten(session: Session) -> None:
    make_city(session)
    code = _asked(session, _chat(session))
    codes.expire(session, now=NOW + LIVES_FOR - timedelta(seconds=1))
    session.refresh(code)
    assert code.state == "open"
    codes.expire(session, now=NOW + LIVES_FOR)
    session.refresh(code)
    assert (code.state, code.code_sealed) == ("expired", None)


def test_a_new_one_replaces_the_old_and_two_at_once_are_one(session: Session) -> None:
    make_city(session)
    chat = _chat(session)
    first = _asked(session, chat)
    old = _digits(session, first)
    assert _asked(session, chat, minutes=0.1).id == first.id
    second = _asked(session, chat, minutes=2)
    session.refresh(first)
    assert (first.state, first.code_sealed, second.state) == ("replaced", None, "open")
    new = _digits(session, second)
    if old != new:
        assert _answer(session, chat, old, minutes=3).verdict == "wrong"
    assert _answer(session, chat, new, minutes=3).verdict == "right"
    assert _answer(session, chat, new, minutes=3).verdict == "over"
    assert len(session.exec(select(PersonLink)).all()) == 1


def test_a_guess_counts_at_every_open_code(session: Session) -> None:
    make_city(session)
    chat = _chat(session)
    one, two = _asked(session, chat), _asked(session, chat, "ana@correo.example")
    wrong = next(f"{n:06}" for n in range(3) if f"{n:06}" not in (_digits(session, one), _digits(session, two)))
    _answer(session, chat, wrong)
    assert (one.tries, two.tries) == (1, 1)
    assert _answer(session, chat, _digits(session, two)).verdict == "right"
    assert (one.state, one.tries, two.state) == ("open", 1, "proved")


def test_nobody_else_can_type_it(session: Session) -> None:
    make_city(session)
    chat, stranger = _chat(session), _chat(session, "888")
    code = _asked(session, chat)
    digits = _digits(session, code)
    assert _answer(session, stranger, digits).verdict == "none"
    # Nor whoever it was sent to, where it was sent: that shows nothing about who asked.
    target = session.get_one(ContactPoint, code.target_id)
    assert _answer(session, target, digits).verdict == "none"
    assert codes.look(session, target.id, digits, now=NOW) == "elsewhere"
    assert codes.look(session, target.id, _other(digits), now=NOW) == ""
    assert codes.look(session, stranger.id, digits, now=NOW) == ""
    assert code.tries == 0


def test_what_is_not_asked_for(session: Session) -> None:
    make_city(session)
    chat = _chat(session)
    home = actions.find_or_create(session, CITY, "phone", HOME, now=NOW)
    whatsapp = actions.find_or_create(session, CITY, "whatsapp", HOME, now=NOW)
    assert _ask(session, home) == Refusal("own")
    assert _ask(session, whatsapp) == Refusal("already")
    machine = actions.find_or_create(session, CITY, "sender", "72345", now=NOW)
    assert _ask(session, machine) == Refusal("nobodys")
    actions.record_consent(session, home.id, purpose="notices", is_granted=False, words="ALTO", now=NOW)
    assert _ask(session, chat) == Refusal("opted_out")
    assert session.exec(select(ContactCode)).all() == []


def test_an_address_is_not_flooded_by_many_nor_many_by_one(session: Session) -> None:
    make_city(session)
    for number in range(codes.MOST_TO_ADDRESS):
        _asked(session, _chat(session, f"70{number}"))
    assert _ask(session, _chat(session, "799"), minutes=20) == Refusal("too_many", 40)
    assert isinstance(_ask(session, _chat(session, "799"), minutes=61), ContactCode)
    chat = _chat(session)
    for number in range(codes.MOST_FROM_ASKER):
        _asked(session, chat, f"+52551234{number:04}")
    assert _ask(session, chat, "+525512349999") == Refusal("too_many", 60)
    # An agent asks for many people, and is no resident who asks too often.
    assert isinstance(_ask(session, chat, "+525512349999", by=AMIR), ContactCode)


def test_a_household_is_not_one_person_by_a_code(session: Session) -> None:
    make_city(session)
    home = actions.find_or_create(session, CITY, "phone", HOME, now=NOW)
    actions.remember_name(session, home.person_id, "Rosa Cruz")
    juan = linking.add_person(session, home, "Juan Cruz", by=AMIR, now=NOW)
    chat = _chat(session)
    actions.remember_name(session, chat.person_id, "Lucía")
    code = _asked(session, chat)
    assert _answer(session, chat, _digits(session, code)).verdict == "right"
    # She uses that telephone too; neither Rosa nor Juan is she, and who used it last has not changed.
    assert home.id in {point.id for point in same.contact_points_of(session, chat.person_id)}
    there = same.people_at(session, home.id)
    assert len(there) == 3
    assert home.person_id == juan.id
    (lucia,) = set(there) & set(same.same_person(session, chat.person_id))
    assert actions.name_of(session.get_one(Person, lucia)) == "Lucía"
    (link,) = same.links_of(session, [chat.person_id])
    linking.undo(session, CITY, link.id, why="Era su vecina", by=AMIR, now=NOW)
    assert home.id not in {point.id for point in same.contact_points_of(session, chat.person_id)}
    again = _asked(session, chat, by=AMIR, minutes=2)
    assert _answer(session, chat, _digits(session, again), by=AMIR, minutes=3).verdict == "right"
    assert len(same.people_at(session, home.id)) == 3


@pytest.mark.parametrize(
    ("here", "there", "are_one"),
    [("", "Rosa", True), ("Rosa", "", True), ("Rosa Cruz", "rosa", True), ("Juan", "Rosa", False)],
)
def test_who_told_another_name_is_another_person_with_the_same_telephone(
    session: Session, here: str, there: str, are_one: bool
) -> None:
    make_city(session)
    home, chat = actions.find_or_create(session, CITY, "phone", HOME, now=NOW), _chat(session)
    actions.remember_name(session, home.person_id, there)
    actions.remember_name(session, chat.person_id, here)
    _answer(session, chat, _digits(session, _asked(session, chat)))
    assert (home.person_id in same.same_person(session, chat.person_id)) is are_one
    assert home.id in {point.id for point in same.contact_points_of(session, chat.person_id)}


def test_linked_meanwhile_by_a_word_it_is_right_and_links_nothing_more(session: Session) -> None:
    make_city(session)
    chat = _chat(session)
    code = _asked(session, chat)
    target = session.get_one(ContactPoint, code.target_id)
    linking.link(session, CITY, chat.person_id, target.person_id, why="Lo dijo", by=AMIR, now=NOW)
    assert _answer(session, chat, _digits(session, code)).verdict == "right"
    assert len(session.exec(select(PersonLink)).all()) == 1
    assert code.link_id is None
