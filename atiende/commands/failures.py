"""What a command says when the installation it was pointed at cannot serve it: one line, not the driver's traceback."""

import os

from psycopg.errors import UndefinedColumn, UndefinedTable
from sqlalchemy.exc import DBAPIError, OperationalError

from kernel.errors import AtiendeError, MisconfiguredError, Unavailable


def explained(error: Exception) -> AtiendeError | None:
    """The line for whoever runs the program; None for what is a mistake of ours and needs its traceback."""
    if isinstance(error, DBAPIError) and isinstance(error.orig, UndefinedTable | UndefinedColumn):
        return MisconfiguredError(
            "La base de datos de {where} no está al día: corre «atiende migrate». Si esperabas datos, revisa el nombre.",
            where=_named(),
        )
    if isinstance(error, OperationalError):
        first = (str(error.orig).strip().splitlines() or [type(error.orig).__name__])[0]
        return Unavailable("No se pudo usar la base de datos de {where}: {reason}", where=_named(), reason=first)
    return None


def _named() -> str:
    """The setting that chose the database. Never its value when that may hold a password."""
    return "DATABASE_URL" if os.environ.get("DATABASE_URL") else f"ATIENDE_DATA={os.environ.get('ATIENDE_DATA', '')}"
