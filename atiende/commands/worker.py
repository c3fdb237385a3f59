"""`atiende worker`, and the `relay` and `dispatcher` processes it starts."""

import os

from atiende.worker import run_dispatcher, run_relay, run_worker
from kernel import log
from kernel.processes import wait_at_gate
from kernel.settings import load_settings


def run() -> None:
    """Raises MisconfiguredError for missing or wrong settings."""
    wait_at_gate()
    settings = load_settings(os.environ)
    log.configure(settings.log_format)
    run_worker(settings)


def relay() -> None:
    """As `run`, for the child."""
    settings = load_settings(os.environ)
    log.configure(settings.log_format)
    run_relay(settings)


def dispatcher() -> None:
    """As `run`, for the waiting line."""
    settings = load_settings(os.environ)
    log.configure(settings.log_format)
    run_dispatcher(settings)
