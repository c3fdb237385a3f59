"""What holds for every answer: suffixes, encodings, and what the web expects of an open API."""

import re
from collections.abc import Callable

from atiende.open311_check.exchanges import Exchange
from atiende.open311_check.expectations import (
    Ask,
    answers,
    expect_content_type,
    expect_no_crash,
    expect_status,
    json_of,
    readable_xml,
    shown,
    xml_of,
)
from atiende.open311_check.verdicts import EXTENSION, MUST, SHOULD, Rule, failed, not_applicable
from atiende.open311_check.visit import JSON, XML, Visit, short

_FORMAT, _ENCODING, _WEB = "Format support", "Encoding", "Web"
_DECLARATION = re.compile(
    rb'<\?xml version=["\']1\.0["\'] encoding=["\'](?i:utf-8)["\'](?: standalone=["\']\w+["\'])?\s*\?>'
)
_NO_MARKS = re.compile("[\ufffd]")


def _listed(visit: Visit, fmt: str) -> list[Exchange]:
    found = [visit.get(f"{path}.{fmt}") for path in ("services", "requests")]
    found = [exchange for exchange in found if exchange.is_ok]
    if not found:
        raise not_applicable("ninguna lista responde en {fmt}", fmt=fmt)
    return found


def _suffix_wins(fmt: str, other: str) -> Callable[[Visit], None]:
    def check(visit: Visit) -> None:
        exchange = visit.get(f"services.{fmt}", headers={"accept": other})
        expect_status(exchange, 200)
        (json_of if fmt == JSON else xml_of)(exchange)
        expect_content_type(exchange, fmt)

    return check


def _unknown_suffix(visit: Visit) -> Exchange:
    return visit.get("services.csv311")


def _no_suffix(visit: Visit) -> Exchange:
    return visit.get("services")


def _declaration(visit: Visit) -> None:
    for exchange in _listed(visit, XML):
        if not _DECLARATION.match(exchange.body):
            raise failed("{url} empieza con {seen}", url=short(exchange.call), seen=shown(exchange.text[:60]))


def _no_namespace(visit: Visit) -> None:
    for exchange in _listed(visit, XML):
        for element in readable_xml(exchange).walk():
            if ":" in element.name or any(name == "xmlns" or name.startswith("xmlns:") for name in element.attributes):
                raise failed(
                    "{url}: {seen}", url=short(exchange.call), seen=shown(f"<{element.name} {element.attributes}>")
                )


def _no_attributes(visit: Visit) -> None:
    for exchange in _listed(visit, XML):
        for element in readable_xml(exchange).walk():
            if any(not name.startswith("xmlns") for name in element.attributes):
                raise failed(
                    "{url}: {seen}", url=short(exchange.call), seen=shown(f"<{element.name} {element.attributes}>")
                )


def _well_formed(visit: Visit) -> None:
    """A single character that XML cannot hold makes a whole list unreadable."""
    for path in ("services.xml", "requests.xml"):
        exchange = visit.get(path)
        if exchange.is_ok and exchange.xml.problem:
            raise failed("{url}: no es XML bien formado: {problem}", url=path, problem=shown(exchange.xml.problem))


def _utf8(fmt: str) -> Callable[[Visit], None]:
    def check(visit: Visit) -> None:
        for exchange in _listed(visit, fmt):
            try:
                exchange.body.decode("utf-8")
            except UnicodeDecodeError as error:
                raise failed("{url}: {seen}", url=short(exchange.call), seen=shown(str(error))) from None
            if exchange.body.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")):
                raise failed("{url}: {seen}", url=short(exchange.call), seen="BOM")

    return check


def _no_mojibake(visit: Visit) -> None:
    """UTF-8 taken for Latin-1 and encoded again: `Ã³` where `ó` was meant."""
    for exchange in _listed(visit, JSON):
        seen = re.search(r"[ÃÂ][\u0080-\u00bf]", exchange.text) or _NO_MARKS.search(exchange.text)
        if seen:
            start = max(0, seen.start() - 20)
            raise failed("{url}: {seen}", url=short(exchange.call), seen=shown(exchange.text[start : seen.end() + 20]))


