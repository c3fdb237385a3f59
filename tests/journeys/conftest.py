"""One demo city for all journeys: each has residents of its own."""

from collections.abc import Iterator

import pytest

from tests.running import RunningDemo, running_demo


@pytest.fixture(scope="package")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDemo]:
    with running_demo(tmp_path_factory.mktemp("journeys")) as demo:
        yield demo
