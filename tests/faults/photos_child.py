"""A process that reports with a photo or prepares it, and dies when told."""

import os
import signal
from pathlib import Path
from typing import Any

import atiende.schema  # noqa: F401  # every table is declared
from georef.points import LonLat
from intake.media import actions, jobs, storage
from intake.media.models import MediaFile
from intake.media.receiving import receive
from intake.media.storage import Folder, Shelf
from intake.media.values import SentFile
from intake.service_requests.actions import submit
from intake.service_requests.values import Submission
from kernel import clock, crypto, db
from kernel.crypto import Vault
from kernel.settings import Media
from tests.factories import CITY, IN_NORTE
from tests.intake.media.pictures import jpeg

# The moment that this process is to die at.
DIES = "never"


def die_at(moment: str) -> None:
    if moment == DIES:
        os.kill(os.getpid(), signal.SIGKILL)


class DeadlyFolder(Folder):
    """Names the moments around its writes."""

    def put(self, key: str, data: memoryview | bytes) -> None:
        kind = key.partition("-")[2]
        die_at({"original": "before the bytes", "photo.jpg": "before the photo"}.get(kind, "before the thumbnail"))
        if kind == "original" and DIES == "within the bytes":
            os.fsync = lambda descriptor: die_at("within the bytes")  # type: ignore[assignment]  # dies instead of flushing
        super().put(key, data)

    def delete(self, key: str) -> None:
        die_at("before the original goes")
        super().delete(key)


def report() -> None:
    received = receive(CITY, [SentFile(jpeg((900, 700)))], now=clock.now())
    die_at("before the report")
    submission = Submission(
        jurisdiction_id=CITY,
        service_code="BACHE",
        channel="open311",
        point=LonLat(*IN_NORTE),
        idempotency_key="the-same",
    )
    with db.transaction() as session:
        made = submit(session, submission, now=clock.now())
        if made.version == 1 and not _has_photos(session, made.id):
            actions.attach(session, made, received.ids, now=clock.now())
        die_at("before its commit")
    die_at("after its commit")


def _has_photos(session: Any, service_request_id: object) -> bool:
    return bool(session.query(MediaFile).filter(MediaFile.service_request_id == service_request_id).count())


def prepare() -> None:
    settle = actions.settle

    def deadly(*given: Any, **named: Any) -> MediaFile | None:
        settled = settle(*given, **named)
        die_at("before it is ready")  # written, and not committed
        return settled

    actions.settle = deadly
    with db.transaction() as session:
        (row,) = session.query(MediaFile).filter(MediaFile.service_request_id.is_not(None)).all()  # type: ignore[union-attr]  # a column at class level
    jobs.prepare_photo(str(row.id))
    die_at("at the end")


def run(url: str, folder: str, work: str, dies: str) -> None:
    global DIES
    DIES = dies
    db.configure(db.make_engine(url, pool_size=2))
    crypto.configure(Vault(b"d" * 32, b"l" * 32))
    storage.configure(Shelf(DeadlyFolder(Path(folder)), Media(), ""))
    {"report": report, "prepare": prepare}[work]()
