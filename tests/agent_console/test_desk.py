"""The operator's desk: one window acts, an offer is its operator's alone, and nothing ends unexplained."""

import re
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from httpx2 import Response
from sqlmodel import select

from agent_console.accounts import ensure_user
from agent_console.models import ConsoleUser
from intake.conversations import actions as threads
from intake.conversations import arrivals, notes
from intake.conversations.advance import advance
from intake.conversations.models import Conversation, Message
from intake.conversations.values import InboundMessage
from intake.distribution import actions as distribution
from intake.distribution.models import AgentSession, Offer, WorkItem
from intake.service_requests.values import Reporter
from kernel import clock
from kernel.folio import spaced
from tests.agent_console.browserless import Browser
from tests.agent_console.conftest import PASSWORD, Console
from tests.factories import CITY

pytestmark = pytest.mark.database
DESK = "/consola/atencion"


def _asks(console: Console, sender: str = "+525512345678", body: str = "Quiero hablar con alguien") -> WorkItem:
    now = clock.now()
    inbound = InboundMessage("sms", uuid4().hex, sender, "+525500000311", body, now)
    message = arrivals.receive(console.session, inbound, jurisdiction_id=CITY, now=now)
    thread = threads.held(console.session, message.conversation_id)
    threads.hand_to_agent(console.session, thread, said=message, now=now)
    console.session.flush()
    return console.session.exec(select(WorkItem).where(WorkItem.conversation_id == thread.id)).one()


@dataclass
class Window:
    """One window of somebody's desk."""

    browser: Browser
    here: str

    def text(self) -> str:
        page = self.browser.get(self.here)
        assert page.status_code == 200
        return str(page.text)

    def send(self, action: str, **values: str) -> int:
        answer = self.browser.send(self.here, f"{DESK}/{action}", **values)
        if answer.status_code == 303:
            self.here = answer.headers["location"].split("#")[0]
        return int(answer.status_code)

    def post(self, action: str, **values: str) -> Response:
        """Whatever the page offers or not, with the page's own token and turn."""
        return self.browser.client.post(f"{DESK}/{action}", data=self.fields() | values)

    def fields(self) -> dict[str, str]:
        page = self.text()
        csrf, turn = re.search(r'name="csrf" value="([^"]+)"', page), re.search(r"turno=(\d+)", self.here)
        assert csrf
        assert turn
        return {"csrf": csrf[1], "turno": turn[1]}


def _open(console: Console, role: str = "operator", browser: Browser | None = None) -> Window:
    window = Window(browser or console.enter(role), DESK)
    assert window.send("abrir", rings="true") == 303
    return window


def _offer(console: Console, item: WorkItem, role: str = "operator") -> Offer:
    made = distribution.offer(console.session, item.id, console.users[role], reason="longest_idle", now=clock.now())
    assert made is not None
    return made


def _answered(console: Console) -> tuple[Window, WorkItem]:
    window, item = _open(console), _asks(console)
    offer = _offer(console, item)
    assert window.send(f"ofertas/{offer.id}/contestar") == 303
    return window, item


def _agent(console: Console, role: str = "operator") -> AgentSession:
    return console.fresh(console.session.get_one(AgentSession, console.users[role]))


def test_a_shift_is_opened_and_closed(console: Console) -> None:
    browser = console.enter("operator")
    assert "Fuera de turno" in browser.get(DESK).text
    window = _open(console, browser=browser)
    assert "Disponible" in window.text()
    assert _agent(console).cap_points == 100
    assert window.post("estado", state="leaving").status_code == 303
    assert "Terminas lo que tienes" in window.text()
    assert window.post("estado", state="offline").status_code == 303
    assert _agent(console).state == "offline"
    assert "Tu turno terminó" in window.text()


def test_a_page_without_scripts_gets_no_calls_and_is_heard_of_when_it_is_loaded(console: Console) -> None:
    window = Window(console.enter("operator"), DESK)
    assert window.send("abrir") == 303
    assert _agent(console).cap_points == 75
    window.text()
    assert _agent(console).lease_until > clock.now() + timedelta(minutes=2)


def test_a_page_that_its_scripts_fetched_is_kept_no_longer_than_by_a_beat(console: Console) -> None:
    window = _open(console)
    assert window.browser.client.get(window.here, headers={"Atiende-Desk": "1"}).status_code == 200
    assert _agent(console).lease_until < clock.now() + timedelta(seconds=20)


