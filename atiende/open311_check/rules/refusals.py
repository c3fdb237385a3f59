"""Reports that must be refused, and how. A server that takes one of them anyway keeps a test report."""

from collections.abc import Callable

from atiende.open311_check import reports
from atiende.open311_check.exchanges import Call, Exchange
from atiende.open311_check.expectations import (
    expect_array,
    expect_content_type,
    expect_no_crash,
    expect_root,
    expect_status,
    is_text,
    shown,
    xml_of,
)
from atiende.open311_check.verdicts import MUST, SHOULD, Rule, failed, not_applicable
from atiende.open311_check.visit import JSON, XML, Visit, values_of

_SOURCE, _KEY = "POST Service Request; Errors", "API Key; Errors"
_LISTS = ("singlevaluelist", "multivaluelist")
Ask = Callable[[Visit], Exchange]


def _refused(ask: Ask, status: int) -> Callable[[Visit], None]:
    return lambda visit: expect_status(ask(visit), status)


def _without_key(fmt: str) -> Ask:
    return lambda visit: visit.post(f"requests.{fmt}", reports.report(visit), key=None)


def _with_key(key: str) -> Ask:
    return lambda visit: visit.post("requests.json", [("api_key", key), *reports.report(visit)], key=None)


def _without(*names: str, **changes: str) -> Ask:
    return lambda visit: visit.post(
        "requests.json", reports.report(visit, None, without=names, answers=None, **changes)
    )


def _missing_service(fmt: str) -> Ask:
    return lambda visit: visit.post(f"requests.{fmt}", reports.report(visit, without=("service_code",)))


def _unknown_service(visit: Visit) -> Exchange:
    form = [pair for pair in reports.report(visit) if pair[0] != "service_code"]
    return visit.post("requests.json", [*form, ("service_code", "no-existe-311")])


def _unknown_city(visit: Visit) -> Exchange:
    return visit.post(
        "requests.json", [("jurisdiction_id", "no-existe.example"), *reports.report(visit)], names_city=False
    )


def _answered(datatypes: tuple[str, ...], *values: str, required: bool | None = None) -> Ask:
    """A question answered like this, everything else in order."""

    def ask(visit: Visit) -> Exchange:
        visit.refuse_to_write()
        code, attribute = reports.question_of(visit, *datatypes, required=required)
        rest = reports.required_answers(visit, code, without=str(attribute.get("code")))
        given = [(reports.field_of(attribute), value) for value in values]
        return visit.post("requests.json", reports.report(visit, code, answers=[*rest, *given]))

    return ask


_required_missing = _answered((), required=True)


def _names_the_question(visit: Visit) -> None:
    exchange = _required_missing(visit)
    if exchange.status != 400:
        raise not_applicable("la pregunta sin contestar no se rechazó ({said})", said=exchange.said)
    _, attribute = reports.question_of(visit, required=True)
    if str(attribute.get("code")) not in exchange.text:
        raise failed("{name} no está en {seen}", name=attribute.get("code"), seen=shown(exchange.text))


def _two_values(visit: Visit) -> Exchange:
    visit.refuse_to_write()
    code, attribute = reports.question_of(visit, "singlevaluelist")
    keys = [str(value.get("key")) for value in values_of(attribute)][:2]
    if len(keys) < 2:
        raise not_applicable("ninguna pregunta leída es {kind}", kind="singlevaluelist (2)")
    rest = reports.required_answers(visit, code, without=str(attribute.get("code")))
    given = [(reports.field_of(attribute), key) for key in keys]
    return visit.post("requests.json", reports.report(visit, code, answers=[*rest, *given]))


def _failed(ask: Ask) -> Ask:
    def checked(visit: Visit) -> Exchange:
        exchange = ask(visit)
        if exchange.status < 400:
            raise not_applicable("el reporte no se rechazó ({said})", said=exchange.said)
        return exchange

    return checked


def _json_form(visit: Visit) -> None:
    exchange = _failed(_missing_service(JSON))(visit)
    expect_content_type(exchange, JSON)
    for item in expect_array(exchange):
        if not isinstance(item, dict) or item.get("code") != exchange.status or not is_text(item.get("description")):
            raise failed("code = {seen} con HTTP {status}", seen=shown(item), status=exchange.status)


def _xml_form(visit: Visit) -> None:
    exchange = _failed(_missing_service(XML))(visit)
    expect_content_type(exchange, XML)
    expect_root(exchange, "errors", "error")
    for error in xml_of(exchange).children:
        if error.value("code") != str(exchange.status) or error.value("description") is None:
            raise failed("code = {seen} con HTTP {status}", seen=shown(error.value("code")), status=exchange.status)


def _all_at_once(visit: Visit) -> None:
    """Two faults, told in one answer: one round for whoever fills in the form."""
    exchange = visit.post("requests.json", reports.report(visit, lat="norte", description="x" * 4001))
    expect_status(exchange, 400)
    if len(expect_array(exchange)) < 2:
        raise failed("dos faltas, un error: {seen}", seen=shown(exchange.text))


def _raw(content_type: str, body: bytes) -> Callable[[Visit], None]:
    """A body that no form encoder would write is the sender's fault."""

    def check(visit: Visit) -> None:
        visit.refuse_to_write()
        call = Call(
            "POST", f"{visit.root}/requests.json", visit.city, body=body, headers=(("content-type", content_type),)
        )
        exchange = visit.ask(call)
        expect_no_crash(exchange)
        if exchange.is_ok:
            raise failed("se aceptó: {said}", said=exchange.said)

    return check


