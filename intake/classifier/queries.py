"""The classifier a city uses, added to what the matcher found. It never takes a candidate away, and never raises."""

from collections.abc import Callable, Sequence
from uuid import UUID

import structlog
from sqlmodel import Session, col, select

from intake.catalog.definitions import ServiceDefinition
from intake.catalog.matching import Reason, ServiceMatch, match_services
from intake.classifier.model import BrokenModel, TextModel
from intake.classifier.models import ClassifierRun
from kernel import db

# The matcher's score from which its own words are enough.
CLEAR = 45.0
# What the classifier adds without being sure is offered, never taken.
_LEAST, _OFFERED_FROM, _OFFERED_TO = 0.15, 25.0, 44.0
_ADDED = 2
_MOST_KEPT = 8
_IN_USE = "SELECT id, threshold FROM classifier_run WHERE jurisdiction_id = $1 AND is_in_use"

_log = structlog.get_logger(__name__)
_kept: dict[UUID, TextModel | None] = {}


def runs(session: Session, jurisdiction_id: str) -> list[ClassifierRun]:
    """Every run of the city, newest first."""
    asked = select(ClassifierRun).where(ClassifierRun.jurisdiction_id == jurisdiction_id)
    return list(session.exec(asked.order_by(col(ClassifierRun.trained_at).desc(), col(ClassifierRun.id))))


def matcher(
    session: Session, jurisdiction_id: str, services: Sequence[ServiceDefinition], limit: int
) -> Callable[[str], list[ServiceMatch]]:
    """The city's way from words to services: the matcher, and its classifier where it has one in use."""
    session.flush()
    rows = db.fetch(session, _IN_USE, [jurisdiction_id], prepare=True)
    model = _model(session, rows[0][0]) if rows else None
    if model is None:
        return lambda text: match_services(services, text, limit)
    threshold: float = rows[0][1]
    return lambda text: with_model(model, threshold, services, match_services(services, text, limit), text)[:limit]


def with_model(
    model: TextModel, threshold: float, services: Sequence[ServiceDefinition], found: Sequence[ServiceMatch], text: str
) -> list[ServiceMatch]:
    """`found`, and what the classifier says where the matcher is not clear: from the threshold on sure, below it to be asked."""
    if found and found[0].score >= CLEAR:
        return list(found)
    known = {definition.code: definition for definition in services}
    there = {match.definition.code for match in found}
    added = []
    for code, share in model.predict(text)[:_ADDED]:
        if share < _LEAST or code in there or code not in known:
            continue
        is_sure = share >= threshold
        score = 100 * share if is_sure else _OFFERED_FROM + share * (_OFFERED_TO - _OFFERED_FROM)
        reason = Reason(text[:80], f"{share:.2f}", "classifier", "model")
        added.append(ServiceMatch(known[code], round(score, 1), (), (reason,)))
    return sorted([*found, *added], key=lambda match: -match.score)


def _model(session: Session, run_id: UUID) -> TextModel | None:
    """None when what is stored cannot be used, which is said once in each process."""
    if run_id not in _kept:
        content = session.exec(select(ClassifierRun.model).where(ClassifierRun.id == run_id)).one_or_none()
        try:
            model = TextModel.from_bytes(content or b"")
        except BrokenModel as error:
            _log.warning("classifier_unusable", run_id=str(run_id), reason=str(error))
            model = None
        if len(_kept) >= _MOST_KEPT:
            _kept.clear()
        _kept[run_id] = model
    return _kept[run_id]
