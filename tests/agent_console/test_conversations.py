"""The inbox and the page of one person over all their channels: who sees what, and that nothing is sent or linked by chance."""

import re
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlmodel import select

from agent_console.models import ReplyDraft
from channels import registry
from intake.conversations import actions as threads
from intake.conversations import arrivals, filing
from intake.conversations.models import Conversation, Message
from intake.conversations.values import Choice, InboundMessage, SharedPlace
from intake.people import actions as people
from intake.people import linking, same
from intake.service_requests.models import ServiceRequestEvent
from intake.service_requests.values import Actor, Reporter
from kernel import clock
from tests.agent_console.conftest import Console, settings
from tests.factories import CITY, IN_SUR, make_city

pytestmark = pytest.mark.database
INBOX = "/consola/conversaciones"
ROSA = "+525512345678"


def _write(
    console: Console, body: str = "Hola", sender: str = ROSA, channel: str = "sms", city: str = CITY, **values: object
) -> Message:
    kind = {"sms": "sender"}.get(channel, channel)
    inbound = InboundMessage(channel, uuid4().hex, sender, "us", body, clock.now(), sender_kind=kind, **values)  # type: ignore[arg-type]  # of one message
    return arrivals.receive(console.session, inbound, jurisdiction_id=city, now=clock.now())


def _asks(console: Console, body: str = "Quiero hablar con alguien", **values: object) -> Conversation:
    message = _write(console, body, **values)  # type: ignore[arg-type]  # as above
    thread = threads.held(console.session, message.conversation_id)
    threads.hand_to_agent(console.session, thread, now=clock.now())
    console.session.flush()
    return thread


def _url(thread: Conversation) -> str:
    return f"{INBOX}/{thread.id}"


def _order(page: str) -> list[str]:
    return re.findall(r'id="t-([0-9a-f-]{36})"', page)


def test_who_waits_longest_comes_first_and_pages_lose_nobody(console: Console) -> None:
    from agent_console.pages.conversations import inbox
    from agent_console.pages.conversations.inbox import InboxFilters

    waiting = [_asks(console, sender=f"+52551234{number:04}") for number in range(5)]
    answered = [_asks(console, sender=f"+52551235{number:04}") for number in range(3)]
    for minutes, thread in enumerate(reversed(waiting)):
        thread.waiting_since = clock.now() - timedelta(minutes=10 * (minutes + 1))
    for minutes, thread in enumerate(answered):
        thread.waiting_since, thread.last_message_at = None, clock.now() - timedelta(minutes=minutes)
    console.session.flush()
    wanted = [str(thread.id) for thread in (*waiting, *answered)]
    assert _order(console.enter("operator").get(INBOX).text) == wanted
    viewer = console.viewer("operator")
    for size in (1, 2, 3, 5, 8, 9):
        seen: list[str] = []
        filters: InboxFilters | None = InboxFilters()
        while filters is not None:
            page = inbox.page_of(console.session, viewer, filters, clock.now(), size)
            seen += [str(line.id) for line in page.lines]
            filters = InboxFilters(after=page.next) if page.next else None
        assert seen == wanted, size


@pytest.mark.parametrize("cursor", ["x", "wait~x~y", f"wait~2026-01-01~{UUID(int=7)}", "none~2026-01-01T00:00:00Z~1"])
def test_a_cursor_that_we_did_not_write_is_refused(console: Console, cursor: str) -> None:
    assert console.enter("operator").get(f"{INBOX}?after={cursor}").status_code == 400