_TORN = b'--lim\r\nContent-Disposition: form-data; name="service_code"\r\n\r\nx'

RULES = (
    Rule("post.missing-key-403", MUST, _KEY, "Sin api_key es 403 en JSON.", _refused(_without_key(JSON), 403)),
    Rule("post.missing-key-403-xml", MUST, _KEY, "Sin api_key es 403 en XML.", _refused(_without_key(XML), 403)),
    Rule("post.empty-key-403", MUST, _KEY, "Una api_key vacía es 403.", _refused(_with_key(""), 403)),
    Rule(
        "post.wrong-key-403", MUST, _KEY, "Una api_key desconocida es 403.", _refused(_with_key("no-es-una-clave"), 403)
    ),
    Rule("post.missing-service-400", MUST, _SOURCE, "Sin service_code es 400.", _refused(_missing_service(JSON), 400)),
    Rule(
        "post.empty-service-400",
        MUST,
        "Optional arguments",
        "Un service_code vacío es como ninguno: 400.",
        _refused(_without(service_code=""), 400),
    ),
    Rule(
        "post.unknown-service-404",
        MUST,
        _SOURCE,
        "Un service_code desconocido es 404.",
        _refused(_unknown_service, 404),
    ),
    Rule(
        "post.unknown-city-404",
        MUST,
        "jurisdiction_id",
        "Una jurisdiction_id desconocida es 404.",
        _refused(_unknown_city, 404),
    ),
    Rule("post.no-place-400", MUST, _SOURCE, "Sin decir dónde es 400.", _refused(_without("lat", "long"), 400)),
    Rule("post.only-lat-400", MUST, _SOURCE, "lat sin long es 400.", _refused(_without("long"), 400)),
    Rule("post.only-long-400", MUST, _SOURCE, "long sin lat es 400.", _refused(_without("lat"), 400)),
    Rule("post.lat-word-400", MUST, _SOURCE, "Una lat que no es número es 400.", _refused(_without(lat="norte"), 400)),
    Rule("post.lat-comma-400", SHOULD, _SOURCE, "Una lat con coma es 400.", _refused(_without(lat="19,43"), 400)),
    Rule("post.lat-nan-400", MUST, _SOURCE, "Una lat NaN es 400.", _refused(_without(lat="NaN"), 400)),
    Rule("post.lat-range-400", MUST, _SOURCE, "Una lat de más de 90 grados es 400.", _refused(_without(lat="91"), 400)),
    Rule(
        "post.long-range-400",
        MUST,
        _SOURCE,
        "Una long de más de 180 grados es 400.",
        _refused(_without(long="181"), 400),
    ),
    Rule(
        "post.description-400",
        MUST,
        _SOURCE,
        "Una description de más de 4,000 letras es 400.",
        _refused(_without(description="x" * 4001), 400),
    ),
    Rule("post.required-400", MUST, _SOURCE, "Sin contestar lo obligatorio es 400.", _refused(_required_missing, 400)),
    Rule(
        "post.required-empty-400",
        MUST,
        "Optional arguments",
        "Una respuesta vacía a lo obligatorio es como ninguna: 400.",
        _refused(_answered((), "", required=True), 400),
    ),
    Rule("post.names-question", SHOULD, "Errors", "El error nombra el code de la pregunta.", _names_the_question),
    Rule(
        "post.number-400",
        MUST,
        _SOURCE,
        "Una palabra en un number es 400.",
        _refused(_answered(("number",), "muchos"), 400),
    ),
    Rule(
        "post.datetime-400",
        MUST,
        _SOURCE,
        "Una palabra en un datetime es 400.",
        _refused(_answered(("datetime",), "ayer"), 400),
    ),
    Rule(
        "post.list-400",
        MUST,
        _SOURCE,
        "Una clave que no está en la lista es 400.",
        _refused(_answered(_LISTS, "no-existe-311"), 400),
    ),
    Rule(
        "post.two-values-400", SHOULD, _SOURCE, "Dos claves en una singlevaluelist es 400.", _refused(_two_values, 400)
    ),
    Rule("post.errors-json", MUST, "Errors", "En JSON, el rechazo es un arreglo de errores.", _json_form),
    Rule("post.errors-xml", MUST, "Errors", "En XML, el rechazo es errors con error.", _xml_form),
    Rule("post.all-errors", SHOULD, "Errors", "Dos faltas se dicen en una respuesta.", _all_at_once),
    Rule(
        "post.json-body", MUST, _SOURCE, "Un cuerpo JSON se rechaza sin romper nada.", _raw("application/json", b"{}")
    ),
    Rule(
        "post.bad-utf8",
        MUST,
        "Encoding",
        "Un formulario que no es UTF-8 se rechaza sin romper nada.",
        _raw("application/x-www-form-urlencoded", b"description=%ff%fe"),
    ),
    Rule(
        "post.torn-multipart",
        MUST,
        _SOURCE,
        "Un multipart a medias se rechaza sin romper nada.",
        _raw("multipart/form-data; boundary=lim", _TORN),
    ),
)
