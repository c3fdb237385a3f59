"""Reports that should be taken. Each accepted one is a real report at the server: few are sent, and each says what it is."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from atiende.open311_check import reports
from atiende.open311_check.exchanges import Exchange
from atiende.open311_check.expectations import (
    expect_array,
    expect_content_type,
    expect_root,
    expect_status,
    is_number,
    is_text,
    is_text_or_null,
    shown,
    stamp,
    w3c,
    xml_of,
)
from atiende.open311_check.verdicts import MUST, SHOULD, Rule, failed
from atiende.open311_check.visit import JSON, XML, Item, Visit, as_item, items_of, values_of

_SOURCE = "POST Service Request"
_READ = "POST Service Request; GET Service Request"
_PRACTICE = "POST Service Request; clients in use"
_SKEW = timedelta(minutes=10)
_NEAR = 1e-4
# The smallest PNG there is: one grey pixel.
_PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010800000000"
    "3a7e9b550000000a49444154789c63680000008200817707720d0000000049454e44ae426082"
)


def _in_xml(visit: Visit) -> Exchange:
    return visit.post("requests.xml", reports.report(visit, description=f"{reports.NOTICE} XML {reports.nonce(visit)}"))


def _multipart(visit: Visit) -> Exchange:
    form = reports.report(visit, description=f"{reports.NOTICE} multipart ñ {reports.nonce(visit)}")
    return visit.post("requests.json", form, files=(("media", "prueba.png", "image/png", _PNG),))


def _taken(ask: Callable[[Visit], Exchange]) -> Callable[[Visit], None]:
    def check(visit: Visit) -> None:
        reports.accepted(ask(visit))

    return check


def _plain_200(visit: Visit) -> None:
    expect_status(reports.first(visit), 200)


def _json_type(visit: Visit) -> None:
    expect_content_type(reports.first(visit), JSON)


def _xml_type(visit: Visit) -> None:
    expect_content_type(_in_xml(visit), XML)


def _array_of_one(visit: Visit) -> None:
    reports.accepted(reports.first(visit))
    value = expect_array(reports.first(visit))
    if len(value) != 1 or not isinstance(value[0], dict) or "request" in value[0]:
        raise failed("se esperaba un arreglo con un objeto, llegó {seen}", seen=shown(value))


def _root(visit: Visit) -> None:
    reports.accepted(_in_xml(visit))
    expect_root(_in_xml(visit), "service_requests", "request")


def _same_names(visit: Visit) -> None:
    """The same fields in both formats, whatever their values."""
    json, xml = reports.accepted(reports.first(visit)), xml_of(_in_xml(visit))
    if not xml.children:
        raise failed("la respuesta no trae ningún elemento: {seen}", seen=shown(_in_xml(visit).text))
    in_xml = {child.name for child in xml.children[0].children if child.text.strip()}
    in_json = {name for name, value in json.items() if value not in (None, "")}
    # Ours is named in the first report only.
    others = in_json.symmetric_difference(in_xml) - {"account_id"}
    if others:
        raise failed("JSON y XML difieren en {where}", where=shown(sorted(others)))


def _either(visit: Visit) -> None:
    item = reports.accepted(reports.first(visit))
    if item.get("service_request_id") and item.get("token"):
        raise failed("llegaron los dos: {seen}", seen=shown(item))


def _id_text(visit: Visit) -> None:
    item = as_item((expect_array(reports.first(visit)) or [None])[0])
    for name in ("service_request_id", "token"):
        if item.get(name) is not None and not is_text(item[name]):
            raise failed("{name} = {seen} en {where}", name=name, seen=shown(item[name]), where="POST")


def _notice(visit: Visit) -> None:
    item = reports.accepted(reports.first(visit))
    for name in ("service_notice", "account_id"):
        if not is_text_or_null(item.get(name)):
            raise failed("{name} = {seen} en {where}", name=name, seen=shown(item[name]), where="POST")


def of_type(visit: Visit, kind: str) -> Exchange:
    code = reports.service_of_type(visit, kind)
    if kind == "realtime" and code == reports.choose_service(visit):
        return reports.first(visit)
    form = reports.report(visit, code, description=f"{reports.NOTICE} {kind} {reports.nonce(visit)}")
    return visit.post("requests.json", form)


def _kind(kind: str, wanted: tuple[str, ...]) -> Callable[[Visit], None]:
    def check(visit: Visit) -> None:
        item = reports.accepted(of_type(visit, kind))
        seen = tuple(name for name in ("service_request_id", "token") if item.get(name))
        if seen != wanted:
            raise failed("{kind}: llegó {seen}", kind=kind, seen=shown(item))

    return check


def _address_only(visit: Visit) -> Exchange:
    form = reports.report(
        visit, without=("lat", "long"), description=f"{reports.NOTICE} dirección {reports.nonce(visit)}"
    )
    return visit.post("requests.json", [*form, ("address_string", reports.ADDRESS)])


def _extras(visit: Visit) -> Exchange:
    """What FixMyStreet always sends along, an empty optional, and no names."""
    form = reports.report(visit, description=f"{reports.NOTICE} extras {reports.nonce(visit)}")
    extras = [
        ("attribute[easting]", "1"),
        ("attribute[no_existe_311]", "x"),
        ("media_url", ""),
        ("email", ""),
        ("last_name", ""),
    ]
    return visit.post("requests.json", [*form, *extras])


def _answered(
    visit: Visit, attribute_type: tuple[str, ...], required: bool | None, values: Callable[[Item], list[str]]
) -> Exchange:
    code, attribute = reports.question_of(visit, *attribute_type, required=required)
    rest = reports.required_answers(visit, code, without=str(attribute.get("code")))
    given = [(reports.field_of(attribute), value) for value in values(attribute)]
    form = reports.report(
        visit,
        code,
        answers=[*rest, *given],
        description=f"{reports.NOTICE} {attribute.get('code')} {reports.nonce(visit)}",
    )
    return visit.post("requests.json", form)


def _required_given(visit: Visit) -> Exchange:
    return _answered(visit, (), True, lambda attribute: [reports.answer_to(attribute)])


def _several(visit: Visit) -> Exchange:
    return _answered(
        visit, ("multivaluelist",), None, lambda attribute: [str(v.get("key")) for v in values_of(attribute)[:2]]
    )


def _empty_optional(visit: Visit) -> Exchange:
    return _answered(visit, (), False, lambda _: [""])


def _again(visit: Visit) -> None:
    """The same form within seconds is a client that did not hear the answer."""
    once = reports.id_of(visit, _in_xml(visit))
    form = reports.report(visit, description=f"{reports.NOTICE} XML {reports.nonce(visit)}")
    # Some clients write their fields in another order each time.
    twice = reports.id_of(visit, visit.post("requests.xml", form[::-1], headers={"x-attempt": "2"}))
    if once != twice:
        raise failed("dos reportes: {once} y {twice}", once=shown(once), twice=shown(twice))


def _readable(visit: Visit) -> None:
    reports.read_back(visit)


def _description(fmt: str) -> Callable[[Visit], None]:
    def check(visit: Visit) -> None:
        seen = str(reports.read_back(visit, fmt).get("description"))
        wanted = f"{reports.TEXT} {reports.nonce(visit)}"
        if " ".join(seen.split()) != " ".join(wanted.split()):
            raise failed("se esperaba {wanted}, llegó {seen}", wanted=shown(wanted), seen=shown(seen))

    return check


def _line_break(visit: Visit) -> None:
    seen = reports.read_back(visit).get("description")
    if not isinstance(seen, str) or "\n" not in seen:
        raise failed("description perdió su salto de línea: {seen}", seen=shown(seen))


def _position(visit: Visit) -> None:
    item, (lat, long) = reports.read_back(visit), reports.place(visit)
    for name, wanted in (("lat", lat), ("long", long)):
        value = item.get(name)
        if not is_number(value) or abs(float(str(value)) - float(wanted)) > _NEAR:
            raise failed("{name} = {seen} en {where}", name=name, seen=shown(value), where=f"({wanted})")


def _fields(visit: Visit) -> None:
    item = reports.read_back(visit)
    wanted = {"service_code": reports.choose_service(visit), "status": "open"}
    for name, value in wanted.items():
        if item.get(name) != value:
            raise failed("{name} = {seen} en {where}", name=name, seen=shown(item.get(name)), where=f"({value})")


def _address(visit: Visit) -> None:
    seen = reports.read_back(visit).get("address")
    if not isinstance(seen, str) or "Calle de la Prueba" not in seen:
        raise failed("{name} = {seen} en {where}", name="address", seen=shown(seen), where=f"({reports.ADDRESS})")


def _requested_now(visit: Visit) -> None:
    value = reports.read_back(visit).get("requested_datetime")
    at = w3c(value)
    if at is None or abs(at - datetime.now(UTC)) > _SKEW:
        raise failed("{name} = {seen} en {where}", name="requested_datetime", seen=shown(value), where="POST")


def _listed(visit: Visit) -> None:
    service_request_id = str(reports.read_back(visit).get("service_request_id"))
    start = stamp(datetime.now(UTC) - _SKEW)
    found = items_of(visit.get("requests.json", {"start_date": start}), "service_requests")
    if service_request_id not in [str(item.get("service_request_id")) for item in found]:
        raise failed("el reporte {id} debía estar en la lista", id=service_request_id)


def _listed_by_id(visit: Visit) -> None:
    service_request_id = str(reports.read_back(visit).get("service_request_id"))
    found = items_of(visit.get("requests.xml", {"service_request_id": service_request_id}), "service_requests")
    if [str(item.get("service_request_id")) for item in found] != [service_request_id]:
        raise failed("el reporte {id} debía estar en la lista", id=service_request_id)


def _control(visit: Visit) -> None:
    """Refused, or taken and readable as XML ever after."""
    form = reports.report(visit, description=f"{reports.NOTICE} \x0b\x07\ufffe {reports.nonce(visit)}")
    exchange = visit.post("requests.json", form)
    expect_status(exchange, 200, 201, 400)
    if exchange.status != 400:
        found = visit.single(reports.id_of(visit, exchange), XML)
        if found.is_ok and found.xml.problem:
            raise failed(
                "{url}: no es XML bien formado: {problem}", url="requests/…xml", problem=shown(found.xml.problem)
            )


def _script_address(visit: Visit) -> None:
    form = reports.report(
        visit, description=f"{reports.NOTICE} media_url {reports.nonce(visit)}", media_url="javascript:alert(311)"
    )
    exchange = visit.post("requests.json", form)
    expect_status(exchange, 200, 201, 400)
    if exchange.status != 400:
        found = visit.single(reports.id_of(visit, exchange), JSON)
        if "javascript:" in found.text:
            raise failed("media_url se publica: {seen}", seen="javascript:alert(311)")


RULES = (
    Rule("post.accepted", MUST, _SOURCE, "Un reporte completo se acepta y responde en JSON.", _taken(reports.first)),
    Rule("post.accepted-xml", MUST, _SOURCE, "Un reporte completo se acepta y responde en XML.", _taken(_in_xml)),
    Rule("post.status-200", SHOULD, _PRACTICE, "Un reporte aceptado responde 200.", _plain_200),
    Rule("post.json-content-type", MUST, _SOURCE, "La respuesta en JSON dice su tipo exacto.", _json_type),
    Rule("post.content-type", MUST, _SOURCE, "La respuesta en XML dice su tipo exacto.", _xml_type),
    Rule("post.array-of-one", MUST, _SOURCE, "En JSON, la respuesta es un arreglo de uno.", _array_of_one),
    Rule("post.xml-root", MUST, _SOURCE, "En XML, la respuesta es service_requests con un request.", _root),
    Rule("post.parity", MUST, _SOURCE, "La respuesta trae lo mismo en JSON y en XML.", _same_names),
    Rule("post.id-or-token", MUST, _SOURCE, "La respuesta trae un id o un token, nunca los dos.", _either),
    Rule("post.id-text", MUST, _SOURCE, "En JSON, el id o el token es un texto.", _id_text),
    Rule("post.notice", MUST, _SOURCE, "service_notice y account_id son texto o null.", _notice),
    Rule("post.realtime", MUST, _SOURCE, "Un servicio realtime da el id.", _kind("realtime", ("service_request_id",))),
    Rule("post.batch", MUST, _SOURCE, "Un servicio batch da un token.", _kind("batch", ("token",))),
    Rule("post.blackbox", MUST, _SOURCE, "Un servicio blackbox no da ni id ni token.", _kind("blackbox", ())),
    Rule("post.multipart", SHOULD, _PRACTICE, "Se acepta multipart con una foto.", _taken(_multipart)),
    Rule("post.address-only", MUST, _SOURCE, "Basta address_string para decir dónde.", _taken(_address_only)),
    Rule(
        "post.extras-ignored",
        SHOULD,
        _PRACTICE,
        "Los atributos desconocidos y los vacíos no estorban.",
        _taken(_extras),
    ),
    Rule(
        "post.required-given",
        MUST,
        _SOURCE,
        "Con sus preguntas obligatorias contestadas se acepta.",
        _taken(_required_given),
    ),
    Rule("post.several-values", MUST, _SOURCE, "Una multivaluelist acepta varias claves.", _taken(_several)),
    Rule(
        "post.empty-optional",
        MUST,
        "Optional arguments",
        "Una pregunta opcional vacía es como no contestada.",
        _taken(_empty_optional),
    ),
    Rule(
        "post.sent-twice", SHOULD, _PRACTICE, "El mismo formulario otra vez, en segundos, es el mismo reporte.", _again
    ),
    Rule("post.readable", MUST, _READ, "El reporte se puede leer por su id.", _readable),
    Rule("post.description", MUST, "Encoding", "description vuelve letra por letra en JSON.", _description(JSON)),
    Rule("post.description-xml", MUST, "Encoding", "description vuelve letra por letra en XML.", _description(XML)),
    Rule("post.line-break", SHOULD, _SOURCE, "description conserva sus renglones.", _line_break),
    Rule("post.position", MUST, _READ, "lat y long vuelven como se mandaron.", _position),
    Rule("post.fields", MUST, _READ, "El reporte está abierto y es del servicio pedido.", _fields),
    Rule("post.address", SHOULD, _READ, "address_string vuelve en address.", _address),
    Rule("post.requested-now", MUST, _READ, "requested_datetime es el momento en que se mandó.", _requested_now),
    Rule("post.listed", MUST, _READ, "El reporte está en la lista.", _listed),
    Rule("post.listed-by-id", MUST, _READ, "El reporte se encuentra por service_request_id.", _listed_by_id),
    Rule("post.control", MUST, "Encoding", "Un carácter que XML no admite se rechaza o se quita.", _control),
    Rule("post.script-address", SHOULD, _SOURCE, "Una media_url que no es http no se publica.", _script_address),
)
