"""`atiende city check` and `atiende city import`."""

import os
import sys
from pathlib import Path

from atiende import database
from atiende.commands.layer import tell_rounds
from intake.city_folder.check import check_folder
from intake.city_folder.load import import_folder
from intake.city_folder.values import Problem
from intake.whatif import rounds
from kernel import clock, db
from kernel.errors import InvalidInput
from kernel.i18n import translate
from kernel.settings import load_storage_settings

_LEVELS = {
    "es": {"error": "ERROR", "warning": "aviso", "note": "nota"},
    "en": {"error": "ERROR", "warning": "warning", "note": "note"},
}


def check(folder: Path) -> None:
    """Prints a line for each problem. Raises InvalidInput when one of them is an error."""
    language = "en" if os.environ.get("LANG", "").startswith("en") else "es"
    report = check_folder(folder)
    for line in _table(report.problems, language):
        sys.stdout.write(line + "\n")
    for text, params in report.facts:
        sys.stdout.write(translate(language, text, **params) + "\n")
    errors = sum(problem.level == "error" for problem in report.problems)
    if errors:
        raise InvalidInput("{folder}: errores: {count}.", folder=folder, count=errors)


def _table(problems: list[Problem], language: str) -> list[str]:
    cells = [(_LEVELS[language][p.level], f"{p.file} {p.where}".strip(), p.public_text(language)) for p in problems]
    width = min(60, max((len(where) for _, where, _ in cells), default=0))
    return [f"{level:<6} {where:<{width}}  {text}" for level, where, text in cells]


def import_(folder: Path) -> None:
    """Writes the folder into the installation that the environment names. Raises InvalidInput when the folder has errors."""
    database.configure_storage(load_storage_settings(os.environ))
    with db.transaction() as session:
        now = clock.now()
        report = import_folder(session, folder, now=now)
        proposing = rounds.plan_layers(session, report.jurisdiction_id, report.layers, now=now)
    for layer in report.layers:
        sys.stdout.write(
            f"{layer.key}: +{layer.added} ~{layer.changed} -{layer.closed} ={layer.unchanged}, versión {layer.version}\n"
        )
    sys.stdout.write(
        f"{report.jurisdiction_id}: {report.agencies} dependencias, {report.services} servicios, {report.rules} reglas"
        f" (versión {report.rule_set_version}), {report.places} lugares"
        f", {report.tests} pruebas"
        f"{'' if report.catalog_changed else ', catálogo sin cambios'}\n"
    )
    if report.tests and report.untested_without:
        sys.stdout.write(f"pruebas sin correr, faltan capas: {', '.join(report.untested_without)}\n")
    tell_rounds(proposing)
