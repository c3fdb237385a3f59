"""What can be asked of the Open311 surface, and the whole as one OpenAPI 3.1 document.

One line a resource; each stands in the document twice, once for each format.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

from intake.open311.description.schemas import ANSWERS, FORMS, Schema, list_of, with_files
from intake.open311.extensions import EXTENSIONS
from intake.open311.formats import FORMATS, MEDIA_TYPES
from kernel.i18n import translate

_TIME = {"type": "string", "format": "date-time"}
_COUNT = {"type": "integer", "minimum": 1}


def _parameter(name: str, description: str, schema: Schema | None = None, where: str = "query") -> Schema:
    required = {"required": True} if where == "path" else {}
    return {"name": name, "in": where, "description": description, "schema": schema or {"type": "string"}} | required


PARAMETERS: dict[str, Schema] = {
    found["name"]: found
    for found in (
        _parameter("jurisdiction_id", "Qué ciudad; hace falta donde se atienden varias."),
        _parameter("locale", "Idioma de nombres y errores.", {"type": "string", "examples": ["es", "en"]}),
        _parameter("service_request_id", "Folios separados por comas; con ellos no cuenta ningún otro filtro."),
        _parameter("service_code", "Códigos de servicio separados por comas."),
        _parameter("start_date", "Desde cuándo, inclusive; juntos abarcan 90 días a lo más.", _TIME),
        _parameter("end_date", "Hasta cuándo, inclusive.", _TIME),
        _parameter("status", "open, closed o ambos separados por comas; sin él, ambos."),
        _parameter("page", "Qué página, desde 1.", _COUNT),
        _parameter("page_size", "Cuántos por página, 1000 a lo más.", _COUNT),
        _parameter("cursor", "Lo que dijo la respuesta anterior; sin él, desde el principio."),
        _parameter("limit", "Cuántos a lo más.", _COUNT),
    )
}
# What we answer beyond the standard brings its own parameters, and its own words for them.
_BEYOND = {name: extension.description for extension in EXTENSIONS.values() for name in extension.parameters}
PARAMETERS |= {name: _parameter(name, text) for name, text in _BEYOND.items() if name not in PARAMETERS}
_ID = _parameter("service_request_id", "El folio.", where="path")
_CODE = _parameter("service_code", "El código del servicio.", where="path")
_TOKEN = _parameter("token", "Lo que se recibió en lugar del folio.", where="path")
_IDEMPOTENCY = _parameter(
    "Idempotency-Key", "La misma llave es el mismo reporte.", {"type": "string", "maxLength": 255}, where="header"
)

_ANYWHERE = ("jurisdiction_id", "locale")
LIST_PARAMETERS = ("service_request_id", "service_code", "start_date", "end_date", "status", *_BEYOND)
_DETAILS = ("extensions", "notes", "attributes")
_WINDOW = ("start_date", "end_date")
_REQUESTS = ("service_requests", "request")
_UPDATES = ("service_request_updates", "request_update")


@dataclass(frozen=True, slots=True)
class Operation:
    """path: below `/open311/v2`, without suffix. listed: root and child in XML of a list; None for one object."""

    name: str
    method: str
    path: str
    summary: str
    answer: str
    listed: tuple[str, str] | None = None
    parameters: tuple[str, ...] = ()
    own_parameters: tuple[Schema, ...] = ()
    form: str | None = None


OPERATIONS = (
    Operation("discovery", "get", "/discovery", "Dónde está la API y qué habla", "Discovery"),
    Operation("services", "get", "/services", "Los servicios que se atienden", "Service", ("services", "service")),
    Operation(
        "service_definition",
        "get",
        "/services/{service_code}",
        "Las preguntas de un servicio",
        "ServiceDefinition",
        own_parameters=(_CODE,),
    ),
    Operation("service_requests", "get", "/requests", "Los reportes", "Request", _REQUESTS, LIST_PARAMETERS),
    Operation(
        "post_service_request",
        "post",
        "/requests",
        "Mandar un reporte",
        "Receipt",
        _REQUESTS,
        own_parameters=(_IDEMPOTENCY,),
        form="Report",
    ),
    Operation(
        "service_request",
        "get",
        "/requests/{service_request_id}",
        "Un reporte",
        "Request",
        _REQUESTS,
        _DETAILS,
        own_parameters=(_ID,),
    ),
    Operation("token", "get", "/tokens/{token}", "El folio de un token", "Token", _REQUESTS, own_parameters=(_TOKEN,)),
    Operation("updates", "get", "/servicerequestupdates", "Las novedades públicas", "Update", _UPDATES, _WINDOW),
    Operation("changes", "get", "/changes", "Los cambios en orden", "Changes", None, ("cursor", "limit")),
    Operation(
        "post_update",
        "post",
        "/servicerequestupdates",
        "Mandar una novedad como dependencia",
        "UpdateReceipt",
        _UPDATES,
        form="NewUpdate",
    ),
)

_HEADERS: Schema = {
    "ETag": {"description": "Con If-None-Match, 304 mientras nada cambie.", "schema": {"type": "string"}},
    "Last-Modified": {
        "description": "Cuándo cambió el catálogo, o un reporte o los nombres en él.",
        "schema": {"type": "string"},
    },
}
_RETRY: Schema = {"Retry-After": {"description": "En cuántos segundos.", "schema": {"type": "integer", "minimum": 0}}}
_FAILURES = {
    400: "Algo de lo que mandaste no se puede usar; dice qué.",
    403: "La llave falta, no es válida o no puede hacer esto.",
    404: "No existe, o no para quien pregunta.",
    413: "El cuerpo es demasiado grande.",
    414: "La dirección es demasiado larga.",
    415: "El cuerpo no es un formulario.",
    429: "Demasiadas llamadas.",
    500: "Falló algo de nuestro lado.",
    503: "Por el momento no se puede atender.",
}
_ONLY_WITH_A_BODY = (403, 413, 415)


@cache
def openapi(base_url: str, language: str) -> Schema:
    """The document. base_url: the installation's public address, without a trailing slash."""
    paths: Schema = {}
    for operation in OPERATIONS:
        for fmt in FORMATS:
            paths.setdefault(f"{operation.path}.{fmt}", {})[operation.method] = _operation(operation, fmt)
    document = {
        "openapi": "3.1.0",
        "info": {
            "title": "Open311 GeoReport v2",
            "version": "2.0",
            "summary": "Reportar a la ciudad y seguir lo reportado.",
            "description": "La terminación de la dirección decide el formato. Todo fallo es una lista de errores.",
        },
        "servers": [{"url": f"{base_url}/open311/v2"}],
        "paths": paths,
        "components": {
            "schemas": ANSWERS | FORMS,
            "parameters": PARAMETERS,
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "query": {"type": "apiKey", "in": "query", "name": "api_key"},
            },
        },
    }
    translated: Schema = _in_language(document, language)
    return translated


