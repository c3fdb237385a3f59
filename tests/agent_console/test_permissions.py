"""Who may reach what: every route of the console, for everybody who should not."""

import re
from uuid import UUID, uuid4

import pytest
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient
from sqlmodel import select

from agent_console.models import ConsoleUser
from agent_console.pages import (
    account,
    api_keys,
    conversations,
    desk,
    payloads,
    public_text,
    queue,
    service_request,
    sign_in,
    staff,
    webhooks,
    whatif,
)
from agent_console.pages.calls import page as calls_page
from intake.conversations import actions as threads
from intake.conversations import arrivals
from intake.conversations.models import Message
from intake.conversations.values import InboundMessage
from intake.service_requests.models import ServiceRequest
from intake.service_requests.values import Reporter
from kernel import clock
from tests.agent_console.conftest import Console
from tests.factories import CITY, IN_SUR, make_city

pytestmark = pytest.mark.database
PAGES = (account, api_keys, conversations, desk, payloads, public_text, queue, service_request, staff, webhooks, whatif)
ROUTES = [
    (method, route.path)
    for page in PAGES
    for route in page.router.routes
    if isinstance(route, APIRoute)
    for method in sorted(route.methods)
]


def _fill(path: str, ids: dict[str, object]) -> str:
    return "/consola" + re.sub(r"\{(\w+)(:\w+)?\}", lambda match: str(ids[match[1]]), path)


def _ids(found: ServiceRequest, conversation_id: UUID, message_id: UUID, user_id: UUID) -> dict[str, object]:
    return {
        "folio": found.folio,
        "service_request_id": found.id,
        "conversation_id": conversation_id,
        "message_id": message_id,
        "user_id": user_id,
        "key_id": uuid4(),
        "webhook_id": uuid4(),
        "delivery_id": uuid4(),
        "draft_id": uuid4(),
        "payload_id": uuid4(),
        "offer_id": uuid4(),
        "item_id": uuid4(),
        "agent_id": uuid4(),
        "reason": "meal",
        "act": "espera",
        "name": "changes.csv",
    }


def _thread(console: Console, city: str = CITY, phone: str = "+525512345678") -> Message:
    inbound = InboundMessage(
        "sms", f"SM{uuid4().hex}", phone, "+525500000311", "Quiero hablar con alguien", clock.now()
    )
    message = arrivals.receive(console.session, inbound, jurisdiction_id=city, now=clock.now())
    threads.hand_to_agent(console.session, threads.held(console.session, message.conversation_id), now=clock.now())
    console.session.flush()
    return message


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_every_route_asks_who_is_there(console: Console, method: str, path: str) -> None:
    ids = _ids(console.report(), uuid4(), uuid4(), uuid4())
    answer = console.anonymous().client.request(method, _fill(path, ids))
    assert answer.status_code == 303, (path, answer.status_code)
    assert answer.headers["location"].startswith("/consola/entrar")


@pytest.mark.parametrize("path", sorted({path for _, path in ROUTES if "{" in path}))
def test_a_nul_in_an_address_finds_nothing(console: Console, path: str) -> None:
    browser, here = console.enter("admin"), "/consola" + re.sub(r"\{[^}]+\}", "%00", path)
    assert browser.get(here).status_code in (404, 405)
    assert browser.client.post(here).status_code in (404, 405)


@pytest.mark.parametrize("path", [path for method, path in ROUTES if method == "POST"])
@pytest.mark.parametrize("token", ["", "0" * 64, "ñ"])
def test_every_form_needs_its_token(console: Console, path: str, token: str) -> None:
    found = console.report()
    browser = console.enter("admin")
    message = _thread(console)
    url = _fill(path, _ids(found, message.conversation_id, message.id, console.users["operator"]))
    fields = {
        "csrf": token,
        "life": "closed",
        "version": "1",
        "text": "x",
        "lang": "en",
        "arrived": "true",
        "allowed": "false",
    }
    assert browser.client.post(url, data=fields).status_code == 403
    assert browser.get("/consola/solicitudes").status_code == 200
    assert console.fresh(found).life == "new"


def test_another_persons_token_is_worth_nothing(console: Console) -> None:
    found = console.report()
    page = console.enter("supervisor").get(f"/consola/solicitudes/{found.folio}").text
    stolen = re.search(r'name="csrf" value="([^"]+)"', page)
    assert stolen
    browser = console.enter("operator")
    fields = {"csrf": stolen[1], "mode": "note", "text": "x"}
    assert browser.client.post(f"/consola/solicitudes/{found.folio}/respuesta", data=fields).status_code == 403


def test_a_form_from_another_site_is_refused(console: Console) -> None:
    found = console.report()
    browser = console.enter("operator")
    page = browser.get(f"/consola/solicitudes/{found.folio}").text
    csrf = re.search(r'name="csrf" value="([^"]+)"', page)
    assert csrf
    answer = browser.client.post(
        f"/consola/solicitudes/{found.folio}/respuesta",
        data={"csrf": csrf[1], "mode": "note", "text": "x"},
        headers={"Sec-Fetch-Site": "cross-site"},
    )
    assert answer.status_code == 403


