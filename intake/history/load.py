"""Brings a file of past requests into the queue, batch by batch.

Half a batch is one transaction, and a row is recognised by its register and `source_id`: a run that was killed is simply run
again. Two halves of a batch are written at once, told apart by their numbers, while the next batch is read. No event is recorded
for a row; nobody is told about the past.
"""

import gc
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import structlog
from sqlmodel import Session

from intake.catalog import queries as catalog
from intake.catalog.definitions import ServiceDefinition
from intake.catalog.models import Jurisdiction, Service
from intake.history.doubts import ask_for_review
from intake.history.lines import Masker, Register
from intake.history.mapping import HistoryMap
from intake.history.placing import Placer
from intake.history.rows import Known, Past, Rejected, Translator
from intake.history.sources import Broken, Line, Source, open_source
from intake.history.writing import HALVES, Counts, half_of, sort_out, write
from intake.service_requests.place_names import places_of
from kernel import crypto, db
from kernel.errors import InvalidInput, NotFound
from routing import queries as routing

# Fewer new rows than this leave the planner's statistics good enough.
_ENOUGH_TO_ANALYZE = 10_000
# Batches that may wait for a writer: one, so that neither waits for the reading.
_AHEAD = 1
# A promise for matters nobody can ask for any more; only routing's date needs one.
_RETIRED_PROMISE = {"amount": 30, "unit": "days"}

log = structlog.get_logger(__name__)
Reject = Callable[[int, Rejected], None]
Progress = Callable[[float, int], None]


@dataclass(frozen=True)
class Options:
    """How to import. `jurisdiction_id` None: the map's. `limit`: only that many rows of the file.

    `publish` false: public texts are left for `atiende publish texts`; until then readers mask as they read.
    `review`: at most so many of the register's open requests with doubtful names go on the review list, the newest.
    """

    jurisdiction_id: str | None = None
    batch: int = 10_000
    limit: int | None = None
    update: bool = False
    dry_run: bool = False
    route: bool = True
    publish: bool = True
    review: int = 100


@dataclass
class Summary:
    """What became of a file. In a dry run `counts` says what would have been."""

    jurisdiction_id: str
    source: str
    rows: int = 0
    rejected: int = 0
    counts: Counts = field(default_factory=Counts)
    repairs: Counter[str] = field(default_factory=Counter)
    retired: dict[str, str] = field(default_factory=dict)
    to_review: int = 0
    seconds: float = 0.0


def import_requests(
    path: Path, mapped: HistoryMap, options: Options, *, now: datetime, reject: Reject, progress: Progress
) -> Summary:
    """Reads `path` to its end. `reject` hears of each row left out, `progress` of the share read and the rows so far.

    Raises NotFound and InvalidInput for what makes the whole file useless; a file that ends in the middle keeps what came before.
    """
    started = time.monotonic()
    # Millions of small objects without a cycle among them: looking for cycles costs a fifth of the time.
    gc.disable()
    try:
        return _import(path, mapped, options, now, reject, progress, started)
    finally:
        gc.enable()


def _import(
    path: Path,
    mapped: HistoryMap,
    options: Options,
    now: datetime,
    reject: Reject,
    progress: Progress,
    started: float,
) -> Summary:
    with open_source(path, mapped) as source:
        with db.transaction() as session:
            work = _Import(session, mapped, options, source, now)
        summary = work.summary
        lines = islice(source.lines(), options.limit)
        with _Writers(work.store) as writers:
            for chunk in _chunks(lines, options.batch):
                rows, rejected = work.read(chunk)
                summary.counts.add(writers.wait(_AHEAD))
                for line, problem in rejected:
                    reject(line, problem)
                summary.rows += len(chunk)
                summary.rejected += len(rejected)
                writers.write(rows)
                progress(source.share(), summary.rows)
            summary.counts.add(writers.wait(0))
    work.finish()
    summary.seconds = time.monotonic() - started
    log.info(
        "history imported", jurisdiction_id=summary.jurisdiction_id, source=summary.source, file=path.name,
        rows=summary.rows, inserted=summary.counts.inserted, updated=summary.counts.updated, rejected=summary.rejected,
        dry_run=options.dry_run, seconds=round(summary.seconds, 1),
    )  # fmt: skip
    return summary


def _chunks(lines: Iterator[Line], size: int) -> Iterator[list[Line]]:
    while chunk := list(islice(lines, size)):
        yield chunk


class _Writers:
    """A thread for each half of the rows, so that the rows of one number are written in the order of the file."""

    def __init__(self, store: Callable[[int, Sequence[Past]], Counts]) -> None:
        self._store = store
        self._threads = [ThreadPoolExecutor(1, thread_name_prefix="history") for _ in range(HALVES)]
        self._pending: deque[list[Future[Counts]]] = deque()

    def __enter__(self) -> "_Writers":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        for thread in self._threads:
            thread.shutdown(wait=True, cancel_futures=kind is not None)

    def write(self, rows: Sequence[Past]) -> None:
        halves: list[list[Past]] = [[] for _ in range(HALVES)]
        for row in rows:
            halves[half_of(row.source_id)].append(row)
        self._pending.append(
            [
                thread.submit(self._store, n, half)
                for n, (thread, half) in enumerate(zip(self._threads, halves, strict=True))
            ]
        )

    def wait(self, most: int) -> Counts:
        """What became of batches since the last call, once at most so many are left. Raises what a writer raised."""
        counts = Counts()
        while len(self._pending) > most:
            for future in self._pending.popleft():
                counts.add(future.result())
        return counts


