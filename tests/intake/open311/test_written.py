"""Items of lists are kept as they were written: never longer than they are true, and never another than would be written now."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from sqlmodel import Session
from starlette.testclient import TestClient

from intake.open311.formats import FORMATS, Written, respond, write_item
from intake.open311.written import Memory
from tests.factories import IN_NORTE
from tests.intake.open311.asking import form, read

_ITEMS: list[dict[str, Any]] = [
    {"service_request_id": "1", "description": "a <b> & \r", "lat": 19.4, "long": 1e-7, "zipcode": None, "address": ""},
    {"service_request_id": "2", "description": "malo \x0b \ufffe \ud800 y ya", "lat": -99.1, "media_url": "x"},
]


@pytest.mark.parametrize("fmt", FORMATS)
@pytest.mark.parametrize("items", [_ITEMS, _ITEMS[:1], []])
def test_items_written_before_make_the_same_answer(fmt: str, items: list[dict[str, Any]]) -> None:
    before = Written([write_item(fmt, "service_requests", item) for item in items])
    assert respond(fmt, "service_requests", before).body == respond(fmt, "service_requests", items).body


def test_memory_keeps_what_is_used_and_never_more_than_it_may() -> None:
    memory: Memory[int, int] = Memory(10)
    for number in range(100):
        memory.keep(number, number)
        assert memory.get(0) == (0 if number else number)
        assert len(memory) <= 10
    assert memory.get(99) == 99
    assert memory.get(50) is None


@pytest.fixture
def folios(client: TestClient) -> list[str]:
    """Newest first."""
    sent = [client.post("requests.json", data=form(description=f"Un hoyo, el {number}")) for number in range(3)]
    return [one.json()[0]["service_request_id"] for one in reversed(sent)]


@pytest.fixture(params=["", "?page_size=3&status=open", "?locale=en", "?bbox={box}", "?sort=updated_datetime"])
def listed(client: TestClient, fmt: str, request: pytest.FixtureRequest) -> Callable[[], Any]:
    """The list, by a walk through squares or without one; asked for once, so that its items are kept."""
    lon, lat = IN_NORTE
    address = f"requests.{fmt}" + request.param.format(box=f"{lon - 0.001},{lat - 0.001},{lon + 0.001},{lat + 0.001}")
    return lambda: read(client.get(address), fmt)


pytestmark = pytest.mark.database


def test_a_list_says_what_each_request_says(
    client: TestClient, folios: list[str], listed: Callable[[], Any], fmt: str
) -> None:
    locale = {"locale": "en"} if "New" in str(listed()) else {}
    ones = [read(client.get(f"requests/{folio}.{fmt}", params=locale), fmt)[0] for folio in folios]
    for _ in range(2):
        assert sorted(listed(), key=str) == sorted(ones, key=str)


def test_every_change_of_a_row_is_seen_at_once(session: Session, folios: list[str], listed: Callable[[], Any]) -> None:
    changes: list[tuple[str, str, Any, str]] = [
        ("public_description", "description", "Dos hoyos", "Dos hoyos"),
        # Again in the same transaction: the same writer, another place.
        ("public_description", "description", "Tres hoyos", "Tres hoyos"),
        ("public_status_notes", "status_notes", "Ya vamos", "Ya vamos"),
        ("photo_id", "media_url", uuid4(), ""),
        ("is_public", "", False, ""),
        ("is_public", "status_notes", True, "Ya vamos"),
    ]
    for column, name, value, said in changes:
        listed()
        session.connection().exec_driver_sql(
            f"UPDATE service_request SET {column} = %(value)s WHERE folio = %(folio)s",
            {"value": value, "folio": folios[1]},
        )
        found = {item["service_request_id"]: item for item in listed()}
        if not name:
            assert folios[1] not in found
        elif said:
            assert found[folios[1]][name] == said
        assert found[folios[0]]["description"] == "Un hoyo, el 2"


def test_another_name_of_the_agency_is_seen_at_once(
    session: Session, folios: list[str], listed: Callable[[], Any]
) -> None:
    for name in ("Obras", "Obras y Parques"):
        session.connection().exec_driver_sql("UPDATE agency SET name = %(name)s", {"name": name})
        assert {item["agency_responsible"] for item in listed()} == {name}


def test_pages_by_cursor_and_back_show_each_request_once(client: TestClient, folios: list[str], fmt: str) -> None:
    for _ in range(2):
        seen, address = [], f"requests.{fmt}?page_size=1"
        back = ""
        while address:
            answer = client.get(address)
            seen += [item["service_request_id"] for item in read(answer, fmt)]
            links = {
                part.split('rel="')[1][:-1]: part.split(">")[0].strip(" <")
                for part in answer.headers["link"].split(",")
            }
            address = f"requests.{fmt}{links['next']}" if "next" in links else ""
            back = f"requests.{fmt}{links['prev']}" if "prev" in links else ""
        assert seen == folios
        assert [item["service_request_id"] for item in read(client.get(back), fmt)] == [folios[1]]
        many = client.get(f"requests.{fmt}{links['prev']}".replace("page_size=1", "page_size=2"))
        assert [item["service_request_id"] for item in read(many, fmt)] == folios[:2]
