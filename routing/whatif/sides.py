"""One side of a comparison: rules and boundaries taken as if they had been in force on every day of the period."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from shapely.geometry.base import BaseGeometry

from georef import shapes
from georef.boundaries import Area, BoundaryIndex
from kernel.errors import InvalidInput
from routing.decide import OUTLINE, RuleBook
from routing.places import Layer, refuse_elsewhere
from routing.values import EVERY_AREA, Rule

NamedArea = tuple[str, str, BaseGeometry]


@dataclass(frozen=True)
class Side:
    """A rule book and layers whose rules and areas have no end and no beginning: the day of a request does not matter."""

    book: RuleBook
    layers: Mapping[str, Layer]

    @property
    def asked_layers(self) -> tuple[str, ...]:
        """Keys of the layers that rules ask about, the outline apart."""
        named = {rule.layer_key for rule in self.book.rules if rule.layer_key is not None}
        return tuple(key for key in self.layers if key in named and key != OUTLINE)


def as_of(book: RuleBook, layers: Mapping[str, Layer], on: date) -> Side:
    """What is in force on the local day `on`, made to hold for every day.

    A rule about hours still looks at the clock of each request; only days of validity are taken out.
    """
    rules = tuple(replace(rule, valid_from=date.min, valid_to=None) for rule in book.rules if rule.in_force(on))
    return Side(
        _book(book, rules),
        {
            key: _always(layer, [area for area in layer.index.areas if area.in_force(on)])
            for key, layer in layers.items()
        },
    )


def drafted(
    live: Side,
    *,
    rules: Sequence[Rule] | None = None,
    on: date | None = None,
    layers: Mapping[str, Iterable[NamedArea]],
) -> Side:
    """`live` with other rules (those of `rules` in force `on`, the others left out) or whole layers in place of its own.

    Raises InvalidInput for a rule that names an agency or a layer that is not there, for a layer that is not there, without
    areas, or with one that is no polygon even after repair (no line in a layer of lines).
    """
    changed = {key: drafted_layer(live, key, areas) for key, areas in layers.items()}
    held = {**live.layers, **changed}
    if rules is None:
        return Side(live.book, held)
    for rule in rules:
        if rule.layer_key is not None and rule.layer_key not in held:
            raise InvalidInput(
                "La regla {code} nombra una capa que no existe: {layer}.", code=rule.code, layer=rule.layer_key
            )
    kept = tuple(replace(rule, valid_from=date.min, valid_to=None) for rule in rules if on is None or rule.in_force(on))
    return Side(_book(live.book, kept), held)


def drafted_layer(live: Side, key: str, areas: Iterable[NamedArea]) -> Layer:
    """A layer of `live` with other areas. Raises InvalidInput when there is no such layer, or for what is no boundary."""
    known = live.layers.get(key)
    if known is None:
        raise InvalidInput(
            "No existe la capa «{layer}». Están: {layers}.", field="layer", layer=key, layers=", ".join(live.layers)
        )
    names, pieces = shapes.by_code(areas, are_lines=known.kind == "line")
    refuse_elsewhere(live.layers.get(OUTLINE), key, [shape.geometry for parts in pieces.values() for shape in parts])
    return _always(
        known,
        [Area(code, names[code], shapes.merge(parts).geometry, date.min) for code, parts in pieces.items()],
    )


def unknown_areas(side: Side) -> dict[str, tuple[str, ...]]:
    """Rule code -> areas that it names and its layer does not have: the rule cannot apply there."""
    missing: dict[str, tuple[str, ...]] = {}
    for rule in side.book.rules:
        if rule.layer_key in side.layers and rule.layer_key is not None:
            known = {area.code for area in side.layers[rule.layer_key].index.areas} | {EVERY_AREA}
            lacking = sorted((rule.area_codes or frozenset()) - known)
            if lacking:
                missing[rule.code] = tuple(lacking)
    return missing


def _always(layer: Layer, areas: Sequence[Area]) -> Layer:
    held = [replace(area, valid_from=date.min, valid_to=None) for area in areas]
    return replace(layer, index=BoundaryIndex(layer.key, held, layer.kind))


def _book(book: RuleBook, rules: tuple[Rule, ...]) -> RuleBook:
    return RuleBook(
        jurisdiction_id=book.jurisdiction_id,
        version=book.version,
        default_agency_code=book.default_agency_code,
        agencies=book.agencies,
        calendars=book.calendars,
        rules=rules,
    )
