"""What we answer beyond GeoReport v2: a line for each extension, so that discovery, documents and switches name the same things.

A city turns one off by its name in `open311_extensions_off` of its settings. Then its parameters, headers and files are what
unknown ones are: ignored. Its addresses are not found.
"""

from collections.abc import Iterable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any

from intake.catalog.models import EXTENSIONS_OFF
from intake.open311.forms import Fields
from kernel.errors import NotFound

SETTING = EXTENSIONS_OFF


@dataclass(frozen=True, slots=True)
class Extension:
    """`description`: a msgid. `parameters`: those of GET requests. `headers`: of answers. `is_on`: unless a city says no."""

    name: str
    description: str
    parameters: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    is_on: bool = True


_ALL = (
    Extension("paging", "Páginas de la lista y sus enlaces en Link.", ("page", "page_size", "cursor"), ("link",)),
    Extension(
        "count",
        "Totales de la lista en X-Total-Count y X-Total-Pages, si se piden.",
        ("count",),
        ("x-total-count", "x-total-pages", "x-page-size"),
    ),
    Extension("bbox", "Reportes dentro de un rectángulo.", ("bbox",)),
    Extension("radius", "Reportes alrededor de un punto, con su distancia en metros.", ("lat", "long", "radius")),
    Extension("q", "Palabras en la descripción o la dirección públicas.", ("q", "search")),
    Extension("sort", "Otro orden de la lista.", ("sort", "order_by")),
    Extension("agency_responsible", "Reportes de unas dependencias.", ("agency_responsible",)),
    Extension("has_photo", "Reportes con foto o sin ella.", ("has_photo",)),
    Extension("updated", "Reportes por la fecha de su último cambio.", ("updated_after", "updated_before")),
    Extension("extended_attributes", "Por qué dependencia, plazo, resultado, zonas y más.", ("extensions",)),
    Extension("notes", "La historia pública de cada reporte.", ("notes",)),
    Extension("attributes", "Las respuestas públicas a las preguntas del servicio.", ("attributes",)),
    Extension("servicerequestupdates", "Avances de los reportes, leídos y mandados como los habla FixMyStreet."),
    Extension("changes", "Todos los cambios en orden, desde un cursor, para las dependencias."),
    Extension("media", "Fotos como archivos del formulario."),
    Extension("webhooks", "Avisos firmados a los sistemas de las dependencias, por Standard Webhooks."),
    Extension("idempotency_key", "El encabezado Idempotency-Key: mandado dos veces, hecho una."),
    Extension(
        "rate_limits",
        "Cuántas llamadas quedan este minuto, en RateLimit y RateLimit-Policy.",
        headers=("ratelimit", "ratelimit-policy"),
    ),
)
EXTENSIONS: Mapping[str, Extension] = {extension.name: extension for extension in _ALL}
# Only what some city is called by is ever kept: as many entries as cities, and one.
_remembered: dict[str | None, frozenset[str]] = {}


def require(name: str, off: Iterable[str]) -> None:
    """Raises NotFound for an address that belongs to an extension which is off."""
    if name in off:
        raise NotFound("No existe ese recurso.")


def off_in(settings: Mapping[str, Any]) -> frozenset[str]:
    """The names of the extensions that a city with these settings does not have."""
    said = settings.get(SETTING)
    asked = {str(name) for name in said} if isinstance(said, list) else set()
    return frozenset(asked | {extension.name for extension in _ALL if not extension.is_on})


def take_back(headers: MutableMapping[str, str], off: Iterable[str]) -> None:
    """Removes from the headers of an answer, in place, those of the extensions in `off`. Names in lower case."""
    for name in off:
        if name in EXTENSIONS:
            for header in EXTENSIONS[name].headers:
                headers.pop(header, None)


def remember(jurisdiction_id: str | None, off: frozenset[str]) -> None:
    """What a city does without, as just read. jurisdiction_id: as the call named it, None where it named none."""
    _remembered[jurisdiction_id] = off


def remembered(jurisdiction_id: str | None) -> frozenset[str]:
    """What the city did without when last read in this process: for a call that is refused before anybody reads a city."""
    return _remembered.get(jurisdiction_id, frozenset())


def without(query: Fields, off: Iterable[str]) -> Fields:
    """The query as somebody would read it who has never heard of the extensions in `off`."""
    unknown = {name for key in off if key in EXTENSIONS for name in EXTENSIONS[key].parameters}
    if not unknown:
        return query
    return Fields(tuple(pair for pair in query.pairs if pair[0] not in unknown), query.files)
