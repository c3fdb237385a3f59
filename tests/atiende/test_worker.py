"""`atiende worker` as people run it: real processes, a real queue, and signals that nobody can catch."""

import base64
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from kernel import db
from kernel.dispatch import make_queue
from kernel.embedded.programs import valkey_server
from tests.conftest import make_database
from tests.running import is_running, process_name, processes_of, wait_for

pytestmark = [pytest.mark.database, pytest.mark.fault]

ONCE = "tests.kernel.outbox_jobs.note_once"
SLOW = "tests.kernel.outbox_jobs.take_a_second"
MEET = "tests.kernel.outbox_jobs.meet"


@pytest.fixture(scope="module")
def own_database(request: pytest.FixtureRequest) -> Iterator[Engine]:
    worker = getattr(request.config, "workerinput", {}).get("workerid", "main")
    engine = db.make_engine(make_database(f"worker_{worker}"))
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE relay_effect (ref text PRIMARY KEY)"))
        connection.execute(text("CREATE TABLE relay_run (ref text)"))
    yield engine
    engine.dispose()


@pytest.fixture
def database(own_database: Engine) -> Engine:
    with own_database.begin() as connection:
        connection.execute(text("TRUNCATE outbox_event, outbox_delivery, relay_effect, relay_run"))
    return own_database


class Valkey:
    """A server with nothing to remember: what it forgets is the point."""

    def __init__(self, folder: Path) -> None:
        self.socket = folder / "v.sock"
        self.url = f"unix://{self.socket}"
        self.start()

    def start(self) -> None:
        command = [str(valkey_server()), "--port", "0", "--unixsocket", str(self.socket), "--save", "", "--dir", "/tmp"]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        wait_for(self.socket.exists)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self.socket.unlink(missing_ok=True)


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[Valkey]:
    server = Valkey(tmp_path)
    yield server
    server.kill()


@contextmanager
def worker(
    engine: Engine,
    redis_url: str,
    command: tuple[str, ...] = ("-m", "atiende", "worker"),
    stdout: int | None = None,
    **settings: str,
) -> Iterator["subprocess.Popen[bytes]"]:
    key = base64.b64encode(b"k" * 32).decode()
    environ = {
        **{name: value for name, value in os.environ.items() if not name.startswith("ATIENDE_")},
        "DATABASE_URL": engine.url.render_as_string(hide_password=False),
        "REDIS_URL": redis_url,
        "ATIENDE_WEB_PUBLIC_BASE_URL": "http://127.0.0.1:1",
        "ATIENDE_SECRETS_DATA_KEY": key,
        "ATIENDE_SECRETS_LOOKUP_KEY": key,
        "ATIENDE_SECRETS_SESSION_KEY": key,
        **settings,
    }
    process = subprocess.Popen([sys.executable, *command], env=environ, stdin=subprocess.DEVNULL, stdout=stdout)
    try:
        yield process
    finally:
        started_by_it = processes_of(process.pid).values()
        process.kill()
        process.wait()
        wait_for(lambda: not any(is_running(pid) for pid in started_by_it))


def deliver(engine: Engine, *refs: str, job: str = ONCE) -> None:
    with engine.begin() as connection:
        for ref in refs:
            connection.execute(
                text("""
                    WITH event AS (
                        INSERT INTO outbox_event (name, payload, at, relayed_at)
                        VALUES ('thing.happened', jsonb_build_object('ref', CAST(:ref AS text)), now(), now()) RETURNING id
                    ), woken AS (SELECT pg_notify('atiende_events', '{"name": "thing.happened"}'))
                    INSERT INTO outbox_delivery (event_id, job, state, attempts, due_at)
                    SELECT id, :job, 'pending', 0, :now FROM event, woken
                """),
                {"ref": ref, "job": job, "now": datetime.now(UTC)},
            )


def effects(engine: Engine) -> set[str]:
    with engine.begin() as connection:
        return set(connection.scalars(text("SELECT ref FROM relay_effect")))


