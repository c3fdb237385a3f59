"""Examples in city folders: read, tried at every import, and in force with the rules."""

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlmodel import Session, select

from georef.readers import read_areas
from intake.city_folder.check import check_folder
from intake.city_folder.load import import_folder
from intake.city_folder.read import read_folder
from intake.city_folder.rule_tests import read_tests
from intake.city_folder.tables import Notes
from routing import actions, queries, trying
from routing.models import RuleSet
from routing.rule_tests import TestsFail

CITIES = Path(__file__).resolve().parents[3] / "cities"
NOW = datetime(2026, 11, 19, 19, 0, tzinfo=UTC)
JACARANDA, CDMX = "jacaranda.gob.example", "cdmx.gob.mx"
GROUPS = {"BACHE": "calles"}


def write(folder: Path, text: str) -> Path:
    (folder / "rule_tests.toml").write_text(text)
    return folder


def copy(tmp_path: Path, name: str = "jacaranda") -> Path:
    return Path(shutil.copytree(CITIES / name, tmp_path / name))


def test_every_city_with_tests_has_twenty(tmp_path: Path) -> None:
    for name in ("jacaranda", "cdmx"):
        folder, _ = read_folder(CITIES / name)
        assert folder is not None
        assert len(folder.tests) >= 20, name
    assert read_tests(Notes(), tmp_path, GROUPS, "UTC") == []


def test_a_time_without_a_zone_is_the_citys(tmp_path: Path) -> None:
    text = "[[test]]\ncode='{0}'\nservice='BACHE'\nexpects='X'\nat={1}\n"
    tests = read_tests(
        Notes(),
        write(tmp_path, text.format("A", "2026-03-01T10:00:00") + text.format("B", "2026-03-01")),
        GROUPS,
        "America/Mexico_City",
    )
    assert [test.at and test.at.astimezone(UTC).hour for test in tests] == [16, 18]
    assert tests[0].service_group == "calles"


@pytest.mark.parametrize(
    ("line", "where"),
    [
        ("service='NADA'\nexpects='X'", "test[0].service"),
        ("service='BACHE'", "test[0].expects"),
        ("service='BACHE'\nexpects='X'\nlon=-99.1", "test[0].lon"),
        ("service='BACHE'\nexpects='X'\nlon=-990.1\nlat=19", "test[0].lon"),
        ("service='BACHE'\nexpects='X'\nat='ayer'", "test[0].at"),
        ("service='BACHE'\nexpects='X'\nother=1", "test[0].other"),
        ("service='BACHE'\nexpects='X'\n[[test]]\ncode='A'\nservice='BACHE'\nexpects='X'", "test[1].code"),
    ],
)
def test_mistakes_say_where(tmp_path: Path, line: str, where: str) -> None:
    notes = Notes()
    read_tests(notes, write(tmp_path, f"[[test]]\ncode='A'\n{line}\n"), GROUPS, "UTC")
    assert where in [problem.where for problem in notes.problems]


def test_the_check_tries_the_tests(tmp_path: Path) -> None:
    folder = copy(tmp_path)
    text = (folder / "rule_tests.toml").read_text()
    write(folder, text.replace('expects = "ALC-LC"', 'expects = "OBRAS"', 1))
    problems = [problem for problem in check_folder(folder).problems if problem.level == "error"]
    assert [problem.where for problem in problems] == ["BACHE-CANTERA"]
    assert "ALC-LC (ALC-LC)" in problems[0].public_text()
    write(folder, text.replace('expects = "ALC-LC"', 'expects = "NADIE"', 1))
    assert "BACHE-CANTERA" in [problem.where for problem in check_folder(folder).problems if problem.level == "error"]


@pytest.mark.database
def test_an_import_whose_tests_fail_changes_nothing(session: Session, tmp_path: Path) -> None:
    report = import_folder(session, CITIES / "jacaranda", now=NOW)
    assert (report.tests >= 20, report.untested_without) == (True, [])
    folder = copy(tmp_path)
    rules = (folder / "rules.toml").read_text()
    (folder / "rules.toml").write_text(
        rules.replace('service = "SEMAFORO"\nagency = "OBRAS"', 'service = "SEMAFORO"\nagency = "TRANSITO"')
    )
    with pytest.raises(TestsFail) as refused, session.begin_nested():
        import_folder(session, folder, now=NOW)
    assert [result.test.code for result in refused.value.results] == ["SEMAFORO-MIRADOR"]
    assert "SEMAFORO-MIRADOR: SEMAFORO" in refused.value.public_text()
    assert len(session.exec(select(RuleSet)).all()) == 1
    tests = (folder / "rule_tests.toml").read_text()
    write(
        folder, tests.replace('service = "SEMAFORO"\nexpects = "OBRAS"', 'service = "SEMAFORO"\nexpects = "TRANSITO"')
    )
    assert import_folder(session, folder, now=NOW).rule_set_version == 2
    newest = queries.newest_rule_set(session, JACARANDA)
    assert newest is not None
    assert newest.rules_text == (folder / "rules.toml").read_text()
    assert len(newest.content["tests"]) == report.tests


@pytest.mark.database
def test_mexico_city_is_tried_once_its_boundaries_are_there(session: Session, shared_data: Path) -> None:
    report = import_folder(session, CITIES / "cdmx", now=NOW)
    assert list(report.untested_without) == ["jurisdiction", "district", "colonia"]
    for key, file, code, name in (
        ("jurisdiction", "cdmx_outline.geojson", "CVE_ENT", "name"),
        ("district", "cdmx_alcaldias.geojson", "CVE_MUN", "NOMGEO"),
    ):
        actions.import_layer(
            session,
            jurisdiction_id=CDMX,
            key=key,
            name=key,
            areas=read_areas(str(shared_data / file), code_field=code, name_field=name),
            valid_from=datetime(2019, 12, 31, tzinfo=UTC).date(),
            now=NOW,
        )
    (trial,) = trying.trials(session, CDMX, NOW)
    assert [(result.test.code, result.got) for result in trial.results if not result.passed] == []
    assert len(trial.results) == report.tests


def test_a_folder_with_bad_tests_is_not_read(tmp_path: Path) -> None:
    read, problems = read_folder(write(copy(tmp_path), "[[test]]\ncode = 1\n"))
    assert read is None
    assert {problem.file for problem in problems} == {"rule_tests.toml"}
