"""A round of the dispatcher against the tables: skills, languages, overflow, callbacks, and what time brings about."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from sqlmodel import Session, select

from intake.distribution import actions, lines, rounds
from intake.distribution.agents import held_agent
from intake.distribution.items import held_item
from intake.distribution.models import AgentSession, ContactQueue, Offer, WorkItem
from intake.distribution.sweeping import sweep
from kernel.errors import InvalidInput
from tests.factories import CITY, NOW, make_city
from tests.intake.distribution.desk import accepted, later, load_of, offered, ring, sign_on, who

pytestmark = pytest.mark.database


@pytest.fixture(autouse=True)
def city(session: Session) -> Iterator[None]:
    make_city(session)
    return iter([None])


def play(session: Session, now: datetime = NOW, **more: int) -> list[tuple[str, UUID]]:
    """(source, operator) of every offer of the rounds that can be played now."""
    found = []
    while True:
        played = rounds.play(session, CITY, now=now, **more)
        found += [(session.get_one(WorkItem, made.work_item_id).source_ref, made.agent_id) for made in played.made]
        if not played.is_again:
            return found


def test_waiting_people_and_free_operators_meet(session: Session) -> None:
    assert rounds.jurisdictions_waiting(session) == []
    assert play(session) == []
    ring(session, "call:1")
    assert rounds.jurisdictions_waiting(session) == [CITY]
    assert play(session) == []
    sign_on(session)
    ring(session, "call:2", now=later(1))
    assert play(session, later(2)) == [("call:1", who("Amir"))]
    assert play(session, later(2)) == []


def test_many_threads_reach_one_operator_one_after_another(session: Session) -> None:
    agent = sign_on(session)
    for number in range(6):
        ring(session, f"thread:{number}", kind="text", now=later(number))
    for number in range(4):
        ((ref, _),) = play(session, later(7))
        assert ref == f"thread:{number}"
        made = session.exec(select(AgentSession.offer_id)).one()
        assert made is not None
        actions.accept(session, made, agent_id=agent.agent_id, epoch=agent.epoch, now=later(7))
    assert play(session, later(7)) == []
    assert load_of(session) == 100


def test_a_long_class_hides_no_other(session: Session) -> None:
    actions.open_queue(session, CITY, "crisis", name="Crisis", skill="crisis")
    for number in range(70):
        ring(session, f"call:c{number}", queue_code="crisis", now=later(number / 10))
    ring(session, "call:plain", now=later(8))
    sign_on(session)
    assert play(session, later(9)) == [("call:plain", who("Amir"))]


def test_skills_and_their_end(session: Session) -> None:
    actions.open_queue(session, CITY, "surge", name="Inundación", skill="surge")
    sign_on(session)
    ring(session, "call:1", queue_code="surge")
    assert play(session) == []
    actions.grant_skill(session, who("Amir"), "surge", jurisdiction_id=CITY, expires_at=later(5))
    assert play(session, later(5)) == []
    actions.grant_skill(session, who("Amir"), "surge", jurisdiction_id=CITY, expires_at=later(6))
    assert play(session, later(5)) == [("call:1", who("Amir"))]
    actions.revoke_skills(session, CITY, "surge")
    sign_on(session, "Beatriz", now=later(5))
    ring(session, "call:2", queue_code="surge")
    assert play(session, later(5)) == []


def test_revoking_names_who_loses_it(session: Session) -> None:
    for name in ("Amir", "Beatriz"):
        sign_on(session, name, "surge")
    actions.revoke_skills(session, CITY, "surge", [who("Amir")])
    ring(session, "call:1", skills=["surge"])
    assert play(session) == [("call:1", who("Beatriz"))]


def test_languages(session: Session) -> None:
    sign_on(session)
    sign_on(session, "Beatriz", "lang:en", "lang:es")
    ring(session, "call:1", language="en")
    ring(session, "call:2", language="en")
    assert play(session) == [("call:1", who("Beatriz"))]
    for name in ("Amir", "Beatriz"):
        actions.heartbeat(session, who(name), epoch=1, now=later(60))
    assert play(session, later(60)) == [("call:2", who("Amir"))]


def test_overflow(session: Session) -> None:
    actions.open_queue(session, CITY, "luz", name="Luz", skill="luz")
    actions.open_queue(session, CITY, "agua", name="Agua", skill="agua", overflow_after_s=5, overflow_to="luz")
    sign_on(session, "Amir"), sign_on(session, "Beatriz", "luz")
    ring(session, "call:1", queue_code="agua")
    assert play(session, later(4)) == []
    assert play(session, later(5)) == [("call:1", who("Beatriz"))]


def test_a_line_overflows_while_nobody_of_it_has_a_desk_open(session: Session) -> None:
    actions.open_queue(session, CITY, "luz", name="Luz", skill="luz")
    was = lines.overflow_of(actions.open_queue(session, CITY, "agua", name="Agua", skill="agua"))
    lines.set_overflow(
        session, CITY, "agua", was=was, after_s=None, if_nobody=True, hours=None, to="luz", by=who("Iván"), now=NOW
    )
    sign_on(session, "Beatriz", "luz")
    water = sign_on(session, "Amir", "agua")
    place = ring(session, "call:1", queue_code="agua").rank_at
    actions.set_state(session, water.agent_id, epoch=water.epoch, state="break", reason="meal", now=NOW)
    assert play(session) == [], "a break is no absence"
    assert actions.estimate(session, CITY, "agua", now=NOW).wait_s is None
    actions.sign_off(session, water.agent_id, epoch=water.epoch, now=NOW)
    assert actions.estimate(session, CITY, "agua", now=NOW).wait_s == 0
    assert play(session) == [("call:1", who("Beatriz"))]
    assert session.exec(select(Offer.reason)).one() == "overflow_nobody"
    item = session.exec(select(WorkItem)).one()
    assert (item.rank_at, session.get_one(ContactQueue, item.queue_id).code) == (place, "agua"), "nobody is moved"


def test_a_line_overflows_outside_its_hours(session: Session) -> None:
    """By the city's clock: nine to six, and a night shift on Fridays that ends on a Saturday; a day off is one."""
    hours = {"hours": {"mon": [["09:00", "18:00"]], "fri": [["22:00", "06:00"]]}, "closed": ["2026-12-07"]}
    for at, is_open in (
        ("2026-11-30T14:59+00:00", False),
        ("2026-11-30T15:00+00:00", True),
        ("2026-11-30T23:59+00:00", True),
        ("2026-12-01T00:00+00:00", False),
        ("2026-12-05T11:59+00:00", True),
        ("2026-12-05T12:00+00:00", False),
        ("2026-12-07T16:00+00:00", False),
    ):
        assert lines.is_open(hours, "America/Mexico_City", datetime.fromisoformat(at)) is is_open, at
    water = actions.open_queue(session, CITY, "agua", name="Agua", skill="agua")
    sign_on(session, "Beatriz")
    ring(session, "call:1", queue_code="agua")
    everyday = {"hours": {day: [["00:00", "24:00"]] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}}
    was = lines.overflow_of(water)
    lines.set_overflow(
        session, CITY, "agua", was=was, after_s=None, if_nobody=False, hours=everyday, to=None, by=who("Iván"), now=NOW
    )
    assert play(session) == []
    today = {**everyday, "closed": [NOW.date().isoformat(), later(-86400).date().isoformat()]}
    was = lines.overflow_of(water)
    lines.set_overflow(
        session, CITY, "agua", was=was, after_s=None, if_nobody=False, hours=today, to=None, by=who("Iván"), now=NOW
    )
    assert play(session) == [("call:1", who("Beatriz"))]
    assert session.exec(select(Offer.reason)).one() == "overflow_closed"


