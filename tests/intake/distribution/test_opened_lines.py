"""Lines that a supervisor opens: nobody waits there for operators who cannot come."""

from uuid import UUID

import pytest
from sqlmodel import Session

from intake.distribution import actions, lines, rounds
from intake.distribution.models import ContactQueue
from kernel.errors import Conflict, InvalidInput
from tests.factories import CITY, NOW, make_city
from tests.intake.distribution.desk import later, ring, sign_on, who

pytestmark = pytest.mark.database
BY = UUID(int=7)


def open_line(session: Session, name: str, *names: str) -> ContactQueue:
    line = lines.open_line(session, CITY, name, by=BY, now=NOW)
    lines.set_operators(session, CITY, line.code, join={who(one) for one in names}, leave=set(), by=BY, now=NOW)
    return line


def test_whose_operator_cannot_take_calls_is_answered_by_others(session: Session) -> None:
    make_city(session)
    sign_on(session, "Ana", cap=75)
    sign_on(session, "Luis")
    line = open_line(session, "Predial", "Ana")
    ring(session, queue_code=line.code)
    assert rounds.play(session, CITY, now=later(1)).made == []
    now = later(lines.OVERFLOW_S + 1)
    for name in ("Ana", "Luis"):
        agent = sign_on(session, name, cap=75 if name == "Ana" else 100, now=now)
        actions.heartbeat(session, agent.agent_id, epoch=agent.epoch, now=now)
    assert [made.agent_id for made in rounds.play(session, CITY, now=now).made] == [who("Luis")]


def test_a_line_that_goes_to_one_that_nobody_serves_is_everybodys(session: Session) -> None:
    make_city(session)
    sign_on(session, "Luis")
    empty, other = open_line(session, "Predial"), open_line(session, "Tenencia")
    was = lines.overflow_of(empty)
    lines.set_overflow(
        session, CITY, empty.code, was=was, after_s=None, if_nobody=True, to=other.code, hours=None, by=BY, now=NOW
    )
    ring(session, queue_code=empty.code)
    assert [made.agent_id for made in rounds.play(session, CITY, now=later(1)).made] == [who("Luis")]


def test_rules_are_set_by_whoever_saw_those_that_are_in_force(session: Session) -> None:
    make_city(session)
    line = open_line(session, "Predial")
    was = lines.overflow_of(line)

    def set_after(after_s: int) -> None:
        lines.set_overflow(
            session, CITY, line.code, was=was, after_s=after_s, if_nobody=True, hours=None, to=None, by=BY, now=NOW
        )

    set_after(30)
    set_after(30)  # pressed twice
    with pytest.raises(Conflict):
        set_after(60)
    assert line.overflow_after_s == 30
    was = lines.overflow_of(line)
    set_after(60)
    assert line.overflow_after_s == 60
    lines.close_line(session, CITY, line.code, by=BY, now=NOW)
    with pytest.raises(Conflict):
        set_after(60)


def test_what_two_supervisors_change_stands(session: Session) -> None:
    """Each sends what they changed, not what their page showed."""
    make_city(session)
    for name in ("Ana", "Luis", "Eva"):
        sign_on(session, name)
    line = open_line(session, "Predial", "Ana")
    lines.set_operators(session, CITY, line.code, join={who("Luis")}, leave=set(), by=BY, now=NOW)
    lines.set_operators(session, CITY, line.code, join={who("Eva")}, leave={who("Ana")}, by=BY, now=NOW)
    able = {one.name for one in lines.operators(session, CITY, line.code) if one.is_able}
    assert able == {"Luis", "Eva"}


def test_one_name_is_one_line(session: Session) -> None:
    make_city(session)
    lines.open_line(session, CITY, "Predial", by=BY, now=NOW)
    with pytest.raises(InvalidInput, match="Ya hay una fila"):
        lines.open_line(session, CITY, " predial ", by=BY, now=NOW)
