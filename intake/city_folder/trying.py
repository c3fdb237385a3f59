"""Tries a folder's rules on its own tests, without a database."""

from datetime import UTC, datetime

from georef.boundaries import Area, BoundaryIndex
from intake.city_folder.layers import read_edition
from intake.city_folder.rules import name_areas
from intake.city_folder.values import CityFolder, LayerEntry, NamedArea
from routing import rule_sets
from routing.places import Layer
from routing.rule_tests import TestResult, run


def try_folder(folder: CityFolder, now: datetime) -> list[TestResult]:
    """What the rules say to each test; those without a time of their own are asked for `now`."""
    layers: dict[str, Layer] = {}
    areas: dict[str, list[NamedArea]] = {}
    for entry in folder.layers:
        found = [read_edition(edition) for edition in entry.editions]
        areas[entry.key] = [area for held in found for area in held]
        layers[entry.key] = Layer(entry.key, entry.name, BoundaryIndex(entry.key, _dated(entry, found), entry.kind))
    content = rule_sets.content(
        folder.city.default_agency, name_areas(folder.rules, areas), folder.agencies, folder.calendars
    )
    book = rule_sets.book_of(folder.city.id, 0, content)
    return run(book, layers, folder.tests, now.astimezone(UTC))


def _dated(entry: LayerEntry, found: list[list[NamedArea]]) -> list[Area]:
    """Each edition states the whole layer until the next one."""
    starts = [edition.valid_from for edition in entry.editions]
    return [
        Area(code, name, shape, start, end)
        for held, start, end in zip(found, starts, [*starts[1:], None], strict=True)
        for code, name, shape in held
    ]
