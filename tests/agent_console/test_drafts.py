"""A draft of rules between colleagues: made once, and nothing of it replaced or taken away that somebody has not seen."""

import pytest

from kernel import clock
from routing import drafts
from routing.draft_models import RoutingDraft
from tests.agent_console.conftest import Console
from tests.factories import CITY

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
