"""A rule set that fails never switches off silently: the last good one decides, the receipt says so, and somebody is told."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlmodel import Session, select
from structlog.testing import capture_logs

from atiende.health import readyz
from georef.points import LonLat
from kernel.errors import AtiendeError, Conflict
from kernel.outbox import OutboxEvent
from routing import actions, alerts, bulk, deciding, drafts, in_force, publishing, queries, receipts
from routing.bulk import BulkAnswer, BulkRow
from routing.checking import replay, verify
from routing.conditions import RuleFailed
from routing.decide import RuleBook
from routing.draft_models import RuleAlert
from routing.explain import explain
from routing.receipts import decide
from routing.stored_rules import NoReadableRules
from routing.values import RoutingDecision, Rule
from tests.factories import CITY, IN_NORTE, NOW, SUBJECTS, make_city
from tests.routing.test_drafts import ROSA, TODAY, make, rule, write

pytestmark = pytest.mark.database


@pytest.fixture
def city(session: Session) -> Iterator[Session]:
    """Version 1 gives everything in the north to ALC-N, version 2 to AGUAS."""
    make_city(session)
    draft = make(session)
    write(session, draft, rule("A", "AGUAS"))
    publishing.publish(session, draft.id, TODAY, ROSA, NOW, subjects=SUBJECTS)
    alerts.forget()
    yield session
    alerts.forget()
    queries.clear_caches()


def ask(session: Session, promise: dict[str, object] | None = None) -> RoutingDecision:
    return queries.route(
        session,
        jurisdiction_id=CITY,
        service_code="BACHE",
        service_group="calles",
        promise=promise or {"amount": 1, "unit": "working_days"},
        point=LonLat(*IN_NORTE),
        at=NOW,
    )


CORRUPTIONS = [
    "content - 'rules'",
    "jsonb_set(content, '{rules,0,agency_code}', '\"NADIE\"')",
    "jsonb_set(content, '{rules,0,valid_from}', '\"mañana\"')",
    "'{}'::jsonb",
    "'[]'::jsonb",
    "jsonb_set(content, '{calendars,default,timezone}', '\"Luna\"')",
]


@pytest.mark.parametrize("broken", CORRUPTIONS)
def test_a_set_that_cannot_be_read_has_the_one_before_it_decide(city: Session, broken: str) -> None:
    assert ask(city).agency_code == "AGUAS"
    city.connection().execute(text(f"UPDATE rule_set SET content = {broken} WHERE version = 2"))
    city.expire_all()
    queries.clear_caches()
    answers = [ask(city), ask(city)]
    assert {(answer.agency_code, answer.rule_set_version) for answer in answers} == {("ALC-N", 1)}
    told = answers[0].receipt["instead_of"]
    assert told["rule_set_version"] == 2
    assert told["because"]
    of_then, layers = queries.rule_book(city, CITY, 1), queries.city(city, CITY).layers
    assert verify(answers[0].receipt, of_then, layers).holds
    assert replay(answers[0].receipt, of_then, layers) == answers[0].receipt
    assert "instead_of" not in replay(answers[0].receipt, replace(of_then, version=3), layers)
    assert any("versión 1" in reason for reason in explain(answers[0].receipt).reasons)
    assert readyz().body == f"ready\nrules of {CITY}: version 2 fails, 1 decides\n".encode()
    alert = city.exec(select(RuleAlert)).one()
    assert (alert.version, alert.used_version, alert.error, alert.count) == (2, 1, told["because"], 1)
    assert city.exec(select(OutboxEvent.name)).all().count("rules.failed") == 1
    assert [known.version for known in alerts.standing(city, CITY, TODAY)] == [2]


def test_a_planned_set_that_cannot_be_read_leaves_what_was_published_in_force(city: Session) -> None:
    """Neither does the folder undo it, nor is what is planned for later taken for the newest rules."""
    draft = make(city)
    write(city, draft, rule("B", "ALC-S"))
    publishing.publish(city, draft.id, TODAY + timedelta(days=30), ROSA, NOW, subjects=SUBJECTS)
    other = [Rule("OTRA", 10, "ALC-S", {"es": "r", "en": "r"}, TODAY)]
    for _ in range(2):
        with pytest.raises(Conflict):
            actions.replace_rules(city, CITY, other, "ATENCION", NOW)
        city.connection().execute(text("UPDATE rule_set SET content = content - 'rules' WHERE version = 3"))
        city.expire_all()
        queries.clear_caches()
    assert ask(city).agency_code == "AGUAS"


def test_counts_are_gathered(city: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    city.connection().execute(text("UPDATE rule_set SET content = '{}' WHERE version = 2"))
    city.expire_all()
    queries.clear_caches()
    for _ in range(3):
        ask(city)
    monkeypatch.setattr(alerts, "_WRITE_EVERY_S", 0.0)
    ask(city)
    city.expire_all()
    assert city.exec(select(RuleAlert)).one().count == 4
    assert city.exec(select(OutboxEvent.name)).all().count("rules.failed") == 1


def test_a_rule_that_fails_while_it_decides(city: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(book: object, *rest: object) -> RoutingDecision:
        if getattr(book, "version", 0) == 2:
            raise ZeroDivisionError("regla A")
        return decide(book, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(receipts, "decide", failing)
    answer = ask(city)
    assert (answer.agency_code, answer.rule_set_version) == ("ALC-N", 1)
    assert answer.receipt["instead_of"] == {"rule_set_version": 2, "because": "ZeroDivisionError: regla A"}
    assert city.exec(select(RuleAlert)).one().error == "ZeroDivisionError: regla A"


def test_an_older_set_that_fails_too_is_told_of_once(city: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(book: RuleBook, *given: Any, **named: Any) -> RoutingDecision:
        raise RuleFailed("X", "no")

    monkeypatch.setattr("routing.receipts.decide", fail)
    deciding._tell_once.cache_clear()
    with capture_logs() as lines:
        for _ in range(3):
            with pytest.raises(RuleFailed):
                ask(city)
    assert [line["version"] for line in lines if line["event"] == "an older rule set fails too"] == [1]


def test_many_rows_are_decided_by_the_last_good_set_too(city: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = bulk.decide_many

    def failing(book: RuleBook, *rest: Any) -> list[BulkAnswer]:
        if book.version == 2 and any(row.service_code == "BACHE" for row in rest[1]):
            raise ZeroDivisionError("regla A")
        return plain(book, *rest)

    monkeypatch.setattr(bulk, "decide_many", failing)
    monkeypatch.setattr(in_force, "decide_many", failing)
    known = queries.city(city, CITY)
    services = ["FUGA", "BACHE", "FUGA", "BACHE", "BACHE"]
    rows = [BulkRow(*IN_NORTE, code, "agua" if code == "FUGA" else "calles", None, NOW) for code in services]
    answers = deciding.decide_many(known.rules, known.layers, rows)
    assert [answer.agency_code for answer in answers] == ["AGUAS", "ALC-N", "AGUAS", "ALC-N", "ALC-N"]
    alert = city.exec(select(RuleAlert)).one()
    assert (alert.version, alert.used_version, alert.error) == (2, 1, "ZeroDivisionError: regla A")


def test_many_rows_that_no_set_can_decide_say_why(city: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_: Any) -> list[BulkAnswer]:
        raise ZeroDivisionError("regla A")

    monkeypatch.setattr(bulk, "decide_many", failing)
    monkeypatch.setattr(in_force, "decide_many", failing)
    known = queries.city(city, CITY)
    with pytest.raises(ZeroDivisionError, match="regla A"):
        deciding.decide_many(known.rules, known.layers, [BulkRow(*IN_NORTE, "BACHE", "calles", None, NOW)])


def test_many_rows_of_a_set_that_cannot_be_read_are_counted(city: Session) -> None:
    city.connection().execute(text("UPDATE rule_set SET content = '{}' WHERE version = 2"))
    city.expire_all()
    queries.clear_caches()
    known = queries.city(city, CITY)
    rows = [BulkRow(*IN_NORTE, "BACHE", "calles", None, NOW)] * 3
    assert {answer.agency_code for answer in deciding.decide_many(known.rules, known.layers, rows)} == {"ALC-N"}
    assert city.exec(select(RuleAlert)).one().version == 2


def test_a_question_that_no_set_can_answer_is_the_questions_fault(city: Session) -> None:
    with pytest.raises(AtiendeError):
        ask(city, {"amount": 0, "unit": "lunas"})
    assert city.exec(select(RuleAlert)).all() == []


def test_a_newer_set_ends_the_alert(city: Session) -> None:
    city.connection().execute(text("UPDATE rule_set SET content = content - 'rules' WHERE version = 2"))
    city.expire_all()
    queries.clear_caches()
    ask(city)
    assert alerts.everywhere(city, TODAY)
    draft = drafts.create(city, CITY, "Arreglo", by=ROSA, now=NOW)
    write(city, draft, rule("A", "ALC-S"))
    publishing.publish(city, draft.id, TODAY, ROSA, NOW, subjects=SUBJECTS)
    assert (ask(city).agency_code, alerts.standing(city, CITY, TODAY)) == ("ALC-S", [])


def test_a_remedy_of_tomorrow_ends_the_alert_tomorrow(city: Session) -> None:
    city.connection().execute(text("UPDATE rule_set SET content = content - 'rules' WHERE version = 2"))
    city.expire_all()
    queries.clear_caches()
    ask(city)
    draft = drafts.create(city, CITY, "Arreglo", by=ROSA, now=NOW)
    write(city, draft, rule("A", "ALC-S"))
    tomorrow = TODAY + timedelta(days=1)
    publishing.publish(city, draft.id, tomorrow, ROSA, NOW, subjects=SUBJECTS)
    assert [known.version for known in alerts.standing(city, CITY, TODAY)] == [2]
    assert alerts.standing(city, CITY, tomorrow) == []


def test_without_any_good_set_the_reason_is_told(city: Session) -> None:
    city.connection().execute(text("UPDATE rule_set SET content = content - 'rules'"))
    city.expire_all()
    queries.clear_caches()
    with pytest.raises(NoReadableRules) as refused:
        ask(city)
    assert (refused.value.status, refused.value.version, refused.value.error) == (503, 1, "KeyError: 'rules'")
    told = readyz()
    assert (told.status_code, told.body.splitlines()) == (
        503,
        [b"rules", f"rules of {CITY}: no version can decide, reports are refused".encode()],
    )
