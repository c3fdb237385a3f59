"""Where claims go: threads here, or RQ; and back here while Redis is away."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from kernel.dispatch import BATCH, JOB, MAX_WAITING, Claim, LocalPool, RedisQueue, make_queue
from kernel.embedded.valkey import ValkeyServer

CLAIMS = [Claim(1, 100), Claim(2, 100)]


class Runs:
    """What a pool was asked to run."""

    def __init__(self) -> None:
        self.ids: list[int] = []
        self.go_on = threading.Event()
        self.go_on.set()
        self.began = threading.Event()

    def __call__(self, delivery_id: int) -> None:
        self.began.set()
        assert self.go_on.wait(10)
        self.ids.append(delivery_id)
        if delivery_id == 13:
            raise ValueError("the database went away under it")


@pytest.fixture(scope="module")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeyServer]:
    server = ValkeyServer(tmp_path_factory.mktemp("valkey"))
    server.start()
    yield server
    server.stop()


def test_a_pool_runs_what_it_is_given_and_counts_what_waits() -> None:
    runs = Runs()
    runs.go_on.clear()
    pool = LocalPool(threads=1, run=runs)
    pool.dispatch(CLAIMS)
    assert pool.room() == MAX_WAITING - 2
    runs.go_on.set()
    wait_until_idle(pool)
    pool.close()
    assert runs.ids == [1, 2]


def test_a_run_that_raises_gives_its_place_back() -> None:
    runs = Runs()
    pool = LocalPool(threads=1, run=runs)
    pool.dispatch([Claim(13, 1), Claim(14, 1)])
    wait_until_idle(pool)
    pool.close()
    assert runs.ids == [13, 14]


def test_closing_finishes_the_running_one_and_drops_the_rest() -> None:
    runs = Runs()
    runs.go_on.clear()
    pool = LocalPool(threads=1, run=runs)
    pool.dispatch(CLAIMS)
    assert runs.began.wait(10)
    closing = threading.Thread(target=pool.close)
    closing.start()
    deadline = time.monotonic() + 10
    while pool.room() < MAX_WAITING - 1 and time.monotonic() < deadline:  # until the second has been dropped
        time.sleep(0.01)
    runs.go_on.set()
    closing.join(5)
    assert runs.ids == [1]


def test_who_takes_from_a_queue_waits_for_a_free_thread() -> None:
    runs = Runs()
    runs.go_on.clear()
    pool = LocalPool(threads=2, run=runs)
    pool.start(1)
    pool.start(13)
    third = threading.Thread(target=pool.start, args=(3,))
    third.start()
    third.join(0.1)
    assert third.is_alive()
    runs.go_on.set()
    third.join(5)
    wait_until_idle(pool)
    pool.close()
    assert sorted(runs.ids) == [1, 3, 13]


def test_a_redis_that_was_emptied_is_noticed_once(valkey: ValkeyServer) -> None:
    queue = make_queue(valkey.url)
    queue.connection.flushall()
    redis = RedisQueue(valkey.url, fallback=LocalPool(threads=1, run=Runs()))
    assert not redis.has_forgotten()  # nobody has looked yet
    redis.room()
    assert redis.has_forgotten()  # it may have held what another relay handed over
    redis.dispatch(CLAIMS)
    redis.room()
    assert not redis.has_forgotten()
    queue.connection.flushall()
    assert redis.room() == MAX_WAITING
    assert redis.has_forgotten()
    assert not redis.has_forgotten()
    queue.connection.close()


def test_redis_gets_ids_and_nothing_else(valkey: ValkeyServer) -> None:
    queue = make_queue(valkey.url)
    queue.empty()
    pool = LocalPool(threads=1, run=Runs())
    redis = RedisQueue(valkey.url, fallback=pool)
    redis.dispatch([Claim(number, 100) for number in range(1, BATCH + 3)])
    assert redis.room() == MAX_WAITING - 2 * BATCH
    assert [(job.id, job.func_name, job.args) for job in queue.jobs] == [
        ("outbox-1-64", JOB, list(range(1, BATCH + 1))),
        (f"outbox-{BATCH + 1}-64", JOB, [BATCH + 1, BATCH + 2]),
    ]
    queue.empty()
    pool.close()
    queue.connection.close()


def test_while_redis_is_away_jobs_run_here() -> None:
    runs = Runs()
    pool = LocalPool(threads=1, run=runs)
    redis = RedisQueue(f"unix://{Path('/nowhere/valkey.sock')}", fallback=pool)
    assert redis.room() == MAX_WAITING
    redis.dispatch(CLAIMS)
    wait_until_idle(pool)
    pool.close()
    assert runs.ids == [1, 2]


def wait_until_idle(pool: LocalPool) -> None:
    deadline = time.monotonic() + 10
    while pool.room() < MAX_WAITING:
        assert time.monotonic() < deadline
        time.sleep(0.01)
