"""What a day in the line came to, computed from its record alone (`distribution_event`): the figures are what happened."""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from kernel import db

# Each stay in a line once: when it began, the first time that somebody took it, and when it ended without that. Who is passed on
# to another line begins a stay there; what happens in it is no news of the first. Calls that became call backs are apart: whoever
# asked for one did not go away, and is not kept waiting on the line.
_DAY = """
    WITH steps AS (
        SELECT work_item_id, at, name, data,
            count(data ->> 'queue') OVER (PARTITION BY work_item_id ORDER BY id) AS stay
        FROM distribution_event WHERE jurisdiction_id = $1 AND work_item_id IS NOT NULL AND at >= $2 AND at <= $3
            AND name IN ('queued', 'requeued', 'accepted', 'claimed', 'abandoned', 'callback_asked')
    ), facts AS (
        SELECT max(data ->> 'queue') AS code,
            CASE WHEN bool_or(name = 'callback_asked') THEN 'callback' ELSE max(data ->> 'kind') END AS kind,
            min(at) AS came_at, min(at) FILTER (WHERE name IN ('accepted', 'claimed')) AS taken_at,
            min(at) FILTER (WHERE name = 'abandoned') AS left_at
        FROM steps WHERE stay > 0 GROUP BY work_item_id, stay
    )
    SELECT contact_queue.code, contact_queue.name, kind, sl_seconds, sl_target, count(*), count(taken_at),
        count(*) FILTER (WHERE taken_at <= came_at + make_interval(secs => sl_seconds)),
        count(*) FILTER (WHERE taken_at IS NULL AND left_at IS NOT NULL),
        count(*) FILTER (WHERE taken_at IS NULL AND left_at <= came_at + make_interval(secs => sl_seconds)),
        extract(epoch FROM avg(taken_at - came_at))::float8
    FROM facts JOIN contact_queue ON contact_queue.jurisdiction_id = $1 AND contact_queue.code = facts.code
    GROUP BY 1, 2, 3, 4, 5 ORDER BY count(*) DESC, 1, 3
"""


@dataclass(frozen=True)
class Figures:
    """One line and kind of contact. within: taken within the line's `sl_seconds`; soon_gone: left within them."""

    queue_code: str
    queue_name: str
    kind: str
    sl_seconds: int
    sl_target: float
    came: int
    taken: int
    within: int
    gone: int
    soon_gone: int
    mean_wait_s: float | None

    @property
    def level(self) -> float | None:
        """Of those who were answered, how many in time. Source: Asterisk's ServiceLevel."""
        return self.within / self.taken if self.taken else None

    @property
    def level_of_all(self) -> float | None:
        """The same, where who left in time was not let down, and who left later was. Source: Asterisk's ServiceLevelPerf2."""
        ended = self.taken + self.gone
        return (self.within + self.soon_gone) / ended if ended else None

    @property
    def gone_share(self) -> float | None:
        ended = self.taken + self.gone
        return self.gone / ended if ended else None

    @property
    def is_met(self) -> bool:
        return self.level is None or self.level >= self.sl_target


def figures(session: Session, jurisdiction_id: str, since: datetime, now: datetime) -> list[Figures]:
    """Of who joined since then, the busiest line first."""
    return [Figures(*row) for row in db.fetch(session, _DAY, [jurisdiction_id, since, now])]
