"""When promises fall due: known dates, and laws that hold for any calendar."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernel.errors import InvalidInput
from routing.calendars import Promise, WorkingCalendar
from routing.conditions import WEEKDAYS

CITY = ZoneInfo("America/Mexico_City")
OFFICE = {
    "timezone": "America/Mexico_City",
    "holidays": {"country": "MX"},
    "hours": {day: [["09:00", "14:00"], ["16:00", "19:00"]] for day in WEEKDAYS[:5]},
    "closed": ["2026-12-22/2027-01-06", "2026-11-02"],
    "open": ["2026-11-28"],
}


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=CITY)


@pytest.mark.parametrize(
    ("amount", "unit", "start", "due", "first"),
    [
        (5, "working_days", "2026-11-19 13:00", "2026-11-26 19:00", "2026-11-20"),
        (6, "working_days", "2026-11-20 13:00", "2026-11-28 19:00", "2026-11-23"),  # an open Saturday counts
        (1, "working_days", "2026-11-19 19:00", "2026-11-23 19:00", "2026-11-23"),  # after closing: received on Friday
        (1, "working_days", "2026-11-21 10:00", "2026-11-24 19:00", "2026-11-24"),  # Saturday: received on Monday
        (1, "working_days", "2026-11-13 10:00", "2026-11-17 19:00", "2026-11-17"),  # the 16th is a federal holiday
        (1, "working_days", "2026-12-21 10:00", "2027-01-07 19:00", "2027-01-07"),  # the long closure
        (1, "working_days", "2026-09-15 10:00", "2026-09-17 19:00", "2026-09-17"),
        (8, "working_hours", "2026-11-19 09:00", "2026-11-19 19:00", "2026-11-19"),
        (2, "working_hours", "2026-11-19 13:00", "2026-11-19 17:00", "2026-11-19"),  # over the midday break
        (1.5, "working_hours", "2026-11-20 18:30", "2026-11-23 10:00", "2026-11-20"),
        (48, "hours", "2026-11-21 23:15", "2026-11-23 23:15", None),
        (3, "days", "2026-11-21 23:15", "2026-11-24 23:15", None),
    ],
)
def test_due(amount: float, unit: Any, start: str, due: str, first: str | None) -> None:
    found = WorkingCalendar(OFFICE).due(Promise(amount, unit), local(start))
    assert found.at == local(due)
    assert found.at.tzinfo == UTC
    assert found.first_counted_day == (date.fromisoformat(first) if first else None)


def test_a_closure_added_later_moves_the_due_date() -> None:
    later = OFFICE | {"closed": ["2026-11-23/2026-11-24"]}
    promise = Promise(2, "working_days")
    assert WorkingCalendar(OFFICE).due(promise, local("2026-11-19 10:00")).at == local("2026-11-23 19:00")
    assert WorkingCalendar(later).due(promise, local("2026-11-19 10:00")).at == local("2026-11-25 19:00")


def test_a_night_shift_belongs_to_the_day_it_starts_on() -> None:
    night = WorkingCalendar({"timezone": "America/Mexico_City", "hours": {"fri": [["22:00", "06:00"]]}})
    assert night.due(Promise(4, "working_hours"), local("2026-11-20 23:00")).at == local("2026-11-21 03:00")
    assert night.received_on(local("2026-11-21 05:59")) == date(2026, 11, 20)
    assert night.received_on(local("2026-11-21 06:00")) == date(2026, 11, 27)
    assert night.due(Promise(1, "working_days"), local("2026-11-21 05:00")).at == local("2026-11-28 06:00")


def test_hours_that_two_shifts_share_count_once() -> None:
    shifts = WorkingCalendar({"timezone": "UTC", "hours": {"mon": [["20:00", "04:00"]], "tue": [["02:00", "06:00"]]}})
    start = datetime(2026, 11, 23, 20, tzinfo=UTC)  # Monday
    assert shifts.due(Promise(10, "working_hours"), start).at == start + timedelta(hours=10)


def test_clocks_that_change_keep_office_hours_local() -> None:
    office = WorkingCalendar({"timezone": "America/New_York", "hours": {day: [["09:00", "17:00"]] for day in WEEKDAYS}})
    start = datetime(2026, 10, 31, 12, tzinfo=ZoneInfo("America/New_York"))  # the night the clocks go back
    assert office.due(Promise(1, "working_days"), start).at == datetime(2026, 11, 1, 22, tzinfo=UTC)


@pytest.mark.parametrize(
    "wrong",
    [
        {"timezone": "Mars/Olympus", "hours": {"mon": [["09:00", "10:00"]]}},
        {"timezone": "UTC", "hours": {}},
        {"timezone": "UTC", "hours": {"lunes": [["09:00", "10:00"]]}},
        {"timezone": "UTC", "hours": {"mon": [["9", "10:00"]]}},
        {"timezone": "UTC", "hours": {"mon": [["09:00", "25:00"]]}},
        {"timezone": "UTC", "hours": {"mon": [["09:00", "12:00"], ["11:00", "13:00"]]}},
        {"timezone": "UTC", "hours": {"mon": [["09:00", "10:00"]]}, "closed": ["2026-02-30"]},
        {"timezone": "UTC", "hours": {"mon": [["09:00", "10:00"]]}, "closed": ["2026-03-02/2026-03-01"]},
        {"timezone": "UTC", "hours": {"mon": [["09:00", "10:00"]]}, "holidays": {"country": "ZZ"}},
    ],
)
def test_a_wrong_calendar_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        WorkingCalendar(wrong)


@pytest.mark.parametrize("wrong", [{}, {"amount": 0, "unit": "hours"}, {"amount": 2, "unit": "weeks"}])
def test_a_wrong_promise_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        Promise.parse(wrong)


def test_a_working_day_promise_of_half_a_day_is_refused() -> None:
    with pytest.raises(InvalidInput):
        Promise(1.5, "working_days")


def test_a_calendar_that_never_opens_again_is_an_error_not_a_loop() -> None:
    closed = [f"{year}-01-01/{year}-12-31" for year in range(2026, 2032)]
    calendar = WorkingCalendar({"timezone": "UTC", "hours": {"mon": [["09:00", "10:00"]]}, "closed": closed})
    for unit in ("working_days", "working_hours"):
        with pytest.raises(InvalidInput):
            calendar.due(Promise(1, unit), datetime(2026, 5, 1, tzinfo=UTC))


_blocks = st.sampled_from(
    [
        [],
        [["09:00", "18:00"]],
        [["08:00", "12:00"], ["13:30", "17:00"]],
        [["22:00", "05:00"]],
        [["00:00", "24:00"]],
    ]
)


@st.composite
def calendars(draw: st.DrawFn) -> WorkingCalendar:
    hours = {day: draw(_blocks) for day in WEEKDAYS}
    if not any(hours.values()):
        hours["wed"] = [["10:00", "11:00"]]
    closed = [str(date(2026, 1, 1) + timedelta(days=n)) for n in draw(st.lists(st.integers(0, 500), max_size=20))]
    country = draw(st.sampled_from([None, "MX"]))
    zone = draw(st.sampled_from(["America/Mexico_City", "UTC", "Europe/Madrid"]))
    return WorkingCalendar({"timezone": zone, "hours": hours, "closed": closed, "holidays": {"country": country}})


promises = st.one_of(
    st.builds(Promise, st.integers(1, 40), st.sampled_from(["working_days", "working_hours", "hours", "days"])),
    st.builds(Promise, st.floats(0.25, 60), st.just("working_hours")),
)
instants = st.datetimes(datetime(2026, 1, 1), datetime(2027, 3, 1)).map(lambda at: at.replace(tzinfo=UTC))  # noqa: DTZ001


@given(calendars(), promises, instants, instants)
@settings(max_examples=150)
def test_promises_obey_their_laws(calendar: WorkingCalendar, promise: Promise, a: datetime, b: datetime) -> None:
    first, second = sorted([a, b])
    due, later = calendar.due(promise, first), calendar.due(promise, second)
    assert due.at > first
    # Two local times around a change of clocks may swap; hours of work and working days never do.
    if promise.unit != "days":
        assert due.at <= later.at
    if promise.unit.startswith("working"):
        assert due.first_counted_day is not None
        assert calendar.is_working_day(due.first_counted_day)
        day = calendar.local_date(due.at)
        candidates = (day - timedelta(days=1), day)
        assert any(start < due.at <= end for candidate in candidates for start, end in calendar.blocks(candidate))


@given(calendars(), st.integers(1, 30), instants)
@settings(max_examples=60)
def test_working_days_are_counted_one_by_one(calendar: WorkingCalendar, amount: int, at: datetime) -> None:
    day = calendar.received_on(at)
    for _ in range(amount):
        day += timedelta(days=1)
        while not calendar.blocks(day):
            day += timedelta(days=1)
    assert calendar.due(Promise(amount, "working_days"), at).at == calendar.blocks(day)[-1][1]


@given(
    st.datetimes(datetime(2025, 12, 20), datetime(2026, 2, 10)).map(lambda at: at.replace(tzinfo=UTC)),  # noqa: DTZ001
    st.integers(1, 9),
)
@settings(max_examples=200)
def test_the_steps_of_a_day_say_what_due_says(at: datetime, count: int) -> None:
    for calendar in (WorkingCalendar(OFFICE), WorkingCalendar(OFFICE | {"hours": {"fri": [["22:00", "02:00"]]}})):
        until, later = calendar.steps(count, calendar.local_date(at))
        told = next((due for closing, due in until if at < closing), later)
        assert told == calendar.due(Promise(count, "working_days"), at)
