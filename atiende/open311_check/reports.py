"""The test reports that a visit sends: which service, where, with which answers, and how they are read back."""

import random
import time
from collections.abc import Sequence
from datetime import UTC, datetime

from atiende.open311_check.exchanges import Element, Exchange
from atiende.open311_check.expectations import expect_status, is_number, stamp
from atiende.open311_check.verdicts import failed, not_applicable, not_tried
from atiende.open311_check.visit import (
    JSON,
    XML,
    Item,
    Visit,
    as_item,
    attributes_of,
    is_true,
    items_of,
    plain,
    values_of,
)

Pairs = list[tuple[str, str]]
NOTICE = "PRUEBA del programa que revisa Open311: ciérrese sin atender / conformance TEST: please close."
# Letters of several alphabets, what XML must escape, and a second line.
TEXT = f"{NOTICE} Ñandú, pingüino, señal; 漢字 🐜. <b>5 > 3 & 2 < 4</b> \"doble\" 'simple' ]]>\nsegunda línea"
ADDRESS = "Calle de la Prueba 311, Centro"
# Enough to see it in lists; the same size whoever is asked.
_RECENT = {"page_size": "50"}
_TRIES = 5
WAIT_S = 1.0


def place(visit: Visit) -> tuple[str, str]:
    """lat and long as text: those of the command line, else of a request the server already has."""
    if visit.options.lat is not None and visit.options.long is not None:
        return str(visit.options.lat), str(visit.options.long)
    for item in items_of(visit.get("requests.json", _RECENT), "service_requests"):
        if is_number(item.get("lat")) and is_number(item.get("long")):
            return str(item["lat"]), str(item["long"])
    raise not_tried("falta --lat y --long: ningún reporte de la lista dice dónde")


def definition_of(visit: Visit, code: str) -> Item:
    value = visit.definition(code, JSON).json.value
    if not isinstance(value, dict):
        root = visit.definition(code, XML).xml.value
        value = plain(root) if isinstance(root, Element) else None
    return as_item(value)


def choose_service(visit: Visit) -> str:
    """The one of the command line; else one that shows in the public list, answers at once and asks least."""
    if visit.options.service_code:
        return visit.options.service_code
    shown = [str(i.get("service_code")) for i in items_of(visit.get("requests.json", _RECENT), "service_requests")]

    def burden(service: Item) -> tuple[bool, bool, bool]:
        code = str(service["service_code"])
        return service.get("type") != "realtime", is_true(service.get("metadata")), bool(shown) and code not in shown

    return str(min(visit.services, key=burden)["service_code"])


def service_of_type(visit: Visit, kind: str) -> str:
    """Not applicable when the city has none of this type."""
    found = [item for item in visit.services if item.get("type") == kind]
    if not found:
        raise not_applicable("ningún servicio es {kind}", kind=kind)
    return str(min(found, key=lambda item: is_true(item.get("metadata")))["service_code"])


def question_of(visit: Visit, *datatypes: str, required: bool | None = None) -> tuple[str, Item]:
    """(service code, attribute) of the first question of such a type. Not applicable when none was read."""
    for code, attribute in visit.questions():
        datatype = attribute.get("datatype")
        fits = not datatypes or datatype in datatypes
        is_asked = is_true(attribute.get("variable")) and required in (None, is_true(attribute.get("required")))
        if fits and is_asked and (datatype not in ("singlevaluelist", "multivaluelist") or values_of(attribute)):
            return code, attribute
    raise not_applicable("ninguna pregunta leída es {kind}", kind=" / ".join(datatypes) or "obligatoria")


def answer_to(attribute: Item) -> str:
    datatype = attribute.get("datatype")
    if datatype == "number":
        return "1"
    if datatype == "datetime":
        return stamp(datetime.now(UTC))
    if datatype in ("singlevaluelist", "multivaluelist"):
        return str((values_of(attribute) or [{"key": ""}])[0].get("key"))
    return "Prueba"


def required_answers(visit: Visit, code: str, *, without: str | None = None) -> Pairs:
    return [
        (field_of(attribute), answer_to(attribute))
        for attribute in attributes_of(definition_of(visit, code))
        if is_true(attribute.get("variable"))
        and is_true(attribute.get("required"))
        and attribute.get("code") != without
    ]


def field_of(attribute: Item) -> str:
    is_several = attribute.get("datatype") == "multivaluelist"
    return f"attribute[{attribute.get('code')}]{'[]' if is_several else ''}"


def report(
    visit: Visit, code: str | None = None, *, without: Sequence[str] = (), answers: Pairs | None = None, **changes: str
) -> Pairs:
    """A form that should be accepted, but for what is taken out of it or changed."""
    visit.refuse_to_write()
    code = code or choose_service(visit)
    lat, long = place(visit)
    fields = {"service_code": code, "lat": lat, "long": long, "description": NOTICE} | changes
    pairs = [(name, value) for name, value in fields.items() if name not in without]
    return pairs + (required_answers(visit, code) if answers is None else answers)


def first(visit: Visit) -> Exchange:
    """The report that most rules look at: every kind of letter, and contact data that must never come back."""
    code = choose_service(visit)
    form = report(visit, code, description=f"{TEXT} {nonce(visit)}", address_string=ADDRESS)
    return visit.post("requests.json", [*form, *visit.marks.items()])


def nonce(visit: Visit) -> str:
    """Letters only, this visit's own: what two visits send is never the same form."""
    return "".join(random.Random(visit.marks["email"]).choices("abcdefghijkmnopqrstuvwxyz", k=12))  # noqa: S311  # not a secret


def accepted(exchange: Exchange) -> Item:
    """The answer element of a report that was taken."""
    expect_status(exchange, 200, 201)
    found = items_of(exchange, "service_requests")
    if not found:
        raise failed("la respuesta no trae ningún elemento: {seen}", seen=exchange.text[:120])
    return found[0]


def id_of(visit: Visit, exchange: Exchange) -> str:
    """The id that the answer names, asking for it by its token if need be. Not applicable when there is none."""
    if not exchange.is_ok or not items_of(exchange, "service_requests"):
        raise not_applicable("el reporte de prueba no se aceptó ({said})", said=exchange.said)
    item = items_of(exchange, "service_requests")[0]
    if item.get("service_request_id"):
        return str(item["service_request_id"])
    if item.get("token"):
        found = items_of(resolved(visit, str(item["token"]), JSON), "service_requests")
        if found and found[0].get("service_request_id"):
            return str(found[0]["service_request_id"])
    raise not_applicable("el reporte de prueba no tiene id todavía")


def resolved(visit: Visit, token: str, fmt: str) -> Exchange:
    """The token's answer, asked again for a few seconds while it has no id."""
    for attempt in range(_TRIES):
        exchange = visit.get(f"tokens/{token}.{fmt}", headers={"x-attempt": str(attempt)})
        found = items_of(exchange, "service_requests")
        if exchange.status != 200 or (found and found[0].get("service_request_id")):
            break
        time.sleep(WAIT_S)
    return exchange


def read_back(visit: Visit, fmt: str = JSON) -> Item:
    """The first report as the public sees it."""
    service_request_id = id_of(visit, first(visit))
    exchange = visit.single(service_request_id, fmt)
    for attempt in range(_TRIES):
        if exchange.status != 404:
            break
        time.sleep(WAIT_S)
        exchange = visit.get(f"requests/{service_request_id}.{fmt}", headers={"x-attempt": str(attempt)})
    found = items_of(exchange, "service_requests")
    if not exchange.is_ok or not found:
        raise failed("GET requests/{id}: llegó {said}", id=service_request_id, said=exchange.said)
    return found[0]
