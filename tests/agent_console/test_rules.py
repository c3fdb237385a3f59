"""The pages about rules: health, a draft with its mistakes, publishing, what came back, and the alarm."""

import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlmodel import Session, select

from agent_console.pages.rules import draft as editing
from intake.city_folder import rule_text
from intake.city_folder.load import import_folder
from intake.service_requests import returning, rule_use
from intake.service_requests.values import Actor
from kernel import clock, db
from routing import actions, alerts, drafts, publishing, queries, rule_sets
from routing.draft_models import RoutingDraft, RuleAlert
from routing.models import RuleSet
from routing.rule_tests import RuleTest
from tests.agent_console.conftest import Console
from tests.factories import CITY, IN_NORTE, SUBJECTS, make_rule

pytestmark = pytest.mark.database
CITIES = Path(__file__).resolve().parents[2] / "cities"
HOME = "/consola/reglas"
DAY = (clock.now() + timedelta(days=60)).date().isoformat()
RULE = (
    '[[rule]]\ncode = "NUEVA"\npriority = 5\nservice = "BACHE"\nagency = "AGUAS"\n[rule.reason]\nes = "x"\nen = "x"\n'
)


def _draft(console: Console) -> RoutingDraft:
    return drafts.create(console.session, CITY, "Límites 2027", by="Rosa Cruz", now=clock.now())


def _url(draft: RoutingDraft) -> str:
    return f"{HOME}/borradores/{draft.id}"


@pytest.mark.parametrize(("role", "status"), [("operator", 404), ("agency", 404), ("supervisor", 200), ("admin", 200)])
def test_who_sees_the_rules(console: Console, role: str, status: int) -> None:
    browser = console.enter(role)
    assert browser.get(HOME).status_code == status
    assert browser.get(f"{HOME}/devoluciones").status_code == status
    assert browser.get(_url(_draft(console))).status_code == status
    assert ("Reglas</a>" in browser.get("/consola/solicitudes").text) == (status == 200)


def test_each_rule_in_numbers(console: Console) -> None:
    for _ in range(3):
        found = console.report()
    console.report("Fuga", service_code="FUGA")
    returning.give_back(
        console.session, found.id, reason="No", suggested=None, actor=Actor("agency", "C"), now=clock.now()
    )
    assert rule_use.count(console.session, now=clock.now() + timedelta(minutes=5)) == 4
    page = console.enter("supervisor").get(HOME).text
    rows = re.findall(r"<tr role=\"row\"><td.*?</tr>", page, re.S)
    assert [re.search(r"<code>(.*?)</code>", row)[1] for row in rows] == ["NORTE-1", "AGUA-1", "SUR-1"]  # type: ignore[index]
    assert "<span>3</span>" in rows[0]
    assert "33.3%" in rows[0]
    assert "Nunca" in rows[2]
    assert "Nunca" not in rows[1]
    for days in ("7", "90", "x", "99999999999"):
        assert console.enter("admin").get(f"{HOME}?days={days}").status_code == 200


def test_a_mistake_is_shown_at_its_line_and_nothing_is_lost(console: Console) -> None:
    draft, browser = _draft(console), console.enter("supervisor")
    wrong = RULE.replace('agency = "AGUAS"', "agency = 5") + '\n[[rule]]\ncode = "B"\n'
    answer = browser.send(_url(draft), _url(draft) + "/reglas", rules=wrong)
    assert answer.status_code == 400
    assert "<b>Línea 5.</b>" in answer.text
    assert "agency = 5" in answer.text.split('class="mistakes"')[1]
    assert "&#34;NUEVA&#34;" in answer.text
    assert console.fresh(draft).rules is None
    broken = browser.send(_url(draft), _url(draft) + "/reglas", rules="[[rule]]\ncode = \n")
    assert "<b>Línea 2.</b>" in broken.text
    unknown = browser.send(_url(draft), _url(draft) + "/reglas", rules=RULE.replace("AGUAS", "NADIE"))
    assert unknown.status_code == 400
    assert "NADIE" in unknown.text


