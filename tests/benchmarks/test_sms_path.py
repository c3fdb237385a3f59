"""From a resident's text to the reply at the provider, through every real process of the demo; and many of them at once."""

import statistics
import time
from collections.abc import Iterator

import pytest

from tests.benchmarks.report import report
from tests.running import RunningDemo, running_demo, wait_for

SINGLE = 20
TOGETHER = 100


@pytest.fixture(params=["valkey", "none"])
def demo(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDemo]:
    environment = {"REDIS_URL": "none"} if request.param == "none" else {}
    with running_demo(tmp_path_factory.mktemp("bench"), **environment) as demo:
        yield demo


@pytest.mark.benchmark
def test_text_to_reply(demo: RunningDemo) -> None:
    body = f"Hay una fuga de agua en {demo.facts['open311']['sample_address']}"
    # Ready means that reports are taken; the first one may still wait for the worker to have started.
    demo.write("+525550000000", body)
    wait_for(lambda: demo.texts(direction="outbound"), 60, "the first reply")
    delays_ms = []
    for number in range(SINGLE):
        phone = f"+525551{number:06d}"
        started = time.monotonic()
        demo.write(phone, body)
        while not demo.texts(phone, "outbound"):
            assert time.monotonic() < started + 30
            time.sleep(0.005)
        delays_ms.append((time.monotonic() - started) * 1000)
    started = time.monotonic()
    for number in range(TOGETHER):
        demo.write(f"+525552{number:06d}", body)
    wait_for(lambda: len(demo.texts(direction="outbound")) == 1 + SINGLE + TOGETHER, 120, "every reply")
    rate = TOGETHER / (time.monotonic() - started)
    queue = "in process" if demo.environment else "Valkey"
    report(
        f"sms-{'in-process' if demo.environment else 'valkey'}",
        [
            f"SMS report -> reply at the provider, jobs by {queue}, all processes on this machine",
            f"one: median {statistics.median(delays_ms):.0f} ms, worst of {SINGLE} {max(delays_ms):.0f} ms",
            f"{TOGETHER} at once: {rate:.1f}/s",
        ],
    )
