"""A rule set that cannot decide is told of, once per set and error; the decisions that an older one made instead are counted.

Written in a transaction of its own, so that nobody who reports waits for a counter or takes the alert back with a report that
fails. Counts are gathered per process and may miss the last seconds of one that was killed.
"""

import time
from datetime import date, datetime
from threading import Lock

import structlog
from sqlalchemy import ColumnElement
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, col, select

from kernel import db, outbox
from kernel.ids import new_id
from routing.draft_models import RuleAlert
from routing.in_force import Fallen
from routing.models import RuleSet

log = structlog.get_logger(__name__)

_WRITE_EVERY_S = 5.0
_lock = Lock()
_gathered: dict[tuple[str, int, str], tuple[float, int]] = {}


def note(jurisdiction_id: str, fallen: Fallen, at: datetime) -> None:
    """Counts one decision that `fallen` should have made."""
    key = (jurisdiction_id, fallen.version, fallen.error)
    with _lock:
        written_at, count = _gathered.get(key, (float("-inf"), 0))
        count += 1
        is_due = time.monotonic() - written_at >= _WRITE_EVERY_S
        _gathered[key] = (time.monotonic(), 0) if is_due else (written_at, count)
    if is_due:
        with db.transaction() as session:
            _write(session, jurisdiction_id, fallen, count, at)


def _write(session: Session, jurisdiction_id: str, fallen: Fallen, count: int, at: datetime) -> None:
    row = insert(RuleAlert).values(
        id=new_id(),
        jurisdiction_id=jurisdiction_id,
        version=fallen.version,
        used_version=fallen.used_version,
        error=fallen.error,
        count=count,
        first_at=at,
        last_at=at,
    )
    added = row.on_conflict_do_update(
        index_elements=["jurisdiction_id", "version", "error"],
        set_={
            "count": RuleAlert.count + row.excluded.count,
            "last_at": row.excluded.last_at,
            "used_version": row.excluded.used_version,
        },
    ).returning(col(RuleAlert.id), col(RuleAlert.count))
    alert_id, total = session.execute(added).one()
    if total == count:
        log.error(
            "rules failed, an older version decides",
            jurisdiction_id=jurisdiction_id,
            version=fallen.version,
            used_version=fallen.used_version,
            error=fallen.error,
        )
        outbox.record(session, "rules.failed", at=at, rule_alert_id=alert_id)


def standing(session: Session, jurisdiction_id: str, today: date) -> list[RuleAlert]:
    """Alerts about sets that no newer one has come in place of by the city's day `today`, the newest first."""
    return _standing(session, today, col(RuleAlert.jurisdiction_id) == jurisdiction_id)


def everywhere(session: Session, today: date) -> list[RuleAlert]:
    """The same for every city of the installation; `today` is the same for all."""
    return _standing(session, today)


def _standing(session: Session, today: date, *conditions: ColumnElement[bool]) -> list[RuleAlert]:
    newer = (
        select(RuleSet.id)
        .where(
            RuleSet.jurisdiction_id == RuleAlert.jurisdiction_id,
            RuleSet.version > RuleAlert.version,
            RuleSet.valid_from <= today,
            col(RuleSet.withdrawn_at).is_(None),
        )
        .exists()
    )
    return list(session.exec(select(RuleAlert).where(~newer, *conditions).order_by(col(RuleAlert.version).desc())))


def forget() -> None:
    """Forgets what this process has gathered; for tests."""
    with _lock:
        _gathered.clear()
