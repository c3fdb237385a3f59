"""A planned set that is taken back: nothing of it decides, what it brought is gone, and earlier days are free again."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from shapely.geometry import box
from sqlalchemy import text
from sqlmodel import Session, col, select

from atiende.subscriptions import SUBSCRIPTIONS
from kernel.errors import Conflict, InvalidInput, NotFound
from kernel.outbox import OutboxEvent
from routing import actions, drafts, publishing, queries
from routing.models import BoundaryArea, BoundaryLayer, RuleSet
from routing.stored_rules import NoReadableRules
from routing.values import AgencyFacts
from routing.withdrawing import withdraw
from tests.factories import CITY, IN_NORTE, NOW, START, SUBJECTS, both, make_city
from tests.routing.test_drafts import AMIR, LATER, ROSA, TODAY, ask, make, noon, rule, swap, write

pytestmark = pytest.mark.database
SOON = TODAY + timedelta(days=30)


@pytest.fixture
def city(session: Session) -> Session:
    make_city(session)
    return session


def publish(session: Session, day: date, *rules_of: str, with_layer: bool = False) -> RuleSet:
    draft = make(session)
    if rules_of:
        write(session, draft, *(rule("A", agency) for agency in rules_of))
    if with_layer:
        swap(session, draft)
    return publishing.publish(session, draft.id, day, ROSA, NOW, subjects=SUBJECTS)


def boundaries(session: Session) -> list[tuple[object, ...]]:
    rows = session.exec(
        select(BoundaryLayer.key, BoundaryArea)
        .join(BoundaryArea, col(BoundaryArea.layer_id) == col(BoundaryLayer.id))
        .order_by(BoundaryLayer.key, BoundaryArea.code, col(BoundaryArea.valid_from))
    ).all()
    return [(key, area.code, area.name, area.geometry, area.valid_from, area.valid_to) for key, area in rows]


def who(session: Session, day: date) -> str | None:
    return ask(session, at=noon(day)).agency_code


def test_earlier_days_are_free_again(city: Session) -> None:
    before, layers = who(city, LATER), boundaries(city)
    planned = publish(city, LATER, "AGUAS", with_layer=True)
    assert who(city, LATER) == "AGUAS"
    with pytest.raises(InvalidInput, match=f"primer día posible es el {LATER}"):
        publish(city, SOON, "ATENCION")
    withdraw(city, CITY, planned.version, AMIR, NOW)
    assert (who(city, LATER), boundaries(city)) == (before, layers)
    assert publish(city, SOON, "ATENCION").version == 3, "a number is never used twice"
    assert (who(city, SOON - timedelta(days=1)), who(city, SOON), who(city, LATER)) == (before, "ATENCION", "ATENCION")
    kept = queries.rule_set(city, CITY, 2)
    assert (kept.withdrawn_by, kept.withdrawn_at) == (AMIR, NOW), "on record"
    assert [known.version for known in queries.sets_from(city, CITY, NOW)] == [1, 3]


def test_its_draft_is_open_again_and_can_be_published_for_another_day(city: Session) -> None:
    planned = publish(city, LATER, "AGUAS", with_layer=True)
    assert planned.draft_id is not None
    withdraw(city, CITY, planned.version, AMIR, NOW)
    draft = drafts.find(city, CITY, planned.draft_id)
    assert (draft.state, draft.published_version, draft.changed_by) == ("open", None, AMIR)
    assert publishing.publish(city, draft.id, SOON, ROSA, NOW, subjects=SUBJECTS).valid_from == SOON


def test_imports_work_again(city: Session) -> None:
    planned = publish(city, LATER, "AGUAS")
    other = [rule("B", "ATENCION")]
    with pytest.raises(Conflict):
        actions.replace_rules(city, CITY, other, "ATENCION", NOW)
    withdraw(city, CITY, planned.version, AMIR, NOW)
    assert actions.replace_rules(city, CITY, other, "ATENCION", NOW) == 3
    assert (who(city, TODAY), who(city, LATER)) == ("ATENCION", "ATENCION")


def test_a_set_made_anew_for_new_agencies_goes_whole(city: Session) -> None:
    before, layers = who(city, LATER), boundaries(city)
    publish(city, LATER, "AGUAS", with_layer=True)
    facts = [queries.agency_facts(row) for row in queries.agencies(city, CITY).values()]
    actions.replace_agencies(city, CITY, [*facts, AgencyFacts("PARQUES", "Parques")], NOW)
    planned = queries.sets_from(city, CITY, NOW)[-1]
    assert (planned.version, planned.published_by) == (4, ROSA)
    withdraw(city, CITY, 4, AMIR, NOW)
    assert (who(city, LATER), boundaries(city)) == (before, layers)
    assert "PARQUES" in queries.city(city, CITY).book.agencies


def test_one_that_replaced_another_takes_it_along(city: Session) -> None:
    before, layers = who(city, LATER), boundaries(city)
    publish(city, LATER, "AGUAS", with_layer=True)
    last = publish(city, LATER, "ATENCION")
    withdraw(city, CITY, last.version, AMIR, NOW)
    assert (who(city, LATER), boundaries(city)) == (before, layers)


def test_only_the_last_and_only_before_its_day(city: Session) -> None:
    publish(city, SOON, "AGUAS")
    publish(city, LATER, "ATENCION")
    with pytest.raises(Conflict, match="cancela primero esa"):
        withdraw(city, CITY, 2, AMIR, NOW)
    with pytest.raises(Conflict, match="ya llegó"):
        withdraw(city, CITY, 1, AMIR, NOW)
    with pytest.raises(Conflict, match="ya llegó"):
        withdraw(city, CITY, 3, AMIR, noon(LATER))
    with pytest.raises(NotFound):
        withdraw(city, CITY, 9, AMIR, NOW)
    withdraw(city, CITY, 3, AMIR, NOW)
    with pytest.raises(Conflict, match="Amir Soto ya canceló"):
        withdraw(city, CITY, 3, AMIR, NOW)
    assert who(city, LATER) == "AGUAS"


def test_a_layer_that_came_with_it_is_gone_and_later_imports_stay(city: Session) -> None:
    draft = make(city)
    squares = [("Z", "Zona", box(-99.20, 19.30, -99.10, 19.40))]
    drafts.replace_layer(city, draft.id, key="zone", name=both("Zona"), areas=squares, by=ROSA, now=NOW)
    swap(city, draft)
    planned = publishing.publish(city, draft.id, LATER, ROSA, NOW, subjects=SUBJECTS)
    moved = [("N", "Norte", box(-99.20, 19.40, -99.10, 19.50)), ("S", "Sur", box(-99.19, 19.30, -99.10, 19.40))]
    actions.import_layer(
        city, jurisdiction_id=CITY, key="district", name=both("Distrito"), areas=moved, valid_from=SOON, now=NOW
    )
    withdraw(city, CITY, planned.version, AMIR, NOW)
    left = [tuple(row[1:2] + row[4:]) for row in boundaries(city) if row[0] == "district"]
    assert left == [("N", START, None), ("S", START, SOON), ("S", SOON, None)]
    assert "zone" not in queries.city(city, CITY).layers


def test_a_draft_of_the_cancelled_set_is_told_so(city: Session) -> None:
    planned = publish(city, LATER, "AGUAS")
    draft = make(city)
    write(city, draft, rule("A", "ATENCION"))
    withdraw(city, CITY, planned.version, AMIR, NOW)
    with pytest.raises(Conflict, match="La versión 2, de la que parte este borrador, se canceló"):
        publishing.publish(city, draft.id, SOON, ROSA, NOW, subjects=SUBJECTS)
    drafts.bring_up_to_date(city, draft.id, by=ROSA, now=NOW)
    publishing.publish(city, draft.id, SOON, ROSA, NOW, subjects=SUBJECTS)
    assert who(city, SOON) == "ATENCION"


def test_whoever_plans_by_it_is_told(city: Session) -> None:
    planned = publish(city, LATER, "AGUAS")
    withdraw(city, CITY, planned.version, AMIR, NOW)
    event = city.exec(select(OutboxEvent).where(OutboxEvent.name == "rules.withdrawn")).one()
    assert event.payload == {"rule_set_id": str(planned.id)}
    assert SUBSCRIPTIONS["rules.withdrawn"] == ["intake.whatif.jobs.drop_reroutes"]


@pytest.mark.parametrize("day", [date(8999, 12, 15), TODAY + timedelta(days=732)])
def test_no_set_is_planned_for_a_day_that_nobody_means(city: Session, day: date) -> None:
    with pytest.raises(InvalidInput, match=f"último día posible es el {TODAY + timedelta(days=731)}"):
        publish(city, day, "AGUAS")
    assert publish(city, TODAY + timedelta(days=731), "AGUAS").version == 2


def _spoil(session: Session, *versions: int) -> None:
    session.connection().execute(
        text("UPDATE rule_set SET content = content - 'rules', digest = digest || 'x' WHERE version = ANY(:versions)"),
        {"versions": list(versions)},
    )
    session.expire_all()


def _copies(session: Session) -> None:
    """Versions 3 and 4: 1 and 2 made anew."""
    facts = [queries.agency_facts(row) for row in queries.agencies(session, CITY).values()]
    actions.replace_agencies(session, CITY, [replace(facts[0], short_name="Otra"), *facts[1:]], NOW)


def test_a_planned_set_decides_nothing_today_when_newer_ones_cannot_be_read(city: Session) -> None:
    before = who(city, TODAY)
    assert before != "AGUAS"
    publish(city, LATER, "AGUAS")
    _copies(city)
    _spoil(city, 3, 4)
    today, later = ask(city), ask(city, at=noon(LATER))
    assert (today.agency_code, today.rule_set_version) == (before, 1)
    assert (later.agency_code, later.rule_set_version) == ("AGUAS", 2)
    assert [answer.receipt["instead_of"]["rule_set_version"] for answer in (today, later)] == [3, 4]


def test_a_planned_set_decides_nothing_today_when_nothing_else_can_be_read(city: Session) -> None:
    publish(city, LATER, "AGUAS")
    _spoil(city, 1)
    with pytest.raises(NoReadableRules):
        ask(city)


def test_nor_does_one_that_was_cancelled(city: Session) -> None:
    before = who(city, LATER)
    planned = publish(city, LATER, "AGUAS")
    withdraw(city, CITY, planned.version, AMIR, NOW)
    publish(city, TODAY, "ATENCION")
    _spoil(city, 3)
    assert (who(city, TODAY), who(city, LATER)) == (before, before)


def test_a_rule_that_fails_while_deciding_is_not_stood_in_for_by_a_planned_set(city: Session) -> None:
    before = who(city, TODAY)
    publish(city, LATER, "AGUAS")
    _copies(city)
    city.connection().execute(
        text(
            "UPDATE rule_set SET content = jsonb_set(content, '{rules,0,priority}', '\"x\"'), digest = digest || 'y'"
            " WHERE version IN (3, 4)"
        )
    )
    city.expire_all()
    assert (who(city, TODAY), who(city, LATER)) == (before, "AGUAS")
    assert ask(city, IN_NORTE).rule_set_version == 1
