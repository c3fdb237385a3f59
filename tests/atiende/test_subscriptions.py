"""The table of jobs names functions that exist."""

import pytest

from atiende.subscriptions import job_paths
from kernel.jobs import resolve


@pytest.mark.parametrize("path", sorted(job_paths()))
def test_every_subscribed_job_exists(path: str) -> None:
    assert callable(resolve(path))
