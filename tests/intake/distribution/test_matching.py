"""Who gets whom, as a function of values."""

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from intake.distribution.matching import (
    LANGUAGE_PATIENCE,
    PRIORITY_STEP,
    FreeAgent,
    Match,
    Needs,
    Profile,
    Served,
    Waiting,
    match,
    rank_at,
    reserve,
)
from tests.factories import NOW
from tests.intake.distribution.desk import later

CALL, THREAD = Needs(100), Needs(25)
FREE = Profile(100, 0, {})


def item(number: int, needs: Needs = CALL, **more: object) -> Waiting:
    return Waiting(UUID(int=number), needs, **more)  # type: ignore[arg-type]  # the rest by name


def agent(number: int, profile: Profile = FREE) -> FreeAgent:
    return FreeAgent(UUID(int=100 + number), profile)


def pairs(found: list[Match]) -> list[tuple[int, int]]:
    return [(one.item_id.int, one.agent_id.int - 100) for one in found]


def test_the_oldest_goes_to_the_longest_idle() -> None:
    assert pairs(match([item(1), item(2), item(3)], [agent(1), agent(2)], NOW)) == [(1, 1), (2, 2)]
    assert match([item(1)], [], NOW) == []
    assert match([], [agent(1)], NOW) == []


def test_whoever_lacks_a_skill_is_passed_by_and_the_next_in_line_gets_them() -> None:
    crisis = Needs(100, frozenset({"crisis"}))
    able = Profile(100, 0, {"crisis": 1})
    assert pairs(match([item(1, crisis), item(2)], [agent(1)], NOW)) == [(2, 1)]
    assert pairs(match([item(1, crisis), item(2)], [agent(1), agent(2, able)], NOW)) == [(1, 2), (2, 1)]


def test_the_abler_is_asked_first_and_talents_are_spared() -> None:
    better, good = Profile(100, 0, {"agua": 3}), Profile(100, 0, {"agua": 1})
    water = Needs(100, frozenset({"agua"}))
    assert pairs(match([item(1, water)], [agent(1, good), agent(2, better)], NOW)) == [(1, 2)]
    assert pairs(match([item(1)], [agent(1, good), agent(2)], NOW)) == [(1, 2)]


def test_a_language_is_asked_for_as_long_as_patience_lasts() -> None:
    served = Served()
    english = Profile(100, 0, {}, frozenset({"es", "en"}))
    early = served.needs(100, [], "en", timedelta(seconds=5))
    assert match([item(1, early)], [agent(1)], NOW) == []
    assert pairs(match([item(1, early)], [agent(1), agent(2, english)], NOW)) == [(1, 2)]
    late = served.needs(100, [], "en", LANGUAGE_PATIENCE)
    assert pairs(match([item(1, late)], [agent(1)], NOW)) == [(1, 1)]


def test_a_line_overflows_after_its_time_but_a_hard_skill_stays() -> None:
    served = Served("agua", timedelta(seconds=90), None)
    assert served.needs(100, ["lsm"], "es", timedelta(seconds=89)).skills == {"agua", "lsm"}
    assert served.needs(100, ["lsm"], "es", timedelta(seconds=90)) == Needs(100, frozenset({"lsm"}), None)
    to_other = Served("agua", timedelta(seconds=90), "luz")
    over = to_other.needs(100, [], "es", timedelta(seconds=90))
    water, light = Profile(100, 0, {"agua": 1}), Profile(100, 0, {"luz": 1})
    assert match([item(1, over)], [agent(1)], NOW) == []
    assert pairs(match([item(1, over)], [agent(1), agent(2, light)], NOW)) == [(1, 2)]
    assert pairs(match([item(1, over)], [agent(1, water)], NOW)) == [(1, 1)], "their own are not let off"


def test_a_line_that_is_closed_or_has_nobody_overflows_at_once_and_the_offer_says_why() -> None:
    at_once = Served("agua", None, "luz", "closed")
    light, both = Profile(100, 0, {"luz": 1}), Profile(100, 0, {"luz": 1, "agua": 1})
    waits = item(1, at_once.needs(100, [], "es", timedelta()), overflow="closed", line_skill="agua")
    assert match([waits], [agent(1, light)], NOW)[0].reason == "overflow_closed"
    assert match([waits], [agent(1, both)], NOW)[0].reason == "skilled"
    assert Served("agua").overflows(timedelta(days=1)) == ""
    assert Served("agua", timedelta(0)).overflows(timedelta()) == "waited"


def test_who_let_it_pass_is_not_asked_again_for_a_while() -> None:
    shunned = {UUID(int=101): later(60)}
    assert pairs(match([item(1, shunned=shunned), item(2)], [agent(1), agent(2)], NOW)) == [(1, 2), (2, 1)]
    assert pairs(match([item(1, shunned=shunned), item(2)], [agent(1)], NOW)) == [(2, 1)]
    assert pairs(match([item(1, shunned=shunned)], [agent(1)], later(60))) == [(1, 1)]


def test_the_preferred_one_gets_it_and_while_it_is_kept_for_them_nobody_else() -> None:
    wanted = UUID(int=102)
    assert pairs(match([item(1, preferred=wanted)], [agent(1), agent(2)], NOW)) == [(1, 2)]
    assert pairs(match([item(1, preferred=wanted)], [agent(1)], NOW)) == [(1, 1)]
    assert match([item(1, preferred=wanted, is_reserved=True)], [agent(1)], NOW) == []


def test_capacity_is_in_points() -> None:
    busy = Profile(75, 25, {})
    assert match([item(1)], [agent(1, busy)], NOW) == []
    assert pairs(match([item(1), item(2, THREAD)], [agent(1, busy)], NOW)) == [(2, 1)]