@pytest.mark.parametrize(
    ("after_s", "hours", "to"),
    [(-1, None, None), (86_401, None, None), (5, {"hours": {"mon": [["25:00", "26:00"]]}}, None), (5, None, "agua")],
)
def test_a_rule_that_means_nothing_is_refused(
    session: Session, after_s: int, hours: dict[str, object] | None, to: str | None
) -> None:
    was = lines.overflow_of(actions.open_queue(session, CITY, "agua", name="Agua", skill="agua"))
    by = who("Iván")
    with pytest.raises(InvalidInput):
        lines.set_overflow(
            session, CITY, "agua", was=was, after_s=after_s, if_nobody=False, hours=hours, to=to, by=by, now=NOW
        )
    assert session.exec(select(ContactQueue.overflow_after_s)).one() is None


def test_a_callback_keeps_its_place_and_waits_for_its_hour(session: Session) -> None:
    sign_on(session)
    ring(session, "callback:1", kind="callback", due_at=later(8))
    ring(session, "call:2", now=later(1))
    assert (
        actions.offer(
            session,
            session.exec(select(WorkItem.id).where(WorkItem.kind == "callback")).one(),
            who("Amir"),
            now=later(7),
        )
        is None
    )
    actions.abandon(session, "call:2", why="hang_up", now=later(2))
    ring(session, "call:3", now=later(3))
    assert play(session, later(8)) == [("callback:1", who("Amir"))]


