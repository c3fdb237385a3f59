"""Importing a layer of areas or lines: each import states the whole layer from a day on, until the next import."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime

import shapely
from shapely.geometry.base import BaseGeometry
from sqlmodel import Session, col, select

from georef import shapes
from kernel.errors import InvalidInput
from routing.models import BoundaryArea, BoundaryLayer
from routing.values import LayerKind, LayerReport


def import_layer(
    session: Session,
    *,
    jurisdiction_id: str,
    key: str,
    name: Mapping[str, str] | str,
    areas: Iterable[tuple[str, str, BaseGeometry]],
    valid_from: date,
    now: datetime,
) -> LayerReport:
    """Puts (code, name, polygons in EPSG:4326 lon-lat, or else only lines) in force from `valid_from` on.

    Areas that changed or are not in the new set end that day; answers about earlier days stay as they were. The same content
    again changes nothing. A code given twice is one area in several pieces. Raises InvalidInput for an empty set, an empty code,
    a geometry that is no polygon even after repair, and for lines where the layer has areas or the other way round.
    """
    areas = list(areas)
    kind = kind_of(areas)
    refuse_other_kind(session, jurisdiction_id, key, kind)
    wanted, repaired, merged = read_areas(areas)
    layer = session.exec(
        select(BoundaryLayer)
        .where(BoundaryLayer.jurisdiction_id == jurisdiction_id, BoundaryLayer.key == key)
        .with_for_update()
    ).first()
    names = {"es": name, "en": name} if isinstance(name, str) else dict(name)
    is_new = layer is None
    if layer is None:
        layer = BoundaryLayer(jurisdiction_id=jurisdiction_id, key=key, name=names, kind=kind, imported_at=now)
        session.add(layer)
        session.flush()
    rows = session.exec(select(BoundaryArea).where(BoundaryArea.layer_id == layer.id)).all()
    counts = _write(session, layer, rows, wanted, valid_from)
    session.flush()
    digest = _digest(session, layer)
    if digest != layer.digest or layer.name != names:
        layer.version += 0 if is_new else 1
        layer.digest, layer.name, layer.imported_at = digest, names, now
        session.add(layer)
        session.flush()
    return LayerReport(key, layer.version, *counts, valid_from, repaired=repaired, merged=merged)


def take_back(session: Session, *, jurisdiction_id: str, key: str, day: date, now: datetime) -> None:
    """Undoes what was imported for a day that is yet to come: what began on it goes, what ended on it goes on.

    A layer of which nothing is left is gone.
    """
    layer = session.exec(
        select(BoundaryLayer)
        .where(BoundaryLayer.jurisdiction_id == jurisdiction_id, BoundaryLayer.key == key)
        .with_for_update()
    ).first()
    if layer is None:
        return
    rows = session.exec(select(BoundaryArea).where(BoundaryArea.layer_id == layer.id)).all()
    begun = {row.code: row for row in rows if row.valid_from == day}
    next_import = min((row.valid_from for row in rows if row.valid_from > day), default=None)
    for row in rows:
        if row.valid_to == day:
            row.valid_to = begun[row.code].valid_to if row.code in begun else next_import
            session.add(row)
    for row in begun.values():
        session.delete(row)
    session.flush()
    if len(begun) == len(rows):
        session.delete(layer)
    else:
        layer.version, layer.digest, layer.imported_at = layer.version + 1, _digest(session, layer), now
        session.add(layer)
    session.flush()


def refuse_other_kind(session: Session, jurisdiction_id: str, key: str, kind: LayerKind) -> None:
    """Raises InvalidInput for lines where the layer has areas, or the other way round."""
    known = session.exec(
        select(BoundaryLayer.kind).where(BoundaryLayer.jurisdiction_id == jurisdiction_id, BoundaryLayer.key == key)
    ).one_or_none()
    if known not in (None, kind):
        if kind == "line":
            raise InvalidInput("La capa {layer} tiene zonas y el archivo trae líneas: usa otra clave.", layer=key)
        raise InvalidInput("La capa {layer} tiene líneas y el archivo no: usa otra clave.", layer=key)


def kind_of(areas: Sequence[tuple[str, str, BaseGeometry]]) -> LayerKind:
    """A layer is of lines when it holds nothing else."""
    return "line" if areas and all(shapes.is_line(geometry) for _, _, geometry in areas) else "area"


def read_areas(
    areas: Iterable[tuple[str, str, BaseGeometry]],
) -> tuple[dict[str, tuple[str, bytes]], tuple[str, ...], tuple[str, ...]]:
    """(name, WKB) by code, the codes that were repaired and those given more than once. Raises InvalidInput."""
    areas = list(areas)
    names, pieces = shapes.by_code(areas, are_lines=kind_of(areas) == "line")
    whole = {code: shapes.merge(parts) for code, parts in pieces.items()}
    wanted = {code: (names[code], shapely.to_wkb(shape.geometry)) for code, shape in whole.items()}
    repaired = tuple(code for code, shape in whole.items() if shape.was_repaired)
    return wanted, repaired, tuple(code for code, parts in pieces.items() if len(parts) > 1)


def _write(
    session: Session,
    layer: BoundaryLayer,
    rows: Iterable[BoundaryArea],
    wanted: Mapping[str, tuple[str, bytes]],
    valid_from: date,
) -> tuple[int, int, int, int]:
    rows = list(rows)
    in_force = {
        row.code: row
        for row in rows
        if row.valid_from <= valid_from and (row.valid_to is None or row.valid_to > valid_from)
    }
    # A later import already states the layer from its day on; this one speaks only until then.
    next_import = min((row.valid_from for row in rows if row.valid_from > valid_from), default=None)
    added = changed = closed = unchanged = 0
    for code, (name, geometry) in wanted.items():
        row = in_force.pop(code, None)
        if row is not None and row.name == name and _same(row.geometry, geometry):
            unchanged += 1
            continue
        if row is None:
            added += 1
            valid_to = next_import
        else:
            changed += 1
            valid_to = row.valid_to
            _end(session, row, valid_from)
        session.add(
            BoundaryArea(
                layer_id=layer.id, code=code, name=name, geometry=geometry, valid_from=valid_from, valid_to=valid_to
            )
        )
    for row in in_force.values():
        closed += 1
        _end(session, row, valid_from)
    return added, changed, closed, unchanged


def _end(session: Session, row: BoundaryArea, day: date) -> None:
    if row.valid_from == day:
        session.delete(row)  # the same day's import, corrected: it was never true
    else:
        row.valid_to = day
        session.add(row)


def _same(known: bytes, wanted: bytes) -> bool:
    return known == wanted or shapely.to_wkb(shapely.normalize(shapely.from_wkb(known))) == wanted


def _digest(session: Session, layer: BoundaryLayer) -> str:
    digest = hashlib.sha256()
    query = (
        select(BoundaryArea)
        .where(BoundaryArea.layer_id == layer.id)
        .order_by(col(BoundaryArea.code), col(BoundaryArea.valid_from))
    )
    for row in session.exec(query):
        digest.update(f"{row.code}\0{row.name}\0{row.valid_from}\0{row.valid_to}\0{len(row.geometry)}\0".encode())
        digest.update(row.geometry)
    return digest.hexdigest()
