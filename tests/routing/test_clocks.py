"""Laws of the promise's clock, in calendars with breaks, holidays, night shifts and clocks that change."""

import random
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routing.calendars import Promise, WorkingCalendar
from routing.clocks import DEFAULT_STEPS, Clock, Pause, Step, Terms, Watched, coming, steps_for
from tests.routing.test_calendars import OFFICE, local

ZERO = timedelta(0)
CALENDARS = [
    WorkingCalendar(OFFICE),
    WorkingCalendar({"timezone": "America/New_York", "holidays": {"country": "US"}, "hours": {
        day: [["22:00", "06:00"]] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}}),
    WorkingCalendar({"timezone": "America/Mexico_City", "hours": {"mon": [["20:00", "04:00"]], "tue": [["02:00", "06:00"]]}}),
    WorkingCalendar({"timezone": "Europe/Madrid", "hours": {day: [["00:00", "24:00"]] for day in ("mon", "sat", "sun")},
                     "closed": ["2026-12-01/2027-01-10"]}),
]  # fmt: skip
YEAR = datetime(2026, 1, 1, tzinfo=UTC)
instants = st.integers(0, 365 * 24 * 60).map(lambda minutes: YEAR + timedelta(minutes=minutes))
calendars = st.sampled_from(CALENDARS)
promises = st.one_of(
    st.builds(Promise, st.integers(1, 15), st.just("working_days")),
    st.builds(Promise, st.integers(1, 60), st.just("working_hours")),
    st.builds(Promise, st.integers(1, 200), st.just("hours")),
    st.builds(Promise, st.integers(1, 15), st.just("days")),
)
clocks = st.builds(Clock, promises, calendars, instants)
lengths = st.integers(0, 20 * 24 * 60).map(lambda minutes: timedelta(minutes=minutes))


@st.composite
def pauses(draw: st.DrawFn, count: int = 4) -> tuple[Pause, ...]:
    return tuple(
        Pause(start, start + draw(lengths)) for start in draw(st.lists(instants, max_size=count))
    )  # these may overlap, and begin before the promise or after its end


@settings(max_examples=200)
@given(calendars, instants, instants, instants)
def test_working_time_adds_up(calendar: WorkingCalendar, a: datetime, b: datetime, c: datetime) -> None:
    a, b, c = sorted((a, b, c))
    assert calendar.worked(a, b) + calendar.worked(b, c) == calendar.worked(a, c)
    assert ZERO <= calendar.worked(a, c) <= c - a


@settings(max_examples=200)
@given(calendars, instants, lengths, lengths)
def test_adding_working_time_is_undone_by_measuring_it(
    calendar: WorkingCalendar, at: datetime, one: timedelta, other: timedelta
) -> None:
    one, other = one / 24, other / 24
    reached = calendar.after(at, one)
    assert calendar.worked(at, reached) == one
    assert calendar.after(reached, other) == calendar.after(at, one + other)
    assert one == ZERO or calendar.worked(at, reached - timedelta(microseconds=1)) < one


@settings(max_examples=200)
@given(calendars, st.integers(1, 60), instants)
def test_a_promise_in_working_hours_is_that_much_work(calendar: WorkingCalendar, hours: int, at: datetime) -> None:
    assert calendar.worked(at, calendar.due(Promise(hours, "working_hours"), at).at) == timedelta(hours=hours)


@settings(max_examples=300)
@given(clocks, pauses())
def test_a_pause_never_shortens(clock: Clock, still: tuple[Pause, ...]) -> None:
    for count in range(len(still)):
        assert clock.due(still[:count]) <= clock.due(still[: count + 1])


@settings(max_examples=300)
@given(clocks, pauses())
def test_the_whole_is_what_was_worked_and_what_was_paused(clock: Clock, still: tuple[Pause, ...]) -> None:
    term = clock.between(clock.start, clock.due())
    assert clock.between(clock.start, clock.due(still)) == term + clock.stood_still(still)


@settings(max_examples=300)
@given(clocks, pauses(), st.integers(0, 1000))
def test_the_order_of_pauses_is_nothing(clock: Clock, still: tuple[Pause, ...], seed: int) -> None:
    shuffled = list(still)
    random.Random(seed).shuffle(shuffled)
    assert clock.due(shuffled) == clock.due(still)
    assert clock.at_share(0.8, shuffled) == clock.at_share(0.8, still)


@settings(max_examples=300)
@given(clocks, st.lists(st.tuples(lengths, lengths), max_size=4))
def test_moving_the_date_at_the_end_of_each_pause_comes_to_the_same(
    clock: Clock, gaps: list[tuple[timedelta, timedelta]]
) -> None:
    """What the database does, pause by pause, is what the clock says of them all."""
    still, at, due = [], clock.start, clock.due()
    for gap, length in gaps:
        still.append(Pause(at + gap, at + gap + length))
        at = at + gap + length
        due = clock.later(due, clock.between(still[-1].start, at))
    assert due == clock.due(still)


@settings(max_examples=100)
@given(clocks, pauses())
def test_steps_come_in_the_order_of_their_shares(clock: Clock, still: tuple[Pause, ...]) -> None:
    reached = [clock.at_share(share, still) for share in (0.5, 0.8, 1.0, 1.5, 2.0)]
    assert reached == sorted(reached)
    assert reached[2] == clock.due(still)
    assert reached[0] >= clock.start


