"""What answers and forms are made of, in JSON schema. Texts are Spanish msgids."""

from typing import Any

Schema = dict[str, Any]

_TEXT: Schema = {"type": "string"}
_MAYBE: Schema = {"type": ["string", "null"]}
_TIME: Schema = {"type": "string", "format": "date-time"}
_MAYBE_TIME: Schema = {"type": ["string", "null"], "format": "date-time"}
_MAYBE_LINK: Schema = {"type": ["string", "null"], "format": "uri"}
_FLAG: Schema = {"type": "boolean"}
_LINE: Schema = {"type": "string", "maxLength": 500}


def _object(required: str, properties: Schema, **more: Any) -> Schema:
    return {"type": "object", "required": required.split(), "properties": properties, **more}


def list_of(name: str, root: str, child: str) -> Schema:
    """root, child: the elements around the list and around each item in XML."""
    item = {"$ref": f"#/components/schemas/{name}", "xml": {"name": child}}
    return {"type": "array", "items": item, "xml": {"name": root, "wrapped": True}}


_VALUE = _object("key name", {"key": _TEXT, "name": _TEXT})
_ATTRIBUTE = _object(
    "variable code datatype required datatype_description order description values",
    {
        "variable": _FLAG | {"description": "Falso: un aviso para quien reporta, que no se contesta."},
        "code": _TEXT,
        "datatype": {"enum": ["string", "number", "datetime", "text", "singlevaluelist", "multivaluelist"]},
        "required": _FLAG,
        "datatype_description": _MAYBE,
        "order": {"type": "integer", "minimum": 1},
        "description": _MAYBE | {"description": "La pregunta."},
        "values": {"type": "array", "items": _VALUE | {"xml": {"name": "value"}}, "xml": {"wrapped": True}},
    },
)
_EXTENSION = _object("name description", {"name": _TEXT, "description": _TEXT})
_ENDPOINT = _object(
    "specification url changeset type formats",
    {
        "specification": {"const": "http://wiki.open311.org/GeoReport_v2"},
        "url": {"type": "string", "format": "uri"},
        "changeset": _TIME,
        "type": {"enum": ["production", "test"]},
        "formats": {"type": "array", "items": _TEXT | {"xml": {"name": "format"}}, "xml": {"wrapped": True}},
        "extensions": {
            "type": "array",
            "items": _EXTENSION | {"xml": {"name": "extension"}},
            "xml": {"wrapped": True},
            "description": "Lo que este servidor entiende además del estándar.",
        },
    },
)
_CHANGE = _object(
    "cursor change_id what service_request_id at status detailed_status service_code agency_responsible description"
    " media_url request_url",
    {
        "cursor": _TEXT,
        "change_id": _TEXT,
        "what": _TEXT,
        "service_request_id": _TEXT,
        "at": _TIME,
        "status": {"enum": ["open", "closed"]},
        "detailed_status": _TEXT,
        "service_code": _TEXT,
        "agency_responsible": _MAYBE,
        "description": _MAYBE,
        "media_url": _MAYBE_LINK,
        "request_url": {"type": "string", "format": "uri"},
    },
)

