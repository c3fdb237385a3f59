"""One demo city for all journeys: each has residents of its own."""

from collections.abc import Iterator

import pytest

from tests.running import RunningDemo


@pytest.fixture(scope="package")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDemo]:
    running = RunningDemo(tmp_path_factory.mktemp("journeys"))
    running.start()
    running.ask_nobody()
    yield running
    assert running.stop() == 0
