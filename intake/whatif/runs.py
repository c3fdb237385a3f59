"""Runs that a page started: a part at a time, each in a transaction of its own, so that a killed worker costs one part.

Every part is a job of a few seconds: a worker that also answers text messages is never kept from them for long.
"""

import gzip
import tempfile
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from uuid import UUID

import orjson
import structlog
from sqlalchemy import delete
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session, col, select

from intake.catalog import queries as catalog
from intake.whatif import history
from intake.whatif.files import OutputFolder
from intake.whatif.history import Period
from intake.whatif.models import WhatIfFile, WhatIfPart, WhatIfRun
from intake.whatif.replay import live_side, subject
from kernel import outbox
from kernel.errors import AtiendeError, InvalidInput, NotFound
from kernel.i18n import translate
from routing import drafts
from routing.draft_models import RoutingDraft
from routing.whatif.compare import Change, Comparison
from routing.whatif.sides import Side, as_of
from routing.whatif.tally import Tally

log = structlog.get_logger(__name__)

STARTED, ADVANCED, FINISHED = "whatif_run.started", "whatif_run.advanced", "whatif_run.finished"
# Requests to a part: about two seconds on one core.
PART = 20_000
# Nobody has touched it for so long: its worker is gone.
ORPHANED = timedelta(seconds=30)
# Runs of a draft that are kept; older ones go when a new one starts.
_KEPT = 5
_at_hand: dict[tuple[UUID, str], Comparison] = {}


def start(
    session: Session, draft: RoutingDraft, period: Period, asked_for: date, *, by: str, language: str, now: datetime
) -> WhatIfRun:
    """A run that waits for its first part; the same question that still waits or runs is that run (a double tap).

    Raises InvalidInput when the period has no request.
    """
    drafts.locked(session, draft.id)  # two taps at once take turns
    asked = select(WhatIfRun).where(
        WhatIfRun.draft_id == draft.id,
        WhatIfRun.draft_version == draft.version,
        WhatIfRun.first == period.first,
        WhatIfRun.last == period.last,
        WhatIfRun.asked_for == asked_for,
        col(WhatIfRun.state).in_(("waiting", "running")),
    )
    known = session.exec(asked).first()
    if known is not None:
        return known
    city = catalog.jurisdiction(session, draft.jurisdiction_id)
    total = history.count(session, city.id, period, catalog.catalog(session, city.id).timezone)
    if total == 0:
        raise InvalidInput(
            "{city} no tiene solicitudes del {first} al {last}.",
            field="first",
            city=city.name,
            first=period.first,
            last=period.last,
        )
    run = WhatIfRun(
        jurisdiction_id=draft.jurisdiction_id,
        draft_id=draft.id,
        draft_version=draft.version,
        title=draft.name,
        asked_for=asked_for,
        first=period.first,
        last=period.last,
        language=language,
        total=total,
        made_by=by,
        made_at=now,
        changed_at=now,
    )
    session.add(run)
    session.flush()
    old = session.exec(
        select(WhatIfRun.id).where(WhatIfRun.draft_id == draft.id).order_by(col(WhatIfRun.made_at).desc()).offset(_KEPT)
    ).all()
    session.exec(delete(WhatIfRun).where(col(WhatIfRun.id).in_(old)))
    outbox.record(session, STARTED, at=now, run_id=run.id)
    return run


def find(session: Session, jurisdiction_id: str, run_id: UUID) -> WhatIfRun:
    """Raises NotFound, also for another city's."""
    run = session.get(WhatIfRun, run_id)
    if run is None or run.jurisdiction_id != jurisdiction_id:
        raise NotFound("No existe ese cálculo.")
    return run


def newest(session: Session, draft_id: UUID) -> WhatIfRun | None:
    """The draft's last run, finished or not."""
    return session.exec(
        select(WhatIfRun).where(WhatIfRun.draft_id == draft_id).order_by(col(WhatIfRun.made_at).desc()).limit(1)
    ).first()


def newest_done(session: Session, draft_id: UUID) -> WhatIfRun | None:
    """The draft's last finished run, which is shown while another one is under way."""
    return session.exec(
        select(WhatIfRun)
        .where(WhatIfRun.draft_id == draft_id, WhatIfRun.state == "done")
        .order_by(col(WhatIfRun.made_at).desc())
        .limit(1)
    ).first()


def file_of(session: Session, run_id: UUID, name: str) -> bytes:
    """A file of a finished run. Raises NotFound."""
    kept = session.get(WhatIfFile, (run_id, name))
    if kept is None:
        raise NotFound("Ese archivo todavía no existe.")
    return gzip.decompress(kept.content)


def advance(session: Session, run_id: UUID, *, now: datetime, part: int = PART) -> None:
    """Asks about the next requests, or finishes. Does nothing for a run that is over or that somebody else is at."""
    run = session.exec(
        select(WhatIfRun).where(WhatIfRun.id == run_id).with_for_update(skip_locked=True),
        execution_options={"populate_existing": True},
    ).one_or_none()
    if run is None or run.state in ("done", "failed"):
        return
    run.state, run.changed_at = "running", now
    try:
        with session.begin_nested():
            _advance(session, run, now, part)
            session.flush()
    except AtiendeError as error:
        _fail(session, run, error.public_text(run.language), now)
    except DBAPIError:
        raise  # the database is away: whoever comes next goes on
    except Exception:
        # A run that would fail again at the same place for ever is ended, and said to be.
        log.exception("a what-if run failed", run_id=str(run_id))
        _fail(session, run, translate(run.language, "No se pudo terminar el cálculo por un error del programa."), now)
    session.add(run)
    session.flush()
    event = FINISHED if run.state in ("done", "failed") else ADVANCED
    outbox.record(session, event, at=now, run_id=run.id)


