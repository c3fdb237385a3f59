"""Checks a city folder as a whole: what each file says is right on its own (read.py), but do they agree with each other?"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import shapely
from rapidfuzz.utils import default_process
from shapely.ops import unary_union

from intake.catalog.definitions import LIST_DATATYPES
from intake.city_folder import theme
from intake.city_folder.coverage import grid_points, without_rule
from intake.city_folder.layers import read_edition
from intake.city_folder.linting import lint_folder
from intake.city_folder.read import read_folder
from intake.city_folder.rule_tests import FILE as TESTS
from intake.city_folder.rules import FILE as RULES
from intake.city_folder.rules import name_areas
from intake.city_folder.tables import Notes
from intake.city_folder.trying import try_folder
from intake.city_folder.values import EVERY_AREA, CityFolder, NamedArea, Problem, ServiceEntry
from kernel import clock
from kernel.errors import InvalidInput
from routing.layers import kind_of
from routing.rule_tests import DEFAULT, OUTSIDE, failures

REQUIRED_LAYERS = ("jurisdiction", "district", "colonia")
# A district may lie over the outline by the rounding of coordinates, not by a street.
_OUTSIDE_SHARE = 0.001

Areas = Mapping[str, Sequence[NamedArea]]


@dataclass
class CheckReport:
    """`facts` are (Spanish msgid, params) lines about a folder that could be read."""

    problems: list[Problem]
    facts: list[tuple[str, dict[str, object]]] = field(default_factory=list)


def check_folder(path: Path) -> CheckReport:
    """Every problem of the folder at `path`, and what is in it."""
    folder, problems = read_folder(path)
    if folder is None:
        return CheckReport(problems)
    notes = Notes()
    areas = _read_layers(notes, folder)
    _check_codes(notes, folder)
    _check_services(notes, folder)
    _check_rules(notes, folder)
    _lint_rules(notes, folder)
    _check_layers(notes, folder, areas)
    _check_theme(notes, folder)
    _check_tests(notes, folder)
    report = CheckReport(problems + notes.problems)
    report.facts.append(
        (
            "{city}: {agencies} dependencias, {services} servicios, {rules} reglas, {places} lugares.",
            {
                "city": folder.city.name,
                "agencies": len(folder.agencies),
                "services": len(folder.services),
                "rules": len(folder.rules),
                "places": len(folder.places),
            },
        )
    )
    if not notes.has_errors and areas.get("jurisdiction"):
        report.facts += _coverage(folder, areas)
    return report


def _read_layers(notes: Notes, folder: CityFolder) -> dict[str, list[NamedArea]]:
    """The areas of each layer's newest edition, plus those of older ones whose code is gone since."""
    areas: dict[str, list[NamedArea]] = {}
    for layer in folder.layers:
        newest: dict[str, NamedArea] = {}
        for edition in layer.editions:
            try:
                found = read_edition(edition)
            except InvalidInput as error:
                notes.error(f"layers/{edition.path.name}", "", "{reason}", reason=error.public_text())
                continue
            for repeated in _repeated([code for code, _, _ in found]):
                notes.error(f"layers/{edition.path.name}", repeated, "La clave {code} está repetida.", code=repeated)
            if found and kind_of(found) != layer.kind:
                notes.error(
                    f"layers/{edition.path.name}",
                    layer.key,
                    "El archivo trae zonas y la capa es de líneas, o al revés (kind).",
                )
            for code, name, shape in found:
                if not shape.is_valid:
                    notes.warning(
                        f"layers/{edition.path.name}",
                        code,
                        "La zona no es válida y se reparará: {reason}.",
                        reason=shapely.is_valid_reason(shape),
                    )
                newest[code] = (code, name, shape if shape.is_valid else shapely.make_valid(shape))
        areas[layer.key] = list(newest.values())
    return areas


def _repeated(values: Sequence[str]) -> list[str]:
    return [value for value, count in Counter(values).items() if count > 1]


