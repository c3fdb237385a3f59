"""The table of jobs names functions that exist."""

import pytest

from atiende.subscriptions import PERIODIC, SUBSCRIPTIONS
from kernel.jobs import resolve


@pytest.mark.parametrize("path", sorted({job for jobs in SUBSCRIPTIONS.values() for job in jobs} | set(PERIODIC)))
def test_every_subscribed_job_exists(path: str) -> None:
    assert callable(resolve(path))