def test_a_draft_is_edited_tried_and_published(console: Console) -> None:
    browser = console.enter("supervisor")
    made = browser.send(HOME, f"{HOME}/borradores", name="Baches a Aguas")
    url = made.headers["location"]
    draft = console.session.exec(select(RoutingDraft)).one()
    assert browser.send(url, f"{url}/reglas", rules=RULE).status_code == 303
    answer = browser.send(
        url, f"{url}/pruebas", service_code="BACHE", expects="ALC-N", lon="-99.15", lat="19,42", note="Calle Uno"
    )
    assert answer.status_code == 303
    page = browser.get(url).text
    assert "1 prueba no se cumple." in page
    assert "Da Aguas de Prueba" in page
    assert "disabled" in page.split('id="publicar"')[1].split("</form>")[0]
    question = browser.get(f"{url}/publicar").text
    assert "1 prueba no se cumple." in question
    assert "disabled" in question.split("<main")[1]
    refused = browser.send(f"{url}/publicar", f"{url}/publicar", day=DAY)
    assert refused.status_code == 400
    assert "BACHE-1: BACHE" in refused.text
    browser.send(url, f"{url}/pruebas/quitar", code="BACHE-1")
    assert console.fresh(draft).tests == []
    refused = browser.send(f"{url}/publicar", f"{url}/publicar", day="2020-01-01")
    assert "primer día posible" in refused.text
    refused = browser.send(f"{url}/publicar", f"{url}/publicar", day="mañana")
    assert refused.status_code == 400
    assert browser.send(f"{url}/publicar", f"{url}/publicar", day=DAY).status_code == 303
    newest = queries.newest_rule_set(console.session, CITY)
    assert newest is not None
    assert (newest.published_by, newest.valid_from.isoformat()) == ("Iván Soto", DAY)
    assert "La versión 2 entra el" in browser.get(HOME).text
    assert "Se publicó como la versión 2" in browser.get(url).text


def test_a_set_without_text_opens_whole_in_the_editor(session: Session) -> None:
    """Lines, answers, hours, capacity and questions too: saving the text as it opens changes no rule."""
    city = import_folder(session, CITIES / "jacaranda", now=clock.now()).jurisdiction_id
    newest = drafts.newest_of(session, city)
    assert newest.rules_text
    newest.rules_text = ""
    draft = drafts.create(session, city, "Límites 2027", by="Rosa Cruz", now=clock.now())
    rules, mistakes = rule_text.read(editing.rules_text(session, draft))
    assert mistakes == []
    assert rules == rule_sets.rules_of(newest.content)
    assert any(rule.tolerance_m and rule.question for rule in rules)
    newest.content = {**newest.content, "rules": []}
    assert editing.rules_text(session, draft) == ""


@pytest.mark.parametrize("page", ["rules", "whatif"])
def test_a_draft_with_fewer_tests_asks_for_a_yes(console: Console, page: str) -> None:
    first, now = _draft(console), clock.now()
    drafts.add_test(console.session, first.id, RuleTest("CENTRO", "BACHE", "ALC-N", *IN_NORTE), by="Rosa", now=now)
    publishing.publish(console.session, first.id, now.date(), "Rosa", now, subjects=SUBJECTS)
    draft, browser = _draft(console), console.enter("supervisor")
    drafts.write_rules(console.session, draft.id, [], "AGUAS", text="", by="Rosa", now=now)
    drafts.remove_test(console.session, draft.id, "CENTRO", by="Rosa", now=now)
    here, field = (
        (f"{_url(draft)}/publicar", "day") if page == "rules" else (f"/consola/ruteo/{draft.id}", "valid_from")
    )
    there = here if page == "rules" else f"{here}/publicar"
    assert re.search(r'name="without_tests" value="yes" required>.*?<code>CENTRO</code>', browser.get(here).text, re.S)
    refused = browser.send(here, there, **{field: DAY})
    assert refused.status_code == 400
    assert "pruebas de la versión 2: CENTRO." in refused.text
    assert console.fresh(draft).state == "open"
    assert browser.send(here, there, **{field: DAY, "without_tests": "yes"}).status_code == 303
    assert console.fresh(draft).state == "published"


