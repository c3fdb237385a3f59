"""What a city folder says about promises: read with its faults, and kept version by version."""

from datetime import UTC, date, datetime
from pathlib import Path
from shutil import copytree

import pytest
from sqlmodel import Session, col, select

from intake.catalog import queries as catalog
from intake.catalog.models import ServicePromise
from intake.city_folder.load import import_folder
from intake.city_folder.read import read_folder
from routing.clocks import Promise, Terms

CITIES = Path(__file__).resolve().parents[3] / "cities"
ID = "encinos.gob.example"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(copytree(CITIES / "encinos", tmp_path / "encinos"))


def replaced(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        (
            'silence = { amount = 5, unit = "working_days" }',
            'silence = { amount = 0, unit = "days" }',
            "promises.silence",
        ),
        ("[promises]", "[forecast]\nshow = 'yes'\n[promises]", "forecast.show"),
    ],
)
def test_faults_are_named(folder: Path, old: str, new: str, where: str) -> None:
    replaced(folder / "city.toml", old, new)
    found, problems = read_folder(folder)
    assert found is None
    assert where in [problem.where for problem in problems if problem.level == "error"]


def test_a_step_is_checked(folder: Path) -> None:
    steps = """
[[promises.steps]]
code = "a"
of = "nothing"
at = 0
name = { es = "A" }
tell = ["everybody"]
"""
    (folder / "city.toml").write_text((folder / "city.toml").read_text() + steps)
    _, problems = read_folder(folder)
    wrong = {problem.where for problem in problems if problem.level == "error"}
    assert wrong == {f"promises.steps[0].{key}" for key in ("of", "at", "name.en", "tell")}


@pytest.mark.database
def test_every_version_stays_with_its_days(session: Session, folder: Path) -> None:
    first, second = datetime(2026, 11, 2, 18, tzinfo=UTC), datetime(2026, 11, 20, 5, tzinfo=UTC)
    import_folder(session, folder, now=first)
    import_folder(session, folder, now=second)  # the same again makes no version
    file = folder / "services/calles/BACHE.toml"
    replaced(file, "amount = 10", "amount = 8")
    assert import_folder(session, folder, now=second).catalog_changed
    kept = session.exec(
        select(ServicePromise)
        .where(ServicePromise.jurisdiction_id == ID, ServicePromise.service_code == "BACHE")
        .order_by(col(ServicePromise.version))
    ).all()
    # 23:00 of the 19th in the city.
    assert [(row.version, row.valid_from, row.valid_to) for row in kept] == [
        (1, date(2026, 11, 2), date(2026, 11, 19)),
        (2, date(2026, 11, 19), None),
    ]
    assert [row.terms["resolution"]["amount"] for row in kept] == [10, 8]
    definition = catalog.service(session, ID, "BACHE")
    assert definition.promise_version == 2
    terms = Terms.parse(definition.terms_content)
    # What a service does not say comes from the city.
    assert (terms.first_answer, terms.silence) == (Promise(2, "working_days"), Promise(5, "working_days"))
    fallen = Terms.parse(catalog.service(session, ID, "ARBOL_CAIDO").terms_content)
    assert fallen.first_answer == Promise(4, "hours")
