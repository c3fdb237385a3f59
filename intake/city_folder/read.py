"""Reads a city folder into values. Every problem is collected; nothing here touches a database or writes a file.

The format is described in docs/add-a-city.md.
"""

import json
import re
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from intake.calls.outside import SETTING as TRANSFERS
from intake.calls.recordings import DEFAULT_KEEP_DAYS
from intake.calls.recordings import SETTINGS as RECORDINGS
from intake.catalog.models import FORECAST, PROMISES
from intake.city_folder import theme
from intake.city_folder.dispositions import read_dispositions
from intake.city_folder.guards import GUARDS, read_guards
from intake.city_folder.places import read_places
from intake.city_folder.promises import read_forecast, read_promises
from intake.city_folder.rule_tests import read_tests
from intake.city_folder.rules import read_rules, rules_text
from intake.city_folder.services import read_duplicates, read_services
from intake.city_folder.tables import Notes, Table, read_toml
from intake.city_folder.templates import TEMPLATES, read_templates
from intake.city_folder.transfers import read_transfer_numbers
from intake.city_folder.values import City, CityFolder, Edition, LayerEntry, Problem
from intake.distribution.dispositions import SETTING as DISPOSITIONS
from kernel.errors import InvalidInput
from kernel.i18n import LANGUAGES
from routing.calendars import WorkingCalendar
from routing.values import AgencyFacts, LayerKind

_CITY_KEYS = (
    "id", "name", "is_fictional", "timezone", "language", "phone", "emergency_phone", "women_phone", "contact", "sms_number",
    "key_service", "default_agency", "default_calendar", "theme", "logo", "texts", "open311_extensions_off",
    "phone_regions", "sms_transliterate", "channels", "quiet_hours", "templates", "web_chat", "duplicates", "promises",
    "forecast", "neighbour", "recordings", "dispositions", "voice", "guards", "transfer_numbers",
)  # fmt: skip
# What a city may say in its own words (docs/add-a-city.md).
_TEXTS = ("welcome", "place_example", "outside")
# Encrypted, or on the machine itself; a star stands for a name below, or for any port.
_ORIGIN = re.compile(r"(?:https://(?:\*\.)?[a-z0-9.-]+|http://(?:127\.0\.0\.1|localhost))(?::(?:\d+|\*))?")
_ALWAYS = date(2000, 1, 1)
_HOUR = re.compile(r"([01]\d|2[0-3]):[0-5]\d")
NEIGHBOURS = "neighbours"


def read_folder(path: Path) -> tuple[CityFolder | None, list[Problem]]:
    """The folder and every problem in it; None when an error leaves nothing that could be used."""
    notes = Notes()
    if not path.is_dir():
        notes.error(str(path), "", "No existe la carpeta {folder}.", folder=path)
        return None, notes.problems
    city = _city(notes, path)
    agencies = _agencies(notes, path, city.default_calendar)
    calendars = _calendars(notes, path, city.timezone)
    services = read_services(notes, path, city.duplicates, city.promises)
    folder = CityFolder(
        path=path,
        city=city,
        agencies=agencies,
        calendars=calendars,
        services=services,
        rules=read_rules(notes, path),
        rules_text=rules_text(path),
        tests=read_tests(notes, path, {service.code: service.group_code for service in services}, city.timezone),
        layers=_layers(notes, path),
        places=read_places(notes, path),
        basemap=_basemap(notes, path),
    )
    return (None if notes.has_errors else folder), notes.problems