def part(name: str, worker: "subprocess.Popen[bytes]", *gone: int) -> int:
    """Its process, as soon as there is one that is not `gone`."""

    def look() -> int | None:
        found = processes_of(worker.pid).get(process_name(name))
        return None if found in gone else found

    return wait_for(look, what=name)


def test_with_redis_jobs_survive_its_parts_and_the_queue(database: Engine, valkey: Valkey) -> None:
    with worker(database, valkey.url) as process:
        deliver(database, *(f"a{number}" for number in range(20)))
        wait_for(lambda: len(effects(database)) == 20)

        for name in ("relay", "jobs"):
            os.kill(part(name, process), signal.SIGKILL)
            deliver(database, f"while the {name} process is dead")
            wait_for(lambda name=name: f"while the {name} process is dead" in effects(database))  # type: ignore[misc]

        valkey.kill()
        deliver(database, "while Redis is dead")
        wait_for(lambda: "while Redis is dead" in effects(database))

        valkey.start()
        deliver(database, "after Redis came back")
        wait_for(lambda: "after Redis came back" in effects(database))
        assert process.poll() is None


@pytest.mark.parametrize("queue", ["none", "valkey"])
def test_a_job_that_waits_for_somebody_holds_up_no_other(database: Engine, valkey: Valkey, queue: str) -> None:
    with worker(database, valkey.url if queue == "valkey" else queue):
        deliver(database, "a", "b", "c", job=MEET)
        wait_for(lambda: effects(database) == {"a", "b", "c"})


def test_jobs_give_way_to_pages(database: Engine, valkey: Valkey) -> None:
    def has_given_way(pid: int) -> bool:
        session = Path(f"/proc/{pid}/autogroup")
        weighed = session.read_text().split()[-1] == "5" if session.exists() else True
        return weighed and os.getpriority(os.PRIO_PROCESS, pid) == max(10, ours)

    ours = os.getpriority(os.PRIO_PROCESS, 0)
    with worker(database, valkey.url) as process:
        for name in ("jobs", "relay"):
            wait_for(lambda pid=part(name, process): has_given_way(pid))  # type: ignore[misc]
        assert os.getpriority(os.PRIO_PROCESS, part("dispatcher", process)) == ours


# A relay that cannot be started once, and then one whose keeper breaks.
NO_START = """
import atiende.keeper
tend, broken = atiende.keeper.Child.tend, iter([OSError("no process to be had")])
def tend_or_fail(child):
    for error in broken:
        raise error
    return tend(child)
atiende.keeper.Child.tend = tend_or_fail
from atiende.commands.worker import prepare
prepare()()
"""
STOPPED_AT_ONCE = """
import os, signal, time
import atiende.worker
make = atiende.worker.make_queue
def make_queue(url):
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(0.1)
    return make(url)
atiende.worker.make_queue = make_queue
from atiende.commands.worker import prepare_part
prepare_part("jobs")()
"""
NO_KEEPER = """
import atiende.keeper
def tend(child):
    raise ValueError("the keeper breaks")
atiende.keeper.Child.tend = tend
from atiende.commands.worker import prepare
prepare()()
"""


def test_a_relay_that_cannot_be_started_now_is_tried_again(database: Engine, valkey: Valkey) -> None:
    with worker(database, valkey.url, ("-c", NO_START)) as process:
        deliver(database, "before")
        wait_for(lambda: effects(database) == {"before"})
        os.kill(part("relay", process), signal.SIGKILL)
        deliver(database, "after")
        wait_for(lambda: effects(database) == {"before", "after"})
        assert process.poll() is None


def test_a_worker_that_is_told_to_stop_while_it_begins_stops(database: Engine, valkey: Valkey) -> None:
    with worker(database, valkey.url, ("-c", STOPPED_AT_ONCE)) as process:
        assert process.wait(30) == 0


def test_a_worker_that_cannot_keep_its_relay_ends_for_its_supervisor(database: Engine, valkey: Valkey) -> None:
    with worker(database, valkey.url, ("-c", NO_KEEPER)) as process:
        assert process.wait(30) == 1
        assert processes_of(process.pid) == {}


