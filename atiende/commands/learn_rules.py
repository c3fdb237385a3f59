"""`atiende rules learn`: a proposed rule set from the history of any register, and how good it is on rows held back."""

import hashlib
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from georef import shapes
from georef.boundaries import Area, BoundaryIndex
from georef.readers import read_areas
from intake.history.mapping import read_map
from intake.history.past_cases import PastCases, read_cases
from kernel.errors import InvalidInput
from routing.learning import Learned, PastCase, learn
from routing.places import Layer
from routing.proposals import agreement, as_toml

_ALWAYS = date(1900, 1, 1)
_PARTS = 1000
_SHOWN = 5


def run(
    file: Path, map_file: Path, out: Path, *, layers: Sequence[str], answers: Sequence[str], hold_back: float
) -> None:
    """Writes the proposal and prints what it stands on. Raises NotFound and InvalidInput for files that cannot be used."""
    mapped = read_map(map_file)
    found = read_cases(file, mapped, dict(_layer(text) for text in layers), answers)
    known, held_back = _parted(found, hold_back)
    if not known:
        raise InvalidInput("No queda ningún caso para aprender: baja --hold-back.")
    learned = learn(known)
    try:
        out.write_text(as_toml(learned), encoding="utf-8")
    except OSError as error:
        raise InvalidInput("No se pudo escribir {path}: {reason}.", path=out, reason=error.strerror) from error
    sys.stdout.write("\n".join(_lines(found, known, held_back, learned, out, mapped.dates.zone)) + "\n")


def _layer(text: str) -> tuple[str, Layer]:
    """`district=wards.geojson:WARD` as a layer whose areas have the codes of that field."""
    key, _, rest = text.partition("=")
    path, _, field = rest.rpartition(":")
    if not key or not path or not field:
        raise InvalidInput("«{layer}» no es una capa: escribe clave=archivo:campo.", field="layer", layer=text)
    areas = [
        Area(code, name, shapes.clean(geometry, code=code).geometry, _ALWAYS)
        for code, name, geometry in read_areas(path, code_field=field, name_field=field)
        if code.strip()
    ]
    return key, Layer(key, {"es": key, "en": key}, BoundaryIndex(key, areas))


def _parted(found: PastCases, hold_back: float) -> tuple[list[PastCase], list[PastCase]]:
    """(to learn from, held back): by a hash of the row's number, so that the same rows are held back every time."""
    parts: tuple[list[PastCase], list[PastCase]] = ([], [])
    for number, case in zip(found.numbers, found.cases, strict=True):
        part = int.from_bytes(hashlib.sha256(number.encode()).digest()[:8], "big") % _PARTS
        parts[part >= _PARTS * (1 - hold_back)].append(case)
    return parts


def _lines(
    found: PastCases,
    known: Sequence[PastCase],
    held_back: Sequence[PastCase],
    learned: Learned,
    out: Path,
    zone: str | None,
) -> list[str]:
    days = [case.on for case in found.cases]
    services = len({one.rule.service_code for one in learned.rules})
    lines = [
        f"{len(found.cases):,} casos del {min(days)} al {max(days)} ({zone or 'UTC'}); {found.left_out:,} filas sin dependencia,"
        f" servicio o fecha; aprendidos {len(known):,}",
        f"{len(learned.rules)} reglas para {services} servicios, en {out}; {len(learned.undecided)} servicios sin regla",
    ]
    if held_back:
        kept = agreement(learned, held_back)
        ruled = f"{kept.ruled_right / kept.ruled:.2%}" if kept.ruled else "-"
        lines.append(
            f"de {kept.cases:,} casos apartados acierta {kept.right / kept.cases:.2%};"
            f" con regla {kept.ruled / kept.cases:.1%}, y de esos acierta {ruled}"
        )
    doubtful = sorted(
        (one for one in learned.rules if one.agreeing < one.cases),
        key=lambda one: (one.agreeing / one.cases, one.rule.code),
    )
    lines += [
        f"  revisa {one.rule.code}: {one.rule.agency_code} en {one.agreeing} de {one.cases}"
        for one in doubtful[:_SHOWN]
    ]
    return lines
