"""What the demo's database holds at the start: two cities, accounts, a key for programs, eighteen months of requests."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from sqlmodel import Session, col, select

from agent_console.accounts import ensure_user
from atiende.demo.data_folder import DataFolder, write_atomically
from atiende.migrate import is_current, migrate
from georef.points import LonLat
from intake.catalog import keys
from intake.catalog.models import ApiKey, Jurisdiction
from intake.city_folder.load import import_folder
from kernel import clock, db
from routing.models import GazetteerPlace

NAME = "Ciudad Jacaranda"
MAIN = "jacaranda.gob.example"
OTHER = "encinos.gob.example"
_FOLDERS = {MAIN: "jacaranda", OTHER: "encinos"}
_CITIES = Path(__file__).resolve().parents[2] / "cities"
_SAMPLE_CROSSING = "Avenida Sabinos y Niebla"


@dataclass(frozen=True)
class Login:
    role: str
    email: str
    name: str
    agency_code: str | None = None


@dataclass(frozen=True)
class Sample:
    """A place in the city that a visitor or a test can report from."""

    point: LonLat
    address: str


LOGINS = (
    Login("operator", "marisol.reyes@jacaranda.example", "Marisol Reyes"),
    Login("supervisor", "tomas.ibarra@jacaranda.example", "Tomás Ibarra"),
    Login("agency", "cuadrillas@aguas.jacaranda.example", "Elena Cruz", "AGUAS"),
    Login("admin", "admin@jacaranda.example", "Nadia Solís"),
)


def is_prepared() -> bool:
    """Whether the database holds the city already."""
    if not is_current(db.bind().engine):
        return False
    with db.transaction() as session:
        return session.get(Jurisdiction, MAIN) is not None


def prepare(folder: DataFolder) -> None:
    """Brings schema, cities and accounts to what this version of the program says; each step at most once."""
    engine = db.bind().engine
    if not is_current(engine):
        migrate(engine)
    _import_cities(folder)
    with db.transaction() as session:
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
        _ensure_api_key(session, folder.api_key)


def sample() -> Sample:
    """The crossing that the pages use as their example, or another when the city folder lost it."""
    with db.transaction() as session:
        place = session.exec(
            select(GazetteerPlace)
            .where(GazetteerPlace.jurisdiction_id == MAIN, GazetteerPlace.kind == "crossing")
            .order_by(col(GazetteerPlace.name) != _SAMPLE_CROSSING, col(GazetteerPlace.name))
            .limit(1)
        ).one()
        return Sample(LonLat(place.lon, place.lat), place.name)


def _import_cities(folder: DataFolder) -> None:
    # Importing again changes nothing, but reading the folders takes seconds: only when their files changed.
    record = folder.path / "cities.json"
    known: dict[str, str] = json.loads(record.read_text()) if record.exists() else {}
    with db.transaction() as session:
        present = set(session.exec(select(Jurisdiction.id)).all())
    for jurisdiction_id, name in _FOLDERS.items():
        fingerprint = _fingerprint(_CITIES / name)
        if jurisdiction_id in present and known.get(jurisdiction_id) == fingerprint:
            continue
        with db.transaction() as session:
            import_folder(session, _CITIES / name, now=clock.now())
        known[jurisdiction_id] = fingerprint
        write_atomically(record, json.dumps(known, indent=2) + "\n")


def _fingerprint(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            digest.update(str(path.relative_to(folder)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _ensure_api_key(session: Session, key: str) -> None:
    key_hash = keys.hash_of(key)
    for jurisdiction_id in _FOLDERS:
        known = select(ApiKey.id).where(ApiKey.jurisdiction_id == jurisdiction_id, ApiKey.key_hash == key_hash)
        if session.exec(known).first() is None:
            keys.create(session, jurisdiction_id, "demo", now=clock.now(), key=key)