def test_what_can_never_apply_is_shown_and_not_published(console: Console) -> None:
    draft, browser = _draft(console), console.enter("supervisor")
    url = _url(draft)
    assert browser.send(url, f"{url}/reglas", rules=RULE.replace("BACHE", "BACHES")).status_code == 303
    assert "No existe el servicio BACHES." in browser.get(url).text.split('id="publicar"')[1]
    refused = browser.send(f"{url}/publicar", f"{url}/publicar", day=DAY)
    assert refused.status_code == 400
    assert "Las reglas tienen errores, y nada cambió:\nNUEVA: No existe el servicio BACHES." in refused.text
    assert "&#34;BACHES&#34;" in refused.text
    assert console.fresh(draft).state == "open"
    tried = browser.send(f"/consola/ruteo/{draft.id}", f"/consola/ruteo/{draft.id}/publicar", valid_from=DAY)
    assert tried.status_code == 400
    assert "No existe el servicio BACHES." in tried.text
    newest = queries.newest_rule_set(console.session, CITY)
    assert newest is not None
    assert newest.version == 1


def test_many_doubts_leave_publishing_in_sight(console: Console) -> None:
    draft, browser = _draft(console), console.enter("supervisor")
    url = _url(draft)
    twins = "\n".join(RULE.replace("NUEVA", f"NUEVA-{n}") for n in range(4))
    assert browser.send(url, f"{url}/reglas", rules=twins).status_code == 303
    panel = browser.get(url).text.split('id="publicar"')[1].split("<form")[0]
    at_once, folded = panel.split("<details", 1)
    assert at_once.count("note small") == 3
    more = re.search(r"<summary>(\d+) dudas? más</summary>", folded)
    assert more
    assert folded.split("</details>")[0].count("note small") == int(more[1])


def test_a_long_list_of_changes_is_folded(console: Console) -> None:
    draft, browser = _draft(console), console.enter("supervisor")
    url = _url(draft)
    many = "\n".join(RULE.replace("NUEVA", f"NUEVA-{n:02}").replace("= 5", f"= {n + 5}") for n in range(15))
    assert browser.send(url, f"{url}/reglas", rules=many).status_code == 303
    for page in (url, f"{url}/publicar"):
        added = browser.get(page).text.split("<li>agrega ")[1].split("</li>")[0]
        at_once, folded = added.split("<details>")
        assert at_once.count("<code>") == 12
        assert "y 3 más" in folded
        assert folded.count("<code>") == 3


def test_doubts_are_shown_beside_their_rules_and_counted(console: Console) -> None:
    browser = console.enter("supervisor")
    assert re.search(r"<dt>Dudas</dt><dd>0</dd>", browser.get(HOME).text)
    everywhere = {"layer_key": "district", "area_codes": ["N", "S"]}
    make_rule(console.session, "ZETA", "AGUAS", **everywhere)
    make_rule(console.session, "TARDE", "AGUAS", 900, service_group="agua")
    make_rule(console.session, "MAL", "AGUAS", 900, service_code="NADA")
    page = browser.get(HOME).text
    cells = dict(re.findall(r'<td role="cell" class="what"><b><code>(.*?)</code>(.*?)</td>', page, re.S))
    assert "NORTE-1 (ALC-N) valen igual" in re.sub("<.*?>", "", cells["ZETA"])
    assert "valen igual" in cells["NORTE-1"]
    assert "Nunca decide: siempre se adelanta AGUA-1." in cells["TARDE"]
    assert "siempre se adelanta NORTE-1, SUR-1" in cells["ZETA"]
    assert "Nunca decide" not in cells["AGUA-1"]
    assert 'class="finding bad"' in cells["MAL"]
    assert re.search(r'<dt>Dudas</dt><dd class="bad">5</dd>', page)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"lon": "a", "lat": "19"}, "no es una coordenada"),
        ({"lon": "-99.1", "lat": ""}, "longitud y latitud"),
        ({"lon": "500", "lat": "19"}, "no es una coordenada"),
    ],
)
def test_a_bad_test_is_refused_with_what_was_typed(console: Console, values: dict[str, str], said: str) -> None:
    draft, browser = _draft(console), console.enter("supervisor")
    answer = browser.send(
        _url(draft), _url(draft) + "/pruebas", service_code="BACHE", expects="ALC-N", note="Mi nota", **values
    )
    assert answer.status_code == 400
    assert said in answer.text
    assert 'value="Mi nota"' in answer.text


