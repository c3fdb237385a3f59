"""Bulk routing of a CSV file: input columns are kept, the answer follows, a bad row says why and the others go on."""

import csv
import os
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlmodel import Session

from atiende.commands.place import read_point, read_time
from intake.catalog import queries as catalog
from intake.catalog.models import Jurisdiction
from kernel.errors import AtiendeError, InvalidInput, NotFound
from routing import deciding, queries
from routing.bulk import BulkAnswer, BulkRow
from routing.calendars import Promise

# Rows held in memory at once.
_CHUNK = 50_000
_NEEDED = ("lon", "lat", "service_code")


def route_file(session: Session, city: Jurisdiction, source: Path, target: Path, *, at: datetime) -> dict[str, int]:
    """Writes `target` and returns how many rows there were, and how many of each outcome and of errors.

    `at`: for rows without a time of their own. Columns added: outcome, agency, one per layer key with the area codes joined by
    "|", due (UTC), rule, error. A name the input already has gets `routed_` in front. The file appears whole or not at all.
    """
    known = queries.city(session, city.id)
    services = {
        definition.code: (definition.group_code, Promise.parse(definition.promise))
        for definition in catalog.services(session, city.id)
    }
    counts = {"rows": 0, "assigned": 0, "default": 0, "outside": 0, "errors": 0}
    partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
    try:
        with _open(source) as read_file, _create(partial, target) as write_file:
            reader = csv.reader(read_file)
            header = next(reader, None) or []
            missing = [name for name in _NEEDED if name not in header]
            if missing:
                raise InvalidInput("A {path} le faltan columnas: {missing}.", path=source, missing=", ".join(missing))
            added = ["outcome", "agency", *known.layers, "due", "rule", "error"]
            writer = csv.writer(write_file, lineterminator="\n")
            writer.writerow(header + [f"routed_{name}" if name in header else name for name in added])
            for chunk in _chunks(reader):
                parsed = [_parse(header, row, services, city.timezone, at) for row in chunk]
                good = [row for row in parsed if isinstance(row, BulkRow)]
                answers = iter(deciding.decide_many(known.rules, known.layers, good))
                for row, question in zip(chunk, parsed, strict=True):
                    kept = (row + [""] * len(header))[: len(header)]
                    counts["rows"] += 1
                    if isinstance(question, str):
                        counts["errors"] += 1
                        writer.writerow(kept + [""] * (len(added) - 1) + [question])
                        continue
                    answer = next(answers)
                    counts[answer.outcome] += 1
                    writer.writerow(kept + _columns(answer))
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
    return counts


def _open(source: Path) -> Any:
    if not source.is_file():
        raise NotFound("No existe el archivo {path}.", path=source)
    return source.open(newline="", encoding="utf-8-sig", errors="replace")


def _create(partial: Path, target: Path) -> Any:
    try:
        return partial.open("w", newline="", encoding="utf-8")
    except OSError as error:
        raise InvalidInput("No se pudo escribir {path}: {reason}.", path=target, reason=error.strerror) from error


def _chunks(reader: Iterator[list[str]]) -> Iterator[list[list[str]]]:
    chunk: list[list[str]] = []
    for row in reader:
        if not row:
            continue
        chunk.append(row)
        if len(chunk) >= _CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _parse(
    header: list[str], row: list[str], services: Mapping[str, tuple[str, Promise]], timezone: str, at: datetime
) -> BulkRow | str:
    """The question of a row, or what is wrong with it."""
    values = dict(zip(header, row, strict=False))
    code = values.get("service_code", "").strip()
    try:
        if code not in services:
            raise NotFound("No existe el servicio {code}.", code=code)
        try:
            lon, lat = float(values.get("lon", "")), float(values.get("lat", ""))
        except ValueError as error:
            raise InvalidInput("lon y lat deben ser números.") from error
        point = read_point(lon, lat)
        own = values.get("at", "").strip()
        when = read_time(own, timezone) if own else at
    except AtiendeError as error:
        return error.public_text()
    group, promise = services[code]
    return BulkRow(point.lon, point.lat, code, group, promise, when)


def _columns(answer: BulkAnswer) -> list[str]:
    due = answer.due_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if answer.due_at else ""
    areas = ["|".join(codes) for codes in answer.area_codes.values()]
    return [answer.outcome, answer.agency_code or "", *areas, due, answer.rule_code or "", ""]
