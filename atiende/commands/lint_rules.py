"""`atiende rules lint`: what is wrong or doubtful about rules, before anybody is routed by them."""

import os
import sys
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path

from sqlmodel import Session

from atiende import database
from atiende.commands.rules import cities
from intake.city_folder import rule_text
from intake.city_folder.linting import lint_folder, subjects_of
from intake.city_folder.read import read_folder
from intake.city_folder.rules import FILE, name_areas
from intake.whatif.drafting import text_of
from kernel import clock, db
from kernel.errors import InvalidInput, NotFound
from kernel.settings import load_storage_settings
from routing import queries, rule_sets
from routing.linting import Finding
from routing.stored_linting import lint_rules
from routing.stored_rules import said

_LEVELS = {"error": "ERROR", "warning": "aviso"}


def run(jurisdiction: str | None, file: Path | None) -> None:
    """Prints a line for each finding. Raises NotFound, and InvalidInput when one of them is an error.

    Without a file the sets in force and planned; a file beside what its city has stored, or beside its own city folder.
    """
    if file is not None and not file.is_file():
        raise NotFound("No existe el archivo {path}.", path=file)
    if file is not None and jurisdiction is None:
        errors = _of_a_folder(file)
    else:
        _connect()
        with db.transaction() as session:
            if file is not None:
                [city] = cities(session, jurisdiction)
                errors = _of_a_file(session, city, file)
            else:
                errors = sum(_of_a_city(session, city) for city in cities(session, jurisdiction))
    if errors:
        raise InvalidInput("Errores en las reglas: {count}.", count=errors)


def _connect() -> None:
    database.configure_storage(load_storage_settings(os.environ))


def _of_a_city(session: Session, city: str) -> int:
    errors = 0
    subjects = subjects_of(session, city)
    for known in queries.sets_from(session, city, clock.now()):
        start = "" if known.valid_from == date.min else f", desde {known.valid_from}"
        title = f"{city}, versión {known.version}{start}"
        try:
            rules = rule_sets.rules_of(known.content)
        except (KeyError, TypeError, ValueError, InvalidInput) as error:
            sys.stdout.write(f"{title}: no se puede leer: {said(error)}\n")
            errors += 1
        else:
            errors += _print(title, len(rules), lint_rules(session, city, rules, subjects))
    return errors


def _of_a_file(session: Session, city: str, file: Path) -> int:
    rules, mistakes = rule_text.read(text_of(file))
    if mistakes:
        return _print_lines(str(file), [(f"línea {mistake.line}", mistake.public_text("es")) for mistake in mistakes])
    layers = queries.city(session, city).layers
    areas = {
        key: [(area.code, area.name, area.geometry) for area in layer.index.areas] for key, layer in layers.items()
    }
    found = lint_rules(session, city, name_areas(rules, areas), subjects_of(session, city), layers)
    return _print(str(file), len(rules), found)


def _of_a_folder(file: Path) -> int:
    if file.name != FILE or not (file.parent / "city.toml").is_file():
        raise InvalidInput(
            "Di de qué ciudad son las reglas (--jurisdiction), o nombra el {file} de una carpeta de ciudad.", file=FILE
        )
    folder, problems = read_folder(file.parent)
    if folder is None:
        wrong = [problem for problem in problems if problem.level == "error"]
        return _print_lines(str(file), [(f"{one.file} {one.where}".strip(), one.public_text("es")) for one in wrong])
    return _print(str(file), len(folder.rules), lint_folder(folder))


def _print(title: str, count: int, findings: Sequence[Finding]) -> int:
    """How many of them are errors."""
    errors = sum(finding.level == "error" for finding in findings)
    sys.stdout.write(f"{title}: {count} reglas, {errors} errores, {len(findings) - errors} avisos\n")
    _write((_LEVELS[one.level], ", ".join(one.rules[:1]), one.public_text("es")) for one in findings)
    return errors


def _print_lines(title: str, lines: Sequence[tuple[str, str]]) -> int:
    sys.stdout.write(f"{title}: {len(lines)} errores\n")
    _write(("ERROR", where, text) for where, text in lines)
    return len(lines)


def _write(rows: Iterable[tuple[str, str, str]]) -> None:
    told = list(rows)
    width = min(40, max((len(where) for _, where, _ in told), default=0))
    sys.stdout.writelines(f"  {level:<5}  {where:<{width}}  {text}\n" for level, where, text in told)