class _Import:
    """The file, the city and the counts of one run."""

    def __init__(self, session: Session, mapped: HistoryMap, options: Options, source: Source, now: datetime) -> None:
        city = self._city(session, mapped, options)
        self._options, self._now = options, now
        known = catalog.catalog(session, city.id)
        self._services: dict[str, ServiceDefinition] = {**known.retired, **known.by_code}
        rules = self._rules(session, city.id) if options.route else None
        agencies = routing.agencies(session, city.id)
        self._group = (mapped.service.group, {"es": "Registros anteriores", "en": "Earlier records"})
        self._translator = Translator(
            mapped, source.columns, Known(self._services, frozenset(agencies), known.timezone, now)
        )
        self._placer = Placer(mapped.point, rules, self._services)
        self._register = Register(
            city.id,
            mapped.source,
            mapped.language or city.language,
            known.timezone,
            mapped.point.precision_m if mapped.point else None,
            frozenset(code for code, service in self._services.items() if not service.is_public),
            self._masker(session, city.id) if options.publish else None,
        )
        self._folios = crypto.vault().folios
        self.summary = Summary(city.id, mapped.source)

    @staticmethod
    def _city(session: Session, mapped: HistoryMap, options: Options) -> Jurisdiction:
        wanted = options.jurisdiction_id or mapped.jurisdiction
        if wanted is None:
            raise InvalidInput("Di de qué jurisdicción son las filas: --jurisdiction, o jurisdiction en el mapa.")
        return catalog.jurisdiction(session, wanted)

    @staticmethod
    def _masker(session: Session, jurisdiction_id: str) -> Masker:
        names = places_of(session, jurisdiction_id)()  # now: the session will be closed
        return Masker(lambda: names)

    @staticmethod
    def _rules(session: Session, jurisdiction_id: str) -> routing.City | None:
        try:
            return routing.city(session, jurisdiction_id)
        except NotFound:  # a city that is a register only: no rules, so nothing to route by
            return None

    def read(self, chunk: Sequence[Line]) -> tuple[list[Past], list[tuple[int, Rejected]]]:
        """The rows of a batch, placed and routed, and what was wrong with the others."""
        rows: list[Past] = []
        rejected: list[tuple[int, Rejected]] = []
        translate = self._translator.read
        for line, cells in chunk:
            if isinstance(cells, Broken):
                rejected.append((line, Rejected("", cells.value, cells.text, **cells.params)))
                continue
            try:
                rows.append(translate(line, cells))
            except Rejected as problem:
                rejected.append((line, problem))
        if self._translator.retired.keys() - self._services.keys():
            with db.transaction() as session:
                self._retire(session)
        rows, misplaced = self._placer.place(rows)
        self._placer.route(rows)
        return rows, sorted([*rejected, *misplaced], key=lambda pair: pair[0])

    def _retire(self, session: Session) -> None:
        """Makes the services that only the past knows. A dry run keeps them to itself."""
        made = {code: name for code, name in self._translator.retired.items() if code not in self._services}
        city = catalog.jurisdiction(session, self._register.jurisdiction_id)
        group_code, group_name = self._group
        for code, name in made.items():
            text = {"es": name, "en": name}
            row = Service(
                jurisdiction_id=city.id, code=code, name=text, description=text, group_code=group_code,
                group_name=group_name, promise=_RETIRED_PROMISE, is_active=False, position=9999,
            )  # fmt: skip
            self._services[code] = _as_definition(row, self._register)
            if not self._options.dry_run:
                session.add(row)
        if not self._options.dry_run:
            # Later than before even within one run: readers know a catalogue by this date.
            city.catalog_changed_at = max(self._now, city.catalog_changed_at + timedelta(microseconds=1))
            session.add(city)
        self.summary.retired |= made

    def store(self, half: int, rows: Sequence[Past]) -> Counts:
        """Writes half a batch in a transaction of its own; called in its writing thread."""
        if not rows:
            return Counts()
        with db.transaction() as session:
            new, newer, counts = sort_out(session, self._register, rows, update=self._options.update, half=half)
            counts.known -= len(newer)
            if self._options.dry_run:
                counts.add(Counts(inserted=len(new), updated=len(newer)))
            else:
                counts.add(write(session, self._register, self._folios, new, newer))
        return counts

    def finish(self) -> None:
        self._translator.finish()
        self.summary.repairs = self._translator.repairs
        self.summary.repairs["swapped"] += self._placer.swapped
        if self._options.dry_run:
            return
        if self._options.publish and self._options.review:
            with db.transaction() as session:
                self.summary.to_review = ask_for_review(
                    session,
                    self._register.jurisdiction_id,
                    self._register.source,
                    limit=self._options.review,
                    now=self._now,
                )
        if self.summary.counts.inserted >= _ENOUGH_TO_ANALYZE:
            with db.transaction() as session:
                session.connection().exec_driver_sql("ANALYZE service_request")


def _as_definition(row: Service, register: Register) -> ServiceDefinition:
    values: dict[str, Any] = {
        name: getattr(row, name)
        for name in (
            "id", "jurisdiction_id", "code", "name", "description", "kind", "group_code", "group_name", "promise",
            "notice", "icon", "is_emergency", "is_sensitive", "position",
        )
    }  # fmt: skip
    return ServiceDefinition(**values, keywords=(), timezone=register.zone)
