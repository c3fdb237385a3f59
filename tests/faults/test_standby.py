"""kill -9 of the primary while reports come in: the standby takes over, and every report that was answered is there, once.

Real processes: two servers from the embedded binaries in synchronous replication, and the web process with both addresses.
"""

import os
import shutil
import signal
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import httpx
import psycopg
import pytest
from sqlmodel import Session

from atiende.migrate import migrate
from kernel import crypto, db
from kernel.embedded.postgres import PostgresServer
from tests.factories import API_KEY, CITY, IN_NORTE, make_city
from tests.running import wait_for
from tests.serving import Web
from tests.standby import either, make_standby, promote

pytestmark = [pytest.mark.fault, pytest.mark.xdist_group("standby"), pytest.mark.timeout(300)]

REPORTS = 300
KILL_AFTER = 80
SENDERS = 6


@pytest.fixture
def pair() -> Iterator[tuple[PostgresServer, PostgresServer]]:
    folder = Path(tempfile.mkdtemp(prefix="atiende-"))
    folder.chmod(0o755)
    primary = PostgresServer(folder / "one")
    primary.start()
    engine = db.make_engine(primary.url)
    migrate(engine)
    crypto.configure(Web.VAULT)
    with Session(engine) as session, session.begin():
        make_city(session)
    crypto.configure(None)
    engine.dispose()
    standby = make_standby(primary, folder / "two")
    yield primary, standby
    for server in (standby, primary):
        server.stop()
    shutil.rmtree(folder, ignore_errors=True)


class Residents:
    """Reports under a key each, sent again until they are answered; and somebody who reads the list all the while."""

    def __init__(self, web: Web) -> None:
        self.web = web
        self.answered: dict[str, str] = {}
        self.done = threading.Event()
        self.readings: list[int] = []
        self.refusals: list[str] = []

    def report(self, key: str) -> None:
        lon, lat = IN_NORTE
        form = {
            "api_key": API_KEY,
            "service_code": "BACHE",
            "lat": str(lat),
            "long": str(lon),
            "description": f"Hoyo {key}",
        }
        with httpx.Client(timeout=30, trust_env=False) as client:

            def send() -> bool:
                try:
                    answer = client.post(
                        f"{self.web.open311}/requests.json", data=form, headers={"Idempotency-Key": key}
                    )
                except httpx.TransportError as error:
                    self.refusals.append(type(error).__name__)
                    return False
                if answer.status_code != 200:
                    self.refusals.append(str(answer.status_code))
                    return False
                self.answered[key] = answer.json()[0]["service_request_id"]
                return True

            wait_for(send, 120, f"an answer to {key}")

    def read(self) -> None:
        with httpx.Client(timeout=30, trust_env=False) as client:
            while not self.done.wait(0.05):
                self.readings.append(client.get(f"{self.web.open311}/requests.json?page_size=5").status_code)


def test_nothing_that_was_answered_is_lost_with_the_primary(pair: tuple[PostgresServer, PostgresServer]) -> None:
    primary, standby = pair
    with Web(either(primary, standby), DATABASE_READ_URL=standby.url) as web:
        residents = Residents(web)
        with ThreadPoolExecutor(SENDERS + 1) as pool:
            reader = pool.submit(residents.read)
            sent = [pool.submit(residents.report, uuid4().hex) for _ in range(REPORTS)]
            try:
                wait_for(lambda: len(residents.answered) >= KILL_AFTER, 60, "the first answers")
                pid = primary.pid
                assert pid
                os.kill(pid, signal.SIGKILL)
                wait_for(lambda: residents.refusals, 30, "somebody to notice")
                promote(standby)
                for one in sent:
                    one.result()
            finally:
                residents.done.set()
            reader.result()
    assert set(residents.refusals) == {"503"}, "an outage is told as one"
    assert set(residents.readings) == {200}, "lists were read from the standby all the while"
    with psycopg.connect(standby.url) as connection:
        rows = connection.execute(
            "SELECT split_part(idempotency_key, ':', 4), folio FROM service_request WHERE jurisdiction_id = %s", (CITY,)
        ).fetchall()
    assert len(rows) == REPORTS
    assert dict(rows) == residents.answered
