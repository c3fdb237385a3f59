"""`atiende worker`, and the `relay` and `dispatcher` processes it starts: what each does until it is told to stop."""

import os
from collections.abc import Callable

from atiende import worker
from kernel import log
from kernel.processes import wait_at_gate
from kernel.settings import Settings, load_settings


def prepare() -> Callable[[], None]:
    """Raises MisconfiguredError for missing or wrong settings."""
    wait_at_gate()
    return worker.prepare_worker(_settings())


def prepare_relay() -> Callable[[], None]:
    """As `prepare`, for the child."""
    return worker.prepare_relay(_settings())


def prepare_dispatcher() -> Callable[[], None]:
    """As `prepare`, for the waiting line."""
    return worker.prepare_dispatcher(_settings())


def _settings() -> Settings:
    settings = load_settings(os.environ)
    log.configure(settings.log_format)
    return settings