def _city(notes: Notes, path: Path) -> City:
    table = Table(notes, "city.toml", "", read_toml(notes, path, "city.toml"), _CITY_KEYS)
    timezone = table.text("timezone")
    if timezone:
        try:
            ZoneInfo(timezone)
        except (ZoneInfoNotFoundError, ValueError):
            table.wrong("timezone", "No existe la zona horaria «{zone}».", zone=timezone)
            timezone = "UTC"
    texts = Table(notes, "city.toml", "texts", table.table("texts"), _TEXTS)
    settings: dict[str, Any] = {
        "phone": table.text("phone"),
        "emergency_phone": table.text("emergency_phone", default="911", required=False),
        "women_phone": table.text("women_phone", required=False),
        "contact": table.text("contact"),
        "key_service": table.text("key_service", required=False),
        "is_fictional": table.flag("is_fictional"),
        "texts": {key: text for key in _TEXTS if (text := texts.texts(key, required=False))},
        "logo": Table(notes, "city.toml", "logo", table.table("logo"), ("path",)).text("path", required=False),
        "theme": _theme(notes, table.table("theme")),
        "open311_extensions_off": table.words("open311_extensions_off"),
        "phone_regions": table.words("phone_regions"),
        "sms_transliterate": table.flag("sms_transliterate", default=True),
    }
    settings |= {TEMPLATES: templates} if (templates := read_templates(notes, table.table(TEMPLATES))) else {}
    settings |= {"web_chat_origins": origins} if (origins := _origins(notes, table.table("web_chat"))) else {}
    settings |= {"voice": voice} if (voice := _voice(notes, table.table("voice"))) else {}
    settings |= {NEIGHBOURS: neighbours} if (neighbours := _neighbours(table)) else {}
    settings |= {RECORDINGS: recorded} if (recorded := _recordings(notes, table.table(RECORDINGS))) else {}
    settings |= {"quiet_hours": quiet} if (quiet := _quiet_hours(table)) else {}
    settings |= {DISPOSITIONS: answers} if (answers := read_dispositions(table)) else {}
    settings |= {GUARDS: guards} if (guards := read_guards(table)) else {}
    settings |= {TRANSFERS: numbers} if (numbers := read_transfer_numbers(table)) else {}
    promises, chain = read_promises(table)
    settings |= {PROMISES: chain} if chain else {}
    settings |= {FORECAST: forecast} if (forecast := read_forecast(table)) else {}
    return City(
        id=table.text("id"),
        name=table.text("name"),
        timezone=timezone or "UTC",
        language=table.one_of("language", LANGUAGES, default="es"),
        sms_number=table.text("sms_number", required=False) or None,
        channels=_channels(notes, table.table("channels")),
        default_agency=table.text("default_agency"),
        default_calendar=table.text("default_calendar", required=False, default="default"),
        settings=settings,
        duplicates=read_duplicates(table),
        promises=promises,
    )


def _quiet_hours(city: Table) -> list[str]:
    """Between which hours nobody is sent news, `["21:00", "08:00"]`."""
    hours = city.words("quiet_hours")
    if hours and not (len(hours) == 2 and hours[0] != hours[1] and all(_HOUR.fullmatch(hour) for hour in hours)):
        city.wrong("quiet_hours", 'quiet_hours son dos horas distintas, como ["21:00", "08:00"].')
        return []
    return hours


def _recordings(notes: Notes, raw: dict[str, Any]) -> dict[str, Any]:
    """Whether calls are recorded, and for how many days that is kept (docs/calls-and-recordings.md)."""
    table = Table(notes, "city.toml", RECORDINGS, raw, ("enabled", "keep_days"))
    if not table.flag("enabled"):
        return {}
    days = raw.get("keep_days", DEFAULT_KEEP_DAYS)
    if not isinstance(days, int) or isinstance(days, bool) or not 1 <= days <= 3650:
        table.wrong("keep_days", "keep_days va de 1 a 3650 días.")
        days = DEFAULT_KEEP_DAYS
    return {"enabled": True, "keep_days": days}


def _channels(notes: Notes, raw: dict[str, Any]) -> dict[str, str]:
    """The city's address on each channel but SMS. Which channels there are is the installation's matter, not the folder's."""
    table = Table(notes, "city.toml", "channels", raw, tuple(raw))
    return {name: address for name in raw if (address := table.text(name))}


def _origins(notes: Notes, raw: dict[str, Any]) -> list[str]:
    """The sites whose pages may hold the chat in a frame, as a browser's policy writes them."""
    table = Table(notes, "city.toml", "web_chat", raw, ("origins",))
    given = table.words("origins")
    for origin in given:
        if not _ORIGIN.fullmatch(origin):
            table.wrong(
                "origins", "«{origin}» no es el origen de un sitio, como https://www.ciudad.gob.mx", origin=origin
            )
    return [origin for origin in given if _ORIGIN.fullmatch(origin)]


def _voice(notes: Notes, raw: dict[str, Any]) -> dict[str, str]:
    """When people answer the telephone: a working calendar."""
    calendar = Table(notes, "city.toml", "voice", raw, ("calendar",)).text("calendar", required=False)
    return {"calendar": calendar} if calendar else {}


