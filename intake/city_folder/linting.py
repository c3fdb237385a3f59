"""What is wrong with the rules of a folder, and what rules of a stored city may be about."""

from collections.abc import Sequence
from datetime import date

from sqlmodel import Session

from intake.catalog import queries as catalog
from intake.city_folder.layers import read_edition
from intake.city_folder.rules import name_areas
from intake.city_folder.values import CityFolder, LayerEntry, NamedArea
from kernel.errors import InvalidInput
from routing.linting import Finding, LayerFacts, Subjects, Surroundings, lint

_LISTS = ("singlevaluelist", "multivaluelist")


def lint_folder(folder: CityFolder) -> list[Finding]:
    """Layers without a file, or with one that cannot be read, are taken to hold whatever rules name."""
    areas: dict[str, list[NamedArea]] = {}
    layers: dict[str, LayerFacts] = {}
    for entry in folder.layers:
        try:
            editions = [read_edition(edition) for edition in entry.editions]
        except InvalidInput:
            editions = []
        areas[entry.key] = [area for held in editions for area in held]
        layers[entry.key] = LayerFacts(entry.kind, _periods(entry, editions) if editions else None)
    known = {key: held for key, held in areas.items() if held}
    rules = [rule for rule in folder.rules if rule.layer_key not in layers or rule.layer_key in known]
    apart = [rule for rule in folder.rules if rule.layer_key in layers and rule.layer_key not in known]
    around = Surroundings(
        agencies=frozenset(agency.code for agency in folder.agencies),
        services={service.code: service.group_code for service in folder.services},
        layers=layers,
        attributes={
            service.code: {
                attribute.code: frozenset(str(option["key"]) for option in attribute.options)
                if attribute.datatype in _LISTS
                else None
                for attribute in service.attributes
            }
            for service in folder.services
        },
    )
    return lint([*name_areas(rules, known), *apart], around)


def _periods(entry: LayerEntry, editions: Sequence[Sequence[NamedArea]]) -> dict[str, list[tuple[date, date]]]:
    starts = [edition.valid_from for edition in entry.editions]
    found: dict[str, list[tuple[date, date]]] = {}
    for held, start, end in zip(editions, starts, [*starts[1:], date.max], strict=True):
        for code, _, _ in held:
            found.setdefault(code, []).append((start, end))
    return found


def subjects_of(session: Session, jurisdiction_id: str) -> Subjects:
    """What the residents of a stored city can report, as rules may name it. Raises NotFound."""
    definitions = catalog.services(session, jurisdiction_id)
    return Subjects(
        services={definition.code: definition.group_code for definition in definitions},
        attributes={
            definition.code: {
                attribute.code: frozenset(option.key for option in attribute.options)
                if attribute.datatype in _LISTS
                else None
                for attribute in definition.attributes
            }
            for definition in definitions
        },
    )