def _fail(session: Session, run: WhatIfRun, problem: str, now: datetime) -> None:
    session.refresh(run)
    run.state, run.problem, run.finished_at = "failed", problem, now


def _advance(session: Session, run: WhatIfRun, now: datetime, part: int) -> None:
    draft = drafts.find(session, run.jurisdiction_id, run.draft_id)
    if draft.version != run.draft_version:
        raise InvalidInput("El borrador cambió mientras se calculaba. Vuelve a calcular.")
    stamp = _stamp(session, run.jurisdiction_id)
    if run.stamp != stamp:
        _begin_anew(session, run, stamp)
    asked = _comparison_of(session, run, draft)
    period = Period(run.first, run.last)
    zone = catalog.catalog(session, run.jurisdiction_id).timezone
    after = (run.after_at, str(run.after_id)) if run.after_at and run.after_id else None
    rows = history.page(
        session,
        run.jurisdiction_id,
        period,
        zone,
        history.groups(session, run.jurisdiction_id),
        after=after,
        limit=part,
    )
    if not rows:
        _finish(session, run, asked, now)
        return
    changes = asked.add(rows)
    run.parts += 1
    session.add(WhatIfPart(run_id=run.id, number=run.parts, changes=_packed(changes)))
    run.tally, run.done = asked.tally.as_json(), asked.tally.rows
    run.after_at, run.after_id = rows[-1].at, UUID(rows[-1].id)


def _begin_anew(session: Session, run: WhatIfRun, stamp: str) -> None:
    session.exec(delete(WhatIfPart).where(col(WhatIfPart.run_id) == run.id))
    run.stamp, run.tally, run.done, run.parts, run.after_at, run.after_id = stamp, {}, 0, 0, None, None


def _stamp(session: Session, jurisdiction_id: str) -> str:
    """Names what is in force: it changes when anybody publishes or imports."""
    found = session.connection().exec_driver_sql(
        "SELECT md5(string_agg(stamp, ',' ORDER BY stamp)) FROM ("
        " SELECT 'r' || version || digest || (withdrawn_at IS NULL) AS stamp FROM rule_set WHERE jurisdiction_id = %(city)s"
        " UNION ALL SELECT 'l' || key || version || digest FROM boundary_layer WHERE jurisdiction_id = %(city)s) AS live",
        {"city": jurisdiction_id},
    )
    return str(found.scalar_one())


def _comparison_of(session: Session, run: WhatIfRun, draft: RoutingDraft) -> Comparison:
    """The run's sides with its sums so far; a worker that did the part before has them at hand."""
    key = (run.id, run.stamp)
    known = _at_hand.get(key)
    if known is None:
        known = comparison(session, draft, run.asked_for)
        _at_hand.clear()
        _at_hand[key] = known
    return Comparison(known.before, known.after, known.drafted_layers, Tally.from_json(run.tally))


def comparison(session: Session, draft: RoutingDraft, on: date, tally: Tally | None = None) -> Comparison:
    """What is in force on the day, and the draft as it would be from that day on."""
    live = live_side(session, draft.jurisdiction_id, on)
    after: Side = as_of(drafts.book_of(session, draft), drafts.layers_of(session, draft, on), on)
    return Comparison(live, after, [layer.key for layer in drafts.layers_in(session, draft.id)], tally)


def _packed(changes: list[Change]) -> bytes:
    return gzip.compress(b"\n".join(orjson.dumps(tuple(change)) for change in changes), 6)


def _unpacked(session: Session, run_id: UUID, parts: int) -> Iterator[list[Change]]:
    for number in range(1, parts + 1):
        kept = session.exec(
            select(WhatIfPart.changes).where(WhatIfPart.run_id == run_id, WhatIfPart.number == number)
        ).one()
        lines = gzip.decompress(kept).splitlines()
        yield [Change(*orjson.loads(line)) for line in lines]


def _finish(session: Session, run: WhatIfRun, asked: Comparison, now: datetime) -> None:
    """Measures the boundaries and keeps the files; the parts have served."""
    about = subject(session, run.jurisdiction_id, run.title, Period(run.first, run.last), now)
    with tempfile.TemporaryDirectory(prefix="atiende-whatif-") as place:
        folder = Path(place)
        with OutputFolder(folder, about, run.language) as files:
            for changes in _unpacked(session, run.id, run.parts):
                files.add(changes)
            run.outcome = files.finish(asked)
        for path in sorted(folder.iterdir()):
            session.add(WhatIfFile(run_id=run.id, name=path.name, content=gzip.compress(path.read_bytes(), 6)))
    session.exec(delete(WhatIfPart).where(col(WhatIfPart.run_id) == run.id))
    run.state, run.finished_at = "done", now


def wake_orphans(session: Session, *, now: datetime) -> int:
    """Starts again what nobody has been at for a while; how many."""
    lost = session.exec(
        select(WhatIfRun)
        .where(col(WhatIfRun.state).in_(("waiting", "running")), col(WhatIfRun.changed_at) < now - ORPHANED)
        .with_for_update(skip_locked=True)
    ).all()
    for run in lost:
        run.changed_at = now
        session.add(run)
        outbox.record(session, ADVANCED, at=now, run_id=run.id)
    return len(lost)


__all__ = ["PART", "advance", "comparison", "file_of", "find", "newest", "start", "wake_orphans"]
