from datetime import datetime, timedelta

import pytest
import time_machine
from sqlmodel import col, select

from agent_console import lists
from agent_console.accounts import Viewer
from agent_console.lists import ListFilters
from intake.service_requests import actions
from intake.service_requests.models import ServiceRequest
from intake.service_requests.values import Actor
from kernel import clock
from kernel.errors import InvalidInput
from kernel.folio import spaced
from tests.agent_console.conftest import Console
from tests.factories import IN_SUR

pytestmark = pytest.mark.database
LIST = "/consola/solicitudes"


def _ids(console: Console, viewer: Viewer, filters: ListFilters, now: datetime, limit: int = 50) -> list[str]:
    return [found.folio for found in lists.page_of(console.session, viewer, filters, now=now, limit=limit).requests]


def test_the_list_shows_what_where_who_and_until_when(console: Console) -> None:
    found = console.report("Un hoyo", address_string="Av. Sabinos 214")
    page = console.enter("operator").get(LIST).text
    for text in (
        "Bache en la calle",
        "Av. Sabinos 214, El Carmen, Norte",
        spaced(found.folio),
        "Nuevo",
        "Alcaldía Norte",
    ):
        assert text in page
    assert "quedan" in page


@pytest.mark.parametrize("order", ["due", "newest"])
def test_paging_shows_every_request_once(console: Console, order: str) -> None:
    made = [console.report(f"n{n}").folio for n in range(7)]
    # Equal dates and no date at all must not confuse the cursor.
    rows = console.session.exec(select(ServiceRequest).order_by(col(ServiceRequest.id))).all()
    for row in rows[:3]:
        row.expected_at = row.requested_at = rows[0].requested_at
    rows[4].expected_at = rows[5].expected_at = None
    console.session.flush()
    viewer, now, seen, after = console.viewer("operator"), clock.now(), [], ""
    for _ in range(9):
        page = lists.page_of(console.session, viewer, ListFilters(order=order, after=after), now=now, limit=2)
        seen += [found.folio for found in page.requests]
        after = page.next
        assert page.total == 7
        if not after:
            break
    assert sorted(seen) == sorted(made)


@pytest.mark.parametrize("cursor", ["x", "~", "-~x", "2026-01-01T00:00:00~0199", "2026-01-01~" + "0" * 32])
def test_a_cursor_we_did_not_write_is_refused(console: Console, cursor: str) -> None:
    viewer = console.viewer("operator")
    with pytest.raises(InvalidInput):
        lists.page_of(console.session, viewer, ListFilters(after=cursor), now=clock.now())
    assert console.enter("operator").get(LIST, params={"after": cursor}).status_code == 400


def test_filters_narrow_the_list(console: Console) -> None:
    pothole = console.report()
    leak = console.report(service_code="FUGA", channel="sms")
    south = console.report(point=None)
    viewer, now = console.viewer("operator"), clock.now()
    assert set(_ids(console, viewer, ListFilters(group="agua"), now)) == {leak.folio}
    assert set(_ids(console, viewer, ListFilters(agency="ALC-N"), now)) == {pothole.folio}
    assert set(_ids(console, viewer, ListFilters(channel="sms"), now)) == {leak.folio}
    assert set(_ids(console, viewer, ListFilters(place="unsure"), now)) == {south.folio}
    assert set(_ids(console, viewer, ListFilters(), now)) == {pothole.folio, leak.folio, south.folio}


def test_due_views_follow_the_city_day(console: Console) -> None:
    # 23:30 in the city is 05:30 of the next day in UTC.
    now = datetime.fromisoformat("2026-11-19T23:30:00-06:00")
    folios = {}
    for name, hours in (("late", -1.0), ("today", 0.4), ("tomorrow", 2.0), ("far", 24.0 * 9)):
        found = console.report(name)
        found.expected_at = now + timedelta(hours=hours)
        folios[name] = found.folio
    console.session.flush()
    viewer = console.viewer("operator")
    assert _ids(console, viewer, ListFilters(due="late"), now) == [folios["late"]]
    assert _ids(console, viewer, ListFilters(due="today"), now) == [folios["today"]]
    assert _ids(console, viewer, ListFilters(due="week"), now) == [folios["today"], folios["tomorrow"]]


