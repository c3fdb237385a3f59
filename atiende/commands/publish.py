"""`atiende publish`: public texts of rows that were written before, or masked by older rules."""

import os
import sys
from uuid import UUID

from atiende import database
from intake.service_requests.publishing import publish_texts
from kernel import clock, db
from kernel.errors import InvalidInput
from kernel.settings import load_storage_settings


def texts(*, after: str | None, batch: int, everything: bool) -> None:
    """Batch after batch until none is left; each line on standard error says where to go on with `--after`."""
    database.configure_storage(load_storage_settings(os.environ))
    last, total = _read(after), 0
    while True:
        with db.transaction() as session:
            done = publish_texts(session, after=last, limit=batch, everything=everything, now=clock.now())
        if done.last is None:
            break
        last, total = done.last, total + done.count
        sys.stderr.write(f"{total} {last}\n")
    sys.stdout.write(f"{total}\n")


def _read(after: str | None) -> UUID | None:
    try:
        return UUID(after) if after else None
    except ValueError:
        raise InvalidInput("--after debe ser el id de un reporte.") from None