@pytest.mark.parametrize("path", [path for _, path in ROUTES if "{folio}" in path or "{service_request_id}" in path])
def test_agency_staff_cannot_reach_another_agencys_request(console: Console, path: str) -> None:
    from georef.points import LonLat

    theirs = console.report("sur", point=LonLat(*IN_SUR))
    _refuses(console, "agency", path, theirs)


@pytest.mark.parametrize("path", [path for _, path in ROUTES if "{folio}" in path or "{service_request_id}" in path])
def test_nobody_reaches_another_citys_request(console: Console, path: str) -> None:
    other = "otra.gob.example"
    make_city(console.session, other, sms_number="+525500000312")
    theirs = console.report("otra ciudad", jurisdiction_id=other)
    for role in ("operator", "supervisor", "admin"):
        _refuses(console, role, path, theirs)


def _refuses(console: Console, role: str, path: str, theirs: ServiceRequest) -> None:
    browser, mine = console.enter(role), console.report("mía")
    page = browser.get(f"/consola/solicitudes/{mine.folio}").text
    csrf = re.search(r'name="csrf" value="([^"]+)"', page)
    assert csrf
    url = _fill(path, _ids(theirs, uuid4(), uuid4(), uuid4()))
    method = "POST" if ("POST", path) in ROUTES else "GET"
    fields = {"csrf": csrf[1], "life": "closed", "version": "1", "outcome_code": "resolved", "note": "x", "text": "x"}
    answer = browser.client.request(method, url, data=fields | {"arrived": "true"} if method == "POST" else None)
    assert answer.status_code == 404, (role, path)
    assert theirs.description not in answer.text
    assert console.fresh(theirs).life == "new"


def test_what_is_not_there_is_a_page_of_the_console_in_both_languages(console: Console) -> None:
    browser = console.enter("operator")
    for language, title in (("es", "No encontramos esta página"), ("en", "We did not find this page")):
        answer = browser.client.get("/consola/nada", headers={"accept-language": language})
        assert answer.status_code == 404
        assert f"<h1>{title}</h1>" in answer.text
        assert "/consola/static/pages.css" in answer.text
        assert 'class="btn primary" href="/consola/solicitudes"' in answer.text


def test_agency_staff_read_and_settle_only_their_part_of_a_shared_thread(console: Console) -> None:
    """One resident, one thread, two requests of two agencies: each agency sees what was said to it, and nothing else."""
    from georef.points import LonLat

    said = {
        "mine": "Hay un bache en la entrada",
        "theirs": "Mi vecino tira basura en la esquina",
        "operators": "No quiero que sepan que fui yo",
    }
    messages = {}
    for who, body in said.items():
        messages[who] = _thread(console)
        messages[who].body = body
    thread = threads.held(console.session, messages["mine"].conversation_id)
    reported = {"reporter": Reporter(thread.person_id, thread.contact_point_id), "conversation_id": thread.id}
    mine = console.report("Bache", channel="sms", **reported)
    theirs = console.report("Basura", channel="sms", point=LonLat(*IN_SUR), **reported)
    assert mine.agency_code != theirs.agency_code
    messages["mine"].service_request_id, messages["theirs"].service_request_id = mine.id, theirs.id
    unsure = {}
    for who, about in {"mine": mine.id, "theirs": theirs.id, "operators": None}.items():
        unsure[who] = threads.queue_message(
            console.session,
            thread.id,
            f"Respuesta: {who}",
            client_ref=who,
            author_kind="dialogue",
            service_request_id=about,
            now=clock.now(),
        )
        unsure[who].status = "uncertain"
    console.session.flush()
    browser, url = console.enter("agency"), f"/consola/solicitudes/{mine.folio}"
    for page in (browser.get(url).text, browser.get(url + "/historia").text):
        assert said["mine"] in page
        assert "Respuesta: mine" in page
        for other in ("theirs", "operators"):
            assert said[other] not in page
            assert f"Respuesta: {other}" not in page
    # What no report claims is shown with the newest one: to the centre only.
    assert said["operators"] in console.enter("operator").get(f"/consola/solicitudes/{theirs.folio}").text
    csrf = re.search(r'name="csrf" value="([^"]+)"', browser.get(url).text)
    assert csrf
    for who, status in {"mine": 303, "theirs": 404, "operators": 404}.items():
        settle = f"{url}/mensajes/{unsure[who].id}"
        answer = browser.client.post(settle, data={"csrf": csrf[1], "arrived": "true"})
        assert answer.status_code == status, who
        assert console.fresh(unsure[who]).status == ("sent" if who == "mine" else "uncertain")


def test_threads_are_for_the_centre_and_for_the_city(console: Console) -> None:
    message = _thread(console)
    mine = f"/consola/conversaciones/{message.conversation_id}"
    assert console.enter("operator").get(mine).status_code == 200
    for url in ("/consola/conversaciones", mine):
        assert console.enter("agency").get(url).status_code == 404
    other = "otra.gob.example"
    make_city(console.session, other, sms_number="+525500000312")
    theirs = _thread(console, other)
    assert console.enter("operator").get(f"/consola/conversaciones/{theirs.conversation_id}").status_code == 404
    assert str(theirs.conversation_id) not in console.enter("operator").get("/consola/conversaciones").text


