"""`atiende whatif`: a draft of boundaries or rules tried on the requests of a period, as files."""

import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from atiende.commands import place
from atiende.commands.progress import Progress
from intake.catalog import queries as catalog
from intake.whatif import drafting
from intake.whatif.files import NAMES
from intake.whatif.history import Period
from intake.whatif.reading import Reading
from intake.whatif.replay import Draft, compare, live_side, replay, subject
from kernel import clock, db
from kernel.errors import InvalidInput
from kernel.i18n import LANGUAGES, translate
from routing.whatif.sides import Side

_SHOWN = 5


def run(
    layers: Sequence[str],
    rules: Path | None,
    *,
    first: str | None,
    last: str | None,
    out: Path | None,
    jurisdiction: str | None,
    code_field: str | None,
    name_field: str | None,
    language: str | None,
) -> None:
    """Writes the files and prints what they say in short.

    Raises InvalidInput for what cannot be tried (no draft, an unusable file, an unknown layer or agency, a period without
    requests, a folder that cannot be written), NotFound for a missing file or city.
    """
    language = language or ("en" if os.environ.get("LANG", "").startswith("en") else "es")
    if language not in LANGUAGES:
        raise InvalidInput("No hablamos «{wanted}»: es o en.", field="lang", wanted=language)
    if not layers and rules is None:
        raise InvalidInput("Di qué se prueba: --layer CAPA=ARCHIVO, --rules ARCHIVO, o los dos.")
    if out is None:
        raise InvalidInput("Di a qué carpeta van los resultados: --out CARPETA.", field="out")
    if out.exists() and not out.is_dir():
        raise InvalidInput("{path} no es una carpeta.", field="out", path=out)
    place.connect()
    now = clock.now()
    progress = Progress()
    with db.transaction() as session:
        city = place.choose_city(session, jurisdiction, None, now.date())
        today = catalog.today(session, city.id, now)
        period = Period.parse(first, last, today)
        live = live_side(session, city.id, today)
        read = {}
        for spec in layers:
            key, file = drafting.split_spec(spec, live.layers)
            if key not in live.layers:
                raise InvalidInput(
                    "No existe la capa «{layer}». Están: {layers}.", layer=key, layers=", ".join(live.layers)
                )
            if key in read:
                raise InvalidInput("La capa «{layer}» viene dos veces.", field="layer", layer=key)
            read[key] = drafting.read_layer(live, key, file, code_field=code_field, name_field=name_field)
        draft = Draft(read, drafting.read_rules_file(rules) if rules is not None else None)
        asked = compare(live, draft, today)
        files = [*(Path(spec.rpartition("=")[2]).name for spec in layers), *([rules.name] if rules else [])]
        title = _title(live, read, files, rules is not None, language)
        about = subject(session, city.id, title, period, now)
        found = replay(session, asked, about, out, language=language, progress=progress)
    progress.end()
    _tell(found, out, language)


def _title(live: Side, keys: Iterable[str], files: Iterable[str], has_rules: bool, language: str) -> str:
    """What is tried, as people call it, and the files that say it."""
    names = ", ".join(live.layers[key].name.get(language) or live.layers[key].name.get("es") or key for key in keys)
    if not names:
        words = translate(language, "Otras reglas")
    elif has_rules:
        words = translate(language, "Otras reglas y otros límites: {layers}", layers=names)
    else:
        words = translate(language, "Otros límites: {layers}", layers=names)
    return f"{words} ({', '.join(files)})"


def _tell(found: dict[str, Any], out: Path, language: str) -> None:
    totals, reading = found["totals"], Reading(found, language)
    lines = [
        translate(
            language,
            "{n} solicitudes: cambian {changed}, de ellas {open_changed} abiertas. Perderían su dependencia {lost},"
            " en dos zonas {overlaps}, cerca de un límite {border}.",
            n=f"{totals['requests']:,}",
            changed=f"{totals['changed']:,}",
            open_changed=f"{totals['open_changed']:,}",
            lost=f"{totals['lost']:,}",
            overlaps=f"{totals['in_overlaps']:,}",
            border=f"{totals['near_border']:,}",
        )
    ]
    moves = found["moves"]
    lines += [
        f"  {move['requests']:>9,}  {reading.agency(move['before'])} → {reading.agency(move['after'])}"
        for move in moves[:_SHOWN]
    ]
    if len(moves) > _SHOWN:
        lines.append(translate(language, "  y {n} pares más", n=len(moves) - _SHOWN))
    lines += [
        translate(
            language,
            "La regla {rule} nombra zonas que su capa no tiene: {areas}.",
            rule=missing["rule"],
            areas=", ".join(missing["areas"]),
        )
        for missing in found["unknown_areas"]
    ]
    lines.append(f"{out}: {', '.join(NAMES)}")
    sys.stdout.write("\n".join(lines) + "\n")
