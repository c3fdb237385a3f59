"""`servicerequestupdates`, as FixMyStreet asks for it; only where the server has it."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from atiende.open311_check.exchanges import Exchange
from atiende.open311_check.expectations import (
    every,
    expect_array,
    expect_content_type,
    expect_no_crash,
    expect_root,
    expect_status,
    is_text,
    readable_json,
    readable_xml,
    shown,
    stamp,
    w3c,
)
from atiende.open311_check.parity import difference
from atiende.open311_check.verdicts import EXTENSION, Rule, failed, not_applicable
from atiende.open311_check.visit import JSON, XML, Item, Visit, items_of, plain

_SOURCE = "FixMyStreet: servicerequestupdates"
_FIELDS = ("update_id", "service_request_id", "status", "updated_datetime", "description")


def _feed(visit: Visit, fmt: str, days: float | None = None) -> Exchange:
    window = {}
    if days is not None:
        today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
        window = {"start_date": stamp(today - timedelta(days=days)), "end_date": stamp(today)}
    exchange = visit.get(f"servicerequestupdates.{fmt}", window)
    if visit.get(f"servicerequestupdates.{XML}").status in (0, 400, 401, 403, 404, 405, 501):
        raise not_applicable("sin servicerequestupdates")
    return exchange


def _updates(visit: Visit) -> list[Item]:
    found = items_of(_feed(visit, JSON, 30), "service_request_updates")
    if not found:
        raise not_applicable("sin novedades en 30 días")
    return found


def _json(visit: Visit) -> None:
    expect_status(_feed(visit, JSON), 200)
    expect_content_type(_feed(visit, JSON), JSON)
    expect_array(_feed(visit, JSON))


def _xml(visit: Visit) -> None:
    expect_status(_feed(visit, XML), 200)
    expect_content_type(_feed(visit, XML), XML)
    expect_root(_feed(visit, XML), "service_request_updates", "request_update")


def _fields(visit: Visit) -> None:
    for name in _FIELDS:
        every(_updates(visit), lambda item, name=name: name in item, name, "update_id")  # type: ignore[misc]  # the default binds the name


def _ids(visit: Visit) -> None:
    every(_updates(visit), lambda item: is_text(item.get("update_id")), "update_id", "service_request_id")
    ids = [str(item.get("update_id")) for item in _updates(visit)]
    if len(set(ids)) < len(ids):
        raise failed("repetidos: {seen}", seen=shown(sorted(one for one in set(ids) if ids.count(one) > 1)))


def _times(visit: Visit) -> None:
    every(_updates(visit), lambda item: w3c(item.get("updated_datetime")) is not None, "updated_datetime", "update_id")


def _window(visit: Visit) -> None:
    """FixMyStreet drops what lies outside of what it asked for."""
    exchange = _feed(visit, JSON, 30)
    start, end = (w3c(value) for name, value in exchange.call.query if name in ("start_date", "end_date"))
    assert start is not None
    assert end is not None
    for item in _updates(visit):
        at = w3c(item.get("updated_datetime"))
        if at is not None and not start <= at <= end:
            raise failed("{id} es de {at}, fuera de lo pedido", id=shown(item.get("update_id")), at=stamp(at))


def _oldest_first(visit: Visit) -> None:
    times = [at for at in (w3c(item.get("updated_datetime")) for item in _updates(visit)) if at is not None]
    for earlier, later in pairwise(times):
        if later < earlier:
            raise failed("{later} viene después de {earlier}", later=stamp(later), earlier=stamp(earlier))


def _empty(visit: Visit) -> None:
    _feed(visit, JSON)
    window = {"start_date": "2001-01-01T00:00:00Z", "end_date": "2001-01-01T01:00:00Z"}
    exchange = visit.get("servicerequestupdates.json", window)
    expect_status(exchange, 200)
    if expect_array(exchange):
        raise failed("se esperaba una lista vacía, llegó {seen}", seen=shown(exchange.text))


def _parity(visit: Visit) -> None:
    json = {str(i.get("update_id")): i for i in _updates(visit)}
    readable_json(_feed(visit, JSON, 30))
    for element in readable_xml(_feed(visit, XML, 30)).children:
        item = plain(element)
        other = json.get(str(item.get("update_id"))) if isinstance(item, dict) else None
        where = difference(other, item) if other is not None else None
        if where:
            raise failed("JSON y XML difieren en {where}", where=where)


def _bad_date(visit: Visit) -> None:
    _feed(visit, JSON)
    exchange = visit.get("servicerequestupdates.json", {"start_date": "ayer", "end_date": "hoy"})
    expect_no_crash(exchange)
    expect_status(exchange, 400)


def _key(visit: Visit) -> None:
    _feed(visit, XML)
    expect_status(visit.get("servicerequestupdates.xml", {"api_key": "no-es-una-clave"}), 200)


def _post_without_key(visit: Visit) -> None:
    visit.refuse_to_write()
    _feed(visit, JSON)
    form = [
        ("service_request_id", "no-existe-311-0"),
        ("update_id", "prueba-311"),
        ("status", "OPEN"),
        ("updated_datetime", stamp(datetime.now(UTC))),
        ("description", "PRUEBA / TEST"),
    ]
    expect_status(visit.post("servicerequestupdates.json", form, key=None), 403)
    expect_status(visit.post("servicerequestupdates.xml", [("api_key", "no-es-una-clave"), *form], key=None), 403)


RULES = (
    Rule("updates.json", EXTENSION, _SOURCE, "En JSON, las novedades son un arreglo.", _json),
    Rule("updates.xml", EXTENSION, _SOURCE, "En XML, service_request_updates contiene request_update.", _xml),
    Rule("updates.fields", EXTENSION, _SOURCE, "Cada novedad trae sus cinco campos.", _fields),
    Rule("updates.id", EXTENSION, _SOURCE, "update_id es un texto y no se repite.", _ids),
    Rule("updates.times", EXTENSION, _SOURCE, "updated_datetime es una fecha W3C con zona.", _times),
    Rule("updates.window", EXTENSION, _SOURCE, "Las fechas pedidas valen para la que se imprime.", _window),
    Rule("updates.oldest-first", EXTENSION, _SOURCE, "Las novedades más viejas van primero.", _oldest_first),
    Rule("updates.empty", EXTENSION, _SOURCE, "Una ventana sin novedades es 200 y [].", _empty),
    Rule("updates.parity", EXTENSION, _SOURCE, "Las novedades dicen lo mismo en JSON y en XML.", _parity),
    Rule("updates.bad-date", EXTENSION, _SOURCE, "Una fecha ilegible es 400.", _bad_date),
    Rule("updates.key-on-get", EXTENSION, _SOURCE, "Una clave en el GET no estorba.", _key),
    Rule("updates.key-403", EXTENSION, _SOURCE, "Enviar novedades sin clave válida es 403.", _post_without_key),
)