def test_filters_show_what_they_say(console: Console) -> None:
    waits = _asks(console)
    mine = _asks(console, sender="777", channel="telegram", language="en")
    threads.take(console.session, mine.id, console.users["operator"], "Amir Torres", seen=None, now=clock.now())
    automatic = threads.held(console.session, _write(console, sender="+525511112222").conversation_id)
    closed = threads.held(console.session, _write(console, sender="+525511113333").conversation_id)
    closed.state, closed.waiting_since = "closed", None
    console.session.flush()
    browser = console.enter("operator")
    for query, shown in {
        "": [waits, mine],
        "?state=waiting": [waits, mine],
        "?state=automatic": [automatic],
        "?state=closed": [closed],
        "?state=any": [waits, mine, automatic, closed],
        "?who=mine": [mine],
        "?who=nobody": [waits],
        "?channel=telegram": [mine],
        "?language=en": [mine],
        "?language=en&channel=sms": [],
        "?state=nonsense&who=nonsense&language=xx": [waits, mine],
    }.items():
        page = browser.get(INBOX + query)
        assert set(_order(page.text)) == {str(thread.id) for thread in shown}, query
    page = browser.get(INBOX).text
    for words in ("Con Amir Torres", "Espera a una persona", "Telegram", "English"):
        assert words in page
    assert "Ninguna conversación cumple estos filtros." in browser.get(f"{INBOX}?channel=fax").text


def test_one_person_has_one_story_over_all_their_channels(console: Console) -> None:
    by_text = _asks(console, "Primero por mensaje")
    chat = threads.held(
        console.session,
        _write(
            console, "Después por Telegram", "777", "telegram", shared_phone=ROSA, profile_name="Rosita"
        ).conversation_id,
    )
    stranger = _asks(console, "De otra persona", sender="+525599990000")
    found = console.report(
        "Fuga", reporter=Reporter(by_text.person_id, by_text.contact_point_id), conversation_id=by_text.id
    )
    browser = console.enter("operator")
    for thread in (by_text, chat):
        page = browser.get(_url(thread)).text
        story = page.split('id="story"')[1]
        assert story.index("Primero por mensaje") < story.index("Después por Telegram")
        assert "De otra persona" not in story.split("</main>")[0]
        assert found.folio in story
        assert "se llama ahí «Rosita», no lo confirmó" in page
        assert '<h1 class="num">Rosita' not in page
        assert "Compartió su propio número" in page
    assert "Primero por mensaje" not in browser.get(_url(stranger)).text.split('id="story"')[1].split("</main>")[0]


def test_places_buttons_and_corrections_are_told(console: Console) -> None:
    first = _write(console, "Hay un bacje", "777", "telegram")
    thread = threads.held(console.session, first.conversation_id)
    threads.queue_message(
        console.session,
        thread.id,
        "¿Cuál?\n1. Bache\n2. Fuga",
        prompt="¿Cuál?",
        choices=[Choice("7.1", "Bache grande"), Choice("7.2", "Fuga")],
        client_ref="x",
        author_kind="dialogue",
        now=clock.now(),
    )
    _write(console, "Bache grande", "777", "telegram", choice="7.1")
    _write(console, "Hay un bache", "777", "telegram", edits=first.provider_message_id)
    placed = _write(console, "", "777", "telegram", place=SharedPlace(*IN_SUR, label="Mi calle"))
    browser = console.enter("operator")
    page = browser.get(_url(thread)).text
    assert re.search(r'<li class="pressed">.*Bache grande</li><li>Fuga</li>', page)
    for words in ("tocó un botón", "corrige lo que había escrito", "Editado después", "Mi calle"):
        assert words in page
    place = browser.get(f"{_url(thread)}/mensajes/{placed.id}/lugar")
    assert place.status_code == 200
    assert "Mi calle" in place.text
    assert "19.350000, -99.150000" in place.text
    assert browser.get(f"{_url(thread)}/mensajes/{first.id}/lugar").status_code == 404


