"""What must never come out: contact data by any way, and the key. Looks at every answer of the whole visit, so it goes last."""

import re
from collections.abc import Iterable
from typing import Any

from atiende.open311_check import reports
from atiende.open311_check.exchanges import Element, Exchange
from atiende.open311_check.expectations import shown
from atiende.open311_check.verdicts import MUST, SHOULD, Rule, failed, not_applicable
from atiende.open311_check.visit import Visit, items_of, short

_SOURCE = "POST Service Request; GET Service Requests"
_PRIVATE = ("email", "phone", "first_name", "last_name", "device_id", "account_id", "api_key")
_NOT_DIGIT = re.compile(r"[^0-9]")


def _names(value: Any) -> Iterable[str]:
    """Every key of a JSON answer and every element of an XML one."""
    waiting = [value]
    while waiting:
        found = waiting.pop()
        if isinstance(found, dict):
            yield from found
            waiting.extend(found.values())
        elif isinstance(found, list):
            waiting.extend(found)
        elif isinstance(found, Element):
            yield from (element.name for element in found.walk())


def _read(visit: Visit) -> list[Exchange]:
    """Every answer to a GET so far, with a list and one request among them."""
    for exchange in (visit.get("requests.json"), visit.get("requests.xml")):
        for item in items_of(exchange, "service_requests")[:1]:
            visit.single(item.get("service_request_id"), exchange.call.url.rpartition(".")[2])
    found = [exchange for exchange in visit.exchanges.values() if exchange.call.method == "GET" and exchange.is_ok]
    if not found:
        raise not_applicable("ninguna respuesta se puede leer")
    return found


def _no_private_fields(visit: Visit) -> None:
    for exchange in _read(visit):
        if "/requests" not in exchange.call.url:
            continue
        document = exchange.xml if exchange.call.url.endswith(".xml") else exchange.json
        seen = sorted(set(_names(document.value)).intersection(_PRIVATE))
        if seen:
            raise failed("{url} trae {seen}", url=short(exchange.call), seen=", ".join(seen))


def _leaks(visit: Visit, exchange: Exchange, names: Iterable[str]) -> str | None:
    text = exchange.text + "\n" + "\n".join(f"{name}: {value}" for name, value in exchange.headers)
    for name in names:
        mark = visit.marks[name]
        if mark.lower() in text.lower():
            return name
        # However a server groups the digits of a telephone.
        if name == "phone" and _NOT_DIGIT.sub("", mark) in re.sub(r"[ ().-]", "", text):
            return name
    return None


def _sent(visit: Visit) -> None:
    visit.refuse_to_write()
    if not reports.first(visit).is_ok:
        raise not_applicable("el reporte de prueba no se aceptó ({said})", said=reports.first(visit).said)


def _never_back(*names: str) -> Any:
    def check(visit: Visit) -> None:
        _sent(visit)
        reports.read_back(visit)
        visit.get("requests.json", {"extensions": "true", "status": "open"})
        for exchange in _read(visit):
            if any(visit.marks[name] in value for name in names for _, value in exchange.call.query):
                continue  # we asked with it ourselves
            found = _leaks(visit, exchange, names)
            if found:
                raise failed("{url} trae {seen}", url=short(exchange.call), seen=found)

    return check


def _not_in_answer(visit: Visit) -> None:
    """The answer to the report itself may echo account_id, and nothing else."""
    _sent(visit)
    found = _leaks(visit, reports.first(visit), ("email", "phone", "first_name", "last_name", "device_id"))
    if found:
        raise failed("{url} trae {seen}", url="POST requests.json", seen=found)


def _not_in_errors(visit: Visit) -> None:
    _sent(visit)
    form = [*reports.report(visit, without=("service_code",)), *visit.marks.items()]
    exchange = visit.post("requests.json", form)
    found = _leaks(visit, exchange, visit.marks)
    if found:
        raise failed("{url} trae {seen}", url="POST requests.json", seen=found)


def _not_found_by(*names: str) -> Any:
    """A filter by contact data finds nothing that it does not find with any other word."""

    def check(visit: Visit) -> None:
        _sent(visit)
        service_request_id = reports.id_of(visit, reports.first(visit))
        for parameter in ("q", "search"):
            nonsense = visit.get("requests.json", {parameter: "zzqxjkvw311"})
            if not nonsense.is_ok or items_of(nonsense, "service_requests"):
                continue  # it does not search by this parameter
            for name in names:
                found = items_of(visit.get("requests.json", {parameter: visit.marks[name]}), "service_requests")
                if service_request_id in [str(item.get("service_request_id")) for item in found]:
                    raise failed("{parameter}={name} encuentra el reporte", parameter=parameter, name=name)

    return check


def _key_never_back(visit: Visit) -> None:
    visit.refuse_to_write()
    key = visit.options.api_key or ""
    if len(key) < 6:
        raise not_applicable("la clave es demasiado corta para buscarla")
    # An error text is where a key is echoed most easily.
    visit.post("requests.json", reports.report(visit, without=("service_code",)))
    for exchange in list(visit.exchanges.values()):
        if key in exchange.text or any(key in value for _, value in exchange.headers):
            raise failed("{url} trae {seen}", url=short(exchange.call), seen="api_key")


def _wrong_key_not_echoed(visit: Visit) -> None:
    visit.refuse_to_write()
    key = "clave-equivocada-7311"
    exchange = visit.post("requests.xml", [("api_key", key), *reports.report(visit)], key=None)
    if exchange.is_ok:
        raise not_applicable("el reporte no se rechazó ({said})", said=exchange.said)
    if key in exchange.text:
        raise failed("{url} trae {seen}", url="POST requests.xml", seen=shown(key))


RULES = (
    Rule("privacy.fields", MUST, _SOURCE, "Ningún reporte trae campos de contacto.", _no_private_fields),
    Rule("privacy.email", MUST, _SOURCE, "El correo que se mandó nunca vuelve.", _never_back("email")),
    Rule("privacy.phone", MUST, _SOURCE, "El teléfono que se mandó nunca vuelve.", _never_back("phone")),
    Rule("privacy.name", MUST, _SOURCE, "El nombre que se mandó nunca vuelve.", _never_back("first_name", "last_name")),
    Rule(
        "privacy.device", MUST, _SOURCE, "El aparato y la cuenta nunca vuelven.", _never_back("device_id", "account_id")
    ),
    Rule("privacy.answer", MUST, _SOURCE, "La respuesta al envío no repite el contacto.", _not_in_answer),
    Rule("privacy.errors", MUST, _SOURCE, "Un rechazo no repite el contacto.", _not_in_errors),
    Rule(
        "privacy.search",
        MUST,
        _SOURCE,
        "Buscar por el contacto no encuentra el reporte.",
        _not_found_by("email", "phone", "first_name", "last_name"),
    ),
    Rule("privacy.key", MUST, "API Key", "La clave nunca vuelve.", _key_never_back),
    Rule("privacy.wrong-key", SHOULD, "API Key", "Un rechazo no repite la clave equivocada.", _wrong_key_not_echoed),
)
