"""Pages and the links between them."""

import base64
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import time_machine
from sqlmodel import Session
from starlette.testclient import TestClient

from intake.catalog.models import Jurisdiction
from intake.open311.forms import Fields
from intake.open311.paging import DISTANCE, ORDERS, REQUESTED, Cursor, Order, read_cursor, written
from kernel.errors import InvalidInput
from tests.factories import NOW
from tests.intake.open311.asking import errors_of, ids
from tests.intake.open311.test_lists import keep

AN_ID = UUID("01934567-89ab-7def-8123-456789abcdef")


@pytest.fixture(autouse=True)
def at_noon() -> Any:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.mark.parametrize("key", ORDERS)
@pytest.mark.parametrize("is_descending", [True, False])
@pytest.mark.parametrize("is_backward", [True, False])
def test_a_cursor_is_read_as_it_was_written(key: str, is_descending: bool, is_backward: bool) -> None:
    place = 12.345678901234567 if key == DISTANCE else NOW + timedelta(microseconds=7)
    cursor = Cursor(Order(key, is_descending), is_backward, NOW, place, AN_ID)
    assert read_cursor(Fields((("cursor", written(cursor)),))) == cursor


GOOD = written(Cursor(Order(REQUESTED, True), False, NOW, NOW, AN_ID))


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "ñ",
        GOOD[:-4],
        GOOD + "AAAA",
        "A" * 10_000,
        base64.urlsafe_b64encode(b"\xff" * 34).decode(),
        base64.urlsafe_b64encode(b"\x00\x02" + b"\x00" * 32).decode(),
        base64.urlsafe_b64encode(b"\x05\x00" + b"\x00" * 8 + b"\x7f\xf8" + b"\x00" * 22).decode(),
        GOOD[:20] + "*" + GOOD[21:],
    ],
)
def test_another_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidInput):
        read_cursor(Fields((("cursor", cursor),)))


def link_of(response: Any, rel: str) -> str | None:
    found: str | None = response.links.get(rel, {}).get("url")
    return found


def walk(client: TestClient, query: str, rel: str = "next") -> Iterator[Any]:
    """Each page, as a client that follows links meets them."""
    address: str | None = f"requests.json?{query}"
    while address is not None:
        response = client.get(address)
        assert response.status_code == 200, response.text
        yield response
        link = link_of(response, rel)
        address = None if link is None else f"requests.json{link}"