def test_a_double_tap_sends_once_and_the_draft_is_gone(console: Console) -> None:
    thread = _asks(console)
    browser = console.enter("operator")
    assert browser.send(_url(thread), _url(thread) + "/respuesta", text=" ").status_code == 400
    csrf = _csrf(browser.get(_url(thread)).text)
    kept = {"csrf": csrf, "text": "Vamos en"}
    registry.connect(settings())
    try:
        answer = browser.client.post(_url(thread) + "/borrador", data=kept, headers={"hx-request": "true"})
    finally:
        registry.disconnect()
    assert "8 letras, 1 SMS" in answer.text
    assert "Guardado" in answer.text
    assert ">Vamos en</textarea>" in browser.get(_url(thread)).text
    assert ">Vamos en</textarea>" not in console.enter("supervisor").get(_url(thread)).text
    said = {"csrf": csrf, "text": "Vamos en camino", "ref": "r" * 30}
    for _ in range(2):
        assert browser.client.post(_url(thread) + "/respuesta", data=said).status_code == 303
    sent = [m for m in console.session.exec(select(Message)) if m.direction == "outbound"]
    assert [(m.body, m.author_name) for m in sent] == [("Vamos en camino", "Amir Torres")]
    assert console.session.exec(select(ReplyDraft)).all() == []
    # What was kept by itself while the answer was on its way comes after it, and is no draft any more.
    browser.client.post(_url(thread) + "/borrador", data=said)
    assert console.session.exec(select(ReplyDraft)).all() == []
    browser.client.post(_url(thread) + "/borrador", data=said | {"ref": "s" * 30})
    assert [one.body for one in console.session.exec(select(ReplyDraft))] == ["Vamos en camino"]
    assert console.fresh(thread).taken_by == console.users["operator"]
    assert thread.waiting_since is None


def _csrf(page: str) -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', page)
    assert found
    return found[1]


def test_of_two_agents_one_gets_it_and_the_other_is_told(console: Console) -> None:
    thread = _asks(console)
    amir, ivan = console.enter("operator"), console.enter("supervisor")
    pages = {browser: browser.get(_url(thread)).text for browser in (amir, ivan)}
    assert amir.client.post(_url(thread) + "/tomar", data={"csrf": _csrf(pages[amir]), "seen": ""}).status_code == 303
    late = ivan.client.post(_url(thread) + "/tomar", data={"csrf": _csrf(pages[ivan]), "seen": ""})
    assert late.status_code == 409
    assert "La tomó Amir Torres." in late.text
    said = {"csrf": _csrf(pages[ivan]), "text": "Yo le ayudo", "ref": "x" * 30}
    refused = ivan.client.post(_url(thread) + "/respuesta", data=said)
    assert refused.status_code == 409
    assert ">Yo le ayudo</textarea>" in refused.text
    # Having seen whose it is, they may take it over.
    assert ivan.send(_url(thread), _url(thread) + "/tomar").status_code == 303
    assert console.fresh(thread).taken_by == console.users["supervisor"]
    assert ivan.send(_url(thread), _url(thread) + "/devolver").status_code == 303
    assert console.fresh(thread).state == "automatic"


def test_an_answer_goes_over_the_channel_that_was_chosen(console: Console) -> None:
    chat = _asks(console, sender="777", channel="telegram", shared_phone=ROSA)
    phone = people.find_or_create(console.session, CITY, "phone", ROSA, now=clock.now())
    browser = console.enter("operator")
    answer = browser.send(_url(chat), _url(chat) + "/respuesta", text="Le escribo", to=f"{phone.id}.sms")
    assert answer.status_code == 303
    (sent,) = [m for m in console.session.exec(select(Message)) if m.direction == "outbound"]
    assert (sent.channel, sent.body) == ("sms", "Le escribo")
    assert answer.headers["location"].startswith(f"{INBOX}/{sent.conversation_id}")
    stranger = people.find_or_create(console.session, CITY, "phone", "+525599990000", now=clock.now())
    said = {"csrf": _csrf(browser.get(_url(chat)).text), "text": "x", "to": f"{stranger.id}.sms", "ref": "y" * 30}
    assert browser.client.post(_url(chat) + "/respuesta", data=said).status_code == 404


def test_a_note_is_no_message(console: Console) -> None:
    thread = _asks(console)
    browser = console.enter("operator")
    assert browser.send(_url(thread), _url(thread) + "/nota", note="Es vecina de Rosa").status_code == 303
    assert "Es vecina de Rosa" in browser.get(_url(thread)).text
    assert [m for m in console.session.exec(select(Message)) if m.direction == "outbound"] == []
    assert browser.send(_url(thread), _url(thread) + "/nota", note=" ").status_code == 400


