"""How often each rule decides, by local day: counted from the decisions as they are kept, never while a report is written."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import text
from sqlmodel import Session, col, func, select

from intake.service_requests.rule_models import RuleUse

BATCH = 20_000
# Ids are by the time they were made; one that is committed later than this after it was made is not counted.
_SETTLED = timedelta(minutes=2)
_START = UUID(int=0)
# The border counts when it is near, or nearer than the point is sure, and somebody else is beyond it.
_COUNT = text("""
    WITH batch AS (
        SELECT id, at, coalesce(rule_code, CASE WHEN receipt ->> 'outcome' = 'outside' THEN '-' ELSE '' END) AS rule_code,
               receipt ->> 'jurisdiction_id' AS jurisdiction_id,
               coalesce(receipt #>> '{runner_up,when,kind}' = 'border' AND (receipt #>> '{border,metres}')::float
                        <= greatest(50, coalesce((receipt #>> '{point,precision_m}')::float, 0)), false) AS is_border
          FROM routing_decision
         WHERE id > :mark AND id < :until
         ORDER BY id
         LIMIT :size
    ), counted AS (
        INSERT INTO rule_use AS known (jurisdiction_id, day, rule_code, decisions, borders, last_at)
        SELECT batch.jurisdiction_id, (batch.at AT TIME ZONE jurisdiction.timezone)::date, batch.rule_code,
               count(*), count(*) FILTER (WHERE is_border), max(batch.at)
          FROM batch JOIN jurisdiction ON jurisdiction.id = batch.jurisdiction_id
         GROUP BY 1, 2, 3
        ON CONFLICT (jurisdiction_id, day, rule_code) DO UPDATE
           SET decisions = known.decisions + excluded.decisions, borders = known.borders + excluded.borders,
               last_at = greatest(known.last_at, excluded.last_at)
    )
    SELECT count(*), (SELECT id FROM batch ORDER BY id DESC LIMIT 1) FROM batch
    """)


@dataclass(frozen=True, slots=True)
class Use:
    """Of one rule, in a period; `last_at`: ever."""

    decisions: int
    borders: int
    last_at: datetime | None


def count(session: Session, *, now: datetime, size: int = BATCH) -> int:
    """Counts the next decisions, and returns how many there were; `size` of them: there may be more. Two at once take turns."""
    connection = session.connection()
    connection.execute(
        text("INSERT INTO rule_use_mark (id, decision_id) VALUES (1, :start) ON CONFLICT DO NOTHING"), {"start": _START}
    )
    mark = connection.scalar(text("SELECT decision_id FROM rule_use_mark WHERE id = 1 FOR UPDATE"))
    found, last = connection.execute(_COUNT, {"mark": mark, "until": _made_at(now - _SETTLED), "size": size}).one()
    if found:
        connection.execute(text("UPDATE rule_use_mark SET decision_id = :last WHERE id = 1"), {"last": last})
    return int(found)


def _made_at(at: datetime) -> UUID:
    """The smallest id made in that millisecond."""
    return UUID(int=int(at.timestamp() * 1000) << 80)


def uses(session: Session, jurisdiction_id: str, since: date) -> Mapping[str, Use]:
    """By rule code, from a local day on; rules that decided only earlier are there with their last time."""
    is_recent = col(RuleUse.day) >= since
    rows = session.exec(
        select(
            RuleUse.rule_code,
            func.coalesce(func.sum(RuleUse.decisions).filter(is_recent), 0),
            func.coalesce(func.sum(RuleUse.borders).filter(is_recent), 0),
            func.max(RuleUse.last_at),
        )
        .where(RuleUse.jurisdiction_id == jurisdiction_id)
        .group_by(col(RuleUse.rule_code))
    ).all()
    return {code: Use(int(decisions), int(borders), last_at) for code, decisions, borders, last_at in rows}