@settings(max_examples=100)
@given(promises, calendars, calendars, instants, pauses())
def test_another_calendar_later_on_moves_nothing(
    promise: Promise, made_in: WorkingCalendar, later: WorkingCalendar, at: datetime, still: tuple[Pause, ...]
) -> None:
    clock = Clock(promise, made_in, at)
    before = clock.due(still)
    Clock(promise, later, at).due(still)  # asking another one leaves no trace in the first
    assert Clock(promise, made_in, at).due(still) == before


def test_an_open_pause_moves_nothing_yet() -> None:
    clock = Clock(Promise(2, "working_days"), WorkingCalendar(OFFICE), local("2026-11-19 10:00"))
    assert clock.due([Pause(local("2026-11-19 12:00"))]) == clock.due()


@pytest.mark.parametrize(
    ("pause", "due"),
    [
        (("2026-11-19 17:00", "2026-11-19 18:00"), "2026-11-24 10:00"),  # an hour of work: an hour into the next day
        (("2026-11-20 19:00", "2026-11-23 09:00"), "2026-11-23 19:00"),  # a weekend
        (("2026-11-20 09:00", "2026-11-23 09:00"), "2026-11-24 19:00"),  # Friday
        (("2026-11-19 14:00", "2026-11-19 16:00"), "2026-11-23 19:00"),  # the midday break
    ],
)
def test_only_working_time_is_given_back(pause: tuple[str, str], due: str) -> None:
    clock = Clock(Promise(2, "working_days"), WorkingCalendar(OFFICE), local("2026-11-19 10:00"))
    assert clock.due() == local("2026-11-23 19:00")
    assert clock.due([Pause(local(pause[0]), local(pause[1]))]) == local(due)


def test_clocks_that_change_in_a_pause() -> None:
    zone = ZoneInfo("America/New_York")
    calendar = WorkingCalendar({"timezone": "America/New_York", "hours": {"sun": [["00:00", "06:00"]]}})
    still = Pause(datetime(2026, 11, 1, 0, tzinfo=zone), datetime(2026, 11, 1, 6, tzinfo=zone))
    clock = Clock(Promise(7, "working_hours"), calendar, datetime(2026, 10, 31, tzinfo=zone))
    assert clock.stood_still([still]) == timedelta(hours=7)  # the night has an hour more
    assert clock.due() == still.end
    assert clock.due([still]).astimezone(zone).date() == date(
        2026, 11, 15
    )  # six hours on the 8th, the seventh a week later


def test_a_chain_of_a_service_replaces_the_general_one() -> None:
    own = Step("half", "resolution", 0.5, {"es": "A la mitad"}, services=frozenset({"FUGA"}))
    assert steps_for((*DEFAULT_STEPS, own), "FUGA") == (own,)
    assert steps_for((*DEFAULT_STEPS, own), "BACHE") == DEFAULT_STEPS


TERMS = Terms(Promise(5, "working_days"), Promise(1, "working_days"), Promise(3, "working_days"))
MADE = local("2026-11-19 10:00")


def watched(**values: object) -> Watched:
    return Watched(TERMS, WorkingCalendar(OFFICE), MADE, **({"last_word_at": MADE} | values))  # type: ignore[arg-type]  # by name


def test_what_comes_and_when() -> None:
    assert [(one.key, one.at) for one in coming(watched(), DEFAULT_STEPS)] == [
        ("unanswered", local("2026-11-20 19:00")),
        ("silent@20261119T160000", local("2026-11-24 19:00")),
        ("near", local("2026-11-25 17:36")),
        ("overdue", local("2026-11-26 19:00")),
        ("long_overdue", local("2026-12-03 18:00")),
    ]


def test_what_no_longer_comes() -> None:
    keys = [one.key for one in coming(watched(is_answered=True), DEFAULT_STEPS, ["near", "overdue"])]
    assert keys == ["silent@20261119T160000", "long_overdue"]
    assert coming(watched(is_answered=True, is_paused=True), DEFAULT_STEPS) == []


def test_a_new_word_starts_a_new_silence() -> None:
    word = local("2026-11-23 10:00")
    found = coming(watched(is_answered=True, last_word_at=word), DEFAULT_STEPS, ["silent@20261119T160000"])
    assert ("silent@20261123T160000", local("2026-11-26 19:00")) in [(one.key, one.at) for one in found]


class Counting(WorkingCalendar):
    """Counts the days that it was asked about."""

    asked = 0

    def blocks(self, day: date) -> tuple[tuple[datetime, datetime], ...]:
        self.asked += 1
        return super().blocks(day)


@pytest.mark.parametrize("step", [timedelta(days=1), timedelta(days=-1)])
def test_a_history_read_day_by_day_is_not_counted_anew_each_day(step: timedelta) -> None:
    calendar = Counting(OFFICE)
    days = [YEAR + step * n for n in range(800)]
    reached = [calendar.after(day, timedelta(hours=20)) for day in days]
    assert calendar.asked < 5 * len(days)
    assert reached[::97] == [WorkingCalendar(OFFICE).after(day, timedelta(hours=20)) for day in days[::97]]
