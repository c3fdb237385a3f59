"""How each line is served at an instant, and the rules by which those of another line may answer its people, too.

Nobody is moved: who waits keeps line and place, and more operators are asked for them. It is one step: whoever a line overflows
to answers for it, and not for what overflows to that line.
"""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from sqlmodel import Session, select

from intake.catalog import cities
from intake.distribution.agents import grant_skill, revoke_skills
from intake.distribution.items import open_queue, queue_of
from intake.distribution.ledger import note_lines
from intake.distribution.matching import HOME_LANGUAGE, Served
from intake.distribution.models import AgentSession, AgentSkill, ContactQueue
from intake.distribution.values import LANGUAGE
from kernel import db
from kernel.errors import Conflict, InvalidInput, NotFound
from kernel.i18n import LANGUAGES
from kernel.ids import new_id
from kernel.rows import change, load
from routing.calendars import WorkingCalendar

_DAY = timedelta(days=1)
MOST_NAME = 60
# So long those who wait are left to a line's own operators: they may be on a break, or at a desk without a telephone.
OVERFLOW_S = 120
_ALONE = "SELECT pg_advisory_xact_lock(hashtextextended('lines:' || $1, 0))"
LONGEST_S = 24 * 3600
# Whoever serves the line and is at work, also when they are busy or on a break.
_LINES = """
    WITH served AS (
        SELECT DISTINCT skill FROM agent_session JOIN agent_skill USING (agent_id)
        WHERE agent_session.jurisdiction_id = $1 AND (expires_at IS NULL OR expires_at > $2)
            AND state NOT IN ('offline', 'leaving') AND lease_until > $2
    )
    SELECT line.id, CASE WHEN line.closed_at IS NULL THEN line.skill END, line.overflow_after_s,
        CASE WHEN other.closed_at IS NULL AND other.skill IN (SELECT skill FROM served) THEN other.skill END,
        line.hours, timezone, line.overflow_if_nobody AND line.skill NOT IN (SELECT skill FROM served)
    FROM contact_queue AS line JOIN jurisdiction ON jurisdiction.id = line.jurisdiction_id
    LEFT JOIN contact_queue AS other
        ON other.jurisdiction_id = line.jurisdiction_id AND other.code = line.overflow_to
    WHERE line.jurisdiction_id = $1
"""
_ABLE = """
    SELECT skill, array_agg(agent_id) FROM agent_skill
    WHERE jurisdiction_id = $1 AND (expires_at IS NULL OR expires_at > $2) GROUP BY skill
"""


class Operator(NamedTuple):
    """Somebody who ever opened their desk here. is_able: they have the skill asked about; until: how long, if not for good."""

    id: UUID
    name: str
    is_here: bool
    is_able: bool
    until: datetime | None


def open_lines(session: Session, jurisdiction_id: str) -> list[ContactQueue]:
    """The lines of a city that are not closed, by name."""
    return load(
        session, ContactQueue, "WHERE jurisdiction_id = $1 AND closed_at IS NULL ORDER BY name", [jurisdiction_id]
    )


def served(session: Session, jurisdiction_id: str, now: datetime) -> dict[UUID, Served]:
    """Every line of a city, by its id."""
    found = {}
    for id_, skill, after_s, other, hours, timezone, is_empty in db.fetch(
        session, _LINES, [jurisdiction_id, now], prepare=True
    ):
        why = "closed" if not is_open(hours, timezone, now) else "nobody" if is_empty else ""
        after = None if after_s is None else timedelta(seconds=after_s)
        found[id_] = Served(skill, after, other, why if skill is not None else "")
    return found


def is_open(hours: Mapping[str, Any] | None, timezone: str, at: datetime) -> bool:
    """Whether a line with these hours is open then; without any it always is."""
    if not hours:
        return True
    calendar = _calendar(orjson.dumps(hours), timezone)
    today = calendar.local_date(at)
    # Last night's hours may still last.
    return any(start <= at < end for day in (today - _DAY, today) for start, end in calendar.blocks(day))


@lru_cache(256)
def _calendar(hours: bytes, timezone: str) -> WorkingCalendar:
    return WorkingCalendar({**orjson.loads(hours), "timezone": timezone})


