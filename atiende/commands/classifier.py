"""`atiende classifier`: train it from a city's requests, look at the runs, choose one or none."""

import sys
from typing import Any
from uuid import UUID

from sqlmodel import Session

from atiende.commands import place
from atiende.commands.output import write_json
from intake.catalog import queries as catalog
from intake.classifier import actions, queries
from intake.classifier.models import ClassifierRun
from kernel import clock, db
from kernel.errors import InvalidInput


def train(*, jurisdiction: str | None, rows: int, threshold: float) -> None:
    """Prints the run and its figures. Raises InvalidInput when there is nothing to learn from, or nothing to learn with."""
    place.connect()
    with db.transaction() as session:
        city_id = _city(session, jurisdiction)
        write_json(_told(actions.learn(session, city_id, rows=rows, threshold=threshold, now=clock.now())))


def show(*, jurisdiction: str | None) -> None:
    place.connect()
    with db.transaction() as session:
        write_json([_told(run) for run in queries.runs(session, _city(session, jurisdiction))])


def use(run: str | None, *, jurisdiction: str | None) -> None:
    """run: the id of a run, or None for no classifier. Raises InvalidInput and NotFound."""
    place.connect()
    try:
        run_id = UUID(run) if run else None
    except ValueError as error:
        raise InvalidInput(
            "«{run}» no es la clave de un entrenamiento: mira atiende classifier list.", run=run
        ) from error
    with db.transaction() as session:
        city_id = _city(session, jurisdiction)
        actions.use(session, city_id, run_id)
    sys.stdout.write(f"{city_id}: {run_id or 'off'}\n")


def _city(session: Session, named: str | None) -> str:
    city = catalog.jurisdiction(session, named) if named else catalog.default_jurisdiction(session)
    return city.id


def _told(run: ClassifierRun) -> dict[str, Any]:
    return {
        "id": str(run.id),
        "jurisdiction_id": run.jurisdiction_id,
        "trained_at": run.trained_at.isoformat(),
        "rows": run.rows,
        "services": run.services,
        "threshold": run.threshold,
        "in_use": run.is_in_use,
        "bytes": len(run.model),
        "held_back": run.figures,
    }
