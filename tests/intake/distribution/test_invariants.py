"""Any sequence of what may happen, in any order and at any time, leaves every invariant standing (I1 to I12)."""

from collections import Counter
from datetime import timedelta
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlmodel import Session, col, select

from intake.distribution import actions, rounds
from intake.distribution.items import held_item
from intake.distribution.matching import HOLD_AFTER, FreeAgent
from intake.distribution.models import AgentSession, DistributionEvent, Offer, WorkItem
from intake.distribution.offers import Made
from intake.distribution.sweeping import sweep
from intake.distribution.values import CAPACITY, LEASE
from kernel import db
from kernel.errors import AtiendeError
from tests.factories import CITY, NOW, make_city
from tests.intake.distribution.desk import who
from tests.intake.distribution.test_at_once import BREACHES

pytestmark = pytest.mark.database

NAMES = ("Amir", "Beatriz", "Carla")
STEP = st.one_of(
    st.tuples(st.just("ring"), st.integers(0, 5), st.sampled_from(("voice", "text", "callback")), st.integers(0, 2)),
    st.tuples(
        st.sampled_from(("hang_up", "finish", "complete", "pass_on", "answer", "rest", "rest", "hear", "hear")),
        st.integers(0, 5),
    ),
    st.tuples(
        st.sampled_from(("sign_on", "sign_off", "break", "back", "leave", "force", "sit", "sit", "rise")),
        st.sampled_from(NAMES),
    ),
    st.tuples(
        st.sampled_from(("accept", "accept", "accept", "decline", "late_accept", "old_window")), st.sampled_from(NAMES)
    ),
    st.tuples(st.just("claim"), st.sampled_from(NAMES), st.integers(0, 5)),
    st.tuples(st.just("wait"), st.sampled_from((0.5, 3.0, 16.0, 31.0, 61.0, 200.0))),
    st.tuples(st.sampled_from(("dispatch", "dispatch", "sweep", "crash"))),
)


class Crash(Exception):  # not an error of ours: the machine goes away
    pass