def overflow_of(line: ContactQueue) -> str:
    """When and to whom a line overflows, in one text, by which a form says what it showed."""
    return _in_one(line.overflow_after_s, line.overflow_if_nobody, line.hours, line.overflow_to)


def _in_one(after_s: int | None, if_nobody: bool, hours: Mapping[str, Any] | None, to: str | None) -> str:
    return orjson.dumps([after_s, if_nobody, hours or None, to], option=orjson.OPT_SORT_KEYS).decode()


def set_overflow(
    session: Session,
    jurisdiction_id: str,
    code: str,
    *,
    was: str,
    after_s: int | None,
    if_nobody: bool,
    hours: Mapping[str, Any] | None,
    to: str | None,
    by: UUID,
    now: datetime,
) -> ContactQueue:
    """When and to whom a line overflows, from the next round on; who said so is in the record. to: another line; None: everybody.

    was: its `overflow_of` when they looked. Twice does it once. Raises NotFound for a line that is not there, Conflict for one
    that is closed or says something else by now, InvalidInput for hours or times that mean nothing.
    """
    _hold(session, jurisdiction_id)
    line = queue_of(session, jurisdiction_id, code)
    if line.closed_at is not None:
        raise Conflict("Esa fila ya se cerró.")
    if after_s is not None and not 0 <= after_s <= LONGEST_S:
        raise InvalidInput("Di un tiempo de 0 segundos a un día.", field="after")
    if to is not None and (to == code or queue_of(session, jurisdiction_id, to).closed_at is not None):
        raise InvalidInput("Elige otra fila, y que esté abierta.", field="to")
    if hours:
        WorkingCalendar({**hours, "timezone": cities.city(session, jurisdiction_id).timezone})
    is_now = overflow_of(line)
    if is_now == _in_one(after_s, if_nobody, hours, to):
        return line
    if is_now != was:
        raise Conflict("Alguien cambió esta fila mientras la veías. Nada se guardó: mira cómo está y decide otra vez.")
    change(
        session,
        line,
        overflow_after_s=after_s,
        overflow_if_nobody=if_nobody,
        hours=dict(hours) if hours else None,
        overflow_to=to,
    )
    note_lines(
        session,
        jurisdiction_id,
        "overflow_set",
        now=now,
        by=by,
        code=code,
        after_s=after_s,
        if_nobody=int(if_nobody),
        to=to,
    )
    return line


def open_line(session: Session, jurisdiction_id: str, name: str, *, by: UUID, now: datetime) -> ContactQueue:
    """A line with operators of its own, whom `set_operators` names. Everybody answers while none of them is there, and who has
    waited for `OVERFLOW_S`.

    Raises InvalidInput for a name that is none, or that another open line has.
    """
    _hold(session, jurisdiction_id)
    name = " ".join(name.split())
    if not 0 < len(name) <= MOST_NAME:
        raise InvalidInput("Escribe el nombre de la fila, de 60 letras a lo más.", field="name")
    if name.casefold() in {line.name.casefold() for line in open_lines(session, jurisdiction_id)}:
        raise InvalidInput("Ya hay una fila con ese nombre.", field="name")
    code = f"line-{new_id().hex[-12:]}"
    made = open_queue(
        session, jurisdiction_id, code, name=name, skill=code, overflow_if_nobody=True, overflow_after_s=OVERFLOW_S
    )
    note_lines(session, jurisdiction_id, "line_opened", now=now, by=by, code=code)
    return made


def close_line(session: Session, jurisdiction_id: str, code: str, *, by: UUID, now: datetime) -> None:
    """Nobody is sent there any more, and who waits there is everybody's. Twice does it once. Raises NotFound, Conflict."""
    _hold(session, jurisdiction_id)
    line = queue_of(session, jurisdiction_id, code)
    if line.closed_at is not None:
        return
    if line.skill is None:
        raise Conflict("Esa fila la atienden todos y no se cierra.")
    shut(session, line, now=now)
    note_lines(session, jurisdiction_id, "line_closed", now=now, by=by, code=code)