def _neighbours(city: Table) -> list[dict[str, str]]:
    """Who serves places outside, with a phone; with a layer and an area, only those in it or near it."""
    found = []
    for index, raw in enumerate(city.rows("neighbour")):
        table = Table(city.notes, city.file, f"neighbour[{index}]", raw, ("name", "phone", "layer", "area"))
        given = {key: table.text(key, required=key in ("name", "phone")) for key in ("name", "phone", "layer", "area")}
        if given["area"] and not given["layer"]:
            table.wrong("layer", "Un vecino con area dice también su capa (layer).")
        found.append({key: value for key, value in given.items() if value})
    return found


def _theme(notes: Notes, raw: dict[str, Any]) -> dict[str, dict[str, str]]:
    given: dict[str, dict[str, str]] = {}
    Table(notes, "city.toml", "theme", raw, theme.MODES)
    for mode in theme.MODES:
        table = Table(notes, "city.toml", f"theme.{mode}", raw.get(mode, {}), theme.TOKENS)
        given[mode] = {}
        for token in table.raw:
            if token in theme.TOKENS and not theme.is_colour(table.raw[token]):
                table.wrong(token, "El color {token} debe escribirse como #0c5a78.", token=token)
            elif token in theme.TOKENS:
                given[mode][token] = table.raw[token]
    if not raw:
        return {}
    for token in ("brand", "accent"):
        if token not in given["light"]:
            notes.error("city.toml", f"theme.light.{token}", "Falta {key}.", key=token)
            return {}
    return theme.complete(given["light"], given["dark"])


def _agencies(notes: Notes, path: Path, default_calendar: str) -> Sequence[AgencyFacts]:
    found = []
    file = "agencies.toml"
    top = Table(notes, file, "", read_toml(notes, path, file), ("agency",))
    for index, raw in enumerate(top.rows("agency")):
        table = Table(notes, file, f"agency[{index}]", raw, ("code", "name", "short_name", "calendar", "contact"))
        name = table.text("name")
        found.append(
            AgencyFacts(
                code=table.text("code"),
                name=name,
                short_name=table.text("short_name", required=False, default=name),
                calendar_code=table.text("calendar", required=False, default=default_calendar),
                contact=table.table("contact"),
            )
        )
    return found


def _calendars(notes: Notes, path: Path, timezone: str) -> dict[str, dict[str, Any]]:
    found = {}
    file = "calendars.toml"
    for code, raw in read_toml(notes, path, file).items():
        if not isinstance(raw, dict):
            notes.error(file, code, "{key} debe ser {kind}.", key=code, kind="una tabla")
            continue
        definition = {"timezone": timezone} | raw
        try:
            WorkingCalendar(definition)
        except InvalidInput as error:
            notes.error(file, code, "{reason}", reason=error.public_text())
        found[code] = definition
    return found


def _layers(notes: Notes, path: Path) -> Sequence[LayerEntry]:
    found = []
    file = "layers.toml"
    top = Table(notes, file, "", read_toml(notes, path, file), ("layer",))
    for index, raw in enumerate(top.rows("layer")):
        table = Table(notes, file, f"layer[{index}]", raw, ("key", "name", "kind", "editions", "source"))
        kind: LayerKind = "line" if table.one_of("kind", ("area", "line"), default="area") == "line" else "area"
        editions = []
        for number, entry in enumerate(table.rows("editions")):
            inner = Table(notes, file, f"layer[{index}].editions[{number}]", entry, ("file", "valid_from"))
            name = inner.text("file")
            if name and not (path / name).is_file():
                inner.wrong("file", "Falta el archivo {file}.", file=name)
            elif name:
                editions.append(Edition((path / name).resolve(), inner.day("valid_from", _ALWAYS)))
        source = table.text("source", required=False)
        if not raw.get("editions") and not source:
            table.wrong("editions", "La capa no tiene archivos ni dice de dónde se importa (source).")
        editions.sort(key=lambda edition: edition.valid_from)
        found.append(LayerEntry(table.text("key"), table.texts("name"), editions, source, kind))
    return found


def _basemap(notes: Notes, path: Path) -> dict[str, Any]:
    file = path / "basemap.json"
    if not file.is_file():
        notes.note("basemap.json", "", "Sin mapa base: las páginas dibujan solo las alcaldías.")
        return {}
    try:
        drawing = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        notes.error("basemap.json", "", "No es JSON válido: {reason}", reason=str(error))
        return {}
    for key in ("bbox", "land", "streets", "water", "parks", "labels"):
        if not isinstance(drawing, dict) or not isinstance(drawing.get(key), list):
            notes.error("basemap.json", key, "Falta {key}.", key=key)
            return {}
    return dict(drawing)
