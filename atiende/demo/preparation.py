"""Remembers what was set up, so that a later start can go straight to its children. Imports nothing that is slow.

`prepared.json` holds a digest of everything the setting up was made from, and the sample place that it found.
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

import psycopg

from atiende.demo.data_folder import DataFolder
from kernel import files

_ROOT = Path(__file__).resolve().parents[2]
MAIN = "jacaranda.gob.example"
OTHER = "encinos.gob.example"
CITIES = {MAIN: _ROOT / "cities" / "jacaranda", OTHER: _ROOT / "cities" / "encinos"}
NAME = "Ciudad Jacaranda"


@dataclass(frozen=True)
class Login:
    """Somebody who may sign in to the demo's console."""

    role: str
    email: str
    name: str
    agency_code: str | None = None


LOGINS = (
    Login("operator", "marisol.reyes@jacaranda.example", "Marisol Reyes"),
    Login("supervisor", "tomas.ibarra@jacaranda.example", "Tomás Ibarra"),
    Login("agency", "cuadrillas@aguas.jacaranda.example", "Elena Cruz", "AGUAS"),
    Login("admin", "admin@jacaranda.example", "Nadia Solís"),
)


@dataclass(frozen=True)
class Sample:
    """A place in the city that a visitor or a test can report from."""

    lon: float
    lat: float
    address: str


def has_record(folder: DataFolder) -> bool:
    """Whether anything was ever set up here; `recall` says whether it still holds."""
    return _record(folder).exists()


def recall(folder: DataFolder, database_url: str) -> Sample | None:
    """The sample place of a finished setting up; None when there was none, or its sources or the database changed since."""
    try:
        record = json.loads(_record(folder).read_text())
        if record["digest"] != _digest() or not _holds_cities(database_url):
            return None
        return Sample(**record["sample"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def remember(folder: DataFolder, sample: Sample) -> None:
    record = json.dumps({"digest": _digest(), "sample": asdict(sample)}, indent=2) + "\n"
    files.replace(_record(folder), record.encode())


def _record(folder: DataFolder) -> Path:
    return folder.path / "prepared.json"


def _digest() -> str:
    digest = hashlib.sha256()
    for folder in (*CITIES.values(), _ROOT / "intake" / "migrations" / "versions", Path(__file__).parent):
        for path in sorted(folder.rglob("*")):
            if path.is_file() and path.suffix != ".pyc":
                digest.update(str(path.relative_to(_ROOT)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _holds_cities(database_url: str) -> bool:
    scheme, _, rest = database_url.partition("://")
    try:
        with psycopg.connect(f"{scheme.split('+')[0]}://{rest}", connect_timeout=10) as connection:
            found = connection.execute(
                "SELECT count(*) FROM jurisdiction WHERE id = ANY(%s)", [list(CITIES)]
            ).fetchone()
    except psycopg.errors.UndefinedTable:
        return False
    return found is not None and found[0] == len(CITIES)