def test_an_operator_links_two_persons_and_takes_it_back(console: Console) -> None:
    rosa, other = _asks(console, "Soy Rosa"), _asks(console, "Escribo del otro", sender="+525599990000")
    browser = console.enter("operator")
    nobody = browser.send(_url(rosa), _url(rosa) + "/buscar", find="1111")
    assert "Nadie más tiene eso en esta ciudad." in nobody.text
    found = browser.send(_url(rosa), _url(rosa) + "/buscar", find="0000").text
    assert str(other.person_id) in found
    assert "9990000" not in re.sub(r"\D", "", re.sub(r"[0-9a-f-]{20,}", "", found))
    link = {"csrf": _csrf(found), "person": str(other.person_id)}
    assert browser.client.post(_url(rosa) + "/unir", data=link | {"why": ""}).status_code == 400
    assert browser.client.post(_url(rosa) + "/unir", data=link | {"why": "Lo dijo"}).status_code == 303
    assert browser.client.post(_url(rosa) + "/unir", data=link | {"why": "Lo dijo"}).status_code == 409
    page = browser.get(_url(other)).text
    assert "Soy Rosa" in page.split('id="story"')[1].split("</main>")[0]
    assert "Amir Torres dijo que es la misma persona" in page
    assert browser.send(_url(other), _url(other) + "/separar", why="Era su hija").status_code == 303
    page = browser.get(_url(other)).text
    assert "Soy Rosa" not in page.split('id="story"')[1].split("</main>")[0]
    assert "Era su hija" in page


def test_somebody_of_the_household_whose_form_comes_twice_is_one_person(console: Console) -> None:
    thread, browser = _asks(console), console.enter("operator")
    csrf = re.search(r'name="csrf" value="([^"]+)"', browser.get(_url(thread)).text)
    assert csrf
    for name in ("Juan Cruz", " juan  cruz"):
        sent = {"csrf": csrf[1], "person": "new", "name": name}
        assert browser.client.post(_url(thread) + "/quien", data=sent).status_code == 303
    assert len(same.people_at(console.session, thread.contact_point_id)) == 2
    assert ">Juan Cruz</h1>" in browser.get(_url(thread)).text


def test_somebody_of_the_household_is_added_without_touching_names(console: Console) -> None:
    thread = _asks(console)
    people.remember_name(console.session, thread.person_id, "Rosa")
    console.session.flush()
    rosa = thread.person_id
    browser = console.enter("operator")
    assert browser.send(_url(thread), _url(thread) + "/quien", person="new", name=" ").status_code == 400
    assert browser.send(_url(thread), _url(thread) + "/quien", person="new", name="Juan").status_code == 303
    page = browser.get(_url(thread)).text
    assert ">Juan</h1>" in page
    assert re.search(r'name="person" value="[^"]+">\s*Rosa</label>', page)
    assert browser.send(_url(thread), _url(thread) + "/quien", person=str(rosa)).status_code == 303
    assert ">Rosa</h1>" in browser.get(_url(thread)).text
    stranger = _asks(console, sender="+525599990000")
    assert browser.send(_url(thread), _url(thread) + "/quien", person=str(stranger.person_id)).status_code == 404


def test_a_message_joins_a_request_and_leaves_it(console: Console) -> None:
    thread = _asks(console, "Aquí va el detalle que faltaba")
    (message,) = console.session.exec(select(Message)).all()
    found = console.report("Bache")
    agency, browser = console.enter("agency"), console.enter("operator")
    there = f"{_url(thread)}/mensajes/{message.id}"
    assert message.body not in agency.get(f"/consola/solicitudes/{found.folio}").text
    assert browser.send(_url(thread), there + "/solicitud", folio="123").status_code == 400
    assert browser.send(_url(thread), there + "/solicitud", folio=found.folio).status_code == 303
    assert message.body in agency.get(f"/consola/solicitudes/{found.folio}").text
    assert found.folio in browser.get(_url(thread)).text
    assert browser.send(_url(thread), there + "/quitar").status_code == 303
    assert message.body not in agency.get(f"/consola/solicitudes/{found.folio}").text
    events = console.session.exec(select(ServiceRequestEvent.name, ServiceRequestEvent.audience)).all()
    assert [name for name, audience in events if audience == "internal"] == ["message_attached", "message_detached"]


