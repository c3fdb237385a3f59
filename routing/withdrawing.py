"""Taking back a rule set whose day has not come: nobody was routed by it, and all is as if it had not been published."""

from collections.abc import Sequence
from datetime import datetime

from sqlmodel import Session, col, select

from kernel import outbox
from kernel.errors import Conflict, NotFound
from routing import drafts, queries
from routing.draft_models import RoutingDraft
from routing.layers import take_back
from routing.locking import take_turn
from routing.models import RuleSet


def withdraw(session: Session, jurisdiction_id: str, version: int, by: str, now: datetime) -> RuleSet:
    """Cancels the set that is planned last; it stays on record, its boundaries go, and its draft is open again.

    Sets that it replaced before their day came go with it: they would otherwise come back. Raises NotFound; Conflict when its day
    has come, it was cancelled before, or a later one builds on it.
    """
    take_turn(session, jurisdiction_id)
    rule_set = session.exec(
        select(RuleSet).where(RuleSet.jurisdiction_id == jurisdiction_id, RuleSet.version == version).with_for_update(),
        execution_options={"populate_existing": True},
    ).first()
    if rule_set is None:
        raise NotFound("No hay registro de la versión {version} de las reglas.", version=version)
    if rule_set.withdrawn_at is not None:
        raise Conflict("{who} ya canceló la versión {version}.", who=rule_set.withdrawn_by, version=version)
    if rule_set.valid_from <= queries.city(session, jurisdiction_id).book.calendar.local_date(now):
        raise Conflict("El día de la versión {version} ya llegó: publica otra en su lugar.", version=version)
    newest = drafts.newest_of(session, jurisdiction_id)
    if newest.version != version:
        raise Conflict("La versión {newest} parte de ella: cancela primero esa.", newest=newest.version)
    replaced = session.exec(
        select(RuleSet).where(
            RuleSet.jurisdiction_id == jurisdiction_id,
            RuleSet.valid_from >= rule_set.valid_from,
            col(RuleSet.withdrawn_at).is_(None),
        )
    ).all()
    for known in replaced:
        known.withdrawn_at, known.withdrawn_by = now, by
        session.add(known)
        outbox.record(session, "rules.withdrawn", at=now, rule_set_id=known.id)
    _take_layers_back(session, replaced, now)
    draft = session.get(RoutingDraft, rule_set.draft_id) if rule_set.draft_id is not None else None
    if draft is not None:
        drafts.reopen(session, draft.id, by=by, now=now)
    session.flush()
    return rule_set


def _take_layers_back(session: Session, replaced: Sequence[RuleSet], now: datetime) -> None:
    planned = {
        (layer.key, known.valid_from)
        for known in replaced
        if known.draft_id is not None
        for layer in drafts.layers_in(session, known.draft_id)
    }
    for key, day in sorted(planned, key=lambda one: (one[1], one[0]), reverse=True):
        take_back(session, jurisdiction_id=replaced[0].jurisdiction_id, key=key, day=day, now=now)