@pytest.mark.database
class TestLinks:
    @pytest.fixture
    def seven(self, session: Session, city: Jurisdiction) -> list[str]:
        """Newest first; three of them at one instant."""
        at = [NOW - timedelta(hours=n if n < 3 else 3 if n < 6 else n) for n in range(7)]
        kept = [(at[n], keep(session, n, at[n])) for n in range(7)]
        same = [folio for when, folio in kept if when == at[3]]
        return [folio for _, folio in kept[:3]] + same[::-1] + [kept[6][1]]

    @pytest.mark.parametrize("size", [1, 2, 3, 7, 8])
    def test_following_next_meets_every_request_once(self, client: TestClient, seven: list[str], size: int) -> None:
        pages = [ids(response) for response in walk(client, f"page_size={size}")]
        assert [folio for page in pages for folio in page] == seven
        assert all(len(page) == size for page in pages[:-1])

    @pytest.mark.parametrize("sort", ["requested_datetime", "-requested_datetime", "updated_datetime"])
    def test_and_prev_goes_the_same_way_back(self, client: TestClient, seven: list[str], sort: str) -> None:
        forth = list(walk(client, f"page_size=2&sort={sort}"))
        there = [ids(response) for response in forth]
        back = link_of(forth[-1], "prev")
        assert back is not None
        again = [ids(response) for response in walk(client, back[1:], "prev")]
        assert again[::-1] == there[:-1]

    def test_the_first_page_has_no_prev_and_the_last_no_next(self, client: TestClient, seven: list[str]) -> None:
        first, *_, last = walk(client, "page_size=3")
        assert set(first.links) == {"first", "next"}
        assert set(last.links) == {"first", "prev"}
        assert set(client.get("requests.json").links) == {"first"}

    def test_back_on_the_first_page_there_is_no_prev(self, client: TestClient, seven: list[str]) -> None:
        _, second, *_ = walk(client, "page_size=3")
        first = client.get("requests.json" + str(link_of(second, "prev")))
        assert ids(first) == seven[:3]
        assert set(first.links) == {"first", "next"}

    def test_a_page_by_number_leads_on_by_link(self, client: TestClient, seven: list[str]) -> None:
        second = client.get("requests.json?page=2&page_size=2")
        assert ids(second) == seven[2:4]
        assert ids(client.get("requests.json" + str(link_of(second, "next")))) == seven[4:6]
        assert ids(client.get("requests.json" + str(link_of(second, "prev")))) == seven[:2]

    def test_what_comes_in_meanwhile_neither_doubles_nor_hides_anything(
        self, client: TestClient, session: Session, seven: list[str]
    ) -> None:
        met = []
        for n, response in enumerate(walk(client, "page_size=2")):
            met += ids(response)
            keep(session, 100 + n, NOW + timedelta(seconds=n + 1))
            keep(session, 200 + n, NOW - timedelta(days=30, seconds=n))
        assert met[:7] == seven
        assert len(set(met)) == len(met)

    def test_the_window_stays_where_the_walk_began(
        self, client: TestClient, session: Session, city: Jurisdiction
    ) -> None:
        edge = [keep(session, n, NOW - timedelta(days=90) + timedelta(seconds=n)) for n in range(3)]
        first = client.get("requests.json?page_size=1")
        with time_machine.travel(NOW + timedelta(minutes=5), tick=False):
            rest = [ids(response) for response in walk(client, str(link_of(first, "next"))[1:])]
        assert [*ids(first), *[folio for page in rest for folio in page]] == edge[::-1]

    def test_a_link_keeps_the_filters_and_nothing_else(self, client: TestClient, seven: list[str]) -> None:
        query = "page_size=2&status=open&service_code=BACHE&api_key=secreta&email=ana%40example.org&page=1&nada=1&q="
        link = link_of(client.get(f"requests.json?{query}"), "next")
        assert link is not None
        names = {pair.partition("=")[0] for pair in link[1:].split("&")}
        assert names == {"page_size", "status", "service_code", "cursor"}

    def test_a_cursor_of_another_order_is_400(self, client: TestClient, seven: list[str], fmt: str) -> None:
        link = link_of(client.get("requests.json?page_size=2"), "next")
        errors_of(client.get(f"requests.{fmt}{link}&sort=updated_datetime"), fmt, 400)
        errors_of(client.get(f"requests.{fmt}?cursor=abc"), fmt, 400)

    def test_both_formats_and_head_have_the_links(self, client: TestClient, seven: list[str]) -> None:
        found = {client.get(f"requests.{fmt}?page_size=2").headers["link"] for fmt in ("json", "xml")}
        assert len(found) == 1
        assert client.head("requests.json?page_size=2").headers["link"] in found

    def test_a_page_reads_them_across_origins(self, client: TestClient, seven: list[str]) -> None:
        exposed = client.get("requests.json").headers["access-control-expose-headers"].lower()
        assert {"link", "x-total-count", "x-total-pages"} <= set(exposed.split(", "))


@pytest.mark.database
class TestTotals:
    @pytest.fixture(autouse=True)
    def five(self, session: Session, city: Jurisdiction) -> None:
        for n in range(5):
            keep(session, n, NOW - timedelta(hours=n), closed=n == 4, is_public=n != 3)

    def test_totals_are_told_when_asked_for(self, client: TestClient, fmt: str) -> None:
        for response in (
            client.get(f"requests.{fmt}?page_size=3&count=true"),
            client.get(f"requests.{fmt}?page_size=3", headers={"prefer": "respond-async, count=exact"}),
        ):
            assert (response.headers["x-total-count"], response.headers["x-total-pages"]) == ("4", "2")

    @pytest.mark.parametrize("query", ["", "count=", "count=false", "count=50"])
    def test_and_only_then(self, client: TestClient, query: str) -> None:
        response = client.get(f"requests.json?{query}", headers={"prefer": "count=estimated"})
        assert response.status_code == 200
        assert "x-total-count" not in response.headers

    def test_they_count_what_the_filters_leave(self, client: TestClient) -> None:
        assert client.get("requests.json?count=true&status=closed").headers["x-total-count"] == "1"
        empty = client.get("requests.json?count=true&service_code=NADA").headers
        assert (empty["x-total-count"], empty["x-total-pages"]) == ("0", "0")

    def test_a_cursor_does_not_change_them(self, client: TestClient) -> None:
        found = {response.headers["x-total-count"] for response in walk(client, "count=true&page_size=2")}
        assert found == {"4"}
