"""Contact points are found again, sealed at rest, and their choices kept as evidence."""

from datetime import timedelta

import pytest
from sqlmodel import Session, func, select

from intake.people import actions
from intake.people.models import Consent, ContactPoint, Person
from kernel.errors import InvalidInput
from tests.factories import CITY, NOW, make_city

pytestmark = pytest.mark.database


def test_the_same_address_is_the_same_contact_point(session: Session) -> None:
    make_city(session)
    first = actions.find_or_create(session, CITY, "phone", "+5215512345678", now=NOW)
    again = actions.find_or_create(session, CITY, "phone", "55 1234 5678", now=NOW)
    assert first.id == again.id
    assert first.last_digits == "5678"
    assert session.exec(select(func.count()).select_from(Person)).one() == 1


def test_two_cities_do_not_share_people(session: Session) -> None:
    make_city(session)
    make_city(session, "vecina.gob.example", sms_number=None)
    here = actions.find_or_create(session, CITY, "email", "Rosa@correo.example", now=NOW)
    there = actions.find_or_create(session, "vecina.gob.example", "email", "rosa@CORREO.example", now=NOW)
    assert here.id != there.id
    assert here.person_id != there.person_id


def test_an_address_is_sealed_and_opens_only_through_here(session: Session) -> None:
    make_city(session)
    made = actions.find_or_create(session, CITY, "phone", "+525512345678", now=NOW)
    assert b"12345678" not in made.address_sealed
    assert b"12345678" not in made.lookup
    assert actions.address_of(made) == "+525512345678"


def test_a_wrong_address_leaves_nobody_behind(session: Session) -> None:
    make_city(session)
    with pytest.raises(InvalidInput):
        actions.find_or_create(session, CITY, "phone", "no tengo", now=NOW)
    assert session.exec(select(ContactPoint)).all() == []


def test_the_newest_choice_counts_and_all_are_kept(session: Session) -> None:
    make_city(session)
    made = actions.find_or_create(session, CITY, "phone", "5512345678", now=NOW)
    assert not actions.is_opted_out(session, made.id)
    for minute, (is_granted, words) in enumerate([(False, "ALTO"), (True, "alta"), (False, "Baja.")]):
        at = NOW + timedelta(minutes=minute)
        actions.record_consent(session, made.id, purpose="notices", is_granted=is_granted, words=words, now=at)
        assert actions.is_opted_out(session, made.id) is not is_granted
    assert [row.words for row in session.exec(select(Consent).order_by(Consent.at))] == ["ALTO", "alta", "Baja."]
    assert not actions.is_opted_out(session, made.id, purpose="surveys")