def _raw(raw_query: str) -> Ask:
    """The list, asked with bytes that no form encoder would write."""
    from atiende.open311_check.exchanges import Call

    def ask(visit: Visit) -> Exchange:
        city = "".join(f"{name}={value}&" for name, value in visit.city)
        return visit.ask(Call("GET", f"{visit.root}/requests.json", raw_query=city + raw_query))

    return ask


def _no_crash(ask: Ask) -> Callable[[Visit], None]:
    return lambda visit: expect_no_crash(ask(visit))


def _unicode_filter(visit: Visit) -> None:
    expect_status(visit.get("requests.json", {"service_code": "ÑANDÚ-🐜"}), 200, 404)


def _head(path: str) -> Callable[[Visit], None]:
    def check(visit: Visit) -> None:
        exchange, got = visit.get(path, method="HEAD"), visit.get(path)
        expect_status(exchange, got.status)
        if exchange.header("content-type") != got.header("content-type"):
            seen = exchange.header("content-type") or "-"
            raise failed("se esperaba {wanted}, llegó {seen}", wanted=got.header("content-type"), seen=shown(seen))

    return check


def _head_empty(visit: Visit) -> None:
    exchange = visit.get("services.json", method="HEAD")
    if exchange.status == 0:
        raise not_applicable("sin respuesta: {said}", said=exchange.said)
    if exchange.body:
        raise failed("HEAD trae un cuerpo de {count} bytes", count=len(exchange.body))


def _open_to_pages(ask: Ask) -> Callable[[Visit], None]:
    def check(visit: Visit) -> None:
        exchange = ask(visit)
        if exchange.status == 0:
            raise not_applicable("sin respuesta: {said}", said=exchange.said)
        seen = exchange.header("access-control-allow-origin")
        if seen not in ("*", _ORIGIN):
            raise failed("access-control-allow-origin = {seen}", seen=shown(seen) or "-")

    return check


_ORIGIN = "https://mapa.example"


def _from_page(path: str) -> Ask:
    return lambda visit: visit.get(path, headers={"origin": _ORIGIN})


def _preflight(visit: Visit) -> Exchange:
    asked = {
        "origin": _ORIGIN,
        "access-control-request-method": "POST",
        "access-control-request-headers": "content-type",
    }
    return visit.get("requests.json", method="OPTIONS", headers=asked)


def _preflight_post(visit: Visit) -> None:
    exchange = _preflight(visit)
    expect_status(exchange, 200, 204)
    seen = exchange.header("access-control-allow-methods")
    if "POST" not in seen.upper() and seen.strip() != "*":
        raise failed("access-control-allow-methods = {seen}", seen=shown(seen) or "-")


def _no_cookie(visit: Visit) -> None:
    for exchange in _listed(visit, JSON):
        if exchange.header("set-cookie"):
            raise failed("set-cookie = {seen}", seen=shown(exchange.header("set-cookie").split("=")[0]))


def _no_redirect(visit: Visit) -> None:
    for path in ("services.json", "services.xml", "requests.json", "requests.xml"):
        exchange = visit.get(path)
        if exchange.redirects:
            raise failed("{url} lleva a {seen}", url=path, seen=shown(exchange.redirects[-1]))


def _not_modified(visit: Visit) -> None:
    tag = visit.get("services.json").header("etag")
    if not tag:
        raise not_applicable("sin ETag")
    exchange = visit.get("services.json", headers={"if-none-match": tag})
    expect_status(exchange, 304)
    if exchange.body:
        raise failed("un 304 trae un cuerpo de {count} bytes", count=len(exchange.body))


def _compressed(visit: Visit) -> None:
    plain, packed = visit.get("services.json"), visit.get("services.json", headers={"accept-encoding": "gzip"})
    if packed.status and not packed.header("content-encoding"):
        raise not_applicable("sin compresión")
    expect_status(packed, plain.status)
    if packed.body != plain.body:
        raise failed("comprimida, la respuesta es otra")


