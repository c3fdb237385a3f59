"""`atiende duplicates evaluate`: how good the likely duplicates of a city were, by what people said of them."""

import csv
import os
import sys

from atiende import database
from intake.catalog import queries as catalog
from intake.service_requests.duplicates.measuring import by_threshold, decided_pairs
from kernel import db
from kernel.settings import load_storage_settings

_COLUMNS = ("threshold", "shown", "same", "precision", "recall")


def evaluate(*, jurisdiction: str | None, as_csv: bool) -> None:
    """Prints a table, or CSV. Raises NotFound for an unknown city."""
    database.configure_storage(load_storage_settings(os.environ))
    with db.transaction() as session:
        city = catalog.jurisdiction(session, jurisdiction) if jurisdiction else catalog.default_jurisdiction(session)
        pairs = decided_pairs(session, city.id)
    rows = [
        (f"{line.threshold:.2f}", str(line.shown), str(line.same), _share(line.precision), _share(line.recall))
        for line in by_threshold(pairs)
    ]
    if as_csv:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(_COLUMNS)
        writer.writerows(rows)
        return
    by = {who: sum(pair.by == who for pair in pairs) for who in ("resident", "staff")}
    sys.stdout.write(f"{city.id}: {len(pairs)} pairs decided, {by['resident']} by residents, {by['staff']} by staff\n")
    for row in (_COLUMNS, *rows):
        sys.stdout.write("".join(f"{cell:>11}" for cell in row) + "\n")


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
