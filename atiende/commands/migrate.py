"""`atiende migrate`."""

import os

from atiende import bootstrap
from atiende.migrate import migrate
from kernel.settings import load_storage_settings


def run() -> None:
    """Raises MisconfiguredError when no database is named."""
    migrate(bootstrap.configure_storage(load_storage_settings(os.environ)))
