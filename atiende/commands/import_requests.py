"""`atiende import requests`."""

import csv
import os
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from atiende import database
from atiende.commands.progress import Progress
from intake.history.load import Options, Summary, import_requests
from intake.history.mapping import read_map
from intake.history.rows import Rejected, counted
from kernel import clock, crypto
from kernel.errors import InvalidInput
from kernel.i18n import translate
from kernel.settings import load_settings

_SHOWN = 5


def run(file: Path, map_file: Path, options: Options, rejects: Path | None) -> None:
    """Imports and prints what became of the rows. Raises InvalidInput when none of them could be used."""
    language = "en" if os.environ.get("LANG", "").startswith("en") else "es"
    mapped = read_map(map_file)
    settings = load_settings(os.environ)
    crypto.configure(settings.secrets.vault())
    database.configure_storage(settings)
    progress = Progress()
    if rejects is not None and rejects.exists() and file.exists() and rejects.samefile(file):
        raise InvalidInput("Las filas rechazadas necesitan un archivo propio.")
    with _account(rejects, language) as account:
        summary = import_requests(file, mapped, options, now=clock.now(), reject=account.reject, progress=progress)
    progress.end()
    sys.stdout.write("\n".join(_lines(summary, account, options, rejects, language)) + "\n")
    if summary.rows and summary.rejected == summary.rows:
        raise InvalidInput("Ninguna fila de {path} se pudo usar.", path=file.name)


@dataclass
class _Account:
    """Each row left out, in a file or, the first few, for the screen."""

    writer: Any
    language: str
    first: list[str] = field(default_factory=list)
    reasons: Counter[str] = field(default_factory=Counter)

    def reject(self, line: int, problem: Rejected) -> None:
        reason = problem.reason(self.language)
        self.reasons[f"{problem.column}: {reason}" if problem.column else reason] += 1
        if self.writer is not None:
            self.writer.writerow([line, problem.column, problem.shown, reason])
        elif len(self.first) < _SHOWN:
            self.first.append(f"  {line}: {problem.column} «{problem.shown}» {reason}")


@contextmanager
def _account(rejects: Path | None, language: str) -> Iterator[_Account]:
    if rejects is None:
        account = _Account(None, language)
        yield account
    else:
        # Whole or not at all: a run that cannot begin leaves the account of the one before.
        partial = rejects.with_name(f".{rejects.name}.{os.getpid()}.partial")
        try:
            # Cells of a register may say who lives where.
            with open(partial, "w", newline="", encoding="utf-8", opener=_private) as file:
                writer = csv.writer(file, lineterminator="\n")
                writer.writerow([translate(language, name) for name in ("línea", "columna", "valor", "motivo")])
                yield _Account(writer, language)
            partial.replace(rejects)
        finally:
            partial.unlink(missing_ok=True)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _lines(summary: Summary, account: _Account, options: Options, rejects: Path | None, language: str) -> Iterator[str]:
    counts = summary.counts
    rate = summary.rows / summary.seconds if summary.seconds else 0.0
    if options.dry_run:
        yield translate(language, "Ensayo: no se escribió nada.")
    yield translate(
        language,
        "{source} → {city}: {rows} filas; {inserted} nuevas, {updated} cambiadas, {known} ya estaban, {rejected} rechazadas."
        " {seconds:.1f} s, {rate:,.0f} por segundo.",
        source=summary.source,
        city=summary.jurisdiction_id,
        rows=summary.rows,
        inserted=counts.inserted,
        updated=counts.updated,
        known=counts.known,
        rejected=summary.rejected,
        seconds=summary.seconds,
        rate=rate,
    )
    if summary.rows and counts.inserted == counts.updated == 0 and counts.known:
        yield translate(language, "No hay nada nuevo: todo estaba ya.")
    if counts.stale:
        yield translate(
            language, "{count} cambiaron en el archivo y siguen como estaban: --update los cambia.", count=counts.stale
        )
    if summary.retired:
        yield translate(
            language,
            "{count} servicios que ya no se ofrecen, para los nombres del pasado: {codes}.",
            count=len(summary.retired),
            codes=", ".join(sorted(summary.retired)[:20]),
        )
    if summary.to_review:
        yield translate(
            language,
            "{count} solicitudes abiertas con nombres dudosos, las más nuevas, en la lista de revisión;"
            " de las demás vale el texto estricto.",
            count=summary.to_review,
        )
    for line in counted(summary.repairs, language):
        yield f"  {line}"
    for reason, count in account.reasons.most_common():
        yield f"  {count} × {reason}"
    yield from account.first
    if rejects is not None:
        yield translate(language, "Filas rechazadas: {path}", path=rejects)
