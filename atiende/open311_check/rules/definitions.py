"""Service definitions: those of some of the services, with questions and without."""

from collections.abc import Callable

from atiende.open311_check.exchanges import Element, Exchange
from atiende.open311_check.expectations import (
    Ask,
    Check,
    answers,
    expect_content_type,
    expect_root,
    expect_status,
    is_text,
    json_of,
    readable_json,
    readable_xml,
    shown,
    xml_of,
)
from atiende.open311_check.parity import difference
from atiende.open311_check.verdicts import MUST, SHOULD, Rule, failed, not_applicable
from atiende.open311_check.visit import JSON, XML, Item, Visit, attributes_of, is_true, plain, values_of

_SOURCE = "GET Service Definition"
_DATATYPES = ("string", "number", "datetime", "text", "singlevaluelist", "multivaluelist")
_LISTS = ("singlevaluelist", "multivaluelist")


def _unknown(fmt: str) -> Ask:
    return lambda visit: visit.definition("no-existe-311", fmt)


def _answered(visit: Visit, fmt: str, *, has_questions: bool) -> list[tuple[Item, Exchange]]:
    found = [
        (service, visit.definition(service["service_code"], fmt))
        for service in visit.sampled
        if is_true(service.get("metadata")) is has_questions
    ]
    if not found:
        raise not_applicable(
            "ningún servicio tiene metadata=true" if has_questions else "todos los servicios tienen metadata=true"
        )
    return found


def _with_questions(fmt: str) -> Check:
    def check(visit: Visit) -> None:
        for _, exchange in _answered(visit, fmt, has_questions=True):
            expect_status(exchange, 200)

    return check


def _without_questions(visit: Visit) -> None:
    for _, exchange in _answered(visit, JSON, has_questions=False):
        expect_status(exchange, 200)
        if attributes_of(json_of(exchange)) if isinstance(json_of(exchange), dict) else True:
            raise failed("metadata=false, pero la definición trae {seen}", seen=shown(json_of(exchange)))


def _content_type(fmt: str) -> Check:
    def check(visit: Visit) -> None:
        for service in visit.sampled:
            exchange = visit.definition(service["service_code"], fmt)
            if exchange.is_ok:
                expect_content_type(exchange, fmt)

    return check


def _object(visit: Visit) -> None:
    for _, exchange in _answered(visit, JSON, has_questions=True):
        value = json_of(exchange)
        if not isinstance(value, dict) or "service_definition" in value:
            raise failed("se esperaba un objeto JSON sin envoltura, llegó {seen}", seen=shown(value))


def _root(visit: Visit) -> None:
    for _, exchange in _answered(visit, XML, has_questions=True):
        expect_root(exchange, "service_definition", None)
        if xml_of(exchange).child("attributes") is None:
            raise failed("falta el elemento {name}", name="attributes")
        expect_children(xml_of(exchange).child("attributes"), "attribute")


def expect_children(element: Element | None, name: str) -> None:
    others = {child.name for child in element.children} - {name} if element is not None else set()
    if others:
        raise failed("se esperaban elementos {wanted}, llegó {seen}", wanted=name, seen=shown(sorted(others)))


def _code(visit: Visit) -> None:
    for service, definition in visit.definitions:
        if definition.get("service_code") != service["service_code"]:
            seen, where = shown(definition.get("service_code")), shown(service["service_code"])
            raise failed("{name} = {seen} en {where}", name="service_code", seen=seen, where=where)


def _attributes(visit: Visit) -> None:
    for _, exchange in _answered(visit, JSON, has_questions=True):
        value = readable_json(exchange)
        found = value.get("attributes") if isinstance(value, dict) else None
        if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
            raise failed("attributes = {seen}", seen=shown(found))


def _has_attributes(visit: Visit) -> None:
    for service, definition in visit.definitions:
        if is_true(service.get("metadata")) and not attributes_of(definition):
            raise failed("{where}: metadata=true y ninguna pregunta", where=shown(service["service_code"]))


def _each(name: str, is_right: Callable[[Item], bool]) -> Check:
    def check(visit: Visit) -> None:
        for code, attribute in visit.questions():
            if not is_right(attribute):
                where = f"{code}/{attribute.get('code')}"
                raise failed("{name} = {seen} en {where}", name=name, seen=shown(attribute.get(name)), where=where)

    return check


