"""`atiende rules`: what it prints, and how it ends."""

import re
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlmodel import Session

from atiende.commands import rules
from intake.city_folder.load import import_folder
from kernel import clock
from kernel.errors import InvalidInput, NotFound
from routing import alerts, drafts, queries
from routing.rule_tests import RuleTest

CITIES = Path(__file__).resolve().parents[2] / "cities"
NOW = datetime(2026, 11, 19, 19, 0, tzinfo=UTC)
CITY = "jacaranda.gob.example"

pytestmark = pytest.mark.database


@pytest.fixture
def city(session: Session, monkeypatch: pytest.MonkeyPatch) -> Session:
    monkeypatch.setattr(rules, "_connect", lambda: None)  # the test's own connection
    monkeypatch.setattr(clock, "now", lambda: NOW)
    import_folder(session, CITIES / "jacaranda", now=NOW)
    alerts.forget()
    return session


def test_good_rules_are_listed(city: Session, capsys: pytest.CaptureFixture[str]) -> None:
    rules.test(None)
    lines = capsys.readouterr().out.splitlines()
    count = len(lines) - 1
    assert lines[0] == f"{CITY}, versión 1: {count} de {count} pruebas"
    assert re.search(r"^  ok    BACHE-SABINOS +BACHE -101\.42888 21\.87830 → OBRAS$", lines[1])
    with pytest.raises(NotFound):
        rules.test("nadie")


def test_a_draft_is_listed_refused_and_published(city: Session, capsys: pytest.CaptureFixture[str]) -> None:
    draft = drafts.create(city, CITY, "Límite 2027", by="Rosa", now=NOW)
    drafts.add_test(city, draft.id, RuleTest("MAL", "BACHE", "AGUAS", -101.43, 21.87), by="Rosa", now=NOW)
    rules.drafts(None)
    assert f"{draft.id}  {CITY}  Límite 2027  parte de la versión 1" in capsys.readouterr().out
    with pytest.raises(InvalidInput, match="MAL"):
        rules.publish(str(draft.id), "2027-01-01", "Rosa")
    for wrong in (("x", "2027-01-01"), (str(draft.id), "mañana")):
        with pytest.raises(InvalidInput):
            rules.publish(*wrong, "Rosa")
    drafts.remove_test(city, draft.id, "MAL", by="Rosa", now=NOW)
    drafts.add_test(city, draft.id, RuleTest("BIEN", "SEMAFORO", "OBRAS", -101.43, 21.87), by="Rosa", now=NOW)
    rules.publish(str(draft.id), "2027-01-01", "Rosa")
    assert "versión 2, desde 2027-01-01" in capsys.readouterr().out
    newest = queries.newest_rule_set(city, CITY)
    assert newest is not None
    assert newest.valid_from == date(2027, 1, 1)
    rules.show(CITY)
    assert capsys.readouterr().out == (CITIES / "jacaranda" / "rules.toml").read_text()


def test_broken_rules_are_told(city: Session, capsys: pytest.CaptureFixture[str]) -> None:
    city.connection().execute(
        text("UPDATE rule_set SET content = jsonb_set(content, '{rules,0,agency_code}', '\"X\"')")
    )
    city.expire_all()
    queries.city(city, CITY)  # kept in memory from before: what is stored is what is judged
    with pytest.raises(InvalidInput):
        rules.test(CITY)
    assert "no puede decidir: Las reglas nombran una dependencia que no existe: X." in capsys.readouterr().out
