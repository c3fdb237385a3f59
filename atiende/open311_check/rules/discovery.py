"""Service discovery: where the API is, in both formats."""

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from atiende.open311_check.exchanges import Call, Exchange
from atiende.open311_check.expectations import (
    answers,
    expect_status,
    is_text,
    json_of,
    loose_instant,
    readable_json,
    readable_xml,
    rooted,
    shown,
    typed,
)
from atiende.open311_check.parity import difference
from atiende.open311_check.verdicts import MUST, SHOULD, Rule, failed, not_applicable
from atiende.open311_check.visit import JSON, XML, Item, Visit, plain

_SOURCE = "Service Discovery"
_SPECIFICATION = "http://wiki.open311.org/GeoReport_v2"
_FUTURE = timedelta(minutes=5)


def _json(visit: Visit) -> Exchange:
    return visit.discovery(JSON)


def _xml(visit: Visit) -> Exchange:
    return visit.discovery(XML)


def _document(visit: Visit) -> Item:
    """The JSON document, else the XML one as JSON would say it."""
    if visit.discovery(JSON).is_ok and isinstance(visit.discovery(JSON).json.value, dict):
        found: Item = visit.discovery(JSON).json.value
        return found
    value = plain(readable_xml(visit.discovery(XML)))
    if not isinstance(value, dict):
        raise not_applicable("el documento de discovery está vacío")
    return value


def _endpoints(visit: Visit) -> list[Item]:
    found = _document(visit).get("endpoints")
    found = found if isinstance(found, list) else []
    endpoints = [item for item in found if isinstance(item, dict)]
    if not endpoints:
        raise not_applicable("discovery no nombra ningún endpoint")
    return endpoints


def _georeport(visit: Visit) -> list[Item]:
    """The endpoints that say they are GeoReport v2, else all."""
    endpoints = _endpoints(visit)
    return [item for item in endpoints if item.get("specification") == _SPECIFICATION] or endpoints


def _object(visit: Visit) -> None:
    value = json_of(_json(visit))
    if not isinstance(value, dict) or "discovery" in value:
        raise failed("se esperaba un objeto JSON sin envoltura, llegó {seen}", seen=shown(value))


def _filled(name: str) -> Any:
    def check(visit: Visit) -> None:
        document = _document(visit)
        if not is_text(document.get(name)):
            raise failed("{name} = {seen} en {where}", name=name, seen=shown(document.get(name)), where="discovery")

    return check


def _changeset(visit: Visit) -> None:
    value = _document(visit).get("changeset")
    if is_text(value) and loose_instant(value) is None:
        raise failed("{name} = {seen} en {where}", name="changeset", seen=shown(value), where="discovery")


def _changeset_past(visit: Visit) -> None:
    now = datetime.now(UTC)
    for value in [_document(visit).get("changeset"), *(item.get("changeset") for item in _endpoints(visit))]:
        at = loose_instant(value)
        if at is not None and at > now + _FUTURE:
            raise failed("el changeset {seen} está en el futuro", seen=shown(value))


def _endpoints_array(visit: Visit) -> None:
    value = readable_json(_json(visit))
    found = value.get("endpoints") if isinstance(value, dict) else None
    if not isinstance(found, list) or not found or not all(isinstance(item, dict) for item in found):
        raise failed("endpoints = {seen}", seen=shown(found))


def _formats_array(visit: Visit) -> None:
    if not visit.discovery(JSON).is_ok:
        raise not_applicable("{url} no se puede leer ({said})", url="discovery.json", said=visit.discovery(JSON).said)
    for endpoint in _endpoints(visit):
        found = endpoint.get("formats")
        if not isinstance(found, list) or not all(isinstance(item, str) for item in found):
            raise failed("formats = {seen}", seen=shown(found))


def _specification(visit: Visit) -> None:
    seen = [item.get("specification") for item in _endpoints(visit)]
    if _SPECIFICATION not in seen:
        raise failed("se esperaba {wanted}, llegó {seen}", wanted=_SPECIFICATION, seen=shown(seen))


