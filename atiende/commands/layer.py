"""`atiende layer import`: real boundary files into a jurisdiction that a city folder has already made."""

import os
import re
import sys
from collections.abc import Iterable
from datetime import date

from atiende import database
from georef.readers import read_areas
from intake.catalog import queries as catalog
from intake.city_folder.load import layer_name, layer_names
from intake.whatif import rounds
from intake.whatif.models import RerouteRound
from kernel import clock, db
from kernel.errors import InvalidInput
from kernel.settings import load_storage_settings
from routing import queries, trying
from routing.actions import import_layer
from routing.decide import OUTLINE
from routing.places import refuse_elsewhere
from routing.publishing import FARTHEST

_SHOWN = 12
_KEY = re.compile(r"[a-z][a-z0-9_]*")
_FIRST_YEAR = 1800


def import_(
    file: str, *, jurisdiction: str, layer: str, code_field: str, name_field: str, valid_from: str | None
) -> None:
    """Prints what the import did. Raises InvalidInput for a file, field or date that cannot be used, NotFound for the city."""
    areas = read_areas(file, code_field=code_field, name_field=name_field)
    blank = sum(not code.strip() for code, _, _ in areas)
    areas = [area for area in areas if area[0].strip()]
    database.configure_storage(load_storage_settings(os.environ))
    now = clock.now()
    with db.transaction() as session:
        city = catalog.jurisdiction(session, jurisdiction)
        today = catalog.today(session, city.id, now)
        start = _day(valid_from, today) or today
        layers = queries.city(session, jurisdiction).layers
        if layer not in layers and not _KEY.fullmatch(layer):
            raise InvalidInput(
                "«{layer}» no puede ser la clave de una capa: letras minúsculas, números y _.", layer=layer
            )
        outline = layers.get(OUTLINE)
        refuse_elsewhere(outline, layer, [geometry for _, _, geometry in areas])
        report = import_layer(
            session,
            jurisdiction_id=jurisdiction,
            key=layer,
            name=layer_name(session, jurisdiction, layer),
            areas=areas,
            valid_from=start,
            now=now,
        )
        if set(layer_names(session, jurisdiction)) <= queries.city(session, jurisdiction).layers.keys():
            trying.refuse_failing(session, jurisdiction, now)
        proposing = rounds.plan_layers(session, jurisdiction, [report], now=now)
    sys.stdout.write(
        f"{jurisdiction} {layer}, desde {start}: {report.added} nuevas, {report.changed} cambiadas, {report.closed} cerradas,"
        f" {report.unchanged} iguales; versión {report.version}\n"
    )
    _list("geometrías reparadas", report.repaired)
    _list("claves en varias partes, unidas", report.merged)
    if blank:
        sys.stdout.write(f"sin clave, omitidas: {blank}\n")
    tell_rounds(proposing)


def tell_rounds(proposing: Iterable[RerouteRound]) -> None:
    """Says which open requests will be looked at, and where what comes of it is."""
    for found in proposing:
        sys.stdout.write(
            f"abiertas: desde el {found.valid_from} se propone reasignar las que cambian de zona en"
            f" {', '.join(found.layers)} (consola, Por reasignar)\n"
        )


def _day(text: str | None, today: date) -> date | None:
    try:
        day = date.fromisoformat(text) if text else None
    except ValueError:
        raise InvalidInput("«{day}» no es una fecha como 2026-03-01.", field="valid_from", day=text) from None
    if day is not None and day.year < _FIRST_YEAR:
        raise InvalidInput("«{day}» no es una fecha como 2026-03-01.", field="valid_from", day=text)
    if day is not None and day > today + FARTHEST:
        raise InvalidInput("El último día posible es el {day}.", field="valid_from", day=(today + FARTHEST).isoformat())
    return day


def _list(title: str, codes: object) -> None:
    listed = [str(code) for code in codes] if isinstance(codes, list | tuple) else []
    if listed:
        rest = f" y {len(listed) - _SHOWN} más" if len(listed) > _SHOWN else ""
        sys.stdout.write(f"{title}: {len(listed)} ({', '.join(listed[:_SHOWN])}{rest})\n")