@pytest.mark.parametrize("words", ["hoyo niño", "NINO HOYÓ", "sabinos", "bache"])
def test_search_is_blind_to_accents_and_case(console: Console, words: str) -> None:
    found = console.report("Un hóyo, se cayó un niño", address_string="Av. Sabinos 3")
    console.report("Otra cosa", service_code="FUGA")
    viewer = console.viewer("operator")
    assert _ids(console, viewer, ListFilters(q=words), clock.now()) == [found.folio]


@pytest.mark.parametrize("q", ["%", "_", "\\", "'", "100%_\\", "<b>", "\0"])
def test_search_takes_any_text(console: Console, q: str) -> None:
    console.report()
    answer = console.enter("operator").get(LIST, params={"q": q})
    assert answer.status_code == 200
    assert "<b>" not in answer.text.split("<main")[1].split("</h1>")[1].split("</div>")[0]


@pytest.mark.parametrize("name", ["status", "due", "agency", "group", "channel", "place", "q", "order", "after"])
def test_a_nul_in_a_filter_is_no_error_of_ours(console: Console, name: str) -> None:
    console.report()
    for path in (LIST, f"{LIST}/vistas"):
        assert console.enter("operator").get(path, params={name: "\0"}).status_code in (200, 400)


def test_a_folio_in_the_search_box_opens_the_request(console: Console) -> None:
    found = console.report()
    answer = console.enter("operator").get(LIST, params={"q": spaced(found.folio), "status": "any"})
    assert answer.headers["location"] == f"{LIST}/{found.folio}"


def test_the_counts_beside_the_views_are_those_of_the_lists(console: Console) -> None:
    for n in range(3):
        console.report(f"{n}")
    closed = console.report("ya")
    actions.change_status(
        console.session, closed.id, life="closed", outcome_code="resolved", actor=Actor("agent"), now=clock.now()
    )
    page = console.enter("operator").get(LIST).text
    side = page.split('<nav class="side"')[1].split("</nav>")[0]
    for name, number in (("Abiertas", 3), ("Nuevas", 3), ("Vencidas", 0), ("Calles", 3), ("Agua", 0)):
        assert f'{name} <span class="n">{number}</span>' in side, name


def test_new_requests_wait_until_somebody_asks_for_them(console: Console) -> None:
    console.report("antes")
    browser = console.enter("operator")
    page = browser.get(LIST).text
    url = page.split('id="arrivals"')[1].split('hx-get="')[1].split('"')[0].replace("&amp;", "&")
    fragment = {"HX-Request": "true"}
    assert "entra en esta vista" not in browser.get(url, headers=fragment).text
    console.report("después")
    assert "1 solicitud nueva entra en esta vista." in browser.get(url, headers=fragment).text
    console.report("otra", service_code="FUGA")
    assert "2 solicitudes nuevas entran en esta vista." in browser.get(url, headers=fragment).text


def test_a_request_whose_transaction_ended_late_is_counted_too(console: Console) -> None:
    browser = console.enter("operator")
    page = browser.get(LIST).text
    url = page.split('id="arrivals"')[1].split('hx-get="')[1].split('"')[0].replace("&amp;", "&")
    with time_machine.travel(clock.now() - timedelta(seconds=10), tick=False):
        console.report("empezó antes de la página")
    assert "1 solicitud nueva" in browser.get(url, headers={"HX-Request": "true"}).text


def test_a_fragment_is_a_part_of_its_page(console: Console) -> None:
    console.report()
    browser = console.enter("operator")
    page = browser.get(LIST).text
    part = browser.get(LIST, headers={"HX-Request": "true"}).text
    assert "<html" not in part
    row = part.split("<tbody")[1].split("</tbody>")[0]
    assert row.split(">", 1)[1].strip() in page


def test_agency_staff_see_their_agency_only(console: Console) -> None:
    north, south = console.report("norte"), console.report("sur", point=_point(IN_SUR))
    browser = console.enter("agency")
    page = browser.get(LIST).text
    assert spaced(north.folio) in page
    assert spaced(south.folio) not in page
    assert 'Abiertas <span class="n">1</span>' in page
    assert spaced(south.folio) not in browser.get(LIST, params={"agency": "ALC-S", "status": "any"}).text


def _point(lonlat: tuple[float, float]) -> object:
    from georef.points import LonLat

    return LonLat(*lonlat)