def _boolean(name: str) -> Check:
    def check(visit: Visit) -> None:
        found = False
        for _, exchange in _answered(visit, JSON, has_questions=True):
            value = readable_json(exchange)
            for attribute in attributes_of(value) if isinstance(value, dict) else []:
                found = True
                if not isinstance(attribute.get(name), bool):
                    seen, where = shown(attribute.get(name)), shown(attribute.get("code"))
                    raise failed("{name} = {seen} en {where}", name=name, seen=seen, where=where)
        if not found:
            raise not_applicable("ningún servicio leído tiene preguntas")

    return check


def _booleans_xml(visit: Visit) -> None:
    for _, exchange in _answered(visit, XML, has_questions=True):
        for element in readable_xml(exchange).walk():
            if element.name in ("variable", "required") and element.text.strip() not in ("true", "false"):
                where = exchange.call.url.rpartition("/")[2]
                raise failed("{name} = {seen} en {where}", name=element.name, seen=shown(element.text), where=where)


def _order(visit: Visit) -> None:
    for _, exchange in _answered(visit, JSON, has_questions=True):
        value = readable_json(exchange)
        for attribute in attributes_of(value) if isinstance(value, dict) else []:
            order = attribute.get("order")
            if not isinstance(order, int) or isinstance(order, bool) or order < 1:
                where = shown(attribute.get("code"))
                raise failed("{name} = {seen} en {where}", name="order", seen=shown(order), where=where)


def _once(name: str) -> Check:
    def check(visit: Visit) -> None:
        visit.questions()
        for service, definition in visit.definitions:
            values = [str(attribute.get(name)) for attribute in attributes_of(definition)]
            if len(set(values)) < len(values):
                where = shown(service["service_code"])
                raise failed("{name} = {seen} en {where}", name=name, seen=shown(values), where=where)

    return check


def _sorted(visit: Visit) -> None:
    visit.questions()
    for service, definition in visit.definitions:
        orders = [str(attribute.get("order")) for attribute in attributes_of(definition)]
        are_numbers = all(order.isascii() and order.isdigit() and len(order) < 10 for order in orders)
        if are_numbers and [int(order) for order in orders] != sorted(int(order) for order in orders):
            where = shown(service["service_code"])
            raise failed("{name} = {seen} en {where}", name="order", seen=shown(orders), where=where)


def _listed(visit: Visit) -> list[tuple[str, Item]]:
    found = [(code, item) for code, item in visit.questions() if item.get("datatype") in _LISTS]
    if not found:
        raise not_applicable("ninguna pregunta leída es de lista")
    return found


def _has_values(visit: Visit) -> None:
    for code, attribute in _listed(visit):
        if is_true(attribute.get("variable")) and not values_of(attribute):
            where = f"{code}/{attribute.get('code')}"
            raise failed("{name} = {seen} en {where}", name="values", seen=shown(attribute.get("values")), where=where)


def _key_and_name(visit: Visit) -> None:
    for code, attribute in _listed(visit):
        for value in values_of(attribute):
            if not is_text(value.get("key")) or not is_text(value.get("name")):
                where = f"{code}/{attribute.get('code')}"
                raise failed("{name} = {seen} en {where}", name="value", seen=shown(value), where=where)


def _keys_once(visit: Visit) -> None:
    for code, attribute in _listed(visit):
        keys = [str(value.get("key")) for value in values_of(attribute)]
        if len(set(keys)) < len(keys):
            where = f"{code}/{attribute.get('code')}"
            raise failed("{name} = {seen} en {where}", name="key", seen=shown(keys), where=where)


def _values_only_of_lists(visit: Visit) -> None:
    for code, attribute in visit.questions():
        if attribute.get("datatype") not in _LISTS and values_of(attribute):
            where = f"{code}/{attribute.get('code')}"
            raise failed("{name} = {seen} en {where}", name="values", seen=shown(attribute["values"]), where=where)


def _parity(visit: Visit) -> None:
    for service in visit.sampled:
        json = readable_json(visit.definition(service["service_code"], JSON))
        found = difference(json, plain(readable_xml(visit.definition(service["service_code"], XML))))
        if found:
            raise failed("JSON y XML difieren en {where}", where=f"{service['service_code']}{found}")


