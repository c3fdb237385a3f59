"""`atiende worker`, and the `relay` process it starts."""

import os

from atiende.worker import run_relay, run_worker, stop_with_parent
from kernel import log
from kernel.settings import load_settings


def run() -> None:
    """Raises MisconfiguredError for missing or wrong settings."""
    settings = load_settings(os.environ)
    log.configure(settings.log_format)
    run_worker(settings)


def relay() -> None:
    """As `run`, for the child: ends when its standard input closes."""
    settings = load_settings(os.environ)
    log.configure(settings.log_format)
    stop_with_parent()
    run_relay(settings)