ANSWERS: dict[str, Schema] = {
    "Discovery": _object(
        "changeset contact key_service endpoints",
        {
            "changeset": _TIME | {"description": "El último cambio de los servicios: cuando cambie, pídelos otra vez."},
            "contact": _TEXT,
            "key_service": _TEXT | {"description": "Dónde se pide una llave."},
            "endpoints": {
                "type": "array",
                "minItems": 1,
                "items": _ENDPOINT | {"xml": {"name": "endpoint"}},
                "xml": {"wrapped": True},
            },
            "max_requests": {"type": "integer", "description": "Cuántos reportes caben en una lista."},
        },
        xml={"name": "discovery"},
    ),
    "Service": _object(
        "service_code service_name description metadata type keywords group",
        {
            "service_code": _TEXT,
            "service_name": _TEXT,
            "description": _MAYBE,
            "metadata": _FLAG | {"description": "Si el servicio tiene preguntas o avisos propios."},
            "type": {"enum": ["realtime", "batch", "blackbox"]},
            "keywords": _MAYBE | {"description": "Palabras separadas por comas, sin espacios."},
            "group": _MAYBE,
        },
    ),
    "ServiceDefinition": _object(
        "service_code attributes",
        {
            "service_code": _TEXT,
            "attributes": {
                "type": "array",
                "items": _ATTRIBUTE | {"xml": {"name": "attribute"}},
                "xml": {"wrapped": True},
            },
        },
        xml={"name": "service_definition"},
    ),
    "Request": _object(
        "service_request_id status status_notes service_name service_code description agency_responsible service_notice"
        " requested_datetime updated_datetime expected_datetime address address_id zipcode lat long media_url",
        {
            "service_request_id": _TEXT,
            "status": {"enum": ["open", "closed"]},
            "status_notes": _MAYBE,
            "service_name": _TEXT,
            "service_code": _TEXT,
            "description": {"type": ["string", "null"], "description": "Sin datos personales."},
            "agency_responsible": _MAYBE,
            "service_notice": _MAYBE,
            "requested_datetime": _TIME,
            "updated_datetime": _TIME | {"description": "De un reporte cerrado: cuándo se cerró."},
            "expected_datetime": _MAYBE_TIME,
            "address": _MAYBE,
            "address_id": _MAYBE,
            "zipcode": _MAYBE,
            "lat": {"type": ["number", "null"], "minimum": -90, "maximum": 90},
            "long": {"type": ["number", "null"], "minimum": -180, "maximum": 180},
            "media_url": _MAYBE_LINK,
        },
    ),
    "Receipt": _object(
        "service_notice account_id",
        {
            "service_request_id": _TEXT | {"description": "De un servicio realtime."},
            "token": _TEXT | {"description": "De un servicio batch."},
            "service_notice": _MAYBE,
            "account_id": _MAYBE,
        },
    ),
    "Token": _object("service_request_id token", {"service_request_id": _MAYBE, "token": _TEXT}),
    "Update": _object(
        "update_id service_request_id status updated_datetime description media_url",
        {
            "update_id": _TEXT,
            "service_request_id": _TEXT,
            "status": _TEXT,
            "updated_datetime": _TIME,
            "description": _MAYBE,
            "media_url": _MAYBE_LINK,
        },
    ),
    "Changes": _object(
        "changes cursor has_more next follows",
        {
            "changes": {"type": "array", "items": _CHANGE | {"xml": {"name": "change"}}, "xml": {"wrapped": True}},
            "cursor": _TEXT | {"description": "Con él se sigue donde esto termina."},
            "has_more": _FLAG,
            "next": {"type": "string", "format": "uri"},
            "follows": _TEXT | {"description": "public, o la dependencia de la llave."},
        },
        xml={"name": "change_feed"},
    ),
    "UpdateReceipt": _object("update_id", {"update_id": _TEXT}),
    "Error": _object(
        "code description",
        {
            "code": {"type": "integer", "minimum": 400, "maximum": 599, "description": "El mismo del estado HTTP."},
            "description": {"type": "string", "minLength": 1},
        },
        additionalProperties=False,
    ),
}

_SENDER: Schema = {
    "api_key": _TEXT | {"description": "También en la dirección, o como Authorization: Bearer."},
    "jurisdiction_id": _TEXT,
}
_LINKS: Schema = {"oneOf": [_MAYBE_LINK, {"type": "array", "items": {"type": "string", "format": "uri"}}]}
_ANSWERED: Schema = {r"^attribute\[[^\]]+\](\[[0-9]*\])?$": _TEXT | {"description": "La respuesta a una pregunta."}}
_FILE: Schema = {"type": "array", "items": {"type": "string", "format": "binary"}}

FORMS: dict[str, Schema] = {
    "Report": _object(
        "service_code",
        _SENDER
        | {
            "service_code": _TEXT,
            "lat": {"type": "number", "minimum": -90, "maximum": 90},
            "long": {"type": "number", "minimum": -180, "maximum": 180},
            "address_string": _LINE,
            "address_id": _LINE,
            "zipcode": _LINE,
            "description": {"type": "string", "maxLength": 4000},
            "media_url": {"type": "string", "format": "uri"},
            "email": _TEXT,
            "phone": _TEXT,
            "first_name": _TEXT,
            "last_name": _TEXT,
            "device_id": _TEXT,
            "account_id": _TEXT,
        },
        anyOf=[{"required": ["lat", "long"]}, {"required": ["address_string"]}, {"required": ["address_id"]}],
        patternProperties=_ANSWERED,
    ),
    "NewUpdate": _object(
        "service_request_id update_id status updated_datetime description",
        _SENDER
        | {
            "service_request_id": _TEXT,
            "update_id": {"type": "string", "maxLength": 200, "description": "El tuyo: repetido, es la misma novedad."},
            "status": {
                "enum": [
                    "OPEN",
                    "CLOSED",
                    "FIXED",
                    "IN_PROGRESS",
                    "PLANNED",
                    "ACTION_SCHEDULED",
                    "INVESTIGATING",
                    "DUPLICATE",
                    "NOT_COUNCILS_RESPONSIBILITY",
                    "NO_FURTHER_ACTION",
                    "INTERNAL_REFERRAL",
                    "CANCELLED",
                    "REOPEN",
                    "FOR_TRIAGE",
                    "UNCHANGED",
                ]
            },
            "updated_datetime": _TIME,
            "description": {"type": "string", "minLength": 1, "maxLength": 4000},
        },
    ),
}


def with_files(form: Schema) -> Schema:
    """The same form as multipart, where photos may be in it."""
    return form | {"properties": form["properties"] | {"media": _FILE}}