RULES = (
    Rule(
        "definitions.json",
        MUST,
        _SOURCE,
        "Con metadata=true, la definición en JSON responde 200.",
        _with_questions(JSON),
    ),
    Rule(
        "definitions.xml", MUST, _SOURCE, "Con metadata=true, la definición en XML responde 200.", _with_questions(XML)
    ),
    Rule("definitions.json-content-type", MUST, _SOURCE, "La definición en JSON dice su tipo.", _content_type(JSON)),
    Rule("definitions.content-type", MUST, _SOURCE, "La definición en XML dice su tipo exacto.", _content_type(XML)),
    Rule("definitions.json-object", MUST, _SOURCE, "En JSON, la definición es un objeto sin envoltura.", _object),
    Rule("definitions.xml-root", MUST, _SOURCE, "En XML, service_definition contiene attributes/attribute.", _root),
    Rule("definitions.code", MUST, _SOURCE, "La definición repite el service_code pedido.", _code),
    Rule("definitions.attributes", MUST, _SOURCE, "En JSON, attributes es un arreglo de objetos.", _attributes),
    Rule(
        "definitions.metadata-true",
        MUST,
        _SOURCE,
        "metadata=true solo cuando la definición trae algo.",
        _has_attributes,
    ),
    Rule(
        "definitions.metadata-false",
        SHOULD,
        _SOURCE,
        "Con metadata=false, la definición es 200 y vacía.",
        _without_questions,
    ),
    Rule("definitions.variable", MUST, _SOURCE, "En JSON, variable es un booleano.", _boolean("variable")),
    Rule("definitions.required", MUST, _SOURCE, "En JSON, required es un booleano.", _boolean("required")),
    Rule("definitions.booleans-xml", MUST, _SOURCE, "En XML, variable y required son true o false.", _booleans_xml),
    Rule(
        "definitions.attribute-code",
        MUST,
        _SOURCE,
        "Cada pregunta tiene code.",
        _each("code", lambda item: is_text(item.get("code"))),
    ),
    Rule("definitions.attribute-code-once", MUST, _SOURCE, "Ningún code se repite en un servicio.", _once("code")),
    Rule(
        "definitions.datatype",
        MUST,
        _SOURCE,
        "datatype es uno de los seis.",
        _each("datatype", lambda item: item.get("datatype") in _DATATYPES),
    ),
    Rule(
        "definitions.description",
        SHOULD,
        _SOURCE,
        "Cada pregunta tiene description.",
        _each("description", lambda item: is_text(item.get("description"))),
    ),
    Rule("definitions.order", MUST, _SOURCE, "En JSON, order es un entero desde 1.", _order),
    Rule("definitions.order-once", MUST, _SOURCE, "Ningún order se repite en un servicio.", _once("order")),
    Rule("definitions.order-sorted", SHOULD, _SOURCE, "Las preguntas vienen en su orden.", _sorted),
    Rule(
        "definitions.notice-not-required",
        SHOULD,
        _SOURCE,
        "Lo que no es variable tampoco es obligatorio.",
        _each("required", lambda item: is_true(item.get("variable")) or not is_true(item.get("required"))),
    ),
    Rule("definitions.values", MUST, _SOURCE, "Las preguntas de lista traen sus valores.", _has_values),
    Rule("definitions.values-key-name", MUST, _SOURCE, "Cada valor tiene key y name.", _key_and_name),
    Rule("definitions.values-key-once", MUST, _SOURCE, "Ninguna key se repite en una pregunta.", _keys_once),
    Rule("definitions.values-of-lists", SHOULD, _SOURCE, "Solo las listas traen valores.", _values_only_of_lists),
    Rule("definitions.parity", MUST, _SOURCE, "Las definiciones son las mismas en JSON y en XML.", _parity),
    Rule(
        "definitions.unknown",
        MUST,
        _SOURCE,
        "Un service_code desconocido es 404 en JSON.",
        answers(_unknown(JSON), 404),
    ),
    Rule(
        "definitions.unknown-xml",
        MUST,
        _SOURCE,
        "Un service_code desconocido es 404 en XML.",
        answers(_unknown(XML), 404),
    ),
)
