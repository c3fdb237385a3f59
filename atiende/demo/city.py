"""Fills the demo's database: two cities, accounts, a key for programs, eighteen months of requests. Each step at most once."""

from datetime import datetime

from sqlalchemy import func
from sqlmodel import Session, col, select

from agent_console.accounts import ensure_user
from atiende import bootstrap
from atiende.demo.data_folder import DataFolder
from atiende.demo.history import generate
from atiende.demo.preparation import CITIES, LOGINS, MAIN, Sample
from atiende.migrate import migrate
from intake.catalog import keys
from intake.catalog.models import ApiKey, Jurisdiction
from intake.city_folder.load import import_folder
from intake.forecasts.actions import refresh
from intake.service_requests.models import ServiceRequest
from kernel import clock, db
from kernel.settings import Settings
from routing.models import GazetteerPlace

_SAMPLE_CROSSING = "Avenida Sabinos y Niebla"
# Programs that try the demo post as fast as they can.
_KEY_WRITES_PER_MINUTE = 100_000
_PAST_REQUESTS = 2000
_MONTHS = 18
_SEED = 311


def prepare(folder: DataFolder, settings: Settings) -> Sample:
    """Brings schema, cities, accounts and history to what this version of the program says."""
    engine = bootstrap.configure(settings)
    migrate(engine)
    now = clock.now()
    for path in CITIES.values():
        with db.transaction() as session:
            import_folder(session, path, now=now)
    with db.transaction() as session:
        _ensure_accounts(session, folder)
        _ensure_api_key(session, folder.api_key, now)
    with db.transaction() as session:
        if not session.exec(select(func.count()).select_from(ServiceRequest)).one():
            generate(session, MAIN, count=_PAST_REQUESTS, until=now, months=_MONTHS, seed=_SEED)
            refresh(session, session.get_one(Jurisdiction, MAIN), now=now)
            # Else the first minute's statements are planned as if there were nothing: they took three times as long.
            session.connection().exec_driver_sql("ANALYZE")
    with db.transaction() as session:
        sample = _sample(session)
    engine.dispose()
    return sample


def _ensure_accounts(session: Session, folder: DataFolder) -> None:
    for login in LOGINS:
        ensure_user(
            session,
            jurisdiction_id=MAIN,
            email=login.email,
            name=login.name,
            role=login.role,
            password=folder.password(login.role),
            agency_code=login.agency_code,
        )


def _ensure_api_key(session: Session, key: str, now: datetime) -> None:
    """The one key of demo.json, in each of the demo's cities."""
    for jurisdiction_id in CITIES:
        known = select(ApiKey.id).where(ApiKey.jurisdiction_id == jurisdiction_id, ApiKey.key_hash == keys.hash_of(key))
        if session.exec(known).first() is None:
            keys.create(session, jurisdiction_id, "demo", now=now, key=key, writes_per_minute=_KEY_WRITES_PER_MINUTE)


def _sample(session: Session) -> Sample:
    """The crossing that the pages use as their example, or another when the city folder lost it."""
    place = session.exec(
        select(GazetteerPlace)
        .where(GazetteerPlace.jurisdiction_id == MAIN, GazetteerPlace.kind == "crossing")
        .order_by(col(GazetteerPlace.name) != _SAMPLE_CROSSING, col(GazetteerPlace.name))
        .limit(1)
    ).one()
    return Sample(place.lon, place.lat, place.name)
