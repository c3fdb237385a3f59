"""Tokens: what a batch service answers at first."""

from collections.abc import Callable

from atiende.open311_check import reports
from atiende.open311_check.exchanges import Exchange
from atiende.open311_check.expectations import expect_content_type, expect_root, expect_status, json_of, shown
from atiende.open311_check.rules.posting import of_type
from atiende.open311_check.verdicts import MUST, SHOULD, Rule, failed, not_applicable
from atiende.open311_check.visit import JSON, XML, Visit, items_of

_SOURCE = "GET service_request_id from a token"
_PRACTICE = "GET service_request_id from a token; FixMyStreet"


def _token(fmt: str) -> Callable[[Visit], Exchange]:
    def ask(visit: Visit) -> Exchange:
        visit.refuse_to_write()
        exchange = of_type(visit, "batch")
        items = items_of(exchange, "service_requests")
        if not items or not items[0].get("token"):
            raise not_applicable("ningún reporte de prueba recibió un token")
        return reports.resolved(visit, str(items[0]["token"]), fmt)

    return ask


def _token_answer(fmt: str) -> Callable[[Visit], None]:
    def check(visit: Visit) -> None:
        exchange = _token(fmt)(visit)
        expect_status(exchange, 200)
        expect_content_type(exchange, fmt)
        if fmt == XML:
            expect_root(exchange, "service_requests", "request")
        elif not isinstance(json_of(exchange), list):
            raise failed("se esperaba un arreglo JSON, llegó {seen}", seen=shown(json_of(exchange)))

    return check


def _token_pair(visit: Visit) -> None:
    exchange = _token(JSON)(visit)
    sent = items_of(of_type(visit, "batch"), "service_requests")[0]
    item = (items_of(exchange, "service_requests") or [{}])[0]
    if item.get("token") != sent["token"] or "service_request_id" not in item:
        raise failed("se pidió {wanted}, llegó {seen}", wanted=shown(sent["token"]), seen=shown(item))


def _token_resolved(visit: Visit) -> None:
    item = (items_of(_token(JSON)(visit), "service_requests") or [{}])[0]
    if not item.get("service_request_id"):
        raise failed("después de unos segundos el token todavía no tiene id")


def _unknown_token(fmt: str) -> Callable[[Visit], None]:
    return lambda visit: expect_status(visit.get(f"tokens/no-existe-311.{fmt}"), 404)


RULES = (
    Rule("token.json", MUST, _SOURCE, "El token responde 200 en JSON.", _token_answer(JSON)),
    Rule("token.xml", MUST, _SOURCE, "El token responde 200 en XML.", _token_answer(XML)),
    Rule("token.both", MUST, _SOURCE, "La respuesta trae el token y el id.", _token_pair),
    Rule("token.resolved", SHOULD, _PRACTICE, "El token tiene su id en unos segundos.", _token_resolved),
    Rule(
        "token.unknown",
        MUST,
        _SOURCE,
        "Un token desconocido es 404 en JSON.",
        _unknown_token(JSON),
    ),
    Rule(
        "token.unknown-xml",
        MUST,
        _SOURCE,
        "Un token desconocido es 404 en XML.",
        _unknown_token(XML),
    ),
)