def test_an_older_draft_is_brought_up_to_date(console: Console) -> None:
    draft, browser = _draft(console), console.enter("supervisor")
    assert browser.send(_url(draft), _url(draft) + "/reglas", rules=RULE).status_code == 303
    other = _draft(console)
    drafts.write_rules(console.session, other.id, [], "AGUAS", text="", by="Rosa", now=clock.now())
    publishing.publish(
        console.session, other.id, (clock.now() + timedelta(days=2)).date(), "Rosa", clock.now(), subjects=SUBJECTS
    )
    assert "Mientras tanto se publicó la versión 2." in browser.get(_url(draft)).text
    assert browser.send(_url(draft), _url(draft) + "/al-dia").status_code == 303
    for page in (_url(draft), _url(draft) + "/publicar"):
        told = re.search(r"Frente a la versión 2, este borrador:</b>(.*?)</ul>", browser.get(page).text, re.S)
        assert told, "what somebody else published meanwhile does not go without a word"
        assert re.search(r"<li>agrega <code>NUEVA</code>", told[1]), told[1]
        assert "deja lo demás a" in told[1], "the other draft had given the rest to Aguas"
    assert console.fresh(draft).base_version == 2


def test_a_draft_is_discarded_after_a_question(console: Console) -> None:
    draft, browser = _draft(console), console.enter("admin")
    assert browser.send(_url(draft) + "/descartar", _url(draft) + "/descartar").status_code == 303
    assert console.fresh(draft).state == "discarded"
    assert "Se descartó" in browser.get(_url(draft)).text


def test_what_came_back_becomes_a_test_or_does_not(console: Console) -> None:
    browser = console.enter("supervisor")
    assert "Nada por decidir" in browser.get(f"{HOME}/devoluciones").text
    ids = []
    for reason in ("Es una fuga", "No sabemos"):
        found = console.report()
        crew = Actor("agency", "Cuadrilla")
        returning.give_back(console.session, found.id, reason=reason, suggested="AGUAS", actor=crew, now=clock.now())
        kept = returning.last_return(console.session, found)
        assert kept is not None
        ids.append(kept.event_id)
    page = browser.get(f"{HOME}/devoluciones").text
    assert "«Es una fuga»" in page
    there = [f"{HOME}/devoluciones/{event_id}" for event_id in ids]
    refused = browser.send(f"{HOME}/devoluciones", there[0], expects="", draft="", decision="accept")
    assert refused.status_code == 400
    assert console.session.exec(select(RoutingDraft)).all() == []
    accepted = browser.send(f"{HOME}/devoluciones", there[0], expects="AGUAS", draft="", note="Fuga", decision="accept")
    assert accepted.status_code == 303
    draft = console.session.exec(select(RoutingDraft)).one()
    assert [(test["expects"], test["note"]) for test in draft.tests] == [("AGUAS", "Fuga")]
    rejected = browser.send(f"{HOME}/devoluciones", there[1], expects="AGUAS", decision="reject")
    assert rejected.status_code == 303
    assert "Nada por decidir" in browser.get(f"{HOME}/devoluciones").text
    again = browser.client.post(
        there[0],
        data={"csrf": page.split('name="csrf" value="')[1].split('"')[0], "decision": "reject"},
    )
    assert again.status_code == 409


def test_what_was_typed_about_a_return_is_still_there_when_it_is_refused(console: Console) -> None:
    session, crew = console.session, Actor("agency", "Cuadrilla")
    for _ in range(2):
        found = console.report()
        returning.give_back(session, found.id, reason="Es una fuga", suggested="AGUAS", actor=crew, now=clock.now())
    drafts.create(session, CITY, "Otro borrador", by="Rosa Cruz", now=clock.now())
    draft, kept = _draft(console), returning.last_return(session, found)
    assert kept is not None
    browser, there = console.enter("supervisor"), f"{HOME}/devoluciones/{kept.event_id}"
    for chosen in (str(draft.id), ""):
        typed = {"expects": "", "draft": chosen, "note": "La fuga va antes que el bache"}
        refused = browser.send(f"{HOME}/devoluciones", there, decision="accept", **typed)
        assert refused.status_code == 400
        mine = re.search(rf'<form [^>]*action="{there}".*?</form>', refused.text, re.S)
        assert mine
        assert "La fuga va antes que el bache</textarea>" in mine[0]
        assert re.findall(r'<option value="([^"]*)" selected>', mine[0]) == [chosen]
        assert refused.text.count("Es una fuga</textarea>") == 1
        assert refused.text.count('<option value="AGUAS" selected>') == 1


