from collections.abc import Iterator

import pytest

from intake.webhooks import config
from intake.webhooks.config import Config
from tests.intake.webhooks.receiving import Receiver, receiving


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def configured() -> Iterator[Config]:
    """The demo's configuration: this machine may be told."""
    made = Config("https://311.prueba.example", allow_loopback=True, timeout_s=5)
    config.configure(made)
    yield made
    config.configure(None)
