"""What a request looks like in a list: names, types, times, both formats."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from atiende.open311_check.exchanges import Exchange
from atiende.open311_check.expectations import (
    answers,
    every,
    is_array,
    is_number,
    is_text,
    is_text_or_null,
    json_items,
    readable_json,
    readable_xml,
    rooted,
    shown,
    typed,
    w3c,
    xml_items,
)
from atiende.open311_check.parity import difference
from atiende.open311_check.verdicts import MUST, SHOULD, Rule, failed, not_applicable
from atiende.open311_check.visit import JSON, XML, Item, Visit, is_empty_list, plain

_SOURCE = "GET Service Requests"
_TIMES = "Date/Time"
_FIELDS = (
    "service_request_id",
    "status",
    "status_notes",
    "service_name",
    "service_code",
    "description",
    "agency_responsible",
    "service_notice",
    "requested_datetime",
    "updated_datetime",
    "expected_datetime",
    "address",
    "address_id",
    "zipcode",
    "lat",
    "long",
    "media_url",
)
_KNOWN = (*_FIELDS, "token", "extended_attributes", "attributes", "notes", "distance", "account_id")
_DECIMAL = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?")
_MAX_DESCRIPTION = 4000
_SKEW = timedelta(minutes=10)


def _json(visit: Visit) -> Exchange:
    return visit.get("requests.json")


def _xml(visit: Visit) -> Exchange:
    return visit.get("requests.xml")


def _each(name: str, is_right: Callable[[Item], bool]) -> Callable[[Visit], None]:
    return lambda visit: every(json_items(_json(visit)), is_right, name, "service_request_id")


def _text(name: str) -> Callable[[Visit], None]:
    return _each(name, lambda item: is_text(item.get(name)))


def _text_or_null(*names: str) -> Callable[[Visit], None]:
    def check(visit: Visit) -> None:
        for name in names:
            _each(name, lambda item, name=name: is_text_or_null(item.get(name)))(visit)  # type: ignore[misc]  # the default binds the name

    return check


def _time(name: str, *, may_be_empty: bool) -> Callable[[Visit], None]:
    return _each(name, lambda item: w3c(item.get(name)) is not None or (may_be_empty and item.get(name) in (None, "")))


def _times_xml(visit: Visit) -> None:
    for element in xml_items(_xml(visit)):
        for name in ("requested_datetime", "updated_datetime", "expected_datetime"):
            value = element.value(name)
            if value is not None and w3c(value) is None:
                where = element.value("service_request_id")
                raise failed("{name} = {seen} en {where}", name=name, seen=shown(value), where=where)


def _whole_seconds(visit: Visit) -> None:
    for name in ("requested_datetime", "updated_datetime", "expected_datetime"):
        _each(name, lambda item, name=name: "." not in str(item.get(name)))(visit)  # type: ignore[misc]  # the default binds the name


def _not_in_future(visit: Visit) -> None:
    latest = datetime.now(UTC) + _SKEW
    _each("requested_datetime", lambda item: (w3c(item.get("requested_datetime")) or latest) <= latest)(visit)


def _updated_after(visit: Visit) -> None:
    def is_right(item: Item) -> bool:
        requested, updated = w3c(item.get("requested_datetime")), w3c(item.get("updated_datetime"))
        return requested is None or updated is None or updated >= requested

    _each("updated_datetime", is_right)(visit)


def _coordinate(name: str, most: float) -> Callable[[Visit], None]:
    def is_right(item: Item) -> bool:
        value = item.get(name)
        return value is None or (is_number(value) and abs(value) <= most)

    return _each(name, is_right)


def _coordinates_xml(visit: Visit) -> None:
    for element in xml_items(_xml(visit)):
        for name in ("lat", "long"):
            value = element.value(name)
            if value is not None and not _DECIMAL.fullmatch(value):
                where = element.value("service_request_id")
                raise failed("{name} = {seen} en {where}", name=name, seen=shown(value), where=where)


def _is_web_or_null(value: object) -> bool:
    if value is None:
        return True
    try:
        return isinstance(value, str) and bool(urlsplit(value).scheme)
    except ValueError:
        return False


def _placeholders(visit: Visit) -> None:
    """ "null", {} and [] in the place of nothing: what converters from XML leave behind."""
    for item in json_items(_json(visit)):
        for name in _FIELDS:
            if name in item and (item[name] in ({}, []) or item[name] in ("null", "None", "undefined")):
                where = shown(item.get("service_request_id"))
                raise failed("{name} = {seen} en {where}", name=name, seen=shown(item[name]), where=where)


def _all_fields(visit: Visit) -> None:
    for item in json_items(_json(visit)):
        missing = [name for name in _FIELDS if name not in item]
        if missing:
            where = shown(item.get("service_request_id"))
            raise failed("faltan {missing} en {where}", missing=", ".join(missing), where=where)


def _no_other_fields(visit: Visit) -> None:
    for item in json_items(_json(visit)):
        others = [name for name in item if name not in _KNOWN]
        if others:
            raise failed("campos de más: {seen}", seen=shown(others))


def _ids_xml(visit: Visit) -> None:
    for element in xml_items(_xml(visit)):
        if element.value("service_request_id") is None:
            raise failed("un reporte no tiene service_request_id: {seen}", seen=shown(plain(element)))


def _ids_once(visit: Visit) -> None:
    ids = [str(item.get("service_request_id")) for item in visit.requests]
    twice = sorted({one for one in ids if ids.count(one) > 1}) if len(set(ids)) < len(ids) else []
    if twice:
        raise failed("repetidos: {seen}", seen=shown(twice))


def _parity(visit: Visit) -> None:
    """Compares what is in both: a new request may have come between the two questions."""
    json = {str(item.get("service_request_id")): item for item in json_items(_json(visit))}
    if is_empty_list(_xml(visit)):
        raise failed("JSON y XML difieren en {where}", where=f"/: {len(json)} / 0")
    found = 0
    for element in readable_xml(_xml(visit)).children:
        item = plain(element)
        other = json.get(str(item.get("service_request_id"))) if isinstance(item, dict) else None
        if other is not None:
            found += 1
            where = difference(other, item)
            if where:
                raise failed("JSON y XML difieren en {where}", where=f"{item.get('service_request_id')}{where}")
    if not found:
        raise failed("ningún reporte está en las dos listas")


def _array_of_objects(visit: Visit) -> None:
    value = readable_json(_json(visit))
    if not isinstance(value, list):
        raise not_applicable("{url} no trae ningún elemento", url="requests.json")
    wrong = [item for item in value if not isinstance(item, dict)]
    if wrong:
        raise failed("se esperaban objetos, llegó {seen}", seen=shown(wrong[0]))


RULES = (
    Rule("requests.json", MUST, _SOURCE, "requests.json responde 200.", answers(_json)),
    Rule("requests.xml", MUST, _SOURCE, "requests.xml responde 200.", answers(_xml)),
    Rule("requests.json-content-type", MUST, _SOURCE, "requests.json dice su tipo exacto.", typed(_json, JSON)),
    Rule("requests.content-type", MUST, _SOURCE, "requests.xml dice su tipo exacto.", typed(_xml, XML)),
    Rule("requests.json-array", MUST, _SOURCE, "En JSON, la lista es un arreglo sin envoltura.", is_array(_json)),
    Rule(
        "requests.json-objects", MUST, _SOURCE, "En JSON, cada reporte es un objeto sin envoltura.", _array_of_objects
    ),
    Rule(
        "requests.xml-root",
        MUST,
        _SOURCE,
        "En XML, service_requests contiene request.",
        rooted(_xml, "service_requests", "request"),
    ),
    Rule("requests.id", MUST, _SOURCE, "En JSON, service_request_id es un texto.", _text("service_request_id")),
    Rule("requests.id-xml", MUST, _SOURCE, "En XML, cada reporte tiene service_request_id.", _ids_xml),
    Rule("requests.id-once", MUST, _SOURCE, "Ningún service_request_id se repite en la lista.", _ids_once),
    Rule(
        "requests.status",
        MUST,
        _SOURCE,
        "status es open o closed, en minúsculas.",
        _each("status", lambda item: item.get("status") in ("open", "closed")),
    ),
    Rule("requests.service-code", MUST, _SOURCE, "En JSON, service_code es un texto.", _text("service_code")),
    Rule("requests.service-name", SHOULD, _SOURCE, "Cada reporte trae service_name.", _text("service_name")),
    Rule(
        "requests.texts",
        MUST,
        _SOURCE,
        "Los textos son texto o null.",
        _text_or_null("description", "status_notes", "agency_responsible", "service_notice", "address"),
    ),
    Rule(
        "requests.zipcode",
        MUST,
        _SOURCE,
        "zipcode y address_id son texto o null.",
        _text_or_null("zipcode", "address_id"),
    ),
    Rule(
        "requests.description-length",
        SHOULD,
        _SOURCE,
        "description no pasa de 4,000 letras.",
        _each("description", lambda item: len(str(item.get("description") or "")) <= _MAX_DESCRIPTION),
    ),
    Rule(
        "requests.requested",
        MUST,
        _TIMES,
        "requested_datetime es una fecha W3C con zona.",
        _time("requested_datetime", may_be_empty=False),
    ),
    Rule(
        "requests.updated",
        MUST,
        _TIMES,
        "updated_datetime es una fecha W3C con zona, o null.",
        _time("updated_datetime", may_be_empty=True),
    ),
    Rule(
        "requests.expected",
        MUST,
        _TIMES,
        "expected_datetime es una fecha W3C con zona, o null.",
        _time("expected_datetime", may_be_empty=True),
    ),
    Rule("requests.times-xml", MUST, _TIMES, "En XML, las fechas son W3C con zona.", _times_xml),
    Rule("requests.whole-seconds", SHOULD, _TIMES, "Las fechas van en segundos enteros.", _whole_seconds),
    Rule("requests.not-in-future", SHOULD, _TIMES, "Ningún reporte se pidió en el futuro.", _not_in_future),
    Rule(
        "requests.updated-later",
        SHOULD,
        _TIMES,
        "updated_datetime no es anterior a requested_datetime.",
        _updated_after,
    ),
    Rule("requests.lat", MUST, _SOURCE, "En JSON, lat es un número entre -90 y 90, o null.", _coordinate("lat", 90)),
    Rule(
        "requests.long", MUST, _SOURCE, "En JSON, long es un número entre -180 y 180, o null.", _coordinate("long", 180)
    ),
    Rule(
        "requests.lat-with-long",
        MUST,
        _SOURCE,
        "lat y long están las dos o ninguna.",
        _each("long", lambda item: (item.get("lat") is None) == (item.get("long") is None)),
    ),
    Rule("requests.decimal-xml", MUST, _SOURCE, "En XML, lat y long son decimales sin exponente.", _coordinates_xml),
    Rule(
        "requests.media-url",
        MUST,
        _SOURCE,
        "media_url es una dirección o null.",
        _each("media_url", lambda item: _is_web_or_null(item.get("media_url"))),
    ),
    Rule("requests.null", MUST, _SOURCE, 'Lo que falta es null, no "null", {} ni [].', _placeholders),
    Rule("requests.fields", SHOULD, _SOURCE, "Están los 17 campos de cada reporte.", _all_fields),
    Rule(
        "requests.no-others", SHOULD, _SOURCE, "Lo que no es del estándar va en extended_attributes.", _no_other_fields
    ),
    Rule("requests.parity", MUST, _SOURCE, "Los reportes dicen lo mismo en JSON y en XML.", _parity),
)
