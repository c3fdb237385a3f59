"""One demo for the tests of messages that break things, and a provider that calls it."""

from collections.abc import Iterator

import pytest

from tests.faults.calls import Provider
from tests.running import RunningDemo, running_demo


@pytest.fixture(scope="package")
def messages_demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDemo]:
    with running_demo(tmp_path_factory.mktemp("messages")) as demo:
        yield demo


@pytest.fixture
def provider(messages_demo: RunningDemo) -> Iterator[Provider]:
    made = Provider(messages_demo)
    yield made
    made.client.close()
