"""Failures: their status, their form in both formats, and what they must not say."""

import re
from collections.abc import Callable

from atiende.open311_check.exchanges import Exchange
from atiende.open311_check.expectations import (
    Ask,
    answers,
    expect_array,
    expect_content_type,
    expect_root,
    expect_status,
    is_text,
    shown,
    survives,
    xml_of,
)
from atiende.open311_check.verdicts import MUST, SHOULD, Rule, failed, not_applicable
from atiende.open311_check.visit import JSON, XML, Visit, short

_SOURCE = "Errors"
_JURISDICTION = "jurisdiction_id"
_NO_CITY = (("jurisdiction_id", "no-existe.example"),)
_INTERNALS = re.compile(
    r"Traceback \(most recent|<html|<!doctype|stack ?trace|SQLSTATE|\bat [\w.$]+\([\w.]+:\d+\)", re.I
)


def _resource(fmt: str) -> Ask:
    """A request that does not exist."""
    return lambda visit: visit.single("no-existe-311-0", fmt)


def _address(fmt: str) -> Ask:
    """An address that the standard does not know: usually the framework's own error page."""
    return lambda visit: visit.get(f"no-existe-311.{fmt}")


def _city(path: str) -> Ask:
    return lambda visit: visit.get(path, _NO_CITY, names_city=False)


def _failed(ask: Ask) -> Ask:
    """The answer, when it is the failure that the rule is about."""

    def checked(visit: Visit) -> Exchange:
        exchange = ask(visit)
        if exchange.status < 400:
            raise not_applicable("{url} no es un error aquí ({said})", url=short(exchange.call), said=exchange.said)
        return exchange

    return checked


def _type(ask: Ask, fmt: str) -> Callable[[Visit], None]:
    return lambda visit: expect_content_type(_failed(ask)(visit), fmt)


def _array(ask: Ask) -> Callable[[Visit], None]:
    def check(visit: Visit) -> None:
        value = expect_array(_failed(ask)(visit))
        if not value or not all(isinstance(item, dict) for item in value):
            raise failed("se esperaba un arreglo JSON, llegó {seen}", seen=shown(value))

    return check


def _root(ask: Ask) -> Callable[[Visit], None]:
    def check(visit: Visit) -> None:
        exchange = _failed(ask)(visit)
        expect_root(exchange, "errors", "error")
        if not xml_of(exchange).children:
            raise failed("errors está vacío")

    return check


def _code(visit: Visit) -> None:
    exchange = _failed(_resource(JSON))(visit)
    for item in expect_array(exchange):
        code = item.get("code") if isinstance(item, dict) else item
        if code != exchange.status or not isinstance(code, int):
            raise failed("code = {seen} con HTTP {status}", seen=shown(code), status=exchange.status)


def _code_xml(visit: Visit) -> None:
    exchange = _failed(_resource(XML))(visit)
    for error in xml_of(exchange).children:
        if error.value("code") != str(exchange.status):
            raise failed("code = {seen} con HTTP {status}", seen=shown(error.value("code")), status=exchange.status)


def _description(visit: Visit) -> None:
    for item in expect_array(_failed(_resource(JSON))(visit)):
        if not isinstance(item, dict) or not is_text(item.get("description")):
            raise failed("description = {seen}", seen=shown(item))


def _description_xml(visit: Visit) -> None:
    for error in xml_of(_failed(_resource(XML))(visit)).children:
        if error.value("description") is None:
            raise failed("description = {seen}", seen="-")


def _no_internals(visit: Visit) -> None:
    """Of every failure of this visit."""
    _failed(_resource(JSON))(visit)
    for exchange in list(visit.exchanges.values()):
        if exchange.status >= 400:
            found = _INTERNALS.search(exchange.text)
            if found:
                raise failed("{url} muestra {seen}", url=short(exchange.call), seen=shown(found.group()))


def _no_5xx(visit: Visit) -> None:
    seen = [exchange for exchange in visit.exchanges.values() if exchange.status >= 500]
    if seen:
        raise failed("{url}: {said}", url=short(seen[0].call), said=seen[0].said)


def _missing_city(visit: Visit) -> None:
    """One city: served. Several: 400."""
    exchange = visit.get("services.json", names_city=False)
    expect_status(exchange, 200, 400)


def _method(visit: Visit) -> Exchange:
    visit.refuse_to_write()
    return visit.get("services.json", method="PUT")


def _odd(path: str, **query: str) -> Callable[[Visit], None]:
    return survives(lambda visit: visit.get(path, query))


RULES = (
    Rule("error.json-array", MUST, _SOURCE, "En JSON, un 404 es un arreglo de errores.", _array(_resource(JSON))),
    Rule("error.xml-root", MUST, _SOURCE, "En XML, un 404 es errors con error.", _root(_resource(XML))),
    Rule("error.json-content-type", MUST, _SOURCE, "Un error en JSON dice su tipo.", _type(_resource(JSON), JSON)),
    Rule("error.content-type", MUST, _SOURCE, "Un error en XML dice su tipo exacto.", _type(_resource(XML), XML)),
    Rule("error.code", SHOULD, _SOURCE, "En JSON, code es un entero igual al estado HTTP.", _code),
    Rule("error.code-xml", SHOULD, _SOURCE, "En XML, code es igual al estado HTTP.", _code_xml),
    Rule("error.description", MUST, _SOURCE, "En JSON, cada error trae description.", _description),
    Rule("error.description-xml", MUST, _SOURCE, "En XML, cada error trae description.", _description_xml),
    Rule("error.unknown-address", SHOULD, _SOURCE, "Una dirección desconocida es 404.", answers(_address(JSON), 404)),
    Rule("error.framework-json", SHOULD, _SOURCE, "También un 404 del programa va en JSON.", _array(_address(JSON))),
    Rule("error.framework-xml", SHOULD, _SOURCE, "También un 404 del programa va en XML.", _root(_address(XML))),
    Rule("error.method", SHOULD, _SOURCE, "Un método que no existe es 405.", answers(_method, 405)),
    Rule("error.method-json", SHOULD, _SOURCE, "También un 405 va en JSON.", _array(_method)),
    Rule(
        "error.unknown-city",
        MUST,
        _JURISDICTION,
        "Una jurisdiction_id desconocida es 404.",
        answers(_city("services.json"), 404),
    ),
    Rule(
        "error.unknown-city-requests",
        MUST,
        _JURISDICTION,
        "También en la lista de reportes una jurisdiction_id desconocida es 404.",
        answers(_city("requests.xml"), 404),
    ),
    Rule("error.missing-city", MUST, _JURISDICTION, "Sin jurisdiction_id se atiende, o es 400.", _missing_city),
    Rule("error.long-id", MUST, _SOURCE, "Un id larguísimo no rompe nada.", _odd(f"requests/{'9' * 1500}.json")),
    Rule("error.odd-id", MUST, _SOURCE, "Un id con comillas no rompe nada.", _odd("requests/1%27%22%3B--.json")),
    Rule(
        "error.odd-filter",
        MUST,
        _SOURCE,
        "Un filtro con comillas no rompe nada.",
        _odd("requests.json", service_code="'\";--%"),
    ),
    Rule(
        "error.odd-page",
        MUST,
        _SOURCE,
        "Una página ilegible no rompe nada.",
        _odd("requests.json", page="-1", page_size="x"),
    ),
    Rule("error.no-5xx", MUST, _SOURCE, "Nada de lo que mandamos causó un error del servidor.", _no_5xx),
    Rule(
        "error.no-internals", SHOULD, _SOURCE, "Los errores no muestran páginas ni rastros del programa.", _no_internals
    ),
)
