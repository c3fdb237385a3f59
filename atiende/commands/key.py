"""`atiende key`: keys of the Open311 API."""

import os
import sys

from atiende import bootstrap
from atiende.commands.staff import check_agency
from intake.catalog import keys
from intake.catalog import queries as catalog
from kernel import clock, db
from kernel.errors import Conflict, InvalidInput, NotFound
from kernel.settings import load_storage_settings


def add(*, label: str, jurisdiction: str, agency: str | None) -> None:
    """Makes a key and prints it, the only line on standard output, this once.

    Raises InvalidInput for a blank label or an agency the city does not have, NotFound for the city, Conflict for a label in use.
    """
    if not label.strip():
        raise InvalidInput("Falta la etiqueta: di de quién es la llave.")
    bootstrap.configure_storage(load_storage_settings(os.environ))
    with db.transaction() as session:
        catalog.jurisdiction(session, jurisdiction)
        check_agency(session, jurisdiction, agency)
        if keys.listed(session, named=label.strip(), is_enabled=True):
            raise Conflict("Ya hay una llave «{label}»: apágala primero o usa otra etiqueta.", label=label.strip())
        made = keys.create(session, jurisdiction, label.strip(), agency_code=agency, now=clock.now())
    sys.stdout.write(made + "\n")


def disable(name: str) -> None:
    """Ends the key with this label or id at once. Raises NotFound, or Conflict when several have the label."""
    bootstrap.configure_storage(load_storage_settings(os.environ))
    with db.transaction() as session:
        found = keys.listed(session, named=name, is_enabled=True)
        if not found:
            raise NotFound("No hay ninguna llave en uso «{name}».", name=name)
        if len(found) > 1:
            ids = ", ".join(str(key.id) for key in found)
            raise Conflict("Varias llaves se llaman «{name}»; di cuál por su id: {ids}.", name=name, ids=ids)
        keys.disable(session, found[0].id, now=clock.now())


def list_() -> None:
    """Prints a line per key, tab-separated: id, city, label, agency or -, day made, and the day it was disabled or -."""
    bootstrap.configure_storage(load_storage_settings(os.environ))
    with db.transaction() as session:
        for key in keys.listed(session):
            ended = "-" if key.disabled_at is None else f"{key.disabled_at:%Y-%m-%d}"
            cells = (
                str(key.id),
                key.jurisdiction_id,
                key.label,
                key.agency_code or "-",
                f"{key.created_at:%Y-%m-%d}",
                ended,
            )
            sys.stdout.write("\t".join(cells) + "\n")