def _url(visit: Visit) -> None:
    for endpoint in _georeport(visit):
        url = str(endpoint.get("url") or "")
        try:
            parts = urlsplit(url)
            is_right = parts.scheme in ("http", "https") and bool(parts.hostname) and not url.endswith("/")
        except ValueError:
            is_right = False
        if not is_right:
            raise failed("url = {seen}", seen=shown(url))


def _url_works(visit: Visit) -> None:
    _url(visit)
    for endpoint in _georeport(visit)[:3]:
        expect_status(visit.ask(Call("GET", f"{endpoint['url']}/services.xml", visit.city)), 200)


def _each_endpoint(name: str, *known: str) -> Any:
    def check(visit: Visit) -> None:
        for endpoint in _georeport(visit):
            value = endpoint.get(name)
            if not is_text(value) or (known and value not in known):
                raise failed("{name} = {seen} en {where}", name=name, seen=shown(value), where="endpoint")

    return check


def _formats(visit: Visit) -> None:
    for endpoint in _georeport(visit):
        found = endpoint.get("formats")
        if not isinstance(found, list) or "text/xml" not in found:
            raise failed("formats = {seen}", seen=shown(found))


def _parity(visit: Visit) -> None:
    found = difference(readable_json(_json(visit)), plain(readable_xml(_xml(visit))))
    if found:
        raise failed("JSON y XML difieren en {where}", where=found)


RULES = (
    Rule("discovery.json", SHOULD, _SOURCE, "discovery.json responde 200.", answers(_json)),
    Rule("discovery.xml", MUST, _SOURCE, "discovery.xml responde 200.", answers(_xml)),
    Rule("discovery.json-content-type", MUST, _SOURCE, "discovery.json dice su tipo exacto.", typed(_json, JSON)),
    Rule("discovery.content-type", MUST, _SOURCE, "discovery.xml dice su tipo exacto.", typed(_xml, XML)),
    Rule("discovery.json-object", MUST, _SOURCE, "En JSON, discovery es un objeto sin envoltura.", _object),
    Rule("discovery.xml-root", MUST, _SOURCE, "En XML, la raíz es discovery.", rooted(_xml, "discovery")),
    Rule("discovery.changeset", MUST, _SOURCE, "changeset no está vacío.", _filled("changeset")),
    Rule("discovery.changeset-time", SHOULD, _SOURCE, "changeset se lee como fecha.", _changeset),
    Rule("discovery.changeset-past", SHOULD, _SOURCE, "Ningún changeset está en el futuro.", _changeset_past),
    Rule("discovery.contact", MUST, _SOURCE, "contact no está vacío.", _filled("contact")),
    Rule("discovery.key-service", MUST, _SOURCE, "key_service dice cómo obtener una clave.", _filled("key_service")),
    Rule("discovery.endpoints", MUST, _SOURCE, "En JSON, endpoints es un arreglo con uno o más.", _endpoints_array),
    Rule(
        "discovery.specification", MUST, _SOURCE, "Un endpoint es de GeoReport v2, con su URI exacta.", _specification
    ),
    Rule("discovery.endpoint-url", MUST, _SOURCE, "La url del endpoint es absoluta y sin diagonal final.", _url),
    Rule("discovery.endpoint-answers", SHOULD, _SOURCE, "En la url del endpoint responde services.xml.", _url_works),
    Rule(
        "discovery.endpoint-type",
        MUST,
        _SOURCE,
        "El type del endpoint es production o test.",
        _each_endpoint("type", "production", "test"),
    ),
    Rule(
        "discovery.endpoint-changeset",
        MUST,
        _SOURCE,
        "El endpoint tiene su propio changeset.",
        _each_endpoint("changeset"),
    ),
    Rule("discovery.formats-array", MUST, _SOURCE, "En JSON, formats es un arreglo de textos.", _formats_array),
    Rule("discovery.formats", MUST, _SOURCE, "El endpoint ofrece text/xml.", _formats),
    Rule("discovery.parity", MUST, _SOURCE, "discovery dice lo mismo en JSON y en XML.", _parity),
)
