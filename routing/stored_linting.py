"""What is wrong with rules beside the agencies and layers that a city has stored."""

from collections.abc import Mapping, Sequence
from datetime import date

from sqlmodel import Session

from routing import queries
from routing.linting import Finding, LayerFacts, Subjects, Surroundings, lint
from routing.places import Layer
from routing.values import Rule


def lint_rules(
    session: Session,
    jurisdiction_id: str,
    rules: Sequence[Rule],
    subjects: Subjects,
    layers: Mapping[str, Layer] | None = None,
) -> list[Finding]:
    """`rules` beside the agencies and layers that the city has now, or beside `layers` that it would have. Raises NotFound."""
    held = queries.city(session, jurisdiction_id).layers if layers is None else layers
    return lint(
        rules,
        Surroundings(
            agencies=frozenset(
                code for code, row in queries.agencies(session, jurisdiction_id).items() if row.is_active
            ),
            services=subjects.services,
            layers={key: LayerFacts(layer.kind, _periods_of(layer)) for key, layer in held.items()},
            attributes=subjects.attributes,
        ),
    )


def _periods_of(layer: Layer) -> dict[str, list[tuple[date, date]]]:
    found: dict[str, list[tuple[date, date]]] = {}
    for area in layer.index.areas:
        found.setdefault(area.code, []).append((area.valid_from, area.valid_to or date.max))
    return found
