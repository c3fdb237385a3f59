"""`atiende worker` and the processes that it is made of: what each does until it is told to stop.

Each raises MisconfiguredError for missing or wrong settings.
"""

import os
from collections.abc import Callable

from atiende import keeper
from kernel import log
from kernel.settings import Settings, load_settings


def prepare() -> Callable[[], None]:
    return keeper.prepare_worker(_settings())


def prepare_part(name: str) -> Callable[[], None]:
    """name: `jobs`, `relay` or `dispatcher`."""
    from atiende import worker  # much to load, which whoever keeps these does without

    prepare: Callable[[Settings], Callable[[], None]] = getattr(worker, f"prepare_{name}")
    return prepare(_settings())


def _settings() -> Settings:
    settings = load_settings(os.environ)
    log.configure(settings.log_format)
    return settings
