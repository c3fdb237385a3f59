"""How residents are named to staff: recognisable, and never so that somebody could write to them from elsewhere."""

from datetime import UTC, datetime

import pytest
from sqlmodel import Session

from agent_console.contacts import masked
from intake.people import actions as people
from tests.factories import CITY, make_city

NOW = datetime(2026, 11, 26, 18, tzinfo=UTC)


@pytest.mark.parametrize(
    ("kind", "address", "name"),
    [
        ("phone", "+525512345678", "55 •••• 5678"),
        ("telegram", "5012345678", "Telegram 5678"),
        ("telegram", "730001", "Telegram 0001"),
        ("web_chat", "abcdefgh-1", "Chat abcd"),
        ("whatsapp", "+5215512345678", "55 •••• 5678"),
        ("whatsapp", "MX.13491208655302741918", "WhatsApp 1918"),
    ],
)
def test_a_contact_is_named_by_part_of_its_address(session: Session, kind: str, address: str, name: str) -> None:
    make_city(session)
    assert masked(people.find_or_create(session, CITY, kind, address, now=NOW)) == name