def test_of_two_windows_the_newer_one_acts_and_the_other_says_so(console: Console) -> None:
    first = _open(console)
    second = _open(console, browser=first.browser)
    item = _asks(console)
    offer = _offer(console, item)
    page = first.text()
    assert "Tu turno está abierto en otra ventana." in page
    assert str(offer.id) not in page
    assert str(offer.id) in second.text()
    turn = re.search(r"turno=(\d+)", first.here)
    assert turn
    csrf = re.search(r'name="csrf" value="([^"]+)"', page)
    assert csrf
    for path in (
        f"ofertas/{offer.id}/contestar",
        "estado",
        f"ofertas/{offer.id}/rechazar",
        f"contactos/{item.id}/terminar",
    ):
        fields = {"csrf": csrf[1], "turno": turn[1], "state": "leaving"}
        assert first.browser.client.post(f"{DESK}/{path}", data=fields).status_code == 409
    assert console.fresh(item).state == "offered"


def test_an_offer_says_who_and_why_before_it_is_answered_and_to_nobody_else(console: Console) -> None:
    window, other = _open(console), _open(console, "supervisor")
    item = _asks(console, body="Se cae un árbol en mi calle")
    thread = console.session.get_one(Conversation, item.conversation_id)
    found = console.report("Un bache", reporter=Reporter(thread.person_id, thread.contact_point_id))
    offer = _offer(console, item)
    page = window.text()
    for words in (
        "55 •••• 5678",
        "SMS para ti",
        "General",
        "Español",
        "Eres quien lleva más tiempo libre",
        "Se cae un árbol",
        spaced(found.folio),
    ):
        assert words in page, words
    assert f'data-offer="{offer.id}"' in page
    assert "Se cae un árbol" not in other.text()
    assert str(offer.id) not in other.text()


def test_answering_makes_the_thread_theirs_and_twice_is_once(console: Console) -> None:
    window, item = _answered(console)
    assert console.fresh(item).agent_id == console.users["operator"]
    thread = console.fresh(console.session.get_one(Conversation, item.conversation_id))
    assert thread.taken_by == console.users["operator"]
    page = window.text()
    assert "Quiero hablar con alguien" in page
    assert "25 de 100 puntos" in page


def test_declining_puts_the_person_back(console: Console) -> None:
    window, item = _open(console), _asks(console)
    assert window.send(f"ofertas/{_offer(console, item).id}/rechazar") == 303
    assert console.fresh(item).state == "queued"
    assert _agent(console).state == "available"


def test_an_offer_that_passed_leaves_them_missed_with_one_way_back(console: Console) -> None:
    window, item = _open(console), _asks(console)
    offer = _offer(console, item)
    distribution.expire(console.session, offer.id, now=offer.expires_at)
    page = window.text()
    assert "No contestaste a tiempo." in page
    assert 'id="return"' in page
    assert window.post(f"ofertas/{offer.id}/contestar").status_code == 409
    assert window.post("estado", state="available").status_code == 303
    assert _agent(console).state == "available"


def test_a_person_who_left_cannot_be_answered(console: Console) -> None:
    window, item = _open(console), _asks(console)
    offer = _offer(console, item)
    distribution.abandon(console.session, item.source_ref, why="hung_up", now=clock.now())
    answer = window.post(f"ofertas/{offer.id}/contestar")
    assert answer.status_code == 409
    assert "La persona ya se fue." in answer.text


def test_a_break_needs_a_known_reason(console: Console) -> None:
    window = _open(console)
    fields = window.fields()
    assert window.browser.client.post(f"{DESK}/pausa/meal", data=fields).status_code == 303
    assert "En pausa: Comida" in window.text()
    assert window.browser.client.post(f"{DESK}/pausa/nap", data=fields).status_code == 400
    assert _agent(console).reason == "meal"


def test_an_answer_is_sent_once_however_often_it_is_sent(console: Console) -> None:
    window, item = _answered(console)
    fields = window.fields() | {"ref": "r" * 24, "text": "Ya va la cuadrilla"}
    for _ in range(2):
        answer = window.browser.client.post(f"{DESK}/contactos/{item.id}/respuesta", data=fields)
        assert answer.status_code == 303
    sent = select(Message).where(Message.conversation_id == item.conversation_id, Message.direction == "outbound")
    assert [message.body for message in console.session.exec(sent)] == ["Ya va la cuadrilla"]


