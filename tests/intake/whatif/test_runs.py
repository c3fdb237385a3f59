"""A run in parts: the same sums as in one go, once, whatever happens between two parts."""

import csv
import io
from datetime import timedelta

import pytest
from shapely.geometry import LineString
from sqlmodel import Session, col, select

from intake.whatif import runs
from intake.whatif.history import Period
from intake.whatif.models import WhatIfPart, WhatIfRun
from intake.whatif.reading import Reading
from kernel.errors import Conflict, InvalidInput, NotFound
from kernel.outbox import OutboxEvent
from routing import actions as routing_actions
from routing import drafts
from routing.draft_models import RoutingDraft
from routing.models import BoundaryLayer
from routing.values import Rule
from routing.whatif.compare import PastRow
from tests.factories import CITY, IN_NORTE, NOW, START, both, make_city
from tests.intake.whatif.cast import MOVED, make_draft, report, reports

pytestmark = pytest.mark.database
DAY = NOW.date() + timedelta(days=1)
PERIOD = Period(NOW.date() - timedelta(days=7), NOW.date())


@pytest.fixture
def draft(session: Session) -> RoutingDraft:
    make_city(session)
    reports(session)
    return make_draft(session)


def _start(session: Session, draft: RoutingDraft, period: Period = PERIOD) -> WhatIfRun:
    return runs.start(session, draft, period, DAY, by="Rosa Cruz", language="es", now=NOW)


def _to_the_end(session: Session, run: WhatIfRun, part: int = 5) -> int:
    for count in range(1, 20):
        runs.advance(session, run.id, now=NOW, part=part)
        session.refresh(run)
        if run.state in ("done", "failed"):
            return count
    raise AssertionError("it never ends")


def test_a_run_in_parts_gives_what_a_draft_would_do(session: Session, draft: RoutingDraft) -> None:
    run = _start(session, draft)
    assert (run.state, run.total) == ("waiting", 12)
    assert _to_the_end(session, run) == 4
    assert run.state == "done", run.problem
    assert run.outcome is not None
    assert run.outcome["totals"] | {"near_border": 0} == {
        "requests": 12, "changed": 3, "open": 12, "open_changed": 3, "unlocated": 3, "outside": 0, "default": 3,
        "lost": 0, "in_overlaps": 0, "near_border": 0, "recorded_differs": 0,
    }  # fmt: skip
    assert run.outcome["moves"] == [{"before": "ALC-S", "after": "ALC-N", "requests": 3, "open": 3}]
    (layer,) = run.outcome["layers"]
    assert (layer["pieces"][0]["before"], layer["pieces"][0]["after"]) == ("ALC-S", "ALC-N")
    rows = list(csv.DictReader(io.StringIO(runs.file_of(session, run.id, "changes.csv").decode())))
    assert len(rows) == 3
    assert b"<svg" in runs.file_of(session, run.id, "report.html")
    assert session.exec(select(WhatIfPart).where(WhatIfPart.run_id == run.id)).all() == []
    names = session.exec(select(OutboxEvent.name).where(col(OutboxEvent.name).startswith("whatif_run."))).all()
    assert names == ["whatif_run.started", *["whatif_run.advanced"] * 3, "whatif_run.finished"]


def test_a_run_that_is_over_stays_as_it_is(session: Session, draft: RoutingDraft) -> None:
    run = _start(session, draft)
    _to_the_end(session, run)
    before = (run.outcome, run.finished_at, run.changed_at)
    runs.advance(session, run.id, now=NOW + timedelta(hours=1))
    session.refresh(run)
    assert (run.outcome, run.finished_at, run.changed_at) == before
    assert runs.wake_orphans(session, now=NOW + timedelta(days=1)) == 0


def test_a_double_tap_is_one_run_and_another_period_another(session: Session, draft: RoutingDraft) -> None:
    first = _start(session, draft)
    assert _start(session, draft).id == first.id
    assert _start(session, draft, Period(PERIOD.first + timedelta(days=1), PERIOD.last)).id != first.id


def test_what_a_killed_worker_left_goes_on_from_its_last_part(session: Session, draft: RoutingDraft) -> None:
    run = _start(session, draft)
    runs.advance(session, run.id, now=NOW, part=5)
    assert runs.wake_orphans(session, now=NOW + timedelta(seconds=5)) == 0
    assert runs.wake_orphans(session, now=NOW + timedelta(minutes=1)) == 1
    _to_the_end(session, run)
    assert run.outcome is not None
    assert (run.outcome["totals"]["requests"], run.outcome["totals"]["changed"]) == (12, 3)


def test_when_the_rules_in_force_change_it_begins_anew(session: Session, draft: RoutingDraft) -> None:
    run = _start(session, draft)
    runs.advance(session, run.id, now=NOW, part=5)
    routing_actions.import_layer(
        session, jurisdiction_id=CITY, key="district", name="district", areas=MOVED, valid_from=NOW.date(), now=NOW
    )
    _to_the_end(session, run)
    assert run.outcome is not None
    assert (run.outcome["totals"]["requests"], run.outcome["totals"]["changed"]) == (12, 0)


