"""`atiende migrate`."""

import os

from atiende import database
from atiende.migrate import migrate
from kernel.settings import load_storage_settings


def run() -> None:
    """Past a pooler if its by-pass is named. Raises MisconfiguredError when no database is."""
    settings = load_storage_settings(os.environ)
    direct = {"database_url": settings.database_direct_url or settings.database_url}
    migrate(database.configure_storage(settings.model_copy(update=direct)))