def test_a_worker_whose_parts_find_a_setting_wrong_ends_for_its_supervisor(database: Engine, valkey: Valkey) -> None:
    with worker(database, valkey.url, ATIENDE_MEDIA_URL="nosuch://photos") as process:
        assert process.wait(60) == 1


def test_a_dispatcher_that_is_killed_comes_back(database: Engine, valkey: Valkey) -> None:
    with worker(database, valkey.url) as process:
        before = part("dispatcher", process)
        os.kill(before, signal.SIGKILL)
        part("dispatcher", process, before)


def test_what_redis_forgets_comes_back(database: Engine, valkey: Valkey) -> None:
    with worker(database, valkey.url) as process:
        deliver(database, "first")
        wait_for(lambda: effects(database) == {"first"})
        jobs = part("jobs", process)
        os.kill(jobs, signal.SIGSTOP)
        queue = make_queue(valkey.url)
        # A process stopped while it waited for a job is handed one, which it finishes once it goes on.
        # A relay that is late makes one job of several.
        made = 0
        while queue.count < 3 and made < 80:
            deliver(database, f"b{made}", f"c{made}")
            made += 2
            time.sleep(0.2)
        assert queue.count >= 3
        queue.connection.flushall()
        queue.connection.close()
        os.kill(jobs, signal.SIGCONT)
        wait_for(lambda: len(effects(database)) == 1 + made)


def test_a_job_that_was_running_when_everything_was_killed_is_done_by_the_next_worker(
    database: Engine, valkey: Valkey
) -> None:
    with worker(database, valkey.url) as process:
        # Known beforehand: the job takes a second.
        jobs = part("jobs", process)
        parts = {jobs, *processes_of(process.pid).values()}
        deliver(database, "slow", job=SLOW)
        wait_for(lambda: started(database))
        for pid in (process.pid, jobs, *(parts - {jobs})):
            os.kill(pid, signal.SIGKILL)
        wait_for(lambda: not any(map(is_running, parts)))
        assert effects(database) == set()
    with worker(database, valkey.url):
        wait_for(lambda: effects(database) == {"slow"})


def test_told_to_stop_it_finishes_the_job_and_leaves_nothing_behind(database: Engine, valkey: Valkey) -> None:
    with worker(database, valkey.url) as process:
        deliver(database, "slow", job=SLOW)
        wait_for(lambda: started(database))
        parts = processes_of(process.pid).values()
        process.terminate()
        assert process.wait(15) == 0
        assert effects(database) == {"slow"}
        wait_for(lambda: not any(map(is_running, parts)), 10)


def test_without_redis_one_process_does_it_all(database: Engine) -> None:
    with worker(database, "none") as process:
        deliver(database, "a", "b")
        wait_for(lambda: effects(database) == {"a", "b"})
        assert processes_of(process.pid) == {}
        deliver(database, "slow", job=SLOW)
        wait_for(lambda: "slow" in {str(ref) for ref in started(database)})
        process.terminate()
        assert process.wait(15) == 0
        assert effects(database) == {"a", "b", "slow"}


def started(engine: Engine) -> list[str]:
    with engine.begin() as connection:
        return list(connection.scalars(text("SELECT ref FROM relay_run")))


# Whoever runs jobs, stopped before its first thread runs one.
NOTHING_LEFT_TO_LOAD = """
import sys
import atiende.worker
from atiende.subscriptions import job_paths
def show(*_):
    print(sorted({path.rpartition(".")[0] for path in job_paths()} - set(sys.modules)))
atiende.worker.Relay.run = show
atiende.worker._run_jobs = show
from atiende.commands.worker import prepare_part
prepare_part(sys.argv[1])()
"""


@pytest.mark.parametrize("name", ["jobs", "relay"])
def test_jobs_are_loaded_before_threads_begin(database: Engine, valkey: Valkey, name: str) -> None:
    with worker(database, valkey.url, ("-c", NOTHING_LEFT_TO_LOAD, name), stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        with process.stdout as lines:
            assert [line for line in lines if line.startswith(b"[")] == [b"[]\n"]
