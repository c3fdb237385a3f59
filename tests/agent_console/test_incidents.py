"""The pages of incidents: for supervisors, without scripts, and nothing done twice or over somebody else's change."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import select

from agent_console import alarms
from intake.calls.limit_models import CallerFlag
from intake.conversations import waiting_answers
from intake.distribution import actions as distribution
from intake.incidents import actions, alerts
from intake.incidents.cap.writing import write_alert
from intake.incidents.models import AlertFeed, Incident, IncidentUpdate
from intake.people import spending
from intake.people.spending_models import SpendingBreaker
from intake.service_requests import targeting
from intake.webhooks import config
from intake.webhooks.config import Config
from kernel import clock
from kernel.folio import spaced
from kernel.ids import new_id
from tests.agent_console.browserless import Browser
from tests.agent_console.conftest import Console
from tests.factories import CITY, NOW, make_city
from tests.intake.conversations.conftest import Phone
from tests.intake.incidents.cast import attach, draft, opened
from tests.intake.incidents.test_alerts import ALERT
from tests.intake.incidents.test_telling import report as reported
from tests.intake.service_requests.test_targeting import report

pytestmark = pytest.mark.database
HOME = "/consola/incidentes"
FORM = {
    "kind": "outage",
    "title_es": "Corte de agua",
    "title_en": "",
    "written_es": "No hay agua en el sur. Vuelve hoy a las 20 h.",
    "written_en": "",
    "spoken_es": "",
    "spoken_en": "",
    "topic": "g:agua",
    "where": "areas",
    "area": "district:S",
    "ref": "r" * 24,
}


@pytest.fixture(autouse=True)
def configured() -> Iterator[None]:
    config.configure(Config("http://testserver"))
    yield
    config.configure(None)


def post(browser: Browser, path: str, values: dict[str, str]) -> Any:
    """As a form of a page that was opened before, whatever has happened since."""
    found = re.search(r'name="csrf" value="([^"]+)"', browser.get(HOME).text)
    assert found is not None
    return browser.client.post(path, data={"csrf": found[1]} | values)


def only(console: Console) -> Incident:
    console.session.expire_all()
    return console.session.exec(select(Incident)).one()


@pytest.mark.parametrize("role", ["operator", "agency"])
def test_only_those_who_supervise_find_them(console: Console, role: str) -> None:
    made = opened(console.session)
    browser = console.enter(role)
    for path in (HOME, f"{HOME}/nuevo", f"{HOME}/alertas", f"{HOME}/{made.id}"):
        assert browser.get(path).status_code == 404


def test_none_yet_says_what_to_do(console: Console) -> None:
    assert "No hay ningún incidente abierto" in console.enter("supervisor").get(HOME).text


def test_opened_from_the_form_it_is_announced(console: Console) -> None:
    browser = console.enter("supervisor")
    page = browser.get(f"{HOME}/nuevo")
    assert "Agua" in page.text or "agua" in page.text
    answer = post(browser, f"{HOME}/nuevo", FORM)
    made = only(console)
    assert (answer.status_code, answer.headers["location"]) == (303, f"{HOME}/{made.id}")
    assert (made.group_codes, made.areas[0]["name"], made.opened_by_name) == (["agua"], "Sur", "Iván Soto")
    # The second tap opens nothing.
    assert post(browser, f"{HOME}/nuevo", FORM).headers["location"] == f"{HOME}/{made.id}"
    text = browser.get(f"{HOME}/{made.id}").text
    assert "No hay agua en el sur. Vuelve hoy a las 20 horas." in text
    assert '<path class="hit"' in text


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"title_es": " "}, "Escribe de qué se trata"),
        ({"written_es": "a" * 161}, "Caben 160 letras"),
        ({"area": ""}, "Esa zona ya no existe"),
        ({"where": "polygon", "polygon": "19.3, -99.2"}, "tres a quinientas"),
        ({"where": "polygon", "polygon": "norte\nsur\neste"}, "No se entiende la esquina"),
        ({"where": "polygon", "polygon": "1,1\n1,2\n2,2"}, "no toca la ciudad"),
        ({"topic": "s:NADA"}, "ya no existe"),
        ({"kind": "flood"}, "Elige qué clase"),
    ],
)
def test_a_refusal_loses_nothing(console: Console, values: dict[str, str], words: str) -> None:
    answer = post(console.enter("supervisor"), f"{HOME}/nuevo", FORM | values)
    assert answer.status_code == 400
    assert words in answer.text
    assert "Vuelve hoy a las 20 h." in answer.text or "written_es" in values
    assert console.session.exec(select(Incident)).all() == []


def test_a_polygon_is_drawn_by_its_corners(console: Console) -> None:
    corners = "19.34, -99.16\n19.36, -99.16; 19.36 -99.14\n19.34,-99.14"
    post(console.enter("supervisor"), f"{HOME}/nuevo", FORM | {"where": "polygon", "polygon": corners})
    assert only(console).geometry is not None


def test_the_same_one_is_shown_before_another_is_opened(console: Console) -> None:
    first = opened(console.session, kind="outage")
    browser = console.enter("supervisor")
    answer = post(browser, f"{HOME}/nuevo", FORM)
    assert answer.status_code == 409
    assert f"{HOME}/{first.id}" in answer.text
    assert post(browser, f"{HOME}/nuevo", FORM | {"another": "true"}).status_code == 303
    assert len(console.session.exec(select(Incident)).all()) == 2


def test_a_proposal_is_reviewed_and_opened_by_one(console: Console) -> None:
    made = actions.propose(
        console.session, CITY, draft(basis={"people": 31, "usual": 1.2, "weeks": 8, "chance": 1e-20}),
        proposed_by="detector", source_ref="burst:agua", now=clock.now(),
    )  # fmt: skip
    assert made is not None
    browser, other = console.enter("supervisor"), console.enter("admin")
    text = browser.get(f"{HOME}/{made.id}").text
    assert "avisaron 31 personas; a esta hora de la semana lo normal es 1.2" in text
    assert '<span class="n">1<' in browser.get("/consola/solicitudes").text
    assert 'value="district:S" checked' in browser.get(f"{HOME}/{made.id}/cambiar").text
    assert post(browser, f"{HOME}/{made.id}/cambiar", FORM | {"version": "1"}).status_code == 303
    late = post(other, f"{HOME}/{made.id}/descartar", {"version": "1"})
    assert late.status_code == 409
    assert "Alguien cambió este incidente" in late.text
    assert only(console).state == "open"


def test_a_proposal_is_dismissed(console: Console) -> None:
    made = actions.propose(
        console.session, CITY, draft(), proposed_by="detector", source_ref="burst:agua", now=clock.now()
    )
    assert made is not None
    answer = post(console.enter("supervisor"), f"{HOME}/{made.id}/descartar", {"version": "1", "note": "Es una fiesta"})
    assert answer.headers["location"] == HOME
    assert only(console).state == "dismissed"


def test_news_and_the_end_are_told_once_each(console: Console) -> None:
    made = opened(console.session)
    attach(console.session, made, "+525512340001")
    browser = console.enter("supervisor")
    assert "La recibe 1 persona, una sola vez." in browser.get(f"{HOME}/{made.id}").text
    news = {"version": "1", "ref": "n" * 24, "words_es": "Sigue lloviendo."}
    for _ in range(2):
        assert post(browser, f"{HOME}/{made.id}/noticia", news).status_code == 303
    wrong = post(browser, f"{HOME}/{made.id}/terminar", {"version": "1", "ref": "e" * 24, "words_es": "Ya paró."})
    assert wrong.status_code == 409
    assert "Ya paró." in wrong.text
    assert (
        post(
            browser, f"{HOME}/{made.id}/terminar", {"version": "2", "ref": "e" * 24, "words_es": "Ya paró."}
        ).status_code
        == 303
    )
    told = select(IncidentUpdate.name).where(IncidentUpdate.told_to.is_not(None)).order_by(IncidentUpdate.at)  # type: ignore[union-attr, arg-type]  # columns
    assert list(console.session.exec(told)) == ["updated", "ended"]
    text = browser.get(f"{HOME}/{made.id}").text
    assert "Terminar el incidente" not in text


def test_operators_are_lent_from_the_page(console: Console) -> None:
    made = opened(console.session)
    agent = new_id()
    distribution.sign_on(console.session, jurisdiction_id=CITY, agent_id=agent, name="Ana", now=clock.now())
    browser = console.enter("supervisor")
    assert "Ana" in browser.get(f"{HOME}/{made.id}").text
    refused = post(browser, f"{HOME}/{made.id}/fila", {"version": "1", "hours": "4"})
    assert "Elige al menos a un operador" in refused.text
    lent = post(browser, f"{HOME}/{made.id}/fila", {"version": "1", "hours": "4", "operator": str(agent)})
    assert lent.status_code == 303
    assert "hasta:" in browser.get(f"{HOME}/{made.id}").text


def test_another_city_s_is_not_there(console: Console) -> None:
    make_city(console.session, "otra.gob.example", None)
    made = actions.open_incident(
        console.session, "otra.gob.example", draft(geometry=None, areas=()), by=actions.PROGRAM, now=clock.now()
    )
    browser = console.enter("supervisor")
    assert browser.get(f"{HOME}/{made.id}").status_code == 404
    assert post(browser, f"{HOME}/{made.id}/terminar", {"version": "1", "words_es": "Ya."}).status_code == 404


class TestAlerts:
    def test_a_pasted_alert_becomes_a_proposal(self, console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(clock, "now", lambda: ALERT.sent)
        browser = console.enter("supervisor")
        answer = post(browser, f"{HOME}/alertas", {"alert": write_alert(ALERT).decode()})
        assert answer.headers["location"] == f"{HOME}/{only(console).id}"
        text = browser.get(answer.headers["location"]).text
        assert "Alerta de smn@example.mx: Lluvia fuerte." in text

    @pytest.mark.parametrize("alert", ["", "<alert/>", "no es xml"])
    def test_what_is_no_alert_is_refused_and_kept_in_the_form(self, console: Console, alert: str) -> None:
        answer = post(console.enter("supervisor"), f"{HOME}/alertas", {"alert": alert})
        assert answer.status_code == 400
        assert 'role="alert"' in answer.text

    def test_an_address_is_followed_once_and_removed(self, console: Console) -> None:
        browser = console.enter("supervisor")
        for _ in range(2):
            post(browser, f"{HOME}/alertas/direcciones", {"url": "https://avisos.example/cap.atom"})
        (feed,) = console.session.exec(select(AlertFeed))
        assert "https://avisos.example/cap.atom" in browser.get(f"{HOME}/alertas").text
        post(browser, f"{HOME}/alertas/direcciones/{feed.id}", {})
        assert "avisos.example/cap.atom<" not in browser.get(f"{HOME}/alertas").text

    @pytest.mark.parametrize(
        "url", ["http://avisos.example/", "https://127.0.0.1/", "https://10.0.0.1/", "ftp://x", ""]
    )
    def test_an_address_inside_is_refused(self, console: Console, url: str) -> None:
        answer = post(console.enter("supervisor"), f"{HOME}/alertas/direcciones", {"url": url})
        assert answer.status_code == 400
        assert console.session.exec(select(AlertFeed)).all() == []


def test_alarms_stand_there_until_somebody_has_seen_to_them(console: Console) -> None:
    now = clock.now()
    for number in range(spending.MOST_IN_A_ROW_ABROAD + 1):
        spending.spend(console.session, CITY, f"+3706123{number:04}", "code", now=now)
    for number in range(targeting.MANY_REPORTS):
        report(console.session, number, at=now)
    for reason, digits in (("callbacks_to", "4321"), ("callbacks_by", "")):
        console.session.add(
            CallerFlag(jurisdiction_id=CITY, reason=reason, scope="x", digits=digits, refused=7, at=now)
        )
    console.session.flush()
    browser = console.enter("supervisor")
    text = browser.get(HOME).text
    assert "No se manda más a +3706123xxxx" in text
    assert "6 reportes de 1 personas" in text
    assert "Termina en 4321. Rechazadas desde entonces: 7." in text
    assert "Números ocultos, todos juntos." in text
    assert alarms.count(console.session, CITY) == 4
    for path in set(re.findall(rf'action="({HOME}/(?:alarmas|direcciones|llamadas)/[^"]+)"', text)):
        assert post(browser, path, {"note": "Visto"}).status_code == 303
    assert "Alarmas" not in browser.get(HOME).text


def test_our_own_alert_is_not_news(console: Console) -> None:
    assert alerts.sender_of("testserver") == "atiende@testserver"


def test_reports_from_before_are_seen_attached_and_taken_back(console: Console) -> None:
    session = console.session
    made = opened(session)
    early = reported(session, at=clock.now() - timedelta(hours=1))
    made.opened_at = clock.now()
    session.commit()
    browser, home = console.enter("supervisor"), f"{HOME}/{made.id}"
    text = browser.get(home).text
    assert spaced(early.folio) in text
    assert "Sumar 1 reporte<" in text
    form = {"version": str(made.version), "ref": "b" * 20, "request": str(early.id), "words_es": "Ya sabemos de esto."}
    for _ in range(2):
        assert post(browser, f"{home}/anteriores", form).status_code == 303
    text = browser.get(home).text
    assert "Se sumaron reportes de antes: 1" in text
    assert "Sumar 1 reporte<" not in text
    found = re.search(r'action="([^"]+/deshacer)"', text)
    assert found is not None
    assert post(browser, found[1], {"version": str(only(console).version)}).status_code == 303
    text = browser.get(home).text
    assert "Se deshizo, reportes de antes: 1" in text
    assert "/deshacer" not in text
    assert "Sumar 1 reporte<" in text


@pytest.fixture
def held_back(console: Console) -> SpendingBreaker:
    """An alarm of a channel, with one answer that waits."""
    for number in range(spending.MOST_IN_A_ROW):
        spending.spend(console.session, CITY, f"+52551234{number:04}", "folio", now=NOW)
    assert Phone(console.session).write("ESTADO") == []
    (breaker,) = spending.open_breakers(console.session, CITY)
    return breaker


def test_answers_that_a_colleague_let_go_are_not_taken_away_from_an_older_list(
    console: Console, held_back: SpendingBreaker
) -> None:
    url, waiting = f"{HOME}/alarmas/{held_back.id}", {held_back.id: 1}
    supervisor, late = console.enter("supervisor"), console.enter("admin")
    assert post(supervisor, url, {"waiting": "answer"}).status_code == 303
    for browser in (late, supervisor):
        refused = post(browser, url, {"waiting": "drop"})
        assert refused.status_code == 409
        assert "Iván Soto ya decidió qué hacer con esta alarma" in refused.text
        assert waiting_answers.count(console.session, [held_back.id]) == waiting


def test_answers_are_taken_away_once_however_often_the_button_is_pressed(
    console: Console, held_back: SpendingBreaker
) -> None:
    browser, url = console.enter("supervisor"), f"{HOME}/alarmas/{held_back.id}"
    for _ in range(2):
        assert post(browser, url, {"waiting": "drop"}).status_code == 303
        assert waiting_answers.count(console.session, [held_back.id]) == {}
    assert console.fresh(held_back).reset_by_name == "Iván Soto"
