"""Drafts: made from what is in force, changed by one after the other, published whole or not at all, and seen by nobody else."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from threading import Barrier, Event
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shapely.geometry import LineString, box
from sqlalchemy import Engine, text
from sqlmodel import Session, select

from georef.points import LonLat
from kernel import db
from kernel.errors import Conflict, InvalidInput, NotFound
from kernel.outbox import OutboxEvent
from routing import actions, drafts, publishing, queries, rule_sets, rule_tests
from routing.checking import verify
from routing.draft_models import RoutingDraft
from routing.linting import RulesRefused
from routing.models import RuleSet
from routing.rule_tests import RuleTest, TestsFail
from routing.values import RoutingDecision, Rule
from tests.factories import CITY, IN_NORTE, IN_SUR, NOW, START, SUBJECTS, both, make_city

pytestmark = pytest.mark.database
TODAY = date(2026, 11, 19)
LATER = date(2027, 1, 1)
ROSA, AMIR = "Rosa Cruz", "Amir Soto"


def rule(code: str, agency: str, priority: int = 100, **values: object) -> Rule:
    return Rule(code, priority, agency, both(f"regla {code}"), START, **values)  # type: ignore[arg-type]


def ask(
    session: Session, point: tuple[float, float] = IN_NORTE, at: datetime = NOW, city: str = CITY
) -> RoutingDecision:
    return queries.route(
        session,
        jurisdiction_id=city,
        service_code="BACHE",
        service_group="calles",
        promise={"amount": 1, "unit": "working_days"},
        point=LonLat(*point),
        at=at,
    )


def make(session: Session, city: str = CITY) -> RoutingDraft:
    return drafts.create(session, city, "Límites 2027", by=ROSA, now=NOW)


def write(session: Session, draft: RoutingDraft, *rules: Rule, default: str = "ATENCION") -> RoutingDraft:
    return drafts.write_rules(session, draft.id, rules, default, text="# reglas", by=ROSA, now=NOW)


def swap(session: Session, draft: RoutingDraft) -> RoutingDraft:
    """North and south change their names."""
    areas = [("S", "Sur", box(-99.20, 19.40, -99.10, 19.50)), ("N", "Norte", box(-99.20, 19.30, -99.10, 19.40))]
    return drafts.replace_layer(session, draft.id, key="district", name=both("Distrito"), areas=areas, by=ROSA, now=NOW)


def noon(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 18, tzinfo=UTC)


@pytest.fixture
def city(session: Session) -> Session:
    make_city(session)
    return session


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (rule("A", "ALC-N", service_code="NADA"), "A: No existe el servicio NADA."),
        (rule("A", "ALC-N", service_group="nada"), "A: No existe el grupo nada."),
        (
            rule("A", "ALC-N", layer_key="district", area_codes=frozenset("X")),
            "A: La capa district no tiene la zona X.",
        ),
        (rule("A", "ALC-N", layer_key="nada", area_codes=frozenset("X")), "A: No existe la capa nada."),
        (
            rule("A", "ALC-N", service_code="LUMINARIA", answers={"TIPO_FALLA": frozenset("x")}),
            "no tiene la respuesta x",
        ),
        (rule("A", "ALC-N", layer_key="district", area_codes=frozenset("N"), tolerance_m=5.0), "no lleva tolerance_m"),
    ],
)
def test_rules_with_errors_are_never_published(city: Session, wrong: Rule, said: str) -> None:
    draft = make(city)
    write(city, draft, wrong, rule("B", "AGUAS"))
    with pytest.raises(RulesRefused, match=said) as refused:
        publishing.publish(city, draft.id, LATER, AMIR, NOW, subjects=SUBJECTS)
    assert refused.value.findings[0].rules == ("A",)
    assert refused.value.public_text("en").startswith("The rules have errors, and nothing changed:\nA: ")
    assert (draft.state, drafts.newest_of(city, CITY).version) == ("open", 1)


def test_a_rule_that_has_ended_by_then_is_no_error(city: Session) -> None:
    draft = make(city)
    write(city, draft, rule("A", "ALC-N", service_code="NADA", valid_to=LATER), rule("B", "AGUAS"))
    with pytest.raises(RulesRefused):
        publishing.publish(city, draft.id, TODAY, AMIR, NOW, subjects=SUBJECTS)
    assert publishing.publish(city, draft.id, LATER, AMIR, NOW, subjects=SUBJECTS).version == 2


def test_a_layer_of_lines_comes_with_the_rules_that_ask_for_it(city: Session) -> None:
    """The avenue is new: on it the works office answers, off it the district, and not a day before."""
    draft = make(city)
    line = LineString([(-99.20, 19.42), (-99.10, 19.42)])
    drafts.replace_layer(
        city, draft.id, key="road", name=both("Vía primaria"), areas=[("AV", "Avenida", line)], by=ROSA, now=NOW
    )
    assert [(layer.key, layer.kind) for layer in drafts.layers_in(city, draft.id)] == [("road", "line")]
    road = drafts.layers_of(city, draft, LATER)["road"]
    assert (road.kind, [area.valid_from for area in road.index.areas]) == ("line", [LATER])
    write(
        city,
        draft,
        rule("VIA", "AGUAS", 10, layer_key="road", area_codes=frozenset("*"), tolerance_m=25.0),
        rule("N-1", "ALC-N", layer_key="district", area_codes=frozenset("N")),
    )
    drafts.add_test(city, draft.id, RuleTest("CERCA", "BACHE", "AGUAS", -99.15, 19.4201), by=ROSA, now=NOW)
    drafts.add_test(city, draft.id, RuleTest("LEJOS", "BACHE", "ALC-N", -99.15, 19.43), by=ROSA, now=NOW)
    assert rule_tests.failures(publishing.results_of(city, draft, LATER)) == []
    with pytest.raises(InvalidInput):
        drafts.replace_layer(
            city, draft.id, key="district", name=both("D"), areas=[("AV", "Avenida", line)], by=ROSA, now=NOW
        )
    publishing.publish(city, draft.id, LATER, AMIR, NOW, subjects=SUBJECTS)
    stored = queries.city(city, CITY).layers["road"]
    assert (stored.kind, [area.code for area in stored.index.areas]) == ("line", ["AV"])
    assert ask(city, (-99.15, 19.4201), noon(LATER)).rule_code == "VIA"
    assert ask(city, (-99.15, 19.43), noon(LATER)).rule_code == "N-1"
    assert ask(city, (-99.15, 19.4201), noon(LATER - timedelta(days=1))).rule_code == "NORTE-1"
    second = make(city)
    moved = LineString([(-99.20, 19.45), (-99.10, 19.45)])
    drafts.replace_layer(city, second.id, key="road", name=both("Vía"), areas=[("AV", "Av", moved)], by=ROSA, now=NOW)
    held = drafts.layers_of(city, second, LATER + timedelta(days=9))["road"].index
    assert [line.geometry.coords[0][1] for line in held.lines(LATER).lines] == [19.42]
    assert [line.geometry.coords[0][1] for line in held.lines(LATER + timedelta(days=9)).lines] == [19.45]


def test_a_draft_begins_as_what_is_in_force(city: Session) -> None:
    draft = make(city)
    assert drafts.book_of(city, draft).rules == queries.city(city, CITY).book.rules
    assert [found.id for found in drafts.open_drafts(city, CITY)] == [draft.id]
    with pytest.raises(NotFound):
        drafts.find(city, "otra.gob.example", draft.id)
    with pytest.raises(InvalidInput):
        drafts.create(city, CITY, "  ", by=ROSA, now=NOW)
    with pytest.raises(NotFound):
        drafts.create(city, "nadie", "Borrador", by=ROSA, now=NOW)


def test_rules_and_boundaries_come_into_force_on_one_day(city: Session) -> None:
    draft = make(city)
    swap(city, draft)
    write(
        city,
        draft,
        rule("N-1", "ALC-N", layer_key="district", area_codes=frozenset("N")),
        rule("S-2", "AGUAS", layer_key="district", area_codes=frozenset("S")),
    )
    before = ask(city)
    made = publishing.publish(city, draft.id, LATER, AMIR, NOW, subjects=SUBJECTS)
    assert (made.version, made.origin, made.published_by, made.rules_text) == (2, "draft", AMIR, "# reglas")
    assert (draft.state, draft.published_version, draft.valid_from) == ("published", 2, LATER)
    eve, day = ask(city, at=noon(date(2026, 12, 31))), ask(city, at=noon(LATER))
    assert (eve.agency_code, eve.rule_set_version) == ("ALC-N", 1)
    assert (day.agency_code, day.rule_code, day.rule_set_version) == ("AGUAS", "S-2", 2)
    assert verify(before.receipt, queries.rule_book(city, CITY, 1), queries.city(city, CITY).layers).holds
    assert "rules.published" in city.exec(select(OutboxEvent.name)).all()
    with pytest.raises(Conflict):
        publishing.publish(city, draft.id, LATER, AMIR, NOW, subjects=SUBJECTS)


def test_two_editors_do_not_overwrite_each_other(city: Session) -> None:
    draft = make(city)
    seen = draft.version
    drafts.write_rules(city, draft.id, [], "AGUAS", text="", seen_version=seen, by=ROSA, now=NOW)
    with pytest.raises(Conflict, match=ROSA):
        drafts.write_rules(city, draft.id, [], "ALC-N", text="", seen_version=seen, by=AMIR, now=NOW)
    with pytest.raises(Conflict, match=ROSA):
        drafts.remove_test(city, draft.id, "X", seen_version=seen, by=AMIR, now=NOW)


def test_a_draft_of_an_older_set_has_to_be_brought_up_to_date(city: Session) -> None:
    first, second = make(city), make(city)
    write(city, first, rule("A", "AGUAS"))
    drafts.add_test(city, first.id, RuleTest("T-1", "BACHE", "AGUAS", *IN_SUR), by=ROSA, now=NOW)
    publishing.publish(city, first.id, TODAY, ROSA, NOW, subjects=SUBJECTS)
    write(city, second, rule("B", "ALC-S"))
    with pytest.raises(Conflict, match="versión 2"):
        publishing.publish(city, second.id, TODAY, AMIR, NOW, subjects=SUBJECTS)
    drafts.bring_up_to_date(city, second.id, by=AMIR, now=NOW)
    # What the other draft asked for is asked of this one too.
    with pytest.raises(TestsFail) as refused:
        publishing.publish(city, second.id, TODAY, AMIR, NOW, subjects=SUBJECTS)
    assert [result.test.code for result in refused.value.results] == ["T-1"]
    drafts.remove_test(city, second.id, "T-1", by=AMIR, now=NOW)
    made = publishing.publish(city, second.id, TODAY, AMIR, NOW, subjects=SUBJECTS, without_tests=True)
    assert made.version == 3


@pytest.mark.parametrize(
    ("has_layers", "day", "is_possible"),
    [
        (False, TODAY - timedelta(days=1), False),
        (False, TODAY, True),
        (True, TODAY, False),
        (True, TODAY + timedelta(days=1), True),
    ],
)
def test_the_first_possible_day(city: Session, has_layers: bool, day: date, is_possible: bool) -> None:
    draft = make(city)
    write(city, draft, rule("A", "AGUAS"))
    if has_layers:
        swap(city, draft)
    if is_possible:
        assert publishing.publish(city, draft.id, day, ROSA, NOW, subjects=SUBJECTS).valid_from == day
    else:
        with pytest.raises(InvalidInput, match="primer día"):
            publishing.publish(city, draft.id, day, ROSA, NOW, subjects=SUBJECTS)


def test_a_planned_set_is_not_overtaken(city: Session) -> None:
    first = make(city)
    write(city, first, rule("A", "AGUAS"))
    publishing.publish(city, first.id, LATER, ROSA, NOW, subjects=SUBJECTS)
    second = make(city)
    write(city, second, rule("A", "ALC-S"))
    with pytest.raises(InvalidInput, match="2027-01-01"):
        publishing.publish(city, second.id, TODAY, ROSA, NOW, subjects=SUBJECTS)
    publishing.publish(city, second.id, LATER, ROSA, NOW, subjects=SUBJECTS)
    assert [ask(city, at=noon(day)).agency_code for day in (TODAY, LATER)] == ["ALC-N", "ALC-S"]


def test_what_changes_nothing_or_fails_is_refused_whole(city: Session) -> None:
    with pytest.raises(InvalidInput, match="no cambia nada"):
        publishing.publish(city, make(city).id, TODAY, ROSA, NOW, subjects=SUBJECTS)
    draft = make(city)
    swap(city, draft)
    drafts.add_test(city, draft.id, RuleTest("T-1", "BACHE", "ALC-N", *IN_NORTE), by=ROSA, now=NOW)
    with pytest.raises(TestsFail, match=r"T-1: BACHE .* → ALC-N; ALC-S \(SUR-1\)"):
        publishing.publish(city, draft.id, LATER, ROSA, NOW, subjects=SUBJECTS)
    assert ask(city, at=noon(LATER)).agency_code == "ALC-N"
    assert len(city.exec(select(RuleSet)).all()) == 1
    with pytest.raises(InvalidInput, match="NADIE"):
        write(city, draft, rule("A", "NADIE"))
    with pytest.raises(InvalidInput, match="NADIE"):
        drafts.add_test(city, draft.id, RuleTest("T-2", "BACHE", "NADIE", *IN_NORTE), by=ROSA, now=NOW)
    drafts.discard(city, draft.id, by=ROSA, now=NOW)
    with pytest.raises(Conflict):
        publishing.publish(city, draft.id, LATER, ROSA, NOW, subjects=SUBJECTS)


@pytest.mark.parametrize("is_changed", [False, True])
def test_tests_are_not_lost_without_a_yes(city: Session, is_changed: bool) -> None:
    first = make(city)
    for code in ("UNO", "DOS"):
        drafts.add_test(city, first.id, RuleTest(code, "BACHE", "ALC-N", *IN_NORTE), by=ROSA, now=NOW)
    publishing.publish(city, first.id, TODAY, ROSA, NOW, subjects=SUBJECTS)
    draft = make(city)
    drafts.remove_test(city, draft.id, "UNO", by=ROSA, now=NOW)
    if is_changed:
        drafts.add_test(city, draft.id, RuleTest("UNO", "BACHE", "ALC-S", *IN_SUR), by=ROSA, now=NOW)
    drafts.add_test(city, draft.id, RuleTest("TRES", "BACHE", "ALC-S", *IN_SUR), by=ROSA, now=NOW)
    with pytest.raises(InvalidInput, match=r"pruebas de la versión 2: UNO\. Di que sí"):
        publishing.publish(city, draft.id, TODAY, ROSA, NOW, subjects=SUBJECTS)
    made = publishing.publish(city, draft.id, TODAY, ROSA, NOW, subjects=SUBJECTS, without_tests=True)
    assert sorted(test["code"] for test in made.content["tests"]) == (
        ["DOS", "TRES", "UNO"] if is_changed else ["DOS", "TRES"]
    )


def test_a_layer_that_is_taken_out_of_the_draft_stays_as_it_is(city: Session) -> None:
    draft = make(city)
    swap(city, draft)
    assert [
        area.code for area in drafts.layers_of(city, draft, LATER)["district"].index.at(LonLat(*IN_NORTE), LATER)
    ] == ["S"]
    drafts.drop_layer(city, draft.id, "district", by=ROSA, now=NOW)
    assert drafts.layers_in(city, draft.id) == []
    assert drafts.layers_of(city, draft, LATER).keys() == queries.city(city, CITY).layers.keys()


class TestImports:
    """A city folder that is imported again after somebody has published in the console."""

    def import_again(self, session: Session, *rules: Rule, names: str = "") -> int:
        known = [queries.agency_facts(row) for row in queries.agencies(session, CITY).values()]
        if names:
            known = [replace(agency, name=f"{agency.name} {names}") for agency in known]
        actions.replace_agencies(session, CITY, known, NOW)
        return actions.replace_rules(session, CITY, rules, "ATENCION", NOW)

    def published(self, session: Session, day: date) -> list[Rule]:
        newest = queries.newest_rule_set(session, CITY)
        assert newest is not None
        imported = rule_sets.rules_of(newest.content)
        draft = make(session)
        write(session, draft, rule("A", "AGUAS"))
        publishing.publish(session, draft.id, day, ROSA, NOW, subjects=SUBJECTS)
        return imported

    def test_the_folder_of_before_changes_nothing(self, city: Session) -> None:
        imported = self.published(city, TODAY)
        assert self.import_again(city, *imported) == 2
        assert ask(city).agency_code == "AGUAS"

    def test_other_rules_are_refused(self, city: Session) -> None:
        imported = self.published(city, TODAY)
        with pytest.raises(Conflict, match="versión 2"):
            self.import_again(city, *imported, rule("Z", "ALC-S"))

    def test_the_folder_may_take_up_what_was_published(self, city: Session) -> None:
        self.published(city, TODAY)
        assert self.import_again(city, rule("A", "AGUAS")) == 2

    def test_agencies_change_in_the_set_in_force_and_in_those_planned(self, city: Session) -> None:
        imported = self.published(city, LATER)
        assert self.import_again(city, *imported, names="(2026)") == 4
        answers = [ask(city, at=noon(day)) for day in (TODAY, LATER)]
        assert [(answer.agency_name, answer.rule_set_version) for answer in answers] == [
            ("Alcaldía Norte (2026)", 3),
            ("Aguas de Prueba (2026)", 4),
        ]


OPERATIONS = st.lists(
    st.sampled_from(["rules", "layer", "test", "untest", "drop", "discard", "new", "update"]), min_size=1, max_size=8
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(OPERATIONS)
def test_a_draft_never_leaks_into_live_routing(city: Session, operations: list[str]) -> None:
    points = [IN_NORTE, IN_SUR, (-99.5, 19.42)]

    def live() -> list[object]:
        return [ask(city, point, at).receipt for point in points for at in (NOW, noon(LATER))]

    before = live()
    with city.begin_nested() as nested:
        draft = make(city)
        for operation in operations:
            if draft.state != "open" or operation == "new":
                draft = make(city)
            elif operation == "rules":
                write(city, draft, rule("X", "AGUAS", 1), default="AGUAS")
            elif operation == "layer":
                swap(city, draft)
            elif operation == "test":
                drafts.add_test(city, draft.id, RuleTest("T", "BACHE", "AGUAS", *IN_SUR), by=ROSA, now=NOW)
            elif operation == "untest":
                drafts.remove_test(city, draft.id, "T", by=ROSA, now=NOW)
            elif operation == "drop":
                drafts.drop_layer(city, draft.id, "district", by=ROSA, now=NOW)
            elif operation == "update":
                drafts.bring_up_to_date(city, draft.id, by=ROSA, now=NOW)
            else:
                drafts.discard(city, draft.id, by=ROSA, now=NOW)
            publishing.results_of(city, draft, LATER)  # trying it out is no publication either
            assert live() == before
        nested.rollback()


@pytest.fixture
def committed(engine: Engine, session: Session) -> Iterator[str]:
    """The tiny city for real, for tests with several connections; taken away again afterwards."""
    session.rollback()
    name = "publica.gob.example"
    with Session(engine) as own, own.begin():
        make_city(own, name, sms_number=None)
    kept = db.bind()
    db.configure(engine)
    yield name
    db.configure(kept)
    queries.clear_caches()
    with engine.begin() as connection:
        tables = "jurisdiction, rule_set, boundary_layer, agency, working_calendar, gazetteer_place, routing_draft, outbox_event"
        connection.execute(text(f"TRUNCATE {tables} CASCADE"))


def test_one_form_from_many_sides_is_one_draft(committed: str) -> None:
    together = Barrier(4)

    def create(_: int) -> UUID:
        together.wait()
        with db.transaction() as session:
            return drafts.create_once(session, committed, "Baches", by=ROSA, now=NOW).id

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(create, range(4)))) == 1


def test_every_decision_is_wholly_by_the_old_or_wholly_by_the_new(committed: str) -> None:
    """Rules and boundaries swap together ten times while threads decide: the answer never changes, the version does."""
    done = Event()

    def decide(_: int) -> set[tuple[str | None, int]]:
        seen: set[tuple[str | None, int]] = set()
        while not done.is_set():
            with db.read_transaction() as session:
                answer = ask(session, at=noon(LATER), city=committed)
            areas = {code["code"] for code in answer.areas["district"]}
            assert answer.rule_code is not None
            # Rule "3-N" belongs to boundaries in which the north is called "3-N", and to no others.
            assert answer.rule_code.removesuffix("-rule") in areas, (answer.rule_code, areas)
            seen.add((answer.agency_code, answer.rule_set_version))
        return seen

    def publish(turn: int) -> UUID:
        with db.transaction() as session:
            draft = make(session, committed)
            areas = [
                (f"{turn}-N", "Norte", box(-99.20, 19.40, -99.10, 19.50)),
                (f"{turn}-S", "Sur", box(-99.20, 19.30, -99.10, 19.40)),
            ]
            drafts.replace_layer(session, draft.id, key="district", name=both("D"), areas=areas, by=ROSA, now=NOW)
            wanted = [
                rule(f"{code}-rule", "ALC-N", layer_key="district", area_codes=frozenset([code]))
                for code, _, _ in areas
            ]
            drafts.write_rules(session, draft.id, wanted, "ATENCION", text="", by=ROSA, now=NOW)
            publishing.publish(session, draft.id, LATER, ROSA, NOW, subjects=SUBJECTS)
            return draft.id

    publish(0)
    with ThreadPoolExecutor(6) as pool:
        watching = [pool.submit(decide, number) for number in range(6)]
        for turn in range(1, 11):
            publish(turn)
        done.set()
        seen = set().union(*(watch.result(timeout=30) for watch in watching))
    assert {agency for agency, _ in seen} == {"ALC-N"}
    assert len({version for _, version in seen}) > 2


def test_two_that_publish_at_once_are_one_and_a_conflict(committed: str) -> None:
    with db.transaction() as session:
        ids = []
        for agency in ("AGUAS", "ALC-S"):
            draft = make(session, committed)
            write(session, draft, rule("A", agency))
            ids.append(draft.id)

    def publish(draft_id: UUID) -> str:
        try:
            with db.transaction() as session:
                publishing.publish(session, draft_id, TODAY, ROSA, NOW, subjects=SUBJECTS)
        except Conflict:
            return "conflict"
        return "published"

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(publish, ids)) == ["conflict", "published"]
    with db.transaction() as session:
        assert len(session.exec(select(RuleSet).where(RuleSet.jurisdiction_id == committed)).all()) == 2
