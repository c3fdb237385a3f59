"""Fills a city with an invented history. The same seed, size and end make the same requests; run again it adds what lacks."""

import gc
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from sqlmodel import Session, select

from atiende.bench import shapes
from georef.boundaries import PointColumns
from intake.catalog import queries as catalog
from intake.catalog.models import Jurisdiction
from intake.history.lines import Masker, Register
from intake.history.rows import Past
from intake.history.writing import sort_out, write
from intake.service_requests.values import MAX_DESCRIPTION
from kernel import crypto, db
from kernel.errors import Conflict, NotFound
from routing import queries as routing
from routing.bulk import locate_many, snapshots_on
from routing.calendars import Promise
from routing.decide import OUTLINE, choose
from routing.models import GazetteerPlace

_BATCH = 20_000
# From here on it is quicker to make the indexes anew; meanwhile nobody can use the table.
MANY = 500_000
_SPOTS = 20_000
_TEXTS = 5_000
_NOTES = (
    "Quedó reparado.",
    "La cuadrilla acudió y resolvió el problema.",
    "Se atendió en la fecha prometida.",
    "",
    "Fuimos y no encontramos el problema; si sigue, avísanos con una foto.",
)
_OUTCOMES = ("resolved", "not_found", "private_property", "duplicate", "no_further_action", "cancelled_by_resident")
_OUTCOME_SHARES = (0.82, 0.06, 0.03, 0.03, 0.04, 0.02)
_CHANNELS = ("phone", "whatsapp", "sms", "web", "open311", "counter")
_CHANNEL_SHARES = (0.37, 0.21, 0.16, 0.15, 0.06, 0.05)
_OPEN_LIVES = ("new", "in_progress", "in_progress", "waiting_resident", "reopened")
_HOURS = {"hours": 1.0, "working_hours": 3.0, "days": 24.0, "working_days": 34.0}
_METRES_PER_DEGREE = 111_320
_NEAR_M = 150.0
_STREETS = (
    "Avenida Sabinos",
    "Calle Niebla",
    "Hidalgo",
    "Morelos",
    "Río Lerma",
    "5 de Mayo",
    "Naranjos",
    "Calzada del Molino",
)

_INDEXES = (
    "SELECT c.relname, pg_get_indexdef(i.indexrelid) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid"
    " WHERE i.indrelid = 'service_request'::regclass"
    " AND NOT EXISTS (SELECT 1 FROM pg_constraint k WHERE k.conindid = i.indexrelid) ORDER BY 1"
)

Progress = Callable[[float, int], None]


@dataclass(frozen=True, slots=True)
class Spot:
    """A place in the city: what holds it, as JSON, and what people call it."""

    lon: float
    lat: float
    place: int
    address: str


def seed(
    jurisdiction_id: str | None,
    rows: int,
    *,
    number: int,
    until: datetime,
    is_sure: bool,
    progress: Progress,
    many: int = MANY,
) -> tuple[str, int]:
    """Makes `rows` requests in the three years before `until`; returns the city and how many were new.

    Raises Conflict for a city that is not fictional, unless `is_sure`; NotFound for one without services or rules.
    """
    with db.transaction() as session:
        city = (
            catalog.jurisdiction(session, jurisdiction_id) if jurisdiction_id else catalog.default_jurisdiction(session)
        )
        if not (city.settings.get("is_fictional") or is_sure):
            raise Conflict(
                "{city} no está marcada como ficticia: con --yes se llena de reportes inventados.", city=city.id
            )
        history = _History(session, city, rows, number, until)
    if rows >= many and history.is_new():
        return city.id, _at_once(history, rows, progress)
    made = done = 0
    gc.disable()  # as for imports: millions of small objects, no cycles
    try:
        with ThreadPoolExecutor(1, thread_name_prefix="seed") as writer:
            pending: Future[int] | None = None
            for batch in history.batches():
                made += pending.result() if pending else 0
                pending = writer.submit(history.store, batch)
                done += len(batch)
                progress(done / rows, done)
            made += pending.result() if pending else 0
    finally:
        gc.enable()
    with db.transaction() as session:
        session.connection().exec_driver_sql("ANALYZE service_request")
    return city.id, made