def test_a_draft_that_changes_meanwhile_says_so(session: Session, draft: RoutingDraft) -> None:
    run = _start(session, draft)
    runs.advance(session, run.id, now=NOW, part=5)
    drafts.drop_layer(session, draft.id, "district", by="Iván Soto", now=NOW)
    _to_the_end(session, run)
    assert (run.state, run.problem) == ("failed", "El borrador cambió mientras se calculaba. Vuelve a calcular.")


def test_only_an_open_draft_and_a_period_with_requests_can_be_tried(session: Session, draft: RoutingDraft) -> None:
    with pytest.raises(InvalidInput, match="no tiene solicitudes"):
        _start(session, draft, Period(NOW.date() - timedelta(days=900), NOW.date() - timedelta(days=800)))
    drafts.discard(session, draft.id, by="Rosa Cruz", now=NOW)
    with pytest.raises(Conflict):
        _start(session, draft)


def test_another_citys_run_does_not_exist(session: Session, draft: RoutingDraft) -> None:
    run = _start(session, draft)
    with pytest.raises(NotFound):
        runs.find(session, "otra.gob.example", run.id)
    with pytest.raises(NotFound):
        runs.file_of(session, run.id, "changes.csv")


def test_a_drafted_layer_of_lines_is_asked_about_its_own_past(session: Session) -> None:
    make_city(session)
    report(session, IN_NORTE)
    draft = drafts.create(session, CITY, "Avenida", by="Rosa Cruz", now=NOW)
    line = LineString([(-99.20, IN_NORTE[1]), (-99.10, IN_NORTE[1])])
    areas = [("AV", "Avenida", line)]
    drafts.replace_layer(session, draft.id, key="road", name=both("Vía"), areas=areas, by="Rosa Cruz", now=NOW)
    place = {"layer_key": "road", "area_codes": frozenset("*"), "tolerance_m": 20.0}
    avenue = Rule("VIA", 1, "AGUAS", both("Es vía."), START, **place)  # type: ignore[arg-type]
    drafts.write_rules(session, draft.id, [avenue], "ATENCION", text="", by="Rosa Cruz", now=NOW)
    run = _start(session, draft)
    _to_the_end(session, run)
    assert (run.state, run.problem) == ("done", "")
    asked = runs.comparison(session, draft, NOW.date())
    row = PastRow("1", "F-1", "BACHE", "calles", *IN_NORTE, NOW, {}, "ALC-N", "new")
    [change] = asked.add([row])
    assert (change.before, change.after) == ("ALC-N", "AGUAS")


def test_a_rule_that_cannot_be_applied_ends_the_run_by_its_name(session: Session, draft: RoutingDraft) -> None:
    odd = Rule("RARA", 1, "AGUAS", both("x"), START, layer_key="district", area_codes=frozenset("N"), tolerance_m=5.0)
    drafts.write_rules(session, draft.id, [odd], "ATENCION", text="", by="Rosa Cruz", now=NOW)
    run = _start(session, draft)
    _to_the_end(session, run)
    assert (run.state, run.parts) == ("failed", 0)
    assert "RARA" in (run.problem or "")
    assert session.exec(select(WhatIfPart)).all() == []


def test_a_draft_that_moves_a_border_is_kept_with_its_map(session: Session, draft: RoutingDraft) -> None:
    run = _start(session, draft)
    _to_the_end(session, run)
    assert run.outcome is not None
    (picture, *_) = run.outcome["maps"]
    numbers = [value for side in ("before", "after") for spot in picture[side]["dots"] for value in spot]
    assert numbers
    assert all(isinstance(value, float) for value in numbers)


def test_a_draft_of_rules_alone_is_drawn_on_a_layer_with_a_name(session: Session, draft: RoutingDraft) -> None:
    named = session.exec(select(BoundaryLayer).where(BoundaryLayer.key == "district")).one()
    named.name, named.version = both("Alcaldía", "Borough"), named.version + 1
    drafts.drop_layer(session, draft.id, "district", by="Rosa Cruz", now=NOW)
    north = Rule("A", 1, "AGUAS", both("x"), START, layer_key="district", area_codes=frozenset("N"))
    drafts.write_rules(session, draft.id, [north], "ATENCION", text="", by="Rosa Cruz", now=NOW)
    run = _start(session, draft)
    _to_the_end(session, run)
    assert run.outcome is not None
    assert run.outcome["layers"] == []
    assert [Reading(run.outcome, language).maps()[0].title for language in ("es", "en")] == ["Alcaldía", "Borough"]


def test_an_error_of_the_program_ends_the_run_and_is_said(
    session: Session, draft: RoutingDraft, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    run = _start(session, draft)
    monkeypatch.setattr(runs, "_advance", broken)
    _to_the_end(session, run)
    assert (run.state, run.problem) == ("failed", "No se pudo terminar el cálculo por un error del programa.")
