"""kill -9 in every gap between a photo's row, its bytes and its report: nothing ever points at what is not there.

A child process does the real work on a real database and a real folder, and dies by its own hand at the moment that its
argument names. Then the same work is done again, as a client or a worker would, and must end as if nothing had happened.
"""

import signal
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from sqlalchemy import Engine, text
from sqlmodel import Session, col, select

from intake.media import jobs, storage
from intake.media.models import READY, RESERVED, MediaFile
from intake.media.storage import Folder, Shelf
from intake.service_requests.models import ServiceRequest
from kernel import clock, crypto, db
from kernel.crypto import Vault
from kernel.settings import Media
from tests.conftest import make_database
from tests.factories import make_city
from tests.faults import photos_child
from tests.faults.children import begin, end

pytestmark = [pytest.mark.fault, pytest.mark.xdist_group("photos")]

# Of the web process, then of the worker.
REPORTING = ("before the bytes", "within the bytes", "before the report", "before its commit", "after its commit")
PREPARING = ("before the photo", "before the thumbnail", "before it is ready", "before the original goes", "at the end")


class Place:
    """A database and a folder that outlive the child."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url, self.folder = url, folder

    def run(self, work: str, dies: str = "never") -> int:
        """The child's exit code: minus the signal when it was killed."""
        return end(begin(photos_child.run, self.url, str(self.folder), work, dies))

    def rows(self) -> list[MediaFile]:
        with db.transaction() as session:
            return list(session.exec(select(MediaFile).order_by(col(MediaFile.id))))

    def check(self) -> None:
        """What must hold at every instant."""
        with db.transaction() as session:
            shown = set(session.exec(select(ServiceRequest.photo_id).where(col(ServiceRequest.photo_id).is_not(None))))
        for row in self.rows():
            if row.state == READY:
                assert (self.folder / row.photo_key).stat().st_size == row.photo_bytes
                assert (self.folder / row.thumb_key).stat().st_size == row.thumb_bytes
            elif row.service_request_id is not None:
                assert (self.folder / row.original_key).stat().st_size == row.sent_bytes
            assert row.state == READY or row.id not in shown
        known = {row.storage_key for row in self.rows()}
        files = [path.relative_to(self.folder).as_posix() for path in self.folder.rglob("*") if path.is_file()]
        assert {name[: name.index("-")] for name in files if not name.startswith(".incoming/")} <= known


@pytest.fixture
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    worker = getattr(request.config, "workerinput", {}).get("workerid", "main")
    url = make_database(f"photos_{worker}")
    engine: Engine = db.make_engine(url, pool_size=2)
    db.configure(engine)
    crypto.configure(Vault(b"d" * 32, b"l" * 32))
    storage.configure(Shelf(Folder(tmp_path / "media"), Media(), ""))
    with db.transaction() as session:
        make_city(session)
    (tmp_path / "media").mkdir()
    yield Place(url, tmp_path / "media")
    for seam in (db, crypto, storage):
        seam.configure(None)  # type: ignore[attr-defined]  # each has it
    engine.dispose()


def requests(session: Session) -> int:
    return int(session.connection().execute(text("SELECT count(*) FROM service_request")).scalar_one())


@pytest.mark.parametrize("dies", REPORTING)
def test_a_report_and_its_photo_are_both_there_or_neither(place: Place, dies: str) -> None:
    assert place.run("report", dies) == -signal.SIGKILL
    place.check()
    with db.transaction() as session:
        assert requests(session) == (1 if dies == "after its commit" else 0)
    # The client tries again.
    assert place.run("report") == 0
    place.check()
    with db.transaction() as session:
        assert requests(session) == 1
    attached = [row for row in place.rows() if row.service_request_id is not None]
    assert len(attached) == 1
    # What the first try left is nobody's, and goes.
    with time_machine.travel(clock.now() + timedelta(hours=49), tick=False):
        jobs.tidy_up()
    place.check()
    assert [row.id for row in place.rows()] == [attached[0].id]
    assert RESERVED not in {row.state for row in place.rows()}
    files = [path for path in place.folder.rglob("*") if path.is_file()]
    assert [path.relative_to(place.folder).as_posix() for path in files] == [attached[0].original_key]


@pytest.mark.parametrize("dies", PREPARING)
def test_a_photo_is_ready_with_both_its_files_or_not_yet(place: Place, dies: str) -> None:
    assert place.run("report") == 0
    assert place.run("prepare", dies) == -signal.SIGKILL
    place.check()
    (row,) = place.rows()
    assert (row.state == READY) is (dies in PREPARING[-2:])
    # The lease of the job ends, and another worker takes it up.
    assert place.run("prepare") == 0
    with time_machine.travel(clock.now() + timedelta(hours=1), tick=False):
        jobs.tidy_up()
    place.check()
    (row,) = place.rows()
    assert (row.state, row.keeps_original) == (READY, False)
    names = sorted(path.name.partition("-")[2] for path in place.folder.rglob("*") if path.is_file())
    assert names == ["photo.jpg", "thumb.jpg"]
