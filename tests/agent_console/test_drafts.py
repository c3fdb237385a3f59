"""A draft of rules between colleagues: made once, and nothing of it replaced or taken away that somebody has not seen."""

import re

import pytest
from shapely.geometry import box
from sqlmodel import col, select

from kernel import clock
from routing import drafts
from routing.draft_models import RoutingDraft
from routing.rule_tests import RuleTest
from tests.agent_console.conftest import Console
from tests.factories import CITY, IN_NORTE, both

pytestmark = pytest.mark.database
HOME = "/consola/reglas"


def _draft(console: Console) -> RoutingDraft:
    return drafts.create(console.session, CITY, "Límites 2027", by="Rosa Cruz", now=clock.now())


def _url(draft: RoutingDraft) -> str:
    return f"{HOME}/borradores/{draft.id}"


def test_a_test_without_a_name_takes_no_other_ones_place(console: Console) -> None:
    draft, browser = _draft(console), console.enter("supervisor")
    url = _url(draft)

    def add(note: str) -> None:
        sent = browser.send(url, f"{url}/pruebas", service_code="BACHE", expects="ALC-N", lon="", lat="", note=note)
        assert sent.status_code == 303

    add("uno")
    add("dos")
    assert browser.send(url, f"{url}/pruebas/quitar", code="BACHE-1").status_code == 303
    add("tres")
    assert {test["code"]: test["note"] for test in console.fresh(draft).tests} == {"BACHE-1": "tres", "BACHE-2": "dos"}


@pytest.mark.parametrize(
    ("page", "action", "values"),
    [
        ("", "/pruebas/quitar", {"code": "CENTRO"}),
        ("", "/capas/quitar", {"key": "district"}),
        ("/descartar", "/descartar", {}),
    ],
)
def test_what_a_colleague_has_just_changed_is_not_taken_away_unseen(
    console: Console, page: str, action: str, values: dict[str, str]
) -> None:
    draft, browser, now = _draft(console), console.enter("supervisor"), clock.now()
    drafts.add_test(console.session, draft.id, RuleTest("CENTRO", "BACHE", "ALC-N", *IN_NORTE), by="Rosa", now=now)
    areas = [("N", "Norte", box(-99.2, 19.3, -99.1, 19.5))]
    drafts.replace_layer(console.session, draft.id, key="district", name=both("D"), areas=areas, by="Rosa", now=now)
    shown = browser.get(_url(draft) + page).text.split(f'action="{_url(draft)}{action}"')[1].split("</form>")[0]
    hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', shown))
    drafts.write_rules(console.session, draft.id, [], "AGUAS", text="", by="Olga Vera", now=now)
    refused = browser.client.post(_url(draft) + action, data=hidden | values)
    assert refused.status_code == 409
    assert "Olga Vera cambió este borrador mientras lo veías." in refused.text.split('id="draft-error"')[1]
    kept = console.fresh(draft)
    assert (kept.state, len(kept.tests), len(drafts.layers_in(console.session, kept.id))) == ("open", 1, 1)
    assert browser.send(_url(draft) + page, _url(draft) + action, **values).status_code == 303
    kept = console.fresh(draft)
    assert (kept.state, len(kept.tests), len(drafts.layers_in(console.session, kept.id))) != ("open", 1, 1)


def test_a_new_draft_asked_for_twice_is_one(console: Console) -> None:
    browser = console.enter("supervisor")
    first, second = (browser.send(HOME, f"{HOME}/borradores", name="Baches ") for _ in range(2))
    assert first.status_code == second.status_code == 303
    assert first.headers["location"] == second.headers["location"]
    for other, name in ((console.enter("admin"), "Baches"), (browser, "Fugas")):
        assert other.send(HOME, f"{HOME}/borradores", name=name).headers["location"] != first.headers["location"]
    draft = console.session.exec(select(RoutingDraft).order_by(col(RoutingDraft.made_at))).first()
    assert draft is not None
    drafts.write_rules(console.session, draft.id, [], "AGUAS", text="", by="Rosa", now=clock.now())
    third = browser.send(HOME, f"{HOME}/borradores", name="Baches")
    assert third.headers["location"] != first.headers["location"], "what was changed since is no answer to a new form"
