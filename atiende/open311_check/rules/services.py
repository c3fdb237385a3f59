"""The service list."""

from atiende.open311_check.exchanges import Exchange
from atiende.open311_check.expectations import (
    answers,
    doubles,
    every,
    is_array,
    is_text,
    is_text_or_null,
    json_items,
    readable_json,
    readable_xml,
    rooted,
    shown,
    typed,
    xml_items,
)
from atiende.open311_check.parity import difference
from atiende.open311_check.verdicts import MUST, SHOULD, Rule, failed
from atiende.open311_check.visit import JSON, XML, Visit, is_empty_list, plain

_SOURCE = "GET Service List"
_FIXMYSTREET = "GET Service List; FixMyStreet"
_FIELDS = ("service_code", "service_name", "description", "metadata", "type", "keywords", "group")
_TYPES = ("realtime", "batch", "blackbox")


def _json(visit: Visit) -> Exchange:
    return visit.get("services.json")


def _xml(visit: Visit) -> Exchange:
    return visit.get("services.xml")


def _not_empty(visit: Visit) -> None:
    for exchange in (_xml(visit), _json(visit)):
        if exchange.is_ok and is_empty_list(exchange):
            raise failed("la lista está vacía")


def _codes(visit: Visit) -> None:
    every(json_items(_json(visit)), lambda item: is_text(item.get("service_code")), "service_code", "service_name")


def _codes_xml(visit: Visit) -> None:
    for element in xml_items(_xml(visit)):
        if element.value("service_code") is None:
            raise failed("un servicio no tiene service_code: {seen}", seen=shown(plain(element)))


def _codes_once(visit: Visit) -> None:
    twice = doubles([service["service_code"] for service in visit.services])
    if twice:
        raise failed("repetidos: {seen}", seen=shown(twice))


def _names(visit: Visit) -> None:
    every(visit.services, lambda item: is_text(item.get("service_name")), "service_name", "service_code")


def _names_once(visit: Visit) -> None:
    twice = doubles([service.get("service_name") for service in visit.services])
    if twice:
        raise failed("repetidos: {seen}", seen=shown(twice))


def _fields(visit: Visit) -> None:
    for item in json_items(_json(visit)):
        missing = [name for name in _FIELDS if name not in item]
        if missing:
            raise failed(
                "faltan {missing} en {where}", missing=", ".join(missing), where=shown(item.get("service_code"))
            )


def _metadata(visit: Visit) -> None:
    every(json_items(_json(visit)), lambda item: isinstance(item.get("metadata"), bool), "metadata", "service_code")


def _metadata_xml(visit: Visit) -> None:
    for element in xml_items(_xml(visit)):
        if element.value("metadata") not in ("true", "false"):
            code, seen = element.value("service_code"), shown(element.value("metadata"))
            raise failed("{name} = {seen} en {where}", name="metadata", seen=seen, where=code)


def _type(visit: Visit) -> None:
    every(visit.services, lambda item: item.get("type") in _TYPES, "type", "service_code")


def _texts(visit: Visit) -> None:
    for name in ("description", "group"):
        every(json_items(_json(visit)), lambda item, name=name: is_text_or_null(item.get(name)), name, "service_code")  # type: ignore[misc]  # the default binds the name


def _keywords(visit: Visit) -> None:
    every(json_items(_json(visit)), lambda item: is_text_or_null(item.get("keywords")), "keywords", "service_code")


def _keywords_tight(visit: Visit) -> None:
    every(visit.services, lambda item: ", " not in str(item.get("keywords")), "keywords", "service_code")


def _parity(visit: Visit) -> None:
    found = difference(readable_json(_json(visit)), plain(readable_xml(_xml(visit))))
    if found:
        raise failed("JSON y XML difieren en {where}", where=found)


RULES = (
    Rule("services.json", MUST, _SOURCE, "services.json responde 200.", answers(_json)),
    Rule("services.xml", MUST, _SOURCE, "services.xml responde 200.", answers(_xml)),
    Rule("services.json-content-type", MUST, _SOURCE, "services.json dice su tipo exacto.", typed(_json, JSON)),
    Rule("services.content-type", MUST, _SOURCE, "services.xml dice su tipo exacto.", typed(_xml, XML)),
    Rule("services.json-array", MUST, _SOURCE, "En JSON, los servicios son un arreglo sin envoltura.", is_array(_json)),
    Rule("services.xml-root", MUST, _SOURCE, "En XML, services contiene service.", rooted(_xml, "services", "service")),
    Rule("services.not-empty", MUST, _SOURCE, "Hay al menos un servicio.", _not_empty),
    Rule("services.code", MUST, _SOURCE, "En JSON, service_code es un texto que no está vacío.", _codes),
    Rule("services.code-xml", MUST, _SOURCE, "En XML, cada servicio tiene service_code.", _codes_xml),
    Rule("services.code-once", MUST, _SOURCE, "Ningún service_code se repite.", _codes_once),
    Rule("services.name", MUST, _SOURCE, "Cada servicio tiene service_name.", _names),
    Rule("services.name-once", SHOULD, _FIXMYSTREET, "Ningún service_name se repite.", _names_once),
    Rule("services.fields", SHOULD, _SOURCE, "En JSON están los siete campos de cada servicio.", _fields),
    Rule("services.metadata", MUST, _SOURCE, "En JSON, metadata es un booleano.", _metadata),
    Rule("services.metadata-xml", MUST, _SOURCE, "En XML, metadata es true o false, en minúsculas.", _metadata_xml),
    Rule("services.type", MUST, _SOURCE, "type es realtime, batch o blackbox.", _type),
    Rule("services.texts", MUST, _SOURCE, "En JSON, description y group son texto o null.", _texts),
    Rule("services.keywords", MUST, _SOURCE, "En JSON, keywords es un solo texto o null.", _keywords),
    Rule(
        "services.keywords-tight", SHOULD, _FIXMYSTREET, "keywords se separan con coma y sin blanco.", _keywords_tight
    ),
    Rule("services.parity", MUST, _SOURCE, "Los servicios son los mismos en JSON y en XML.", _parity),
)