def test_what_was_written_is_kept_when_it_cannot_be_sent(console: Console) -> None:
    window, item = _answered(console)
    fields = window.fields() | {"ref": "r" * 24, "text": "Ya va la cuadrilla"}
    _open(console, browser=window.browser)
    answer = window.browser.client.post(f"{DESK}/contactos/{item.id}/respuesta", data=fields)
    assert answer.status_code == 409
    assert "Ya va la cuadrilla" in answer.text


def test_what_was_written_to_one_person_stands_in_no_form_of_another(console: Console) -> None:
    window, item = _answered(console)
    other = _asks(console, "+525511112222")
    assert window.send(f"ofertas/{_offer(console, other).id}/contestar") == 303
    fields = window.fields() | {"ref": "r" * 24, "text": "Ya va la cuadrilla", "note": "Vive sola"}
    distribution.complete(console.session, other.id, disposition_code="answered", now=clock.now())
    for act, words in (("respuesta", "Ya va la cuadrilla"), ("nota", "Vive sola")):
        page = window.browser.client.post(f"{DESK}/contactos/{other.id}/{act}", data=fields).text
        assert f'data-item="{item.id}"' in page
        assert re.findall(rf"<textarea ([^>]*)>{words}<", page) == ['class="input" id="stray" rows="3" readonly'], act


def test_a_note_is_saved_with_what_became_of_the_contact_or_nothing_is(console: Console) -> None:
    window, item = _answered(console)
    window.send(f"contactos/{item.id}/terminar")
    fields = window.fields() | {"seen": _seen(window.text()), "ref": "r" * 24, "note": "Vive sola"}

    def post(code: str) -> Response:
        return window.browser.client.post(f"{DESK}/contactos/{item.id}/motivo", data=fields | {"disposition": code})

    def saved() -> list[str]:
        return [note.body for note in notes.of_threads(console.session, [item.conversation_id], None)]

    refused = post("")
    assert re.search(r"<textarea [^>]*data-unsent>Vive sola<", refused.text)
    assert (refused.status_code, saved()) == (400, [])
    for _ in range(2):
        assert post("answered").status_code == 303
        assert saved() == ["Vive sola"]


def test_a_contact_ends_with_what_became_of_it_and_the_points_come_back(console: Console) -> None:
    window, item = _answered(console)
    assert window.send(f"contactos/{item.id}/terminar") == 303
    assert "¿En qué quedó?" in window.text()
    assert console.fresh(item).state == "wrapping"
    page = window.text()
    fields = window.fields() | {"disposition": "", "seen": _seen(page)}
    assert window.browser.client.post(f"{DESK}/contactos/{item.id}/motivo", data=fields).status_code == 400
    for _ in range(2):
        fields["disposition"] = "answered"
        assert window.browser.client.post(f"{DESK}/contactos/{item.id}/motivo", data=fields).status_code == 303
    assert (console.fresh(item).state, item.disposition_code) == ("done", "answered")
    assert _agent(console).load_points == 0
    thread = console.fresh(console.session.get_one(Conversation, item.conversation_id))
    assert thread.state == "automatic"


def _seen(page: str) -> str:
    found = re.search(r'name="seen" value="(\d+)"', page)
    assert found
    return found[1]


def test_what_they_write_while_the_contact_is_closed_is_read_first(console: Console) -> None:
    window, item = _answered(console)
    window.send(f"contactos/{item.id}/terminar")
    page = window.text()
    fields = window.fields() | {"disposition": "answered", "seen": _seen(page)}
    inbound = InboundMessage("sms", uuid4().hex, "+525512345678", "+525500000311", "¡Esperen!", clock.now())
    arrivals.receive(console.session, inbound, jurisdiction_id=CITY, now=clock.now())
    answer = window.browser.client.post(f"{DESK}/contactos/{item.id}/motivo", data=fields)
    assert answer.status_code == 409
    assert "¡Esperen!" in answer.text
    assert console.fresh(item).state == "wrapping"
    assert (
        window.browser.client.post(
            f"{DESK}/contactos/{item.id}/motivo", data=fields | {"seen": _seen(answer.text)}
        ).status_code
        == 303
    )