def shut(session: Session, line: ContactQueue, *, now: datetime) -> None:
    """As `close_line`, of a line that ends by itself."""
    if line.skill is not None:
        revoke_skills(session, line.jurisdiction_id, line.skill)
    change(session, line, skill=None, closed_at=now)


def able(session: Session, jurisdiction_id: str, now: datetime) -> dict[str, frozenset[UUID]]:
    """Who has each skill of a city now."""
    rows = db.fetch(session, _ABLE, [jurisdiction_id, now])
    return {skill: frozenset(agent_ids) for skill, agent_ids in rows}


def operators(session: Session, jurisdiction_id: str, skill: str) -> list[Operator]:
    """Who ever opened their desk here, those that are there first, and who of them has this skill."""
    has = select(AgentSkill.agent_id, AgentSkill.expires_at).where(
        AgentSkill.jurisdiction_id == jurisdiction_id, AgentSkill.skill == skill
    )
    able = dict(session.exec(has).all())
    rows = session.exec(select(AgentSession).where(AgentSession.jurisdiction_id == jurisdiction_id))
    found = [
        Operator(row.agent_id, row.name, row.state != "offline", row.agent_id in able, able.get(row.agent_id))
        for row in rows
    ]
    return sorted(found, key=lambda one: (not one.is_here, one.name.casefold()))


def set_operators(
    session: Session,
    jurisdiction_id: str,
    code: str,
    *,
    join: Collection[UUID],
    leave: Collection[UUID],
    by: UUID,
    now: datetime,
) -> None:
    """Who serves a line besides (`join`) and no longer (`leave`), from the next round on; what they hold of it they finish.

    Raises NotFound, Conflict for a line that is everybody's, InvalidInput for somebody who never opened a desk here.
    """
    _hold(session, jurisdiction_id)
    line = queue_of(session, jurisdiction_id, code)
    if line.closed_at is not None or line.skill is None:
        raise Conflict("Esa fila la atienden todos.")
    _give(session, jurisdiction_id, line.skill, join, leave)
    _note(session, jurisdiction_id, "operators_set", join, leave, by, now, code=code)


def set_speakers(
    session: Session,
    jurisdiction_id: str,
    language: str,
    *,
    join: Collection[UUID],
    leave: Collection[UUID],
    by: UUID,
    now: datetime,
) -> None:
    """Who speaks a language besides the city's own (`join`), and who does not (`leave`).

    Raises NotFound for one that is not spoken here, InvalidInput.
    """
    if language not in LANGUAGES or language == HOME_LANGUAGE:
        raise NotFound("No existe ese idioma.")
    _hold(session, jurisdiction_id)
    _give(session, jurisdiction_id, f"{LANGUAGE}{language}", join, leave)
    for agent_id in sorted(join):
        # Whoever has languages written down speaks those alone.
        grant_skill(session, agent_id, f"{LANGUAGE}{HOME_LANGUAGE}", jurisdiction_id=jurisdiction_id)
    _note(session, jurisdiction_id, "speakers_set", join, leave, by, now, language=language)


def _hold(session: Session, jurisdiction_id: str) -> None:
    """One change of a city's lines at a time: two supervisors, or one who pressed twice, see each other's."""
    db.fetch(session, _ALONE, [jurisdiction_id], prepare=True)


def _give(session: Session, jurisdiction_id: str, skill: str, join: Collection[UUID], leave: Collection[UUID]) -> None:
    known = {one.id for one in operators(session, jurisdiction_id, skill)}
    if not known.issuperset(join):
        raise InvalidInput("Elige entre los operadores de la ciudad.", field="operator")
    revoke_skills(session, jurisdiction_id, skill, sorted(leave))
    for agent_id in sorted(join):
        grant_skill(session, agent_id, skill, jurisdiction_id=jurisdiction_id)


def _note(
    session: Session,
    jurisdiction_id: str,
    name: str,
    join: Collection[UUID],
    leave: Collection[UUID],
    by: UUID,
    now: datetime,
    **which: str,
) -> None:
    """Whom the record says it was given to and taken from."""
    changed = {"joined": join, "left": leave}
    lists = {key: " ".join(map(str, sorted(ids))) for key, ids in changed.items() if ids}
    note_lines(session, jurisdiction_id, name, now=now, by=by, **which, **lists)
