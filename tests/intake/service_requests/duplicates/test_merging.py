"""Two requests that are one: links are one step deep whatever is done in whatever order, counts come back, nothing is lost."""

from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import Session, select

from intake.service_requests import actions, queries
from intake.service_requests.duplicates import merging
from intake.service_requests.models import ServiceRequest
from kernel.errors import Conflict, NotFound
from tests.factories import NOW, make_city
from tests.intake.service_requests.duplicates.cast import AGENCY, STAFF, close, report

pytestmark = pytest.mark.database


@pytest.fixture
def city(session: Session) -> Session:
    make_city(session)
    return session


def merge(session: Session, duplicate: ServiceRequest, parent: ServiceRequest) -> ServiceRequest:
    return merging.merge(session, duplicate.id, parent.id, actor=STAFF, now=NOW)


def undo(session: Session, duplicate: ServiceRequest) -> ServiceRequest:
    return merging.undo(session, duplicate.id, actor=STAFF, now=NOW)


def test_the_later_one_is_closed_and_says_where_it_goes_on(city: Session) -> None:
    first, second = report(city, phone="5512345678"), report(city, phone="5587654321")
    parent = merge(city, second, first)
    assert (second.life, second.outcome_code, second.parent_id) == ("closed", "duplicate", first.id)
    folio = f"{first.folio[:2]} {first.folio[2:6]} {first.folio[6:]}"
    assert " ".join((second.public_status_notes or "").split()) == f"Sigue en el folio {folio}."
    assert parent.report_count == 2
    assert len(queries.followers_of(city, first.id)) == 2
    assert [one.id for one in queries.duplicates_of(city, first.id)] == [second.id]
    assert [event.name for event in queries.events_of(city, second.id, ("agency",))] == ["merged"]
    assert [event.name for event in queries.events_of(city, first.id, ("agency",))] == ["duplicate_added"]


def test_one_person_who_reported_both_is_counted_once(city: Session) -> None:
    first, second = report(city, phone="5512345678"), report(city, phone="5512345678")
    assert merge(city, second, first).report_count == 1
    undo(city, second)
    assert first.report_count == 1


def test_merging_twice_is_merging_once(city: Session) -> None:
    first, second = report(city), report(city)
    merge(city, second, first)
    assert merge(city, second, first).report_count == 2
    assert len(queries.events_of(city, first.id, ("agency",))) == 1


def test_undone_it_is_open_again_and_the_count_is_as_before(city: Session) -> None:
    first, second = report(city), report(city)
    merge(city, second, first)
    undo(city, second)
    assert (second.life, second.parent_id, first.report_count) == ("reopened", None, 1)
    assert [event.name for event in queries.events_of(city, second.id, ("agency",))] == ["merged", "unmerged"]
    with pytest.raises(Conflict):
        undo(city, second)


def test_what_was_closed_before_stays_closed_when_undone(city: Session) -> None:
    first, second = report(city), report(city)
    close(city, second, NOW, "duplicate")  # as an agency's system says it, without saying of which
    merge(city, second, first)
    undo(city, second)
    assert (second.life, second.outcome_code) == ("closed", "duplicate")


def test_duplicates_of_a_duplicate_move_to_the_first_and_come_back(city: Session) -> None:
    one, two, three = report(city), report(city), report(city)
    merge(city, three, two)
    assert merge(city, two, one).report_count == 3
    assert three.parent_id == one.id
    undo(city, two)
    assert (three.parent_id, two.parent_id, one.report_count, two.report_count) == (two.id, None, 1, 2)


def test_a_duplicate_of_a_duplicate_is_one_of_the_first(city: Session) -> None:
    one, two, three = report(city), report(city), report(city)
    merge(city, two, one)
    assert merge(city, three, two).id == one.id
    assert three.parent_id == one.id


def test_no_circles(city: Session) -> None:
    one, two = report(city), report(city)
    merge(city, two, one)
    for duplicate, parent in ((one, two), (one, one), (two, two)):
        with pytest.raises(Conflict):
            merge(city, duplicate, parent)


def test_a_hidden_one_and_a_public_one_are_not_merged(city: Session) -> None:
    first, second = report(city), report(city)
    first.is_public = False
    city.flush()
    with pytest.raises(Conflict):
        merge(city, second, first)


def test_what_is_not_there_is_not_found(city: Session) -> None:
    first = report(city)
    with pytest.raises(NotFound):
        merging.merge(city, first.id, type(first)().id, actor=STAFF, now=NOW)
    with pytest.raises(NotFound):
        merging.undo(city, type(first)().id, actor=STAFF, now=NOW)


def test_an_agency_that_goes_on_with_a_duplicate_says_it_is_none(city: Session) -> None:
    first, second = report(city), report(city)
    merge(city, second, first)
    actions.change_status(city, second.id, life="reopened", actor=AGENCY, now=NOW)
    assert (second.parent_id, first.report_count) == (None, 1)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.sampled_from(["merge", "undo", "reopen"]), st.integers(0, 4), st.integers(0, 4)), max_size=14)
)
def test_whatever_is_merged_and_undone_links_are_one_step_deep(
    city: Session, steps: Sequence[tuple[str, int, int]]
) -> None:
    with city.begin_nested() as attempt:
        made = [report(city) for _ in range(5)]
        for step, one, other in steps:
            try:
                with city.begin_nested():
                    if step == "merge":
                        merge(city, made[one], made[other])
                    elif step == "undo":
                        undo(city, made[one])
                    else:
                        actions.change_status(city, made[one].id, life="reopened", actor=AGENCY, now=NOW)
            except Conflict:
                pass
            city.expire_all()
            rows = {row.id: row for row in city.exec(select(ServiceRequest))}
            parents = {row.parent_id for row in rows.values() if row.parent_id is not None}
            assert all(rows[parent].parent_id is None for parent in parents)
            assert all(row.life == "closed" for row in rows.values() if row.parent_id is not None)
            # Everybody is counted where they are followed: five anonymous people, each once.
            assert sum(row.report_count for row in rows.values() if row.parent_id is None) == 5
        attempt.rollback()
