"""Writes a city folder into the database. Importing it again changes only what changed; services that vanish stay, inactive."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlmodel import Session, col, select

from intake.catalog import queries as catalog
from intake.catalog.models import ChannelAddress, Jurisdiction, Service, ServiceAttribute
from intake.city_folder.layers import read_edition
from intake.city_folder.linting import lint_folder
from intake.city_folder.promise_versions import keep_versions
from intake.city_folder.read import read_folder
from intake.city_folder.rules import FILE as RULES
from intake.city_folder.rules import name_areas
from intake.city_folder.values import Attribute, City, CityFolder, Edition, LayerEntry, NamedArea, Problem, ServiceEntry
from kernel.errors import Conflict, InvalidInput
from kernel.i18n import translate
from routing import actions, queries, trying
from routing.linting import Finding
from routing.values import LayerReport, Rule


@dataclass(frozen=True)
class ImportReport:
    """What an import found and did. `catalog_changed`: a client's copy of the services is out of date.

    `untested_without`: layers that are imported separately and are not there yet, so that the rules' tests were not tried.
    """

    jurisdiction_id: str
    agencies: int
    services: int
    rules: int
    rule_set_version: int
    places: int
    layers: Sequence[LayerReport]
    catalog_changed: bool
    tests: int = 0
    untested_without: Sequence[str] = ()


class FolderRefused(InvalidInput):
    """A folder with errors; `errors` are all of them."""

    def __init__(self, folder: Path, errors: Sequence[Problem | Finding]) -> None:
        super().__init__("La carpeta {folder} tiene errores:\n{lines}", folder=folder)
        self.errors = tuple(errors)

    def public_text(self, language: str = "es") -> str:
        lines = [f"{_place(error)}: {error.public_text(language)}" for error in self.errors]
        return translate(language, self.text, **self.params, lines="\n".join(lines))


def _place(error: Problem | Finding) -> str:
    if isinstance(error, Finding):
        return f"{RULES} {', '.join(error.rules)}"
    return f"{error.file} {error.where}".strip()


def import_folder(session: Session, folder: Path, *, now: datetime) -> ImportReport:
    """Brings the database to what the folder says. Raises InvalidInput with every error when the folder has any."""
    read, problems = read_folder(folder)
    if read is None:
        raise FolderRefused(folder, [problem for problem in problems if problem.level == "error"])
    wrong = [finding for finding in lint_folder(read) if finding.level == "error"]
    if wrong:
        raise FolderRefused(folder, wrong)
    editions = {layer.key: [(edition, read_edition(edition)) for edition in layer.editions] for layer in read.layers}
    areas = {key: [area for _, found in known for area in found] for key, known in editions.items()}
    jurisdiction, changed = _write_jurisdiction(session, read, now)
    changed |= _write_services(session, jurisdiction.id, read.services)
    changed |= keep_versions(session, jurisdiction, read.services, now)
    # Agencies name calendars and rules name agencies; a calendar can only vanish once nobody uses it, hence the second call.
    actions.replace_calendars(session, jurisdiction.id, read.calendars, now)
    agency_names = _agency_names(session, jurisdiction.id)
    actions.replace_agencies(session, jurisdiction.id, read.agencies, now)
    changed |= _agency_names(session, jurisdiction.id) != agency_names
    rules = name_areas(read.rules, areas)
    _replace_rules(session, jurisdiction.id, read, rules, now)
    actions.replace_calendars(session, jurisdiction.id, read.calendars, now)
    version = _replace_rules(session, jurisdiction.id, read, rules, now)
    reports = [
        _import_edition(session, jurisdiction.id, layer, edition, found, now)
        for layer in read.layers
        for edition, found in editions[layer.key]
    ]
    untested = _refuse_failing(session, jurisdiction.id, read, now)
    # Districts and colonias need no row here: routing reads their names from the layers.
    places = actions.replace_places(session, jurisdiction.id, read.places, now)
    if changed:
        jurisdiction.catalog_changed_at = now
        session.add(jurisdiction)
    session.flush()
    return ImportReport(
        jurisdiction.id,
        len(read.agencies),
        len(read.services),
        len(rules),
        version,
        places,
        reports,
        changed,
        len(read.tests),
        untested,
    )


def _replace_rules(
    session: Session, jurisdiction_id: str, read: CityFolder, rules: Sequence[Rule], now: datetime
) -> int:
    default = read.city.default_agency
    return actions.replace_rules(session, jurisdiction_id, rules, default, now, tests=read.tests, text=read.rules_text)


def _refuse_failing(session: Session, jurisdiction_id: str, read: CityFolder, now: datetime) -> Sequence[str]:
    """Raises TestsFail. Layers that are yet to be imported separately are returned: without them nothing can be tried."""
    present = queries.city(session, jurisdiction_id).layers
    missing = [layer.key for layer in read.layers if layer.key not in present]
    if not missing:
        trying.refuse_failing(session, jurisdiction_id, now)
    return missing


def _agency_names(session: Session, jurisdiction_id: str) -> dict[str, str]:
    return {code: agency.name for code, agency in queries.agencies(session, jurisdiction_id).items()}


def _import_edition(
    session: Session,
    jurisdiction_id: str,
    layer: LayerEntry,
    edition: Edition,
    areas: Sequence[NamedArea],
    now: datetime,
) -> LayerReport:
    return actions.import_layer(
        session,
        jurisdiction_id=jurisdiction_id,
        key=layer.key,
        name=layer.name,
        areas=areas,
        valid_from=edition.valid_from,
        now=now,
    )


def _write_jurisdiction(session: Session, folder: CityFolder, now: datetime) -> tuple[Jurisdiction, bool]:
    city = folder.city
    row = session.get(Jurisdiction, city.id)
    is_new = row is None
    if row is None:
        is_first = session.exec(select(Jurisdiction).limit(1)).first() is None
        row = Jurisdiction(
            id=city.id, name=city.name, timezone=city.timezone, is_default=is_first, catalog_changed_at=now
        )
        session.add(row)
    changed = _assign(
        row,
        name=city.name,
        timezone=city.timezone,
        language=city.language,
        sms_number=city.sms_number,
        settings=dict(city.settings) | {"layer_names": {layer.key: dict(layer.name) for layer in folder.layers}},
        basemap=dict(folder.basemap),
    )
    session.flush()
    _write_addresses(session, city)
    return row, changed or is_new


def _write_addresses(session: Session, city: City) -> None:
    kept = {
        row.channel: row
        for row in session.exec(select(ChannelAddress).where(ChannelAddress.jurisdiction_id == city.id))
    }
    for channel, row in kept.items():
        if city.channels.get(channel) != row.address:
            session.delete(row)
    session.flush()
    for channel, address in city.channels.items():
        if channel in kept and kept[channel].address == address:
            continue
        owner = session.get(ChannelAddress, (channel, address))
        if owner is not None:
            raise Conflict(
                "{address} ({channel}) ya es de otra ciudad: {city}.",
                address=address,
                channel=channel,
                city=owner.jurisdiction_id,
            )
        session.add(ChannelAddress(channel=channel, address=address, jurisdiction_id=city.id))
    session.flush()


def _assign(row: Any, **values: Any) -> bool:
    """Sets what differs; True when anything did. Untouched rows stay clean, so that nothing is written for them."""
    changed = {key: value for key, value in values.items() if getattr(row, key) != value}
    for key, value in changed.items():
        setattr(row, key, value)
    return bool(changed)


def _write_services(session: Session, jurisdiction_id: str, entries: Sequence[ServiceEntry]) -> bool:
    rows = {row.code: row for row in session.exec(select(Service).where(Service.jurisdiction_id == jurisdiction_id))}
    changed = False
    for position, entry in enumerate(entries, start=1):
        row = rows.pop(entry.code, None)
        values: dict[str, Any] = {
            "name": dict(entry.name),
            "description": dict(entry.description),
            "kind": entry.kind,
            "group_code": entry.group_code,
            "group_name": dict(entry.group_name),
            "keywords": list(entry.keywords),
            "topics": list(entry.topics),
            "said_as": list(entry.said_as),
            "promise": dict(entry.promise),
            "notice": dict(entry.notice),
            "icon": entry.icon,
            "is_emergency": entry.is_emergency,
            "is_sensitive": entry.is_sensitive,
            "is_active": True,
            "position": position,
            "duplicates": dict(entry.duplicates),
            "first_answer": dict(entry.first_answer) or None,
            "silence": dict(entry.silence) or None,
        }
        if row is None:
            row = Service(jurisdiction_id=jurisdiction_id, code=entry.code, **values)
            session.add(row)
            session.flush()
            changed = True
        elif _assign(row, **values):
            changed = True
        changed |= _write_attributes(session, row, entry.attributes)
    for row in rows.values():
        changed |= _assign(row, is_active=False)
    return changed


def _write_attributes(session: Session, service: Service, attributes: Sequence[Attribute]) -> bool:
    wanted: list[dict[str, Any]] = [
        {
            "code": attribute.code,
            "datatype": attribute.datatype,
            "is_variable": attribute.is_variable,
            "is_required": attribute.is_required,
            "position": attribute.order,
            "description": dict(attribute.description),
            "datatype_description": dict(attribute.datatype_description),
            "options": [dict(option) for option in attribute.options],
            "is_asset": attribute.is_asset,
            "only_if": {code: list(accepted) for code, accepted in attribute.only_if.items()},
        }
        for attribute in attributes
    ]
    rows = session.exec(
        select(ServiceAttribute)
        .where(ServiceAttribute.service_id == service.id)
        .order_by(col(ServiceAttribute.position))
    ).all()
    present = [{key: getattr(row, key) for key in wanted[0]} for row in rows] if wanted else []
    if present == wanted and len(rows) == len(wanted):
        return False
    # Answers are kept by code with each request, so questions may be written anew.
    for row in rows:
        session.delete(row)
    session.flush()
    session.add_all(ServiceAttribute(service_id=service.id, **values) for values in wanted)
    session.flush()
    return True


def layer_name(session: Session, jurisdiction_id: str, key: str) -> Mapping[str, str]:
    """What the city folder calls the layer; its key when the folder does not mention it. Raises NotFound for the city."""
    known: Mapping[str, str] = layer_names(session, jurisdiction_id).get(key) or {"es": key, "en": key}
    return known


def layer_names(session: Session, jurisdiction_id: str) -> Mapping[str, Mapping[str, str]]:
    """The layers that the city folder mentions, by key. Raises NotFound for the city."""
    names: Mapping[str, Mapping[str, str]] = catalog.jurisdiction(session, jurisdiction_id).settings.get(
        "layer_names", {}
    )
    return names
