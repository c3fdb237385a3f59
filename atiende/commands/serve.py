"""`atiende serve`: the web process."""

import os

import uvicorn

from atiende import bootstrap
from atiende.app import create_app
from kernel.settings import load_settings


def run(host: str | None, port: int | None) -> None:
    """Serves until it is told to stop. Raises MisconfiguredError for missing or wrong settings."""
    settings = load_settings(os.environ)
    bootstrap.configure(settings)
    uvicorn.run(
        create_app(settings),
        host=host or settings.web.host,
        port=settings.web.port if port is None else port,
        forwarded_allow_ips=settings.web.trusted_proxies,
        log_config=None,
        timeout_graceful_shutdown=5,
    )
