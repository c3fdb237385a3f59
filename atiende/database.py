"""The database of one process, from settings: all that those need who send nothing and keep no files."""

import atexit

from sqlalchemy import Engine

# Foreign keys cross folders: every table must be declared before the first row of any is written.
import atiende.schema  # noqa: F401
from kernel import db
from kernel.errors import MisconfiguredError
from kernel.settings import Settings, StorageSettings


def database_url(settings: Settings | StorageSettings) -> str:
    """`DATABASE_URL`, else the embedded server under the data folder: started if it is not running, and stopped when the last
    process that got its address here ends.
    """
    if settings.database_url:
        return settings.database_url
    if settings.data is None:
        raise MisconfiguredError("Di qué base de datos: DATABASE_URL=postgresql://… o ATIENDE_DATA=carpeta")
    from kernel.embedded.postgres import PostgresServer
    from kernel.embedded.shared import SharedUse

    use = SharedUse(settings.data)
    server = PostgresServer(settings.data)
    server.start()
    atexit.register(use.leave, server)
    return server.url


def configure_storage(settings: Settings | StorageSettings) -> Engine:
    """The engine of this process, named in `kernel.db`."""
    engine = _engine(database_url(settings), settings)
    standby = _engine(settings.database_read_url, settings) if settings.database_read_url else None
    db.configure(engine, standby)
    return engine


def _engine(url: str, settings: Settings | StorageSettings) -> Engine:
    pool = settings.database
    return db.make_engine(
        url,
        pool_size=pool.pool_size,
        pool_overflow=pool.pool_overflow,
        pool_timeout_s=pool.pool_timeout_s,
    )