def _no_jsonp(visit: Visit) -> None:
    exchange = visit.get("services.json", {"callback": "robar311"})
    if "robar311" in exchange.text:
        raise failed("callback se refleja en la respuesta: {seen}", seen=shown(exchange.text))


RULES = (
    Rule("format.suffix-json", MUST, _FORMAT, "El sufijo .json manda sobre Accept.", _suffix_wins(JSON, "text/xml")),
    Rule(
        "format.suffix-xml", MUST, _FORMAT, "El sufijo .xml manda sobre Accept.", _suffix_wins(XML, "application/json")
    ),
    Rule("format.unknown-suffix", SHOULD, _FORMAT, "Un sufijo desconocido es 404.", answers(_unknown_suffix, 404)),
    Rule("format.no-suffix", MUST, _FORMAT, "Sin sufijo no se rompe nada.", _no_crash(_no_suffix)),
    Rule("format.declaration", MUST, _FORMAT, "El XML empieza con su declaración y utf-8.", _declaration),
    Rule("format.no-namespace", MUST, _FORMAT, "El XML no usa espacios de nombres.", _no_namespace),
    Rule("format.no-attributes", MUST, _FORMAT, "Los elementos XML no llevan atributos.", _no_attributes),
    Rule("format.well-formed", MUST, _ENCODING, "El XML está bien formado de principio a fin.", _well_formed),
    Rule("format.utf8-json", MUST, _ENCODING, "El JSON está en UTF-8, sin BOM.", _utf8(JSON)),
    Rule("format.utf8-xml", MUST, _ENCODING, "El XML está en UTF-8, sin BOM.", _utf8(XML)),
    Rule("format.no-mojibake", SHOULD, _ENCODING, "Los acentos no están codificados dos veces.", _no_mojibake),
    Rule(
        "format.unicode-filter",
        MUST,
        _ENCODING,
        "Un filtro con letras de cualquier idioma se entiende.",
        _unicode_filter,
    ),
    Rule(
        "format.bad-utf8",
        MUST,
        _ENCODING,
        "Una consulta que no es UTF-8 no rompe nada.",
        _no_crash(_raw("service_code=%ff%fe")),
    ),
    Rule(
        "format.control",
        MUST,
        _ENCODING,
        "Un carácter de control no rompe nada.",
        _no_crash(_raw("service_code=%00%0b")),
    ),
    Rule("web.head", SHOULD, _WEB, "HEAD sirve donde sirve GET.", _head("services.json")),
    Rule("web.head-requests", SHOULD, _WEB, "HEAD sirve en la lista de reportes.", _head("requests.xml")),
    Rule("web.head-empty", MUST, _WEB, "HEAD no trae cuerpo.", _head_empty),
    Rule(
        "web.cors",
        SHOULD,
        _WEB,
        "Cualquier página puede leer los servicios.",
        _open_to_pages(_from_page("services.json")),
    ),
    Rule(
        "web.cors-requests",
        SHOULD,
        _WEB,
        "Cualquier página puede leer los reportes.",
        _open_to_pages(_from_page("requests.json")),
    ),
    Rule(
        "web.cors-errors",
        SHOULD,
        _WEB,
        "Cualquier página puede leer los errores.",
        _open_to_pages(_from_page("requests/no-existe-311-0.json")),
    ),
    Rule("web.preflight", SHOULD, _WEB, "OPTIONS permite enviar desde una página.", _preflight_post),
    Rule("web.preflight-origin", SHOULD, _WEB, "OPTIONS permite cualquier origen.", _open_to_pages(_preflight)),
    Rule("web.no-cookie", SHOULD, _WEB, "Leer no deja galletas.", _no_cookie),
    Rule("web.no-redirect", SHOULD, _WEB, "Las listas responden sin redirigir.", _no_redirect),
    Rule("web.no-jsonp", SHOULD, _WEB, "callback no se refleja.", _no_jsonp),
    Rule("web.not-modified", EXTENSION, _WEB, "Con el ETag de antes, la respuesta es 304 y vacía.", _not_modified),
    Rule("web.gzip", EXTENSION, _WEB, "Comprimida, la respuesta es la misma.", _compressed),
)
