"""One request by its id."""

from atiende.open311_check.exchanges import Exchange
from atiende.open311_check.expectations import (
    Ask,
    answers,
    expect_array,
    readable_json,
    readable_xml,
    rooted,
    shown,
    typed,
)
from atiende.open311_check.parity import difference
from atiende.open311_check.verdicts import MUST, SHOULD, Rule, failed, not_applicable
from atiende.open311_check.visit import JSON, XML, Visit, as_item, plain

_SOURCE = "GET Service Request"


def _json(visit: Visit) -> Exchange:
    return visit.single(visit.sample_id, JSON)


def _xml(visit: Visit) -> Exchange:
    return visit.single(visit.sample_id, XML)


def _unknown(fmt: str) -> Ask:
    return lambda visit: visit.single("no-existe-311-0", fmt)


def _array_of_one(visit: Visit) -> None:
    value = expect_array(_json(visit))
    if len(value) != 1:
        raise failed("se esperaba un elemento, llegaron {count}", count=len(value))


def _same_id(visit: Visit) -> None:
    value = readable_json(_json(visit))
    seen = [as_item(item).get("service_request_id") for item in value] if isinstance(value, list) else value
    if seen != [visit.sample["service_request_id"]]:
        raise failed("se pidió {wanted}, llegó {seen}", wanted=visit.sample_id, seen=shown(seen))


def _as_listed(visit: Visit) -> None:
    """The same object as in the list, unless it has been changed in the meantime."""
    value = readable_json(_json(visit))
    item = as_item(value[0]) if isinstance(value, list) and value else {}
    if visit.get("requests.json").json.problem:
        raise not_applicable("{url} no se puede leer ({said})", url="requests.json", said="-")
    if item.get("updated_datetime") == visit.sample.get("updated_datetime"):
        others = [name for name in visit.sample if visit.sample[name] != item.get(name)]
        if others:
            raise failed("la lista y el reporte solo difieren en {where}", where=", ".join(others))


def _parity(visit: Visit) -> None:
    found = difference(readable_json(_json(visit)), [plain(child) for child in readable_xml(_xml(visit)).children])
    if found:
        raise failed("JSON y XML difieren en {where}", where=found)


RULES = (
    Rule("single.json", MUST, _SOURCE, "Un reporte de la lista responde 200 en JSON.", answers(_json)),
    Rule("single.xml", MUST, _SOURCE, "Un reporte de la lista responde 200 en XML.", answers(_xml)),
    Rule("single.json-content-type", MUST, _SOURCE, "El reporte en JSON dice su tipo exacto.", typed(_json, JSON)),
    Rule("single.content-type", MUST, _SOURCE, "El reporte en XML dice su tipo exacto.", typed(_xml, XML)),
    Rule("single.array-of-one", MUST, _SOURCE, "En JSON, un reporte es un arreglo de uno.", _array_of_one),
    Rule(
        "single.xml-root",
        MUST,
        _SOURCE,
        "En XML, un reporte es service_requests con un request.",
        rooted(_xml, "service_requests", "request"),
    ),
    Rule("single.id", MUST, _SOURCE, "El reporte es el que se pidió.", _same_id),
    Rule("single.as-listed", SHOULD, _SOURCE, "El reporte solo dice lo mismo que en la lista.", _as_listed),
    Rule("single.parity", MUST, _SOURCE, "El reporte es el mismo en JSON y en XML.", _parity),
    Rule("single.unknown", MUST, _SOURCE, "Un id desconocido es 404 en JSON.", answers(_unknown(JSON), 404)),
    Rule("single.unknown-xml", MUST, _SOURCE, "Un id desconocido es 404 en XML.", answers(_unknown(XML), 404)),
)