def _check_codes(notes: Notes, folder: CityFolder) -> None:
    """Codes and names that must be told apart."""
    for code in _repeated([agency.code for agency in folder.agencies]):
        notes.error("agencies.toml", code, "La clave {code} está repetida.", code=code)
    for name in _repeated([agency.name for agency in folder.agencies]):
        notes.error("agencies.toml", name, "Dos dependencias se llaman {name}.", name=name)
    for entry_code in _repeated([service.code for service in folder.services]):
        notes.error("services", entry_code, "La clave {code} está repetida.", code=entry_code)
    for language in ("es", "en"):
        for name in _repeated([service.name[language] for service in folder.services]):
            notes.error("services", name, "Dos servicios se llaman {name}.", name=name)
    for key in _repeated([layer.key for layer in folder.layers]):
        notes.error("layers.toml", key, "La clave {code} está repetida.", code=key)
    for rule, start in [pair for pair, n in Counter((r.code, r.valid_from) for r in folder.rules).items() if n > 1]:
        notes.error(RULES, rule, "Dos reglas tienen la clave {code} desde el {start}.", code=rule, start=start)
    calendars = set(folder.calendars)
    for agency in folder.agencies:
        if agency.calendar_code not in calendars:
            notes.error(
                "agencies.toml", agency.code, "No existe el calendario {calendar}.", calendar=agency.calendar_code
            )
    answering = folder.city.settings.get("voice", {}).get("calendar", "")
    if answering and answering not in calendars:
        notes.error("city.toml", "voice", "No existe el calendario {calendar}.", calendar=answering)


def _check_services(notes: Notes, folder: CityFolder) -> None:
    owners: dict[str, str] = {}
    for service in folder.services:
        orders = [attribute.order for attribute in service.attributes]
        if orders != list(range(1, len(orders) + 1)):
            notes.error(
                service.file, "attribute", "El orden de las preguntas debe ser 1, 2, 3…; es {orders}.", orders=orders
            )
        for code in _repeated([attribute.code for attribute in service.attributes]):
            notes.error(service.file, f"attribute {code}", "La clave {code} está repetida.", code=code)
        for attribute in service.attributes:
            for key in _repeated([str(option["key"]) for option in attribute.options]):
                notes.error(service.file, f"attribute {attribute.code}", "La clave {code} está repetida.", code=key)
        _check_conditions(notes, service)
        if not service.keywords:
            notes.warning(
                service.file, "keywords", "Sin palabras clave, por texto solo se encuentra por su nombre exacto."
            )
        for keyword in {default_process(word) for word in service.keywords}:
            if keyword in owners:
                notes.warning(
                    service.file, "keywords", "«{word}» también es de {other}.", word=keyword, other=owners[keyword]
                )
            owners[keyword] = service.code


def _check_conditions(notes: Notes, service: ServiceEntry) -> None:
    """A question may hang on earlier ones whose options are listed, and on answers that they have."""
    options: dict[str, set[str]] = {}
    for attribute in sorted(service.attributes, key=lambda one: one.order):
        where = f"attribute {attribute.code}"
        for code, accepted in attribute.only_if.items():
            if code not in options:
                notes.error(
                    service.file, where, "only_if nombra {code}, que no es una pregunta de lista anterior.", code=code
                )
            elif unknown := [key for key in accepted if key not in options[code]] or ([] if accepted else [""]):
                notes.error(
                    service.file, where, "only_if: {code} no tiene la opción «{key}».", code=code, key=unknown[0]
                )
        if attribute.is_variable and attribute.datatype in LIST_DATATYPES:
            options[attribute.code] = {str(option["key"]) for option in attribute.options}


def _check_rules(notes: Notes, folder: CityFolder) -> None:
    agencies = {agency.code for agency in folder.agencies}
    imported = {layer.key for layer in folder.layers if not layer.editions}
    if folder.city.default_agency not in agencies:
        notes.error(
            "city.toml", "default_agency", "No existe la dependencia {agency}.", agency=folder.city.default_agency
        )
    for rule in folder.rules:
        if rule.layer_key is None or rule.area_codes is None:
            continue
        if rule.layer_key in imported and EVERY_AREA in rule.area_codes:
            notes.error(
                RULES,
                rule.code,
                "La capa {layer} se importa aparte: escribe las claves, no *.",
                layer=rule.layer_key,
            )