def test_rules_that_fail_are_told_on_every_page(console: Console) -> None:
    alerts.forget()
    session = console.session
    newest = queries.newest_rule_set(session, CITY)
    assert newest is not None
    session.add(
        RuleSet(
            jurisdiction_id=CITY,
            version=newest.version + 1,
            digest="broken",
            default_agency_code="AGUAS",
            content={"default_agency_code": "AGUAS", "rules": 5},
            at=clock.now(),
        )
    )
    session.flush()
    queries.clear_caches()
    found = console.report()
    assert found.agency_code == "ALC-N"
    for role, is_told in (("supervisor", True), ("admin", True), ("operator", False), ("agency", False)):
        page = console.enter(role).get("/consola/solicitudes").text
        assert (f"Las reglas de la versión {newest.version + 1} fallan" in page) == is_told, role
    page = console.enter("supervisor").get(HOME)
    assert page.status_code == 200
    assert "Estas reglas no pueden decidir." in page.text
    assert re.search(r"1 decisión, desde el \w+ \d+ de \w+, \d+:\d\d\.", page.text)
    alerts.forget()


def test_a_draft_names_the_rule_at_fault_and_cannot_be_published(console: Console) -> None:
    known = queries.agencies(console.session, CITY).values()
    facts = [queries.agency_facts(row) for row in known]
    name = "Alcaldía 'N' & Cía"
    facts = [replace(one, name=name, short_name=name) if one.code == "ALC-N" else one for one in facts]
    actions.replace_agencies(console.session, CITY, facts, clock.now())
    draft, browser = _draft(console), console.enter("supervisor")
    wrong = RULE + RULE.replace("NUEVA", "OTRA").replace("BACHE", "NO_EXISTE")
    assert browser.send(_url(draft), _url(draft) + "/reglas", rules=wrong).status_code == 303
    page = browser.get(_url(draft)).text
    assert "<code>OTRA</code> No existe el servicio NO_EXISTE." in page
    assert re.search(r'<button class="btn primary" type="submit" disabled>', page)
    added = browser.send(
        _url(draft), _url(draft) + "/pruebas", service_code="BACHE", expects="default", note="Sin lugar"
    )
    assert added.status_code == 303
    right = RULE.replace('"AGUAS"', '"ALC-N"')
    assert right != RULE
    assert browser.send(_url(draft), _url(draft) + "/reglas", rules=right).status_code == 303
    page = browser.get(_url(draft)).text
    assert "→ la general, por falta de regla" in page
    assert "Da Alcaldía &#39;N&#39; &amp; Cía" in page


def test_when_no_version_can_be_read_the_page_says_why_and_what_to_do(console: Console) -> None:
    session = console.session
    browser = console.enter("supervisor")
    draft = _draft(console)
    session.connection().execute(text("UPDATE rule_set SET content = content - 'rules'"))
    session.expire_all()
    queries.clear_caches()
    page = browser.get(HOME)
    assert page.status_code == 503
    assert "KeyError: &#39;rules&#39;" in page.text
    assert "atiende city import" in page.text
    for path in ("/consola/solicitudes", "/consola/revision"):
        answer = browser.get(path)
        assert answer.status_code == 200
        assert "No entra ningún reporte" in answer.text
    assert "No entra ningún reporte" not in console.enter("operator").get("/consola/solicitudes").text
    for path in (_url(draft), "/consola/ruteo", f"{HOME}/devoluciones"):
        assert browser.get(path).status_code in (200, 503), path


def test_a_city_whose_rules_cannot_be_read_is_mended_by_its_folder(session: Session) -> None:
    import_folder(session, CITIES / "jacaranda", now=clock.now())
    session.connection().execute(text("UPDATE rule_set SET content = content - 'rules'"))
    session.expire_all()
    queries.clear_caches()
    assert queries.why_undecided(session, "jacaranda.gob.example") is not None
    made = import_folder(session, CITIES / "jacaranda", now=clock.now())
    assert made.rule_set_version == 2
    assert queries.why_undecided(session, "jacaranda.gob.example") is None