def _at_once(history: "_History", rows: int, progress: Progress) -> int:
    """All batches in one transaction, on a table without its indexes, which are made again at the end."""
    made = 0
    with db.transaction() as session:
        connection = session.connection()
        indexes = connection.exec_driver_sql(_INDEXES).all()
        for name, _ in indexes:
            connection.exec_driver_sql(f'DROP INDEX "{name}"')
        gc.disable()
        try:
            with ThreadPoolExecutor(1, thread_name_prefix="seed") as writer:
                pending: Future[int] | None = None
                for batch in history.batches():
                    made += pending.result() if pending else 0
                    pending = writer.submit(history.write, session, batch)
                    progress((made + len(batch)) / rows * 0.8, made + len(batch))
                made += pending.result() if pending else 0
        finally:
            gc.enable()
        connection.exec_driver_sql("SET LOCAL maintenance_work_mem = '512MB'")
        for place, (_, definition) in enumerate(indexes, start=1):
            connection.exec_driver_sql(definition)
            progress(0.8 + 0.2 * place / len(indexes), made)
        connection.exec_driver_sql("ANALYZE service_request")
    return made


class Untouched(Masker):
    """The texts as they are: nobody is in them."""

    def __init__(self) -> None:
        self.text = self.address = str


class _History:
    """The city's services and places, and the generator that everything is drawn from."""

    def __init__(self, session: Session, city: Jurisdiction, rows: int, number: int, until: datetime) -> None:
        known = catalog.catalog(session, city.id)
        if not known.services:
            raise NotFound("La jurisdicción {jurisdiction_id} no tiene servicios.", jurisdiction_id=city.id)
        self._rows, self._until, self._zone = rows, until, known.timezone
        self._rng = np.random.default_rng([number, rows])
        self._services = known.services
        self._rules = routing.city(session, city.id)
        self._register = Register(
            city.id,
            f"bench-{number}-{rows}-{until:%Y%m%d}",
            "es",
            known.timezone,
            20.0,
            frozenset(service.code for service in known.services if not service.is_public),
            Untouched(),
        )
        self._folios = crypto.vault().folios
        self._sentences = Path(__file__).with_name("sentences.txt").read_text(encoding="utf-8").splitlines()
        self._areas: list[tuple[dict[str, Any], str, bool]] = []
        self._spots = self._find_spots(session, city.id)
        self._agencies: dict[tuple[int, int], str | None] = {}
        self._hours = [Promise.parse(service.promise) for service in known.services]

    def _find_spots(self, session: Session, jurisdiction_id: str) -> list[Spot]:
        rng = self._rng
        named = session.exec(
            select(GazetteerPlace)
            .where(GazetteerPlace.jurisdiction_id == jurisdiction_id)
            .order_by(GazetteerPlace.kind, GazetteerPlace.name, GazetteerPlace.lon)  # type: ignore[arg-type]  # columns
        ).all()
        on = self._until.date()
        if named:
            # Some corners are asked about a thousand times, most a few times.
            chosen = rng.choice(len(named), _SPOTS, p=rng.permutation(shapes.shares(len(named), 0.02)))
            centres = np.array([(row.lon, row.lat) for row in named])[chosen]
            names = [named[n].name for n in chosen.tolist()]
        else:
            layer = self._rules.layers.get(OUTLINE)
            areas = layer.index.in_force(on).areas if layer else ()
            west, south, east, north = areas[0].geometry.bounds if areas else (-99.2, 19.3, -99.1, 19.5)
            centres = rng.uniform((west, south), (east, north), (_SPOTS, 2))
            names = [_STREETS[n] for n in rng.integers(0, len(_STREETS), _SPOTS).tolist()]
        points = np.round(centres + rng.normal(0, _NEAR_M / _METRES_PER_DEGREE, (_SPOTS, 2)), 6)
        snapshots = snapshots_on(self._rules.layers, on)
        tolerances = self._rules.rules.on(on).tolerances(on)
        numbers: dict[int, int] = {}
        spots = []
        located = locate_many(snapshots, PointColumns(points[:, 0], points[:, 1]), tolerances)
        for (lon, lat), name, place in zip(points.tolist(), names, located, strict=True):
            if id(place) not in numbers:
                numbers[id(place)] = len(self._areas)
                text = {key: [{"code": a.code, "name": a.name} for a in held] for key, held in place.areas.items()}
                self._areas.append((dict(place.areas), orjson.dumps(text).decode(), place.is_outside))
            spots.append(Spot(lon, lat, numbers[id(place)], f"{name} {int(rng.integers(1, 900))}"))
        return spots

    def batches(self) -> Iterator[list[Past]]:
        """Every request, oldest first."""
        rng = self._rng
        texts = shapes.texts(rng, self._sentences, _TEXTS)
        weights = shapes.shares(len(self._services))
        # Which services are the frequent ones is a matter of the city, not of the order it lists them in.
        order = rng.permutation(len(self._services))
        last = self._until.astimezone(self._zone).date()
        batch: list[Past] = []
        made = 0
        for day, count in enumerate(shapes.days_of(rng, self._rows, last).tolist(), start=1):
            local = datetime.combine(last - timedelta(days=shapes.YEARS * 365 - day), datetime.min.time(), self._zone)
            midnight = local.astimezone(UTC)
            services = order[rng.choice(len(self._services), count, p=weights)]
            columns = zip(
                shapes.seconds_of_day(rng, count).tolist(),
                services.tolist(),
                shapes.hours_to_close(rng, services, len(self._services)).tolist(),
                rng.integers(0, len(self._spots), count).tolist(),
                rng.integers(0, len(texts), count).tolist(),
                rng.choice(len(_CHANNELS), count, p=_CHANNEL_SHARES).tolist(),
                rng.choice(len(_OUTCOMES), count, p=_OUTCOME_SHARES).tolist(),
                rng.integers(0, 1 << 30, count).tolist(),
                strict=True,
            )
            for seconds, service, hours, spot, text, channel, outcome, chance in columns:
                made += 1
                at = midnight + timedelta(seconds=seconds)
                if at > self._until:
                    at -= timedelta(days=1)
                batch.append(
                    self._past(made, at, service, hours, self._spots[spot], texts[text], channel, outcome, chance)
                )
            if len(batch) >= _BATCH:
                yield batch
                batch = []
        if batch:
            yield batch

    def _past(
        self,
        number: int,
        at: datetime,
        service: int,
        hours: float,
        spot: Spot,
        text: str,
        channel: int,
        outcome: int,
        chance: int,
    ) -> Past:
        closed_at = at + timedelta(hours=round(hours, 2)) if hours < 100_000 else None
        if closed_at is not None and closed_at > self._until:
            closed_at = None
        agency = self._agency(service, spot.place)
        promise = self._hours[service]
        # A step to the side, so that not two reports of one corner have the very same point.
        return Past(
            line=number,
            source_id=str(number),
            service_code=self._services[service].code,
            requested_at=at,
            updated_at=closed_at or min(at + timedelta(minutes=chance % 3000), self._until),
            life="closed" if closed_at else _OPEN_LIVES[chance % len(_OPEN_LIVES)],
            outcome_code=_OUTCOMES[outcome] if closed_at else None,
            closed_at=closed_at,
            expected_at=at + timedelta(hours=promise.amount * _HOURS[promise.unit]) if agency else None,
            channel=_CHANNELS[channel],
            agency_code=agency,
            lon=round(spot.lon + (chance % 41 - 20) * 1e-6, 6),
            lat=round(spot.lat + (chance // 41 % 41 - 20) * 1e-6, 6),
            description=f"{text} {spot.address}"[:MAX_DESCRIPTION],
            address=spot.address,
            status_notes=_NOTES[chance % len(_NOTES)] if closed_at else "",
            media_url=f"https://media.example.org/{number}.jpg" if chance % 8 == 0 else "",
            areas=self._areas[spot.place][1],
        )

    def _agency(self, service: int, place: int) -> str | None:
        key = (service, place)
        if key not in self._agencies:
            definition = self._services[service]
            areas, _, is_outside = self._areas[place]
            self._agencies[key] = choose(
                self._rules.rules.at(self._until),
                definition.code,
                definition.group_code,
                self._until.date(),
                areas,
                is_outside=is_outside,
            ).agency_code
        return self._agencies[key]

    def is_new(self) -> bool:
        """Whether nothing of this history is there yet."""
        with db.transaction() as session:
            found = session.connection().exec_driver_sql(
                "SELECT 1 FROM service_request WHERE jurisdiction_id = %(city)s AND source = %(source)s LIMIT 1",
                {"city": self._register.jurisdiction_id, "source": self._register.source},
            )
            return found.first() is None

    def write(self, session: Session, batch: list[Past]) -> int:
        """Writes a batch of which nothing is there, in the caller's transaction; called in the writing thread."""
        return write(session, self._register, self._folios, batch, []).inserted

    def store(self, batch: list[Past]) -> int:
        """Writes a batch; called in the writing thread."""
        with db.transaction() as session:
            new, _, _ = sort_out(session, self._register, batch, update=False)
            return write(session, self._register, self._folios, new, []).inserted
