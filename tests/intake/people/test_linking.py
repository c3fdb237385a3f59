"""One person over several addresses: what links them, what never does, and that undoing gives back what was there."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import Session, select

from intake.conversations import actions as threads
from intake.conversations import arrivals
from intake.conversations.values import InboundMessage
from intake.people import actions, linking, same
from intake.people.models import ContactPoint, Person, PersonLink
from kernel.errors import Conflict, InvalidInput, NotFound
from tests.factories import CITY, NOW, make_city

pytestmark = pytest.mark.database
AMIR = linking.By(uuid4(), "Amir Torres")


def _phone(session: Session, number: int, city: str = CITY) -> ContactPoint:
    return actions.find_or_create(session, city, "phone", f"+52551234{number:04}", now=NOW)


def _link(session: Session, one: ContactPoint, other: ContactPoint) -> PersonLink:
    return linking.link(session, CITY, one.person_id, other.person_id, why="Lo dijo al llamar", by=AMIR, now=NOW)


def _from_telegram(session: Session, chat: str, shared_phone: str | None, city: str = CITY) -> ContactPoint:
    inbound = InboundMessage(
        "telegram", uuid4().hex, chat, "bot", "Hola", NOW, sender_kind="telegram", shared_phone=shared_phone
    )
    arrivals.receive(session, inbound, jurisdiction_id=city, now=NOW)
    return actions.find_or_create(session, city, "telegram", chat, now=NOW)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("link"), st.integers(0, 5), st.integers(0, 5)),
        st.tuples(st.just("prove"), st.integers(0, 5), st.integers(0, 5)),
        st.tuples(st.just("undo"), st.integers(0, 7), st.just(0)),
        st.tuples(st.just("write"), st.integers(0, 5), st.just(0)),
    ),
    max_size=14,
)


def _together(edges: Sequence[tuple[int, int]], count: int) -> list[frozenset[int]]:
    """For each person everybody they are one with: as slowly and plainly as it can be said."""
    known = [{person} for person in range(count)]
    for _ in range(count):
        for one, other in edges:
            both = known[one] | known[other]
            for person in both:
                known[person] = known[person] | both
    return [frozenset(group) for group in known]


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_any_links_and_undos_give_what_the_links_in_force_say(
    session: Session, steps: list[tuple[str, int, int]]
) -> None:
    with session.begin_nested() as undone_afterwards:
        make_city(session, city := f"{uuid4().hex}.example", sms_number=None)
        points = [_phone(session, number, city) for number in range(6)]
        people = [point.person_id for point in points]
        # Whom each thread was made for, and the links in force: (one, other, basis).
        written: dict[UUID, UUID] = {}
        links: list[tuple[PersonLink, tuple[int, int], str]] = []
        proven: set[frozenset[int]] = set()
        in_force: list[bool] = []
        for what, first, second in steps:
            edges = [pair for (_, pair, _), is_on in zip(links, in_force, strict=True) if is_on]
            if what == "write":
                written[threads.open_conversation(session, points[first], "sms", now=NOW).id] = people[first]
            elif what == "undo" and first < len(links):
                row = links[first][0]
                if in_force[first]:
                    linking.undo(session, city, row.id, why="No era", by=AMIR, now=NOW)
                    in_force[first] = False
                else:
                    with pytest.raises(Conflict):
                        linking.undo(session, city, row.id, why="No era", by=AMIR, now=NOW)
            elif what == "link":
                is_one = second in _together(edges, 6)[first]
                try:
                    row = linking.link(session, city, people[first], people[second], why="x", by=AMIR, now=NOW)
                except Conflict:
                    assert is_one
                else:
                    assert not is_one
                    links.append((row, (first, second), "operator"))
                    in_force.append(True)
            elif what == "prove":
                made = linking.prove_phone(session, points[first], actions.address_of(points[second]), now=NOW)
                pair = frozenset((first, second))
                assert (made is None) == (first == second or pair in proven)
                if made is not None:
                    proven.add(pair)
                    links.append((made, (first, second), "shared_phone"))
                    in_force.append(True)
            edges = [pair for (_, pair, _), is_on in zip(links, in_force, strict=True) if is_on]
            for person, group in enumerate(_together(edges, 6)):
                assert set(same.same_person(session, people[person])) == {people[one] for one in group}
                found = {point.id for point in same.contact_points_of(session, people[person])}
                assert found == {points[one].id for one in group}
            for thread, made_for in written.items():
                assert threads.held(session, thread).person_id == made_for
            assert [point.person_id for point in points] == people
        undone_afterwards.rollback()


def test_a_number_that_telegram_says_is_their_own_makes_them_one_person(session: Session) -> None:
    make_city(session)
    by_text = _phone(session, 5678)
    chat = _from_telegram(session, "777", "+525512345678")
    assert chat.id in {point.id for point in same.contact_points_of(session, by_text.person_id)}
    (link,) = same.links_of(session, [chat.person_id])
    assert (link.basis, link.linked_by) == ("shared_phone", None)
    assert link.together == {"people": [str(chat.person_id)], "contact_points": [str(chat.id)]}
    # Whoever shares it again is not linked again, nor against the word of a person.
    _from_telegram(session, "777", "+5215512345678")
    assert len(same.evidence_of(session, [chat.person_id])) == 1
    linking.undo(session, CITY, link.id, why="Es el teléfono de su hija", by=AMIR, now=NOW)
    _from_telegram(session, "777", "+525512345678")
    assert same.same_person(session, chat.person_id) == [chat.person_id]
    (kept,) = same.evidence_of(session, [chat.person_id])
    assert (kept.undone_by, kept.undone_by_name, kept.undone_why) == (*_who(AMIR), "Es el teléfono de su hija")


def _who(by: linking.By) -> tuple[UUID | None, str]:
    return by.id, by.name


def test_a_number_shared_before_they_ever_texted_waits_for_them(session: Session) -> None:
    make_city(session)
    chat = _from_telegram(session, "777", "+525512345678")
    by_text = _phone(session, 5678)
    by_whatsapp = actions.find_or_create(session, CITY, "whatsapp", "+525512345678", now=NOW)
    found = {point.id for point in same.contact_points_of(session, chat.person_id)}
    assert found == {chat.id, by_text.id, by_whatsapp.id}


@pytest.mark.parametrize("shared", [None, "", "hola", "12"])
def test_nothing_that_is_no_number_links_anybody(session: Session, shared: str | None) -> None:
    make_city(session)
    chat = _from_telegram(session, "777", shared)
    assert same.same_person(session, chat.person_id) == [chat.person_id]
    assert session.exec(select(PersonLink)).all() == []


@pytest.mark.parametrize("sender", ["anonymous", "+266696687", "72345", "BANCO"])
def test_machines_and_hidden_numbers_are_nobodys(session: Session, sender: str) -> None:
    make_city(session)
    rosa, nobody = _phone(session, 1), actions.find_or_create(session, CITY, "sender", sender, now=NOW)
    for one, other in ((rosa, nobody), (nobody, rosa)):
        with pytest.raises(InvalidInput):
            _link(session, one, other)
    assert linking.prove_phone(session, nobody, "+525512340001", now=NOW) is None
    with pytest.raises(InvalidInput):
        linking.add_person(session, nobody, "Juan", by=AMIR, now=NOW)
    assert same.same_person(session, rosa.person_id) == [rosa.person_id]


def test_cities_do_not_see_each_others_people(session: Session) -> None:
    make_city(session)
    make_city(session, other := "vecina.gob.example", sms_number=None)
    here, there = _phone(session, 1), _phone(session, 1, other)
    also_here = _phone(session, 2)
    with pytest.raises(NotFound):
        _link(session, here, there)
    link = _link(session, here, also_here)
    with pytest.raises(NotFound):
        linking.undo(session, other, link.id, why="x", by=AMIR, now=NOW)
    assert same.same_person(session, here.person_id) == sorted([here.person_id, also_here.person_id])
    chat = _from_telegram(session, "777", "+525512340001", other)
    assert here.id not in {point.id for point in same.contact_points_of(session, chat.person_id)}


@pytest.mark.parametrize("why", ["", "   ", "\0"])
def test_a_word_is_only_taken_with_its_reason(session: Session, why: str) -> None:
    make_city(session)
    one, other = _phone(session, 1), _phone(session, 2)
    with pytest.raises(InvalidInput):
        linking.link(session, CITY, one.person_id, other.person_id, why=why, by=AMIR, now=NOW)
    link = _link(session, one, other)
    with pytest.raises(InvalidInput):
        linking.undo(session, CITY, link.id, why=why, by=AMIR, now=NOW)
    with pytest.raises(Conflict):
        _link(session, one, one)


def test_a_household_shares_a_telephone_and_keeps_its_names(session: Session) -> None:
    make_city(session)
    home = _phone(session, 1)
    rosa = session.get_one(Person, home.person_id)
    actions.remember_name(session, rosa.id, "Rosa")
    thread = threads.open_conversation(session, home, "sms", now=NOW)
    juan = linking.add_person(session, home, "Juan", by=AMIR, now=NOW)
    assert same.people_at(session, home.id) == sorted([rosa.id, juan.id])
    assert (actions.name_of(rosa), actions.name_of(juan)) == ("Rosa", "Juan")
    # The thread that was there stays hers until somebody says otherwise; the next one is taken for the last's.
    assert threads.held(session, thread.id).person_id == rosa.id
    assert threads.open_conversation(session, home, "whatsapp", now=NOW).person_id == juan.id
    threads.say_who(session, thread.id, rosa.id, now=NOW)
    assert home.person_id == rosa.id
    assert {point.id for point in same.contact_points_of(session, juan.id)} == {home.id}
    with pytest.raises(NotFound):
        threads.say_who(session, thread.id, _phone(session, 2).person_id, now=NOW)
    with pytest.raises(InvalidInput):
        linking.add_person(session, home, " ", by=AMIR, now=NOW)


def test_whom_the_same_agent_added_a_moment_ago_is_not_added_again(session: Session) -> None:
    make_city(session)
    home, olga = _phone(session, 1), linking.By(uuid4(), "Olga")
    juan = linking.add_person(session, home, "Juan", by=AMIR, now=NOW)
    soon, later = NOW + timedelta(seconds=59), NOW + timedelta(minutes=1)
    threads.say_who(session, threads.open_conversation(session, home, "sms", now=NOW).id, juan.id, now=NOW)
    assert linking.add_person(session, home, "JUÁN ", by=AMIR, now=soon).id == juan.id
    others = [
        linking.add_person(session, home, "Ana", by=AMIR, now=soon),
        linking.add_person(session, home, "Juan", by=olga, now=soon),
        linking.add_person(session, _phone(session, 2), "Juan", by=AMIR, now=soon),
        linking.add_person(session, home, "Juan", by=AMIR, now=later),
    ]
    assert len({person.id for person in (juan, *others)}) == 5


def test_of_two_who_take_a_thread_at_once_one_gets_it(session: Session) -> None:
    make_city(session)
    thread = threads.open_conversation(session, _phone(session, 1), "sms", now=NOW)
    olga, amir = uuid4(), uuid4()
    threads.take(session, thread.id, amir, "Amir", seen=None, now=NOW)
    with pytest.raises(Conflict, match="La tomó Amir"):
        threads.take(session, thread.id, olga, "Olga", seen=None, now=NOW)
    assert (thread.state, thread.taken_by) == ("with_agent", amir)
    threads.take(session, thread.id, olga, "Olga", seen=amir, now=NOW)
    assert (thread.taken_by, thread.taken_by_name) == (olga, "Olga")
    threads.hand_back(session, thread.id, now=NOW)
    assert (thread.state, thread.taken_by, thread.waiting_since) == ("automatic", None, None)
