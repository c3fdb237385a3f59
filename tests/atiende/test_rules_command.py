"""`atiende rules`: what it prints, and how it ends."""

import re
import shutil
from datetime import UTC, date, datetime
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlmodel import Session

from atiende.commands import lint_rules, rules
from intake.city_folder.load import import_folder
from kernel import clock
from kernel.errors import Conflict, InvalidInput, NotFound
from routing import alerts, drafts, queries
from routing.rule_tests import RuleTest
from routing.values import Rule

CITIES = Path(__file__).resolve().parents[2] / "cities"
NOW = datetime(2026, 11, 19, 19, 0, tzinfo=UTC)
CITY = "jacaranda.gob.example"
RULE = """
[[rule]]
code = "TARDE"
priority = 900
service = "NADA"
agency = "OBRAS"
reason = { es = "x", en = "x" }
"""

pytestmark = pytest.mark.database


@pytest.fixture
def city(session: Session, monkeypatch: pytest.MonkeyPatch) -> Session:
    for module in (rules, lint_rules):
        monkeypatch.setattr(module, "_connect", lambda: None)  # the test's own connection
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
    drafts.remove_test(city, draft.id, "BACHE-SABINOS", by="Rosa", now=NOW)
    with pytest.raises(InvalidInput, match="pruebas de la versión 1: BACHE-SABINOS"):
        rules.publish(str(draft.id), "2027-01-01", "Rosa")
    rules.publish(str(draft.id), "2027-01-01", "Rosa", without_tests=True)
    assert "versión 2, desde 2027-01-01" in capsys.readouterr().out
    newest = queries.newest_rule_set(city, CITY)
    assert newest is not None
    assert newest.valid_from == date(2027, 1, 1)
    rules.show(CITY)
    assert capsys.readouterr().out == (CITIES / "jacaranda" / "rules.toml").read_text()


def test_a_planned_version_is_withdrawn(city: Session, capsys: pytest.CaptureFixture[str]) -> None:
    draft = drafts.create(city, CITY, "Límite 2027", by="Rosa", now=NOW)
    drafts.add_test(city, draft.id, RuleTest("BIEN", "SEMAFORO", "OBRAS", -101.43, 21.87), by="Rosa", now=NOW)
    with pytest.raises(InvalidInput, match="último día posible"):
        rules.publish(str(draft.id), "8999-12-15", "Rosa")
    rules.publish(str(draft.id), "2027-06-01", "Rosa")
    rules.withdraw(2, CITY, "Rosa")
    assert capsys.readouterr().out.endswith(f"{CITY}: la versión 2, que entraba el 2027-06-01, se canceló\n")
    with pytest.raises(Conflict):
        rules.withdraw(2, CITY, "Rosa")
    with pytest.raises(NotFound):
        rules.withdraw(2, "nadie", "Rosa")
    rules.publish(str(draft.id), "2026-12-01", "Rosa")
    assert "versión 3, desde 2026-12-01" in capsys.readouterr().out


def test_broken_rules_are_told(city: Session, capsys: pytest.CaptureFixture[str]) -> None:
    city.connection().execute(
        text("UPDATE rule_set SET content = jsonb_set(content, '{rules,0,agency_code}', '\"X\"')")
    )
    city.expire_all()
    queries.city(city, CITY)  # kept in memory from before: what is stored is what is judged
    with pytest.raises(InvalidInput):
        rules.test(CITY)
    assert "no puede decidir: Las reglas nombran una dependencia que no existe: X." in capsys.readouterr().out


def test_the_findings_of_stored_rules(city: Session, capsys: pytest.CaptureFixture[str]) -> None:
    lint_rules.run(None, None)
    assert re.match(rf"{CITY}, versión 1: \d+ reglas, 0 errores, \d+ avisos\n", capsys.readouterr().out)
    city.connection().execute(
        text("UPDATE rule_set SET content = jsonb_set(content, '{rules,0,service_code}', '\"X\"')")
    )
    city.expire_all()
    with pytest.raises(InvalidInput, match="Errores en las reglas: 1"):
        lint_rules.run(CITY, None)
    assert re.search(r"^  ERROR  \S+ +No existe el servicio X\.$", capsys.readouterr().out, re.M)
    city.connection().execute(text("UPDATE rule_set SET content = content - 'rules'"))
    city.expire_all()
    with pytest.raises(InvalidInput):
        lint_rules.run(CITY, None)
    assert "no se puede leer: KeyError" in capsys.readouterr().out
    with pytest.raises(NotFound):
        lint_rules.run("nadie", None)


def test_the_findings_of_a_file(city: Session, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "rules.toml"
    rules_text = (CITIES / "jacaranda" / "rules.toml").read_text()
    file.write_text(rules_text)
    lint_rules.run(CITY, file)
    assert " 0 errores" in capsys.readouterr().out
    file.write_text(rules_text.replace('agency = "OBRAS"', 'agency = "NADIE"', 1))
    with pytest.raises(InvalidInput):
        lint_rules.run(CITY, file)
    assert "No existe la dependencia NADIE." in capsys.readouterr().out
    file.write_text("[[rule]]\ncode = 5\n")
    with pytest.raises(InvalidInput):
        lint_rules.run(CITY, file)
    assert "  ERROR  línea 2  " in capsys.readouterr().out
    with pytest.raises(InvalidInput, match="--jurisdiction"):
        lint_rules.run(None, file)
    with pytest.raises(NotFound):
        lint_rules.run(None, tmp_path / "nada.toml")


def test_the_findings_of_a_city_folder_need_no_database(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "jacaranda"
    shutil.copytree(CITIES / "jacaranda", folder)
    file = folder / "rules.toml"
    lint_rules.run(None, file)
    assert " 0 errores" in capsys.readouterr().out
    file.write_text(file.read_text() + RULE)
    with pytest.raises(InvalidInput):
        lint_rules.run(None, file)
    assert "  ERROR  TARDE  No existe el servicio NADA." in re.sub(" +TARDE +", "  TARDE  ", capsys.readouterr().out)
    file.write_text(file.read_text().replace("priority = 900", "priority = true"))
    with pytest.raises(InvalidInput):
        lint_rules.run(None, file)
    assert "rules.toml rule[" in capsys.readouterr().out


def test_the_command_refuses_to_publish_rules_with_errors(city: Session) -> None:
    draft = drafts.create(city, CITY, "Límite 2027", by="Rosa", now=NOW)
    wrong = Rule("MAL", 5, "OBRAS", {"es": "x", "en": "x"}, date(2026, 1, 1), service_code="NADA")
    drafts.write_rules(city, draft.id, [wrong], "OBRAS", text="", by="Rosa", now=NOW)
    with pytest.raises(InvalidInput, match=r"MAL: No existe el servicio NADA\."):
        rules.publish(str(draft.id), "2027-01-01", "Rosa")
    with pytest.raises(NotFound):
        rules.publish(str(uuid4()), "2027-01-01", "Rosa")