def _operation(operation: Operation, fmt: str) -> Schema:
    shared = [{"$ref": f"#/components/parameters/{name}"} for name in (*operation.parameters, *_ANYWHERE)]
    found: Schema = {
        "operationId": f"{operation.name}_{fmt}",
        "summary": operation.summary,
        "parameters": [*operation.own_parameters, *shared],
        "responses": {"200": _answer(operation, fmt)} | _failures(operation, fmt),
    }
    if operation.form:
        form = FORMS[operation.form]
        found["requestBody"] = {
            "required": True,
            "content": {
                "application/x-www-form-urlencoded": {"schema": form},
                "multipart/form-data": {"schema": with_files(form)},
            },
        }
        # The third is the standard's own: `api_key` in the form.
        found["security"] = [{"bearer": []}, {"query": []}, {}]
    else:
        found["responses"]["304"] = {"description": "No ha cambiado."}
    return found


def _answer(operation: Operation, fmt: str) -> Schema:
    schema: Schema = {"$ref": f"#/components/schemas/{operation.answer}"}
    if operation.listed:
        schema = list_of(operation.answer, *operation.listed)
    answer = {"description": operation.summary, "content": {MEDIA_TYPES[fmt]: {"schema": schema}}}
    return answer if operation.form else answer | {"headers": _HEADERS}


def _failures(operation: Operation, fmt: str) -> Schema:
    content = {MEDIA_TYPES[fmt]: {"schema": list_of("Error", "errors", "error")}}
    return {
        str(status): {"description": text, "content": content} | ({"headers": _RETRY} if status in (429, 503) else {})
        for status, text in _FAILURES.items()
        if operation.form or status not in _ONLY_WITH_A_BODY
    }


_TEXTS = ("summary", "description")


def _in_language(value: Any, language: str) -> Any:
    if isinstance(value, dict):
        return {
            key: translate(language, item) if key in _TEXTS and isinstance(item, str) else _in_language(item, language)
            for key, item in value.items()
        }
    return [_in_language(item, language) for item in value] if isinstance(value, list | tuple) else value


def texts_of(value: Any) -> set[str]:
    """Every text for readers in a document in Spanish."""
    if isinstance(value, dict):
        own = {item for key, item in value.items() if key in _TEXTS and isinstance(item, str)}
        return own.union(*(texts_of(item) for item in value.values()))
    return set().union(*(texts_of(item) for item in value)) if isinstance(value, list | tuple) else set()
