"""kill -9 of the worker while webhooks go out: every change arrives at least once, each under one webhook-id, none is lost."""

import os
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import orjson
import psycopg
import pytest
from standardwebhooks import Webhook

from tests.intake.webhooks.receiving import receiving
from tests.running import RunningDemo, running_demo, wait_for

pytestmark = [pytest.mark.fault, pytest.mark.xdist_group("webhooks"), pytest.mark.timeout(600)]

REPORTS = 60
KILLS = 4
# A delivery whose worker died is given up for dead after 25 seconds, and the sweep comes every five.
SETTLED_WITHIN_S = 120.0


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDemo]:
    with running_demo(tmp_path_factory.mktemp("webhooks"), asks=True) as demo:
        yield demo


def command(demo: RunningDemo, *words: str) -> str:
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("ATIENDE_", "DATABASE_", "REDIS_"))
    }
    environment = {**kept, "ATIENDE_DATA": str(demo.folder / "data")}
    done = subprocess.run(
        [sys.executable, "-m", "atiende", *words], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def report(demo: RunningDemo, number: int) -> None:
    facts = demo.facts["open311"]
    form = {
        "api_key": facts["api_key"],
        "jurisdiction_id": facts["jurisdiction_id"],
        "service_code": "BACHE",
        "address_string": facts["sample_address"],
        "description": f"Hoyo {number}",
    }
    url = f"{demo.base_url}/open311/v2/requests.json"
    httpx.post(url, data=form, headers={"Idempotency-Key": f"hoyo-{number}"}, timeout=30).raise_for_status()


def test_no_kill_loses_a_message_or_gives_one_two_ids(demo: RunningDemo) -> None:
    facts = demo.facts["open311"]
    city = facts["jurisdiction_id"]
    with receiving() as receiver:
        receiver.delay_s = 0.15  # so that a worker is killed in the middle of a call
        secret = command(demo, "webhook", "add", receiver.url, "--jurisdiction", city)
        with ThreadPoolExecutor(4) as pool:
            posts = [pool.submit(report, demo, number) for number in range(REPORTS)]
            for kill in range(KILLS):
                wait_for(lambda done=kill: len(receiver.received) > 10 * (done + 1), 90, "messages")  # type: ignore[misc]
                killed = demo.kill("jobs")
                wait_for(lambda gone=killed: demo.pid("jobs") not in (None, gone), 30, "the worker")  # type: ignore[misc]
            for post in posts:
                post.result()
        with psycopg.connect(demo.facts["database_url"], autocommit=True) as connection:

            def states() -> dict[str, int]:
                counted = connection.execute("SELECT state, count(*) FROM webhook_delivery GROUP BY state")
                return {row[0]: row[1] for row in counted}

            def all_numbered() -> bool:
                waiting = connection.execute(
                    "SELECT (SELECT count(*) FROM service_request_event WHERE is_pending_change)"
                    " + (SELECT count(*) FROM webhook WHERE through_seq < (SELECT max(seq) FROM service_request_change))"
                ).fetchone()
                return waiting == (0,)

            started = time.monotonic()
            wait_for(lambda: all_numbered() and set(states()) == {"delivered"}, SETTLED_WITHIN_S, f"{states()}")
            print(f"\n{states()} {len(receiver.received)} calls, quiet after {time.monotonic() - started:.1f} s")
            wanted = {
                row[0]
                for row in connection.execute(
                    "SELECT c.seq FROM service_request_change c JOIN service_request r ON r.id = c.service_request_id"
                    " WHERE r.idempotency_key LIKE 'open311:%:key:hoyo-%' AND c.is_public"
                )
            }
    ids: dict[int, set[str]] = defaultdict(set)
    for headers, body in receiver.received:
        message = orjson.loads(body)
        ids[message["data"]["sequence"]].add(headers["webhook-id"])
        if time.time() - int(headers["webhook-timestamp"]) < 290:  # the library refuses what is five minutes old
            Webhook(secret).verify(body, headers)
    assert len(wanted) == 2 * REPORTS
    assert wanted <= ids.keys(), "none is lost"
    assert {len(found) for found in ids.values()} == {1}, "one id for each change"
    assert len({found for group in ids.values() for found in group}) == len(ids)
