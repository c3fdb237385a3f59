"""`atiende open311`: what one may ask of any GeoReport v2 server."""

import os
import shutil
import sys
from urllib.parse import urlsplit

import typer

from atiende.commands.output import write_json
from atiende.open311_check import table
from atiende.open311_check.asking import HttpAsker
from atiende.open311_check.grading import Report, grade
from atiende.open311_check.register import RULES, SECTIONS
from atiende.open311_check.visit import Options, Visit
from kernel.i18n import translate

USAGE_OR_UNREACHABLE = 2


def check(
    url: str,
    *,
    options: Options,
    timeout_s: float,
    rate: float,
    as_json: bool,
    only: list[str],
    language: str | None = None,
) -> None:
    """Prints the table, or one JSON object, and leaves with 0, 1 (a `must` failed) or 2 (usage, unreachable, our own defect)."""
    language = language or ("en" if os.environ.get("LANG", "").startswith("en") else "es")
    root = _root(url, language)
    unknown = [name for name in only if name not in SECTIONS]
    if unknown:
        _refuse(
            translate(
                language,
                "No conozco la sección {unknown}; hay: {known}.",
                unknown=", ".join(unknown),
                known=", ".join(SECTIONS),
            )
        )
    if (options.lat is None) != (options.long is None):
        _refuse(translate(language, "--lat y --long van juntas."))
    if timeout_s <= 0 or rate < 0:
        _refuse(translate(language, "--timeout debe ser más de cero y --rate cero o más."))
    visit = Visit(root, HttpAsker(timeout_s=timeout_s, rate=rate), options)
    if options.may_write:
        sys.stderr.write(translate(language, "Se mandarán reportes de prueba a {root}.", root=root) + "\n")
    report = grade(visit, [rule for rule in RULES if not only or rule.section in only])
    _write(report, language, as_json=as_json)
    raise typer.Exit(report.exit_code)


def _write(report: Report, language: str, *, as_json: bool) -> None:
    if as_json:
        write_json(table.as_json(report, language))
        return
    width = shutil.get_terminal_size((110, 24)).columns
    for line in table.lines(report, language, width):
        sys.stdout.write(line + "\n")


def _root(url: str, language: str) -> str:
    """The API's address: without a trailing slash, and without the name of a resource that was pasted along."""
    try:
        parts = urlsplit(url.strip())
        is_web = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_web = False
    if not is_web or parts.query or parts.fragment:
        _refuse(translate(language, "«{url}» no es la dirección de un servidor: http(s)://…/open311/v2.", url=url))
    root = url.strip().rstrip("/")
    for name in ("services", "requests", "discovery"):
        for suffix in ("json", "xml"):
            root = root.removesuffix(f"/{name}.{suffix}")
    return root


def _refuse(text: str) -> None:
    sys.stderr.write(text + "\n")
    raise typer.Exit(USAGE_OR_UNREACHABLE)