def test_notes_that_ran_out_of_time_are_asked_for_afterwards(console: Console) -> None:
    window, item = _answered(console)
    window.send(f"contactos/{item.id}/terminar")
    before = console.fresh(item).wrap_until
    assert window.post(f"contactos/{item.id}/mas-tiempo").status_code == 303
    assert before
    assert console.fresh(item).wrap_until == before + timedelta(seconds=60)
    distribution.complete(console.session, item.id, disposition_code=None, now=clock.now())
    assert "¿En qué quedó el contacto anterior?" in window.text()
    assert window.send(f"contactos/{item.id}/motivo", disposition="answered", note="Vive sola") == 303
    assert [note.body for note in notes.of_threads(console.session, [item.conversation_id], None)] == ["Vive sola"]
    assert console.fresh(item).disposition_code == "answered"
    assert "¿En qué quedó el contacto anterior?" not in window.text()


def test_a_beat_keeps_the_desk_and_brings_what_stands_on_it(console: Console) -> None:
    window, item = _open(console), _asks(console)
    offer = _offer(console, item)
    answer = window.post("latido")
    assert answer.status_code == 200
    assert str(offer.id) in answer.text
    assert _agent(console).lease_until < clock.now() + timedelta(seconds=20)
    _open(console, browser=window.browser)
    assert "otra ventana" in window.post("latido").text


def test_a_beat_that_asks_for_nothing_keeps_the_desk_too(console: Console) -> None:
    window = _open(console)
    before = _agent(console).lease_until
    assert window.post("latido", solo="1").status_code == 204
    assert _agent(console).lease_until > before
    _open(console, browser=window.browser)
    told = window.post("latido", solo="1")
    assert told.status_code == 200
    assert 'data-standing="elsewhere"' in told.text


def test_somebody_elses_contact_is_out_of_reach(console: Console) -> None:
    _, item = _answered(console)
    other = _open(console, "supervisor")
    assert other.browser.get(f"{DESK}/contactos/{item.id}/historia").status_code == 404
    fields = other.fields() | {"text": "x", "ref": "r" * 24, "note": "x"}
    for act in ("respuesta", "nota", "terminar", "mas-tiempo"):
        assert other.browser.client.post(f"{DESK}/contactos/{item.id}/{act}", data=fields).status_code == 409, act


def test_agency_staff_have_no_desk(console: Console) -> None:
    assert console.enter("agency").get(DESK).status_code == 404
    assert console.enter("operator").get(f"{DESK}/equipo").status_code == 404


def test_a_supervisor_sees_who_is_where_and_may_change_it(console: Console) -> None:
    window, item = _answered(console)
    _asks(console, sender="+525511112222")
    supervisor = console.enter("supervisor")
    page = supervisor.get(f"{DESK}/equipo").text
    for words in ("Amir Torres", "Disponible, atendiendo 1", "25/100", "55 •••• 2222"):
        assert words in page, words
    who = console.users["operator"]
    assert supervisor.send(f"{DESK}/equipo", f"{DESK}/equipo/{who}/estado").status_code in (303, 400)
    csrf = re.search(r'name="csrf" value="([^"]+)"', page)
    assert csrf
    for state, becomes in (("break", "break"), ("available", "available"), ("offline", "offline")):
        answer = supervisor.client.post(f"{DESK}/equipo/{who}/estado", data={"csrf": csrf[1], "state": state})
        assert answer.status_code == 303
        assert _agent(console).state == becomes
    assert console.fresh(item).state == "queued"
    assert "Lo cerró supervisión." in window.text()
    gone = supervisor.client.post(f"{DESK}/equipo/{UUID(int=7)}/estado", data={"csrf": csrf[1], "state": "break"})
    assert gone.status_code == 404


def test_what_became_of_it_is_proposed(console: Console) -> None:
    window, item = _answered(console)
    window.send(f"contactos/{item.id}/terminar")
    proposed = re.search(r'value="(\w+)" checked', window.text())
    assert proposed
    assert proposed[1] == "silent"