def test_the_one_who_knew_them_is_asked_first(session: Session) -> None:
    sign_on(session), sign_on(session, "Beatriz", now=later(1))
    ring(session, "thread:1", kind="text", preferred_agent_id=who("Beatriz"))
    assert play(session, later(2)) == [("thread:1", who("Beatriz"))]


def test_it_is_not_kept_for_one_who_is_away_or_full(session: Session) -> None:
    agent = sign_on(session, "Beatriz")
    accepted(session, ring(session, "thread:0", kind="text"), agent)
    offered(session, ring(session, "thread:2", kind="text"), "Beatriz")
    sign_on(session)
    ring(session, "thread:1", kind="text", preferred_agent_id=who("Beatriz"))
    # They look at something, and have room for this as well.
    assert play(session) == []
    actions.set_capacity(session, agent.agent_id, 50, now=NOW)
    assert play(session) == [("thread:1", who("Amir"))]
    sign_on(session, "Carla"), sign_on(session, "Dora")
    ring(session, "thread:3", kind="text", preferred_agent_id=who("Beatriz"))
    actions.set_capacity(session, agent.agent_id, 100, now=NOW)
    actions.set_state(session, agent.agent_id, epoch=agent.epoch, state="break", reason="comida", now=NOW)
    # What rang there rings elsewhere, too.
    found = dict(play(session))
    assert found.keys() == {"thread:2", "thread:3"}
    assert set(found.values()) == {who("Carla"), who("Dora")}


def test_it_is_not_kept_for_one_who_lacks_the_skill(session: Session) -> None:
    actions.open_queue(session, CITY, "predial", name="Predial", skill="predial")
    sign_on(session, "Beatriz"), sign_on(session, "Amir", "predial")
    ring(session, "thread:1", kind="text", queue_code="predial", preferred_agent_id=who("Beatriz"))
    assert play(session, later(1)) == [("thread:1", who("Amir"))]


def test_some_are_kept_free_for_calls(session: Session) -> None:
    for number in range(40):
        sign_on(session, f"A{number}", now=later(number / 100))
    assert rounds.kept_free(session, CITY, now=later(1)) == 0
    accepted(session, ring(session, "call:1", now=later(1)), held_agent(session, who("A0")), later(1))
    assert rounds.kept_free(session, CITY, now=later(1)) == 2


def test_time_ends_offers_desks_notes_and_shifts(session: Session) -> None:
    agent = sign_on(session)
    item = ring(session)
    offered(session, item)
    assert sweep(later(11)) == 0
    actions.heartbeat(session, agent.agent_id, epoch=agent.epoch, now=later(14))
    assert sweep(later(15)) == 1
    session.expire_all()
    assert (held_item(session, item.id).state, held_agent(session, agent.agent_id).state) == ("queued", "missed")
    assert sweep(later(26)) == 1
    session.expire_all()
    assert held_agent(session, agent.agent_id).state == "offline"

    other = sign_on(session, "Beatriz", now=later(30))
    accepted(session, held_item(session, item.id), other, later(30))
    actions.finish(session, item.id, now=later(30))
    actions.set_state(session, other.agent_id, epoch=other.epoch, state="leaving", now=later(30))
    actions.heartbeat(session, other.agent_id, epoch=other.epoch, now=later(85))
    assert sweep(later(89)) == 0
    assert sweep(later(90)) == 1
    assert sweep(later(90)) == 1
    session.expire_all()
    assert (held_item(session, item.id).state, held_agent(session, other.agent_id).state) == ("done", "offline")
    assert sweep(later(200)) == 0