def _lint_rules(notes: Notes, folder: CityFolder) -> None:
    """What the rules say among themselves; what they name is looked up above, also in layers without a file."""
    for finding in lint_folder(folder):
        told = notes.error if finding.level == "error" else notes.warning
        told(RULES, ", ".join(finding.rules[:1]), finding.text, **finding.params)


def _check_layers(notes: Notes, folder: CityFolder, areas: Areas) -> None:
    entries = {layer.key: layer for layer in folder.layers}
    for key in REQUIRED_LAYERS:
        if key not in entries:
            notes.error("layers.toml", key, "Falta la capa {layer}.", layer=key)
        elif not entries[key].editions:
            notes.note(
                "layers.toml", key, "La capa {layer} se importa aparte: {source}", layer=key, source=entries[key].source
            )
    if not areas.get("jurisdiction"):
        return
    outline = unary_union([shape for _, _, shape in areas["jurisdiction"]])
    for key in ("district", "colonia"):
        for code, name, shape in areas.get(key, ()):
            if shape.difference(outline).area > shape.area * _OUTSIDE_SHARE:
                notes.error("layers", f"{key} {code}", "{name} se sale del contorno de la ciudad.", name=name)
    for place in folder.places:
        if not outline.intersects(shapely.Point(place.point.lon, place.point.lat)):
            notes.warning("places.csv", place.name, "El punto está fuera del contorno de la ciudad.")


def _check_theme(notes: Notes, folder: CityFolder) -> None:
    colours = folder.city.settings["theme"]
    if not colours:
        notes.note("city.toml", "theme", "Sin colores propios: se usan los del programa.")
        return
    for mode, foreground, background, ratio, least in theme.too_faint(colours):
        notes.error(
            "city.toml",
            f"theme.{mode}.{foreground}",
            "{foreground} sobre {background} tiene contraste {ratio}; necesita {least}.",
            foreground=foreground,
            background=background,
            ratio=ratio,
            least=least,
        )


def _coverage(folder: CityFolder, areas: Areas) -> Iterator[tuple[str, dict[str, object]]]:
    points = grid_points(areas["jurisdiction"])
    bare = without_rule(points, folder, name_areas(folder.rules, areas), areas)
    total = len(points) * len(folder.services)
    count = sum(bare.values())
    yield (
        "Cobertura: {points} puntos por {services} servicios; sin regla, a la dependencia general: {count} ({share:.1%}).",
        {
            "points": len(points),
            "services": len(folder.services),
            "count": count,
            "share": count / total if total else 0.0,
        },
    )
    for code, misses in sorted(bare.items(), key=lambda pair: -pair[1])[:5]:
        yield "  {service}: {misses} puntos", {"service": code, "misses": misses}


def _check_tests(notes: Notes, folder: CityFolder) -> None:
    """Tries the rules on their tests, unless a layer is imported separately or something is wrong already."""
    if notes.has_errors or not folder.tests:
        return
    if not all(layer.editions for layer in folder.layers):
        notes.note(TESTS, "", "Las pruebas de las reglas se corren cuando estén todas las capas.")
        return
    known = {agency.code for agency in folder.agencies} | {OUTSIDE, DEFAULT}
    for test in folder.tests:
        if test.expects not in known:
            notes.error(TESTS, test.code, "No existe la dependencia {code}.", code=test.expects)
    for result in failures(try_folder(folder, clock.now())):
        got = f"{result.error or result.got}{f' ({result.rule_code})' if result.rule_code else ''}"
        notes.error(TESTS, result.test.code, "Debía dar {expects} y da {got}.", expects=result.test.expects, got=got)
