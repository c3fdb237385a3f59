"""`atiende key`: keys of the Open311 API."""

import os
import sys
from collections.abc import Sequence
from datetime import timedelta

from sqlmodel import Session

from atiende import database
from atiende.commands.staff import check_agency
from intake.catalog import keys
from intake.catalog import queries as catalog
from intake.catalog.models import ApiKey
from kernel import clock, db
from kernel.errors import Conflict, NotFound
from kernel.settings import load_storage_settings


def add(
    *,
    label: str,
    jurisdiction: str,
    agency: str | None,
    scopes: Sequence[str] = (),
    expires: str | None = None,
    writes_per_minute: int | None = None,
) -> None:
    """Makes a key and prints it, the only line on standard output, this once.

    scopes: none given is `submit`, and `update` with an agency. expires: the last day, YYYY-MM-DD. Raises InvalidInput for what
    does not hold together or an agency the city does not have, NotFound for the city, Conflict for a label in use.
    """
    database.configure_storage(load_storage_settings(os.environ))
    with db.transaction() as session:
        city = catalog.jurisdiction(session, jurisdiction)
        check_agency(session, jurisdiction, agency)
        given = tuple(scopes) or ((keys.SUBMIT,) if agency is None else (keys.SUBMIT, keys.UPDATE))
        expires_at = None if expires is None else keys.end_of(expires, city.timezone)
        grant = keys.Grant(label.strip(), given, agency, expires_at, writes_per_minute)
        secret = keys.new_secret()
        keys.add(session, jurisdiction, grant, secret, now=clock.now())
    sys.stdout.write(secret + "\n")


def rotate(name: str, *, overlap_days: int) -> None:
    """Gives the key with this label or id a new secret and prints it, this once; the one before works for the overlap.

    Raises NotFound, Conflict when several have the label or the key has ended, InvalidInput for an overlap that is too long.
    """
    database.configure_storage(load_storage_settings(os.environ))
    with db.transaction() as session:
        found = _the_one(session, name)
        secret = keys.new_secret()
        overlap = timedelta(days=overlap_days)
        keys.rotate(session, found.jurisdiction_id, found.id, secret, overlap=overlap, now=clock.now())
    sys.stdout.write(secret + "\n")


def disable(name: str) -> None:
    """Ends the key with this label or id at once. Raises NotFound, or Conflict when several have the label."""
    database.configure_storage(load_storage_settings(os.environ))
    with db.transaction() as session:
        keys.disable(session, _the_one(session, name).id, now=clock.now())


def _the_one(session: Session, name: str) -> ApiKey:
    found = keys.listed(session, named=name, is_enabled=True)
    if not found:
        raise NotFound("No hay ninguna llave en uso «{name}».", name=name)
    if len(found) > 1:
        ids = ", ".join(str(key.id) for key in found)
        raise Conflict("Varias llaves se llaman «{name}»; di cuál por su id: {ids}.", name=name, ids=ids)
    return found[0]


def list_() -> None:
    """Prints a line per key, tab-separated, `-` for what is not there: id, city, label, agency, day made, scopes, first letters,
    writes a minute, end of the previous secret, expiry, last use, and the day it was disabled.
    """
    database.configure_storage(load_storage_settings(os.environ))
    with db.transaction() as session:
        for key in keys.listed(session):
            limit = key.writes_per_minute
            days = (key.previous_ends_at, key.expires_at, key.last_used_at)
            cells = (
                str(key.id),
                key.jurisdiction_id,
                key.label,
                key.agency_code or "-",
                f"{key.created_at:%Y-%m-%d}",
                ",".join(keys.scopes_of(key)),
                keys.told_by(key),
                "-" if limit is None else str(limit),
                *("-" if at is None else f"{at:%Y-%m-%dT%H:%MZ}" for at in days),
                "-" if key.disabled_at is None else f"{key.disabled_at:%Y-%m-%d}",
            )
            sys.stdout.write("\t".join(cells) + "\n")