def _planned(console: Console) -> RuleSet:
    draft = _draft(console)
    rules, _ = rule_text.read(RULE)
    drafts.write_rules(console.session, draft.id, rules, "ATENCION", text=RULE, by="Rosa Cruz", now=clock.now())
    day = clock.now().date() + timedelta(days=60)
    return publishing.publish(console.session, draft.id, day, "Rosa Cruz", clock.now(), subjects=SUBJECTS)


def test_a_planned_set_is_cancelled_after_a_question(console: Console) -> None:
    planned, browser = _planned(console), console.enter("supervisor")
    question = f"{HOME}/versiones/2/cancelar"
    assert f'href="{question}"' in browser.get(HOME).text
    assert "No entrará en vigor el" in browser.get(question).text
    assert console.fresh(planned).withdrawn_at is None
    assert browser.send(question, question).status_code == 303
    assert console.fresh(planned).withdrawn_by == "Iván Soto"
    assert question not in browser.get(HOME).text
    assert "no hay nada que cancelar" in browser.get(question).text, "a second tap is told so"
    assert "no hay nada que cancelar" in browser.get(f"{HOME}/versiones/1/cancelar").text
    assert console.enter("operator").get(question).status_code == 404


@pytest.mark.parametrize("page", ["rules", "question", "whatif"])
def test_nobody_publishes_what_they_have_not_seen(console: Console, page: str) -> None:
    draft, browser = _draft(console), console.enter("supervisor")
    here = f"/consola/ruteo/{draft.id}" if page == "whatif" else _url(draft)
    seen = browser.get(f"{here}/publicar" if page == "question" else here).text
    form = next(part for part in re.findall(r"<form.*?</form>", seen, re.S) if f'action="{here}/publicar"' in part)
    sent = dict(re.findall(r'name="(csrf|version)" value="(.*?)"', form)) | {"day": DAY, "valid_from": DAY}
    rules, _ = rule_text.read(RULE)
    drafts.write_rules(console.session, draft.id, rules, "ATENCION", text=RULE, by="Ana Admin", now=clock.now())
    if page == "rules":
        refused = browser.client.get(f"{here}/publicar", params=sent)
    else:
        refused = browser.client.post(f"{here}/publicar", data=sent)
    assert refused.status_code == 409
    assert "Ana Admin cambió este borrador mientras lo veías. Revisa lo nuevo." in refused.text
    assert console.fresh(draft).state == "open"
    again, field = (here, "valid_from") if page == "whatif" else (f"{here}/publicar", "day")
    assert browser.send(again, f"{here}/publicar", **{field: DAY}).status_code == 303


def test_a_refusal_says_each_thing_once_and_of_which_rule(console: Console) -> None:
    draft, browser = _draft(console), console.enter("supervisor")
    url = _url(draft)
    text = RULE.replace("BACHE", "BACHES") + RULE.replace("BACHE", "BACHES").replace("NUEVA", "OTRA")
    assert browser.send(url, f"{url}/reglas", rules=text).status_code == 303
    refused = browser.send(f"{url}/publicar", f"{url}/publicar", day=DAY).text.split('id="publish-error"')[1]
    told = refused.split("</p>")[0]
    assert told.count("NUEVA: No existe el servicio BACHES.") == told.count("OTRA: No existe el servicio BACHES.") == 1


def test_an_open_page_hears_of_failing_rules(console: Console) -> None:
    browser = console.enter("supervisor")
    ask = re.compile(r'hx-get="(/consola/reglas/alertas\?seen=[^"]*)" hx-trigger="every 45s"')
    asked = ask.search(browser.get("/consola/solicitudes").text)
    assert asked
    assert browser.get(asked[1]).status_code == 204, "nothing new, nothing to read aloud again"
    with db.transaction() as session:
        alert = RuleAlert(
            jurisdiction_id=CITY,
            version=1,
            used_version=0,
            error="X",
            count=1,
            first_at=clock.now(),
            last_at=clock.now(),
        )
        session.add(alert)
    told = browser.get(asked[1])
    assert "Las reglas de la versión 1 fallan" in told.text
    again = ask.search(told.text)
    assert again
    assert browser.get(again[1]).status_code == 204
    for page in ("/consola/solicitudes", HOME, "/consola/ruteo", "/consola/revision"):
        assert "Las reglas de la versión 1 fallan" in browser.get(page).text
    assert console.enter("operator").get(again[1]).status_code == 404