def test_what_was_offered_to_one_who_went_in_the_same_moment_comes_back(session: Session) -> None:
    agent = sign_on(session, cap=200)
    shown, held = ring(session, "call:1"), ring(session, "thread:2", kind="text")
    by_hand = actions.claim(session, ring(session, "thread:3", kind="text").id, agent_id=who("Beatriz"), now=NOW)
    accepted(session, held, agent)
    offered(session, shown)
    # As if the offer had been made while the operator's leaving was being written.
    session.get_one(AgentSession, agent.agent_id).state = "offline"
    session.flush()
    assert sweep(later(1)) == 2
    session.expire_all()
    assert [held_item(session, one.id).state for one in (shown, held, by_hand)] == ["queued", "queued", "assigned"]
    assert load_of(session) == 0


@pytest.mark.parametrize("threads", [1, 4])
def test_who_talks_is_offered_nothing_though_points_seem_free(session: Session, threads: int) -> None:
    """A call that a colleague passes to somebody with threads holds what points are left; then the threads rest."""
    agent = sign_on(session)
    held = [accepted(session, ring(session, f"thread:{n}", kind="text"), agent) for n in range(threads)]
    talk = actions.claim(session, ring(session).id, agent_id=agent.agent_id, now=NOW)
    for item in held:
        actions.rest(session, item.id, agent_id=agent.agent_id, now=later(1))
    second, thread = ring(session, "call:2", now=later(2)), ring(session, "thread:9", kind="text", now=later(2))
    assert play(session, later(3)) == []
    assert actions.offer(session, second.id, agent.agent_id, now=later(3)) is None
    assert actions.offer(session, thread.id, agent.agent_id, now=later(3)) is None
    # The notes of the call take all of them, too.
    actions.finish(session, talk.id, now=later(4))
    assert play(session, later(5)) == []
    assert actions.offer(session, thread.id, agent.agent_id, now=later(5)) is None
    actions.complete(session, talk.id, disposition_code=None, now=later(6))
    assert play(session, later(7)) == [("call:2", agent.agent_id)]


def test_what_was_taken_beyond_the_capacity_counts_once_there_is_room(session: Session) -> None:
    agent = sign_on(session)
    held = [accepted(session, ring(session, f"thread:{n}", kind="text"), agent) for n in range(4)]
    actions.claim(session, ring(session, "thread:5", kind="text").id, agent_id=agent.agent_id, now=NOW)
    ring(session, "thread:6", kind="text", now=later(1))
    actions.complete(session, held[0].id, disposition_code=None, now=later(2))
    assert play(session, later(3)) == []
    actions.rest(session, held[1].id, agent_id=agent.agent_id, now=later(4))
    assert play(session, later(5)) == [("thread:6", agent.agent_id)]
    # No room for the one that wakes, either: it waits in the line.
    assert actions.heard(session, held[1].id, now=later(6)).state == "queued"


def test_a_call_does_not_starve_behind_younger_threads(session: Session) -> None:
    agent = sign_on(session)
    actions.heartbeat(session, agent.agent_id, epoch=agent.epoch, lease=timedelta(hours=1), now=NOW)
    held = [accepted(session, ring(session, f"thread:{n}", kind="text"), agent) for n in range(4)]
    ring(session)
    for number, item in enumerate(held):
        at = later(60 * (number + 1))
        ring(session, f"younger:{number}", kind="text", now=at)
        assert play(session, at) == []
        actions.complete(session, item.id, disposition_code=None, now=at)
    assert play(session, later(241)) == [("call:CA1", agent.agent_id)]


def test_a_crowd_is_matched_in_one_go(session: Session) -> None:
    for number in range(70):
        sign_on(session, f"A{number}", now=later(number / 100))
        ring(session, f"call:{number}", now=later(number / 100))
    assert len(play(session, later(1))) == 70