def test_a_call_that_is_not_there_can_neither_be_held_nor_heard(console: Console) -> None:
    window, item = _answered(console)
    acts = "espera seguir colgar pasar entregar recuperar no-grabar grabar rechazo asunto"
    for act in acts.split():
        assert window.post(f"llamadas/{item.id}/{act}").status_code == 409, act
    assert window.post(f"llamadas/{item.id}/cantar").status_code == 404
    assert window.post("llamadas/ficha").status_code == 503
    assert console.fresh(item).state == "assigned"


def test_the_page_may_ask_the_one_telephone_it_has(console: Console) -> None:
    policy = console.enter("operator").get(DESK).headers["content-security-policy"]
    assert "connect-src 'self' https://*.twilio.com wss://*.twilio.com;" in policy
    assert "twilio" not in console.enter("operator").get("/consola/solicitudes").headers["content-security-policy"]


def test_a_thread_rests_apart_and_comes_back_when_they_write(console: Console) -> None:
    window, item = _answered(console)
    assert "Esperar su respuesta" not in window.text()  # they have not been answered yet
    assert window.post(f"contactos/{item.id}/esperar").status_code == 409
    window.send(f"contactos/{item.id}/respuesta", text="¿En qué calle?", ref="r1")
    assert window.send(f"contactos/{item.id}/esperar") == 303
    page = window.text()
    assert "Esperan a la persona" in page
    assert "0 de 100 puntos" in page
    assert _agent(console).load_points == 0
    # What rests can still be written to, and ended.
    window.send(f"contactos/{item.id}/respuesta", text="¿Sigue ahí?", ref="r2")
    assert console.fresh(item).resting_since is not None
    now = clock.now()
    inbound = InboundMessage("sms", uuid4().hex, "+525512345678", "+525500000311", "En Juárez", now)
    arrivals.receive(console.session, inbound, jurisdiction_id=CITY, now=now)
    advance(console.session, item.conversation_id, now=now)
    page = window.text()
    assert "Esperan a la persona" not in page
    assert "25 de 100 puntos" in page
    assert window.post(f"contactos/{uuid4()}/esperar").status_code == 409


@pytest.mark.parametrize("off_s", [-300, 300])
def test_a_web_process_whose_clock_is_off_serves_the_desk_all_the_same(
    console: Console, monkeypatch: pytest.MonkeyPatch, off_s: int
) -> None:
    true = clock.now
    monkeypatch.setattr(clock, "now", lambda: true() + timedelta(seconds=off_s))
    window = _open(console)
    assert timedelta(0) < _agent(console).lease_until - true() < timedelta(seconds=20)
    monkeypatch.setattr(clock, "now", true)
    offer = _offer(console, _asks(console))
    monkeypatch.setattr(clock, "now", lambda: true() + timedelta(seconds=off_s))
    assert f'data-offer="{offer.id}"' in window.text()
    assert window.send(f"ofertas/{offer.id}/contestar") == 303


def test_a_supervisor_reads_what_the_day_came_to(console: Console) -> None:
    _answered(console)
    _asks(console, sender="+525511112222")
    supervisor = console.enter("supervisor")
    for page in (supervisor.get(f"{DESK}/equipo").text, supervisor.get(f"{DESK}/equipo/cifras").text):
        assert "Hoy, por fila" in page
        assert re.search(r'data-l="Llegaron">2<', page)
        assert re.search(r'data-l="Atendidos">1<', page)
        assert "100 %" in page
    assert console.enter("operator").get(f"{DESK}/equipo/cifras").status_code == 404


def test_who_is_kept_out_or_given_other_work_leaves_what_they_held(console: Console) -> None:
    _, item = _answered(console)
    admin = console.enter("admin")
    admin.send("/consola/personal", f"/consola/personal/{console.users['operator']}", allowed="false")
    assert _agent(console).state == "offline"
    assert console.fresh(item).state == "queued"
    admin.send("/consola/personal", f"/consola/personal/{console.users['operator']}", allowed="true")
    _open(console, "supervisor")
    user = console.session.get_one(ConsoleUser, console.users["supervisor"])
    for role, agency, state in (("admin", None, "available"), ("agency", "ALC-N", "offline")):
        ensure_user(
            console.session,
            jurisdiction_id=CITY,
            email=user.email,
            name=user.name,
            role=role,
            password=PASSWORD,
            agency_code=agency,
        )
        assert _agent(console, "supervisor").state == state
