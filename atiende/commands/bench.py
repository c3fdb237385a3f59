"""`atiende bench seed`."""

import os
import sys
import time
from datetime import date, datetime
from zoneinfo import ZoneInfo

from atiende import database
from atiende.bench import seed as seeding
from atiende.commands.progress import Progress
from intake.catalog import queries as catalog
from kernel import clock, crypto, db
from kernel.errors import InvalidInput
from kernel.i18n import translate
from kernel.settings import load_settings


def seed(rows: int, *, jurisdiction: str | None, number: int, until: str | None, is_sure: bool) -> None:
    """Makes the history and says how long it took. Raises Conflict for a city that is not marked as fictional."""
    language = "en" if os.environ.get("LANG", "").startswith("en") else "es"
    settings = load_settings(os.environ)
    crypto.configure(settings.secrets.vault())
    database.configure_storage(settings)
    started = time.monotonic()
    progress = Progress()
    city, made = seeding.seed(
        jurisdiction, rows, number=number, until=_end(jurisdiction, until), is_sure=is_sure, progress=progress
    )
    progress.end()
    seconds = time.monotonic() - started
    text = translate(
        language,
        "{city}: {made} reportes inventados en {seconds:.0f} s, {rate:,.0f} por segundo.",
        city=city,
        made=made,
        seconds=seconds,
        rate=made / seconds,
    )
    sys.stdout.write(f"{text}\n")


def _end(jurisdiction: str | None, until: str | None) -> datetime:
    """The last minute of a day, or the last whole hour."""
    if until is None:
        return clock.now().replace(minute=0, second=0, microsecond=0)
    with db.transaction() as session:
        city = catalog.jurisdiction(session, jurisdiction) if jurisdiction else catalog.default_jurisdiction(session)
    try:
        day = date.fromisoformat(until)
    except ValueError:
        raise InvalidInput("«{day}» no es un día como 2026-11-21.", field="until", day=until) from None
    return datetime(day.year, day.month, day.day, 23, 59, tzinfo=ZoneInfo(city.timezone))