class World:
    """Plays one step at a time, each in a transaction of its own, and looks at the tables after each."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.now = NOW
        self.rang: set[str] = set()

    def do(self, step: tuple[object, ...]) -> None:
        name, *rest = step
        try:
            with self.session.begin_nested():
                getattr(self, f"_{name}")(*rest)
        except (AtiendeError, Crash):
            pass
        self.session.expire_all()
        self.check()

    def _ring(self, number: int, kind: str, priority: int) -> None:
        ref = f"p:{number}"
        first = actions.enqueue(
            self.session, jurisdiction_id=CITY, kind=kind, source_ref=ref, priority=priority, now=self.now
        )
        again = actions.enqueue(
            self.session, jurisdiction_id=CITY, kind=kind, source_ref=ref, priority=priority, now=self.now
        )
        assert first.id == again.id
        self.rang.add(ref)

    def _hang_up(self, number: int) -> None:
        actions.abandon(self.session, f"p:{number}", why="hang_up", now=self.now)

    def _finish(self, number: int) -> None:
        actions.finish(self.session, self._item(number), now=self.now)

    def _complete(self, number: int) -> None:
        actions.complete(self.session, self._item(number), disposition_code="done", now=self.now)

    def _pass_on(self, number: int) -> None:
        actions.requeue_front(self.session, self._item(number), why="transfer", now=self.now)

    def _answer(self, number: int) -> None:
        actions.answered(self.session, held_item(self.session, self._item(number)), now=self.now)

    def _rest(self, number: int) -> None:
        actions.rest(self.session, self._item(number), now=self.now)

    def _hear(self, number: int) -> None:
        actions.heard(self.session, self._item(number), now=self.now)

    def _claim(self, name: str, number: int) -> None:
        actions.claim(self.session, self._item(number), agent_id=who(name), now=self.now)

    def _sign_on(self, name: str) -> None:
        actions.sign_on(self.session, jurisdiction_id=CITY, agent_id=who(name), name=name, now=self.now)

    def _sign_off(self, name: str) -> None:
        actions.sign_off(self.session, who(name), epoch=self._epoch(name), now=self.now)

    def _force(self, name: str) -> None:
        actions.force_off(self.session, who(name), why="role", now=self.now)

    def _sit(self, name: str) -> None:
        actions.sit_beside(self.session, who(name), who(f"leg of {name}"), now=self.now)

    def _rise(self, name: str) -> None:
        actions.rise(self.session, who(name), who(f"leg of {name}"), now=self.now)

    def _break(self, name: str) -> None:
        self._state(name, "break")

    def _back(self, name: str) -> None:
        self._state(name, "available")

    def _leave(self, name: str) -> None:
        self._state(name, "leaving")

    def _state(self, name: str, state: str) -> None:
        epoch = self._epoch(name)
        actions.set_state(self.session, who(name), epoch=epoch, state=state, reason="comida", now=self.now)

    def _accept(self, name: str) -> None:
        offer = self._shown(name)
        actions.accept(self.session, offer.id, agent_id=who(name), epoch=self._epoch(name), now=self.now)

    def _late_accept(self, name: str) -> None:
        offer = self._shown(name)
        with pytest.raises(AtiendeError):
            actions.accept(self.session, offer.id, agent_id=who(name), epoch=self._epoch(name), now=offer.expires_at)

    def _old_window(self, name: str) -> None:
        offer = self._shown(name)
        with pytest.raises(AtiendeError):
            actions.accept(self.session, offer.id, agent_id=who(name), epoch=self._epoch(name) - 1, now=self.now)

    def _decline(self, name: str) -> None:
        offer = self._shown(name)
        actions.decline(self.session, offer.id, agent_id=who(name), epoch=self._epoch(name), now=self.now)

    def _wait(self, seconds: float) -> None:
        """Time passes; whoever is at their desk is heard of in it."""
        self.now += timedelta(seconds=seconds)
        if seconds < 60:
            for agent in self.session.exec(select(AgentSession).where(AgentSession.state != "offline")).all():
                actions.heartbeat(self.session, agent.agent_id, epoch=agent.epoch, now=self.now)

    def _dispatch(self) -> None:
        is_again = True
        while is_again:
            made, is_again = rounds.play(self.session, CITY, now=self.now)
            for one in made:
                self._check_room(one)
        # I8: nobody who could take somebody is left idle.
        assert rounds.play(self.session, CITY, now=self.now).made == []
        self.session.expire_all()
        for agent in self._free():
            for item in self.session.exec(select(WorkItem).where(WorkItem.state == "queued")).all():
                assert agent.profile.spare < item.cost or self._shuns(item, agent) or self._is_kept(agent, item)

    def _shuns(self, item: WorkItem, agent: FreeAgent) -> bool:
        until = item.shunned.get(str(agent.id))
        return until is not None and until > self.now.isoformat()

    def _is_kept(self, agent: FreeAgent, younger: WorkItem) -> bool:
        """For somebody who goes before, has waited too long, and needs more room than there is."""
        due = select(WorkItem).where(WorkItem.state == "queued", WorkItem.rank_at <= younger.rank_at)
        return any(
            item.cost > agent.profile.spare and not self._shuns(item, agent)
            for item in self.session.exec(due).all()
            if (item.waiting_since or item.enqueued_at) + HOLD_AFTER <= self.now
        )

    def _check_room(self, made: Made) -> None:
        """I4: they could do it beside what they do, by what all of that costs; nobody who talks is shown anything."""
        theirs = select(WorkItem).where(WorkItem.agent_id == made.agent_id, col(WorkItem.resting_since).is_(None))
        held = self.session.exec(theirs.where(col(WorkItem.state).in_(("assigned", "wrapping")))).all()
        shown = self.session.get_one(WorkItem, made.work_item_id)
        assert sum(item.cost for item in held) + shown.cost <= CAPACITY
        assert not any(item.kind != "text" and item.state == "assigned" for item in held)

    def _sweep(self) -> None:
        sweep(self.now)

    def _crash(self) -> None:
        """A dispatcher is killed in its round: nothing of it is there."""
        rounds.play(self.session, CITY, now=self.now)
        raise Crash

    def _item(self, number: int) -> UUID:
        found = self.session.exec(select(WorkItem.id).where(WorkItem.source_ref == f"p:{number}")).first()
        if found is None:
            raise Crash
        return found

    def _epoch(self, name: str) -> int:
        found = self.session.exec(select(AgentSession.epoch).where(AgentSession.agent_id == who(name))).first()
        if found is None:
            raise Crash
        return found

    def _shown(self, name: str) -> Offer:
        wanted = select(Offer).where(Offer.agent_id == who(name), Offer.state == "pending")
        found = self.session.exec(wanted).first()
        if found is None:
            raise Crash
        return found

    def _free(self) -> list[FreeAgent]:
        return rounds.free_agents(self.session, CITY, self.now, least=1)

    def check(self) -> None:
        for name, sql in BREACHES.items():
            assert db.fetch(self.session, sql, []) == [(0,)], name
        items = self.session.exec(select(WorkItem)).all()
        # I1, and the place in line: one item for each who rang, where it was from the first.
        assert {item.source_ref for item in items} == self.rang
        self._check_record(items)

    def _check_record(self, items: object) -> None:
        """I12: what the record says is what the tables say."""
        states: dict[UUID, str] = {}
        for event in self.session.exec(select(DistributionEvent).order_by(col(DistributionEvent.id))).all():
            if event.work_item_id is not None and event.name in _STATE_AFTER:
                states[event.work_item_id] = _STATE_AFTER[event.name]
        assert states == {item.id: item.state for item in items}  # type: ignore[attr-defined]  # a sequence of them


_STATE_AFTER = {
    "queued": "queued",
    "offered": "offered",
    "accepted": "assigned",
    "claimed": "assigned",
    "requeued": "queued",
    "wrapping": "wrapping",
    "done": "done",
    "abandoned": "abandoned",
    "cancelled": "cancelled",
}


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.lists(STEP, min_size=15, max_size=40))
def test_whatever_happens_nobody_is_lost(session: Session, steps: list[tuple[object, ...]]) -> None:
    with db.transaction() as inside:
        savepoint = inside.begin_nested()
        make_city(inside)
        inside.flush()
        db_bind = db.bind()
        world = World(inside)
        for name in NAMES[:2]:
            world.do(("sign_on", name))
        for step in steps:
            world.do(step)
        # The end: desks fall silent, time does its work from the tables alone, one operator comes and serves all who wait.
        world.now += timedelta(seconds=200)
        world.do(("sweep",))
        world.do(("sweep",))
        world.do(("sign_on", "Carla"))
        for number in range(6):
            world.do(("hear", number))
        for _ in range(30):
            if not inside.exec(select(WorkItem.id).where(col(WorkItem.ended_at).is_(None))).first():
                break
            world.do(("dispatch",))
            world.do(("accept", "Carla"))
            for item_id in inside.exec(select(WorkItem.id).where(WorkItem.state == "assigned")).all():
                actions.complete(inside, item_id, disposition_code="done", now=world.now)
            world.now += LEASE / 2
            world.do(("wait", 0.5))
        counted = Counter(inside.exec(select(WorkItem.state)).all())
        assert set(counted) <= {"done", "abandoned", "cancelled"}
        assert list(inside.connection().scalars(text("SELECT sum(load_points) FROM agent_session"))) in ([0], [None])
        assert db.bind() is db_bind
        savepoint.rollback()