def test_threads_are_spread_while_many_are_free_and_packed_when_few_are() -> None:
    busy = Profile(75, 25, {})
    assert pairs(match([item(1, THREAD)], [agent(1, busy), agent(2)], NOW)) == [(1, 2)]
    assert pairs(match([item(1, THREAD)], [agent(1), agent(2, busy)], NOW, kept_free=1)) == [(1, 2)]
    assert pairs(match([item(1, THREAD)], [agent(1)], NOW, kept_free=1)) == [(1, 1)]
    assert (reserve(600, has_calls=True), reserve(3, has_calls=True), reserve(600, has_calls=False)) == (30, 1, 0)


def test_whoever_waits_too_long_keeps_the_one_who_is_nearest_to_having_room() -> None:
    nearest, fuller, small = Profile(75, 25, {}), Profile(50, 50, {}), Profile(50, 25, {})
    staff = [agent(1, small), agent(2, fuller), agent(3, nearest)]
    threads = [item(number, THREAD) for number in (2, 3, 4)]
    old = item(1, held_from=NOW)
    assert pairs(match([old, *threads], staff, NOW)) == [(2, 2), (3, 1)]
    assert len(match([old, *threads], staff, later(-1))) == 3, "not yet"
    assert len(match([*threads, old], staff, NOW)) == 3, "whoever came before goes before"
    assert len(match([replace(old, shunned={UUID(int=103): later(9)}), *threads], staff, NOW)) == 2
    assert pairs(match([old, *threads], [*staff, agent(4)], NOW))[0] == (1, 4), "somebody has room"
    # At a desk without a telephone nobody is ever kept for a call, nor where the skill is missing.
    assert pairs(match([old, *threads], staff[:1], NOW)) == [(2, 1)]
    assert len(match([replace(old, needs=Needs(100, frozenset({"agua"}))), *threads], staff, NOW)) == 3


def test_a_priority_is_time_waited() -> None:
    assert rank_at(NOW, 1) == rank_at(NOW - PRIORITY_STEP, 0)
    assert rank_at(NOW, 0, 30) == later(-30)
    assert rank_at(NOW, 0, is_front=True) < rank_at(NOW, 9)


PROFILES = [
    FREE,
    Profile(75, 25, {}),
    Profile(100, 0, {"agua": 1}),
    Profile(100, 0, {"agua": 2, "luz": 1}),
    Profile(25, 75, {"luz": 1}, frozenset({"es", "en"})),
    Profile(100, 0, {}, frozenset({"en"})),
]
NEEDS = [
    CALL,
    THREAD,
    Needs(100, frozenset({"agua"})),
    Needs(25, frozenset({"luz"})),
    Needs(100, frozenset(), "en"),
    Needs(25, frozenset({"agua", "luz"}), None),
]


@given(
    st.lists(
        st.tuples(st.sampled_from(NEEDS), st.sets(st.integers(0, 5)), st.integers(-1, 5), st.booleans()), max_size=12
    ),
    st.lists(st.sampled_from(PROFILES), max_size=8),
    st.integers(0, 3),
)
def test_nobody_fit_is_left_idle_and_nobody_gets_two(
    wanted: list[tuple[Needs, set[int], int, bool]], profiles: list[Profile], kept_free: int
) -> None:
    agents = [agent(number, profile) for number, profile in enumerate(profiles)]
    line = [
        item(
            number,
            needs,
            shunned={UUID(int=100 + one): later(9) for one in shunned},
            preferred=UUID(int=100 + preferred) if preferred >= 0 else None,
            is_reserved=is_reserved,
        )
        for number, (needs, shunned, preferred, is_reserved) in enumerate(wanted)
    ]
    found = match(iter(line), agents, NOW, kept_free=kept_free)
    assert len({one.item_id for one in found}) == len({one.agent_id for one in found}) == len(found)
    by_id, staff = {one.id: one for one in line}, {one.id: one for one in agents}

    def may(waiting: Waiting, free: FreeAgent) -> bool:
        kept = waiting.is_reserved and waiting.preferred not in (None, free.id)
        return free.profile.fits(waiting.needs) and free.id not in waiting.shunned and not kept

    assert all(may(by_id[one.item_id], staff[one.agent_id]) for one in found)
    # Work-conserving: of those who are left on either side no pair fits.
    waiting = [one for one in line if one.id not in {m.item_id for m in found}]
    idle = [one for one in agents if one.id not in {m.agent_id for m in found}]
    assert not any(may(one, free) for one in waiting for free in idle)
    # Of equal items the older one, of equal operators the longer idle.
    order = [line.index(by_id[one.item_id]) for one in found]
    assert all(before < after for before, after in pairwise(order))
    for one in found:
        given_to = staff[one.agent_id]
        for free in idle:
            if free.profile == given_to.profile and by_id[one.item_id].preferred != given_to.id:
                assert agents.index(free) > agents.index(given_to) or free.id in by_id[one.item_id].shunned


@given(st.lists(st.tuples(st.integers(0, 3000), st.integers(-3, 5)), min_size=2, max_size=20))
def test_ageing_starves_nobody(people: list[tuple[int, int]]) -> None:
    """Whoever came more than the priorities' worth later is behind, whatever their priority; equals go by arrival."""
    ranked = [(rank_at(later(at), priority), at, priority) for at, priority in people]
    for rank, at, priority in ranked:
        for other_rank, other_at, other_priority in ranked:
            if other_at - at > PRIORITY_STEP.total_seconds() * max(other_priority - priority, 0):
                assert rank < other_rank
