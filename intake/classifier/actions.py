"""Training a city's classifier from its requests, and choosing which one it uses."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from uuid import UUID

from sqlalchemy import update
from sqlmodel import Session, col, select

from intake.catalog import queries as catalog
from intake.catalog.matching import match_services
from intake.classifier.model import BrokenModel, TextModel
from intake.classifier.models import ClassifierRun
from intake.classifier.queries import with_model
from intake.classifier.training import Example, evaluate, is_held_back, train
from intake.service_requests.models import ServiceRequest
from kernel.errors import InvalidInput, NotFound

_SHORTEST = 8


def learn(session: Session, jurisdiction_id: str, *, rows: int, threshold: float, now: datetime) -> ClassifierRun:
    """Trains from the newest requests that say something and stores the run, not yet in use. Raises InvalidInput, NotFound."""
    examples = past(session, jurisdiction_id, rows=rows)
    taught = [example for example in examples if not is_held_back(example.text)]
    held = [example for example in examples if is_held_back(example.text)]
    if not held:
        raise InvalidInput("No hay reportes con los que probar: faltan descripciones en la historia de la ciudad.")
    model = train(taught)
    services = catalog.catalog(session, jurisdiction_id).services

    def matched(text: str) -> list[tuple[str, float]]:
        return [(match.definition.code, match.score / 100) for match in match_services(services, text)]

    def both(text: str) -> list[tuple[str, float]]:
        found = with_model(model, threshold, services, match_services(services, text), text)
        return [(match.definition.code, match.score / 100) for match in found]

    figures = {
        "classifier": asdict(evaluate(model.predict, held, threshold)),
        "matcher": asdict(evaluate(matched, held, 2.0)),
        "both": asdict(evaluate(both, held, 2.0)),
    }
    run = ClassifierRun(
        jurisdiction_id=jurisdiction_id,
        trained_at=now,
        rows=len(taught),
        services=len(model.codes),
        threshold=threshold,
        figures=figures,
        model=model.to_bytes(),
    )
    session.add(run)
    session.flush()
    return run


def past(session: Session, jurisdiction_id: str, *, rows: int) -> Sequence[Example]:
    """What people wrote and where it was filed, newest first, of services that are still offered."""
    offered = catalog.catalog(session, jurisdiction_id).by_code
    asked = (
        select(ServiceRequest.description, ServiceRequest.service_code)
        .where(ServiceRequest.jurisdiction_id == jurisdiction_id)
        .order_by(col(ServiceRequest.requested_at).desc())
        .limit(rows)
    )
    return [Example(text, code) for text, code in session.exec(asked) if len(text) >= _SHORTEST and code in offered]


def use(session: Session, jurisdiction_id: str, run_id: UUID | None) -> None:
    """The city uses this run from now on; None: no classifier. Raises NotFound for a run that is not the city's."""
    run = session.get(ClassifierRun, run_id) if run_id else None
    if run_id and (run is None or run.jurisdiction_id != jurisdiction_id):
        raise NotFound("{city} no tiene ese entrenamiento.", city=jurisdiction_id)
    if run is not None:
        try:
            TextModel.from_bytes(run.model)
        except BrokenModel as error:
            raise InvalidInput("Ese entrenamiento no se puede usar con esta versión: entrena otra vez.") from error
    session.execute(
        update(ClassifierRun)
        .where(col(ClassifierRun.jurisdiction_id) == jurisdiction_id, col(ClassifierRun.is_in_use))
        .values(is_in_use=False)
    )
    if run is not None:
        session.refresh(run)
        run.is_in_use = True
    session.flush()