@pytest.mark.parametrize("role", ["operator", "supervisor", "agency"])
def test_the_staff_page_is_for_administrators(console: Console, role: str) -> None:
    browser = console.enter(role)
    assert browser.get("/consola/personal").status_code == 404
    assert "/consola/personal" not in browser.get("/consola/solicitudes").text


def test_an_administrator_cannot_touch_another_citys_account(console: Console) -> None:
    other = "otra.gob.example"
    make_city(console.session, other, sms_number="+525500000312")
    theirs = ConsoleUser(jurisdiction_id=other, email="x@otra.example", name="X", role="operator", password_hash="-")
    console.session.add(theirs)
    console.session.flush()
    browser = console.enter("admin")
    page = browser.get("/consola/personal").text
    assert "x@otra.example" not in page
    csrf = re.search(r'name="csrf" value="([^"]+)"', page)
    assert csrf
    answer = browser.client.post(f"/consola/personal/{theirs.id}", data={"csrf": csrf[1], "allowed": "false"})
    assert answer.status_code == 404
    assert console.fresh(theirs).disabled_at is None


HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(2)>{{7*7}}'


def test_what_residents_write_is_never_markup(console: Console) -> None:
    found = console.report(HOSTILE, address_string=HOSTILE)
    user = console.session.exec(select(ConsoleUser).where(ConsoleUser.role == "operator")).one()
    user.name = HOSTILE
    console.session.flush()
    browser = console.enter("operator")
    browser.send(
        f"/consola/solicitudes/{found.folio}",
        f"/consola/solicitudes/{found.folio}/respuesta",
        mode="note",
        text=HOSTILE,
    )
    for url in ("/consola/solicitudes", f"/consola/solicitudes/{found.folio}", f"/consola/solicitudes?q={HOSTILE}"):
        page = browser.get(url).text
        assert "<script>alert" not in page
        assert "<img src=x" not in page
        assert "{{7*7}}" not in page or "49" not in page.split("{{7*7}}")[0][-20:]


def test_no_phone_number_leaves_the_server_in_full(console: Console) -> None:
    message = _thread(console, phone="+525512345678")
    thread = threads.held(console.session, message.conversation_id)
    found = console.report(
        "Fuga",
        channel="sms",
        reporter=Reporter(thread.person_id, thread.contact_point_id),
        conversation_id=thread.id,
    )
    for role in ("operator", "agency", "supervisor", "admin"):
        browser = console.enter(role)
        urls = ["/consola/solicitudes", f"/consola/solicitudes/{found.folio}"]
        urls += ["/consola/conversaciones", f"/consola/conversaciones/{thread.id}"] if role != "agency" else []
        for url in urls:
            page = browser.get(url)
            assert page.status_code == 200
            assert "5512345678" not in re.sub(r"\D+", "", re.sub(r"[0-9a-f-]{20,}", "", page.text))
        assert "55 •••• 5678" in browser.get(f"/consola/solicitudes/{found.folio}").text


def test_every_answer_carries_the_strict_headers(console: Console) -> None:
    browser = console.enter("operator")
    for url in ("/consola/solicitudes", "/consola/entrar", "/consola/nada", "/consola/static/console.css"):
        headers = browser.get(url).headers
        assert "script-src 'self'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-frame-options"] == "DENY"
        assert headers["x-content-type-options"] == "nosniff"
    assert browser.get("/consola/solicitudes").headers["cache-control"] == "no-store"


def test_no_page_needs_an_inline_script_or_style(console: Console) -> None:
    found = console.report()
    browser = console.enter("admin")
    for url in (
        "/consola/entrar",
        "/consola/solicitudes",
        f"/consola/solicitudes/{found.folio}",
        "/consola/personal",
        "/consola/llaves",
    ):
        page = browser.get(url).text
        assert not re.search(r"<script(?![^>]*\bsrc=)", page), url
        assert not re.search(r"\sstyle=|<style|\son[a-z]+=", page), url


assert sign_in.router  # the one page that is open to everybody


@pytest.mark.parametrize(
    ("language", "told"), [("es", "Algo falló de nuestro lado"), ("en", "Something failed on our side")]
)
def test_a_fault_of_ours_is_a_page_too(
    console: Console, monkeypatch: pytest.MonkeyPatch, language: str, told: str
) -> None:
    def broken(*_: object) -> list[object]:
        raise RuntimeError("nobody foresaw this")

    monkeypatch.setattr(calls_page, "going_on", broken)
    entered = console.enter("supervisor").client
    client = TestClient(entered.app, raise_server_exceptions=False, cookies=entered.cookies)
    answer = client.get("/consola/llamadas", headers={"accept-language": language})
    assert answer.status_code == 500
    assert told in answer.text
    assert "Atiende" in answer.text
    assert "nobody foresaw" not in answer.text