def test_messages_shown_as_one_go_together_or_not_at_all(console: Console) -> None:
    thread = _asks(console, "Aquí va el detalle")
    first = console.session.exec(select(Message)).one()
    second = _write(console, "y lo que faltaba")
    wanted, other = console.report("Bache"), console.report("Otro bache")
    filing.attach(console.session, second, other, actor=Actor("agent", "Rosa Cruz"), now=clock.now())
    browser = console.enter("operator")
    data = {"csrf": _csrf(browser.get(_url(thread)).text), "folio": wanted.folio, "also": str(second.id)}
    refused = browser.client.post(f"{_url(thread)}/mensajes/{first.id}/solicitud", data=data)
    assert refused.status_code == 409
    assert "Ese mensaje ya está en otra solicitud" in refused.text
    assert console.fresh(first).service_request_id is None
    events = console.session.exec(
        select(ServiceRequestEvent.name).where(ServiceRequestEvent.service_request_id == wanted.id)
    ).all()
    assert "message_attached" not in events


def test_nobody_reaches_another_citys_people_or_messages(console: Console) -> None:
    make_city(console.session, other := "otra.gob.example", sms_number="+525500000312")
    theirs = _asks(console, "De otra ciudad", city=other)
    their_message = console.session.exec(select(Message)).one()
    mine = _asks(console, "De aquí", sender="+525599990000")
    found = console.report("Bache")
    browser = console.enter("operator")
    csrf = {"csrf": _csrf(browser.get(_url(mine)).text)}
    posts: dict[str, dict[str, str]] = {
        f"{_url(mine)}/unir": {"person": str(theirs.person_id), "why": "x"},
        f"{_url(mine)}/quien": {"person": str(theirs.person_id)},
        f"{_url(mine)}/separar": {"link": str(uuid4()), "why": "x"},
        f"{_url(mine)}/mensajes/{their_message.id}/solicitud": {"folio": found.folio},
        f"{_url(mine)}/mensajes/{their_message.id}/quitar": {},
        f"{_url(mine)}/mensajes/{their_message.id}": {"arrived": "true"},
    }
    for path in ("unir", "quien", "buscar", "separar", "tomar", "nota", "borrador", "respuesta", "devolver"):
        posts[f"{_url(theirs)}/{path}"] = {"text": "x", "note": "x", "why": "x", "person": str(mine.person_id)}
    for url, data in posts.items():
        assert browser.client.post(url, data=csrf | data).status_code == 404, url
    assert "De otra ciudad" not in browser.get(f"{INBOX}?state=any").text
    assert same.same_person(console.session, theirs.person_id) == [theirs.person_id]
    assert str(theirs.person_id) not in browser.send(_url(mine), _url(mine) + "/buscar", find="5678").text
    assert console.fresh(theirs).taken_by is None
    agency = console.enter("agency")
    for url in (INBOX, f"{INBOX}/vistas", _url(mine), f"{_url(mine)}/ficha"):
        assert agency.get(url).status_code == 404


def test_a_link_of_strangers_is_not_undone_from_here(console: Console) -> None:
    mine = _asks(console)
    pair = [_asks(console, sender=f"+5255999900{number:02}") for number in range(2)]
    ids: list[UUID] = [thread.person_id for thread in pair]
    link = linking.link(console.session, CITY, *ids, why="x", by=linking.By(), now=clock.now())
    browser = console.enter("operator")
    data = {"csrf": _csrf(browser.get(_url(mine)).text), "link": str(link.id), "why": "x"}
    assert browser.client.post(_url(mine) + "/separar", data=data).status_code == 404
    assert len(same.same_person(console.session, ids[0])) == 2


def test_older_messages_are_a_page_away(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    from agent_console import threads as reads

    monkeypatch.setattr(reads, "MOST_MESSAGES", 3)
    for number in range(7):
        message = _write(console, f"mensaje {number}.")
    url = f"{INBOX}/{message.conversation_id}"
    browser = console.enter("operator")
    seen: list[str] = []
    while url:
        story = browser.get(url).text.split('id="story"')[1].split("</main>")[0]
        seen = re.findall(r"mensaje (\d)\.", story) + seen
        following = re.search(r'href="([^"]+\?before=\d+)"', story)
        url = following[1] if following else ""
    assert seen == list("0123456")
