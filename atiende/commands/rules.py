"""`atiende rules test|show|drafts|publish|withdraw`."""

import os
import sys
from datetime import date
from uuid import UUID

from sqlmodel import Session, col, select

from atiende import database
from intake.catalog.models import Jurisdiction
from intake.city_folder import rule_text
from intake.city_folder.linting import subjects_of
from kernel import clock, db
from kernel.errors import InvalidInput, NotFound
from kernel.settings import load_storage_settings
from routing import alerts, publishing, rule_sets, trying, withdrawing
from routing import drafts as routing_drafts
from routing.draft_models import RoutingDraft
from routing.rule_tests import TestResult
from routing.trying import Trial


def test(jurisdiction: str | None) -> None:
    """Prints a line for each test. Raises InvalidInput when a set fails one, cannot decide, or has had an older one decide."""
    _connect()
    bad = 0
    with db.transaction() as session:
        for city in cities(session, jurisdiction):
            for trial in trying.trials(session, city, clock.now()):
                _print(city, trial)
                bad += not trial.is_good
            for alert in alerts.standing(session, city, clock.now().date()):
                sys.stdout.write(
                    f"ALERTA {city}: la versión {alert.version} falló {alert.count} veces desde"
                    f" {alert.first_at:%Y-%m-%d %H:%M}Z y decidió la {alert.used_version}: {alert.error}\n"
                )
                bad += 1
    if bad:
        raise InvalidInput("Hay reglas que no cumplen sus pruebas o no pueden decidir.")


def _print(city: str, trial: Trial) -> None:
    start = "" if trial.valid_from == date.min else f", desde {trial.valid_from}"
    passed = sum(result.passed for result in trial.results)
    said = f"no puede decidir: {trial.error}" if trial.error else f"{passed} de {len(trial.results)} pruebas"
    sys.stdout.write(f"{city}, versión {trial.version}{start}: {said}\n")
    width = max((len(result.test.code) for result in trial.results), default=0)
    for result in trial.results:
        sys.stdout.write(_line(result, width) + "\n")


def _line(result: TestResult, width: int) -> str:
    test = result.test
    place = f"{test.lon:.5f} {test.lat:.5f}" if test.lon is not None and test.lat is not None else "sin lugar"
    rule = f" ({result.rule_code})" if result.rule_code else ""
    said = "" if result.passed else f", y da {result.error or result.got}{rule}"
    return f"  {'ok   ' if result.passed else 'FALLA'} {test.code:<{width}}  {test.service_code} {place} → {test.expects}{said}"


def show(jurisdiction: str) -> None:
    """Prints what the newest rules were written as, or how they would be written. Raises NotFound."""
    _connect()
    with db.transaction() as session:
        newest = routing_drafts.newest_of(session, jurisdiction)
        sys.stdout.write(newest.rules_text or rule_text.write(rule_sets.rules_of(newest.content)))


def drafts(jurisdiction: str | None) -> None:
    """Prints a line for each open draft."""
    _connect()
    with db.transaction() as session:
        for city in cities(session, jurisdiction):
            for draft in routing_drafts.open_drafts(session, city):
                sys.stdout.write(
                    f"{draft.id}  {city}  {draft.name}  parte de la versión {draft.base_version},"
                    f" {draft.changed_by} {draft.changed_at:%Y-%m-%d %H:%M}Z\n"
                )


def publish(draft: str, on: str, by: str, *, without_tests: bool = False) -> None:
    """Raises NotFound, Conflict, InvalidInput as `routing.publishing.publish`."""
    try:
        draft_id, day = UUID(draft), date.fromisoformat(on)
    except ValueError:
        raise InvalidInput("Un borrador se nombra por su id y el día se escribe como 2027-01-01.") from None
    _connect()
    with db.transaction() as session:
        found = session.get(RoutingDraft, draft_id)
        if found is None:
            raise NotFound("No existe ese borrador.")
        subjects = subjects_of(session, found.jurisdiction_id)
        made = publishing.publish(
            session, draft_id, day, by, clock.now(), subjects=subjects, without_tests=without_tests
        )
        sys.stdout.write(f"{found.jurisdiction_id}: «{found.name}» es la versión {made.version}, desde {day}\n")


def withdraw(version: int, jurisdiction: str, by: str) -> None:
    """Raises NotFound, Conflict as `routing.withdrawing.withdraw`."""
    _connect()
    with db.transaction() as session:
        cities(session, jurisdiction)
        taken = withdrawing.withdraw(session, jurisdiction, version, by, clock.now())
        sys.stdout.write(f"{jurisdiction}: la versión {version}, que entraba el {taken.valid_from}, se canceló\n")


def _connect() -> None:
    database.configure_storage(load_storage_settings(os.environ))


def cities(session: Session, jurisdiction: str | None) -> list[str]:
    """Raises NotFound for a city that is not there."""
    known = list(session.exec(select(Jurisdiction.id).order_by(col(Jurisdiction.id))))
    if jurisdiction is None:
        return known
    if jurisdiction not in known:
        raise NotFound("No existe la jurisdicción {jurisdiction_id}.", jurisdiction_id=jurisdiction)
    return [jurisdiction]
