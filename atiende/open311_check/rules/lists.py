"""The filters of the list of requests."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from atiende.open311_check.exchanges import Exchange
from atiende.open311_check.expectations import (
    Check,
    every,
    expect_no_crash,
    expect_status,
    json_of,
    loose_instant,
    shown,
    stamp,
    survives,
    w3c,
    xml_of,
)
from atiende.open311_check.verdicts import MUST, SHOULD, Rule, failed, not_applicable
from atiende.open311_check.visit import JSON, Item, Visit, is_empty_list, items_of

_SOURCE = "GET Service Requests"
_OPTIONAL = "Optional arguments"
_SPAN = timedelta(days=90)
_LIMIT = 1000
_SLACK = timedelta(days=1, minutes=10)
_UNKNOWN = "no-existe-311"
_NO_ID = "no-existe-311-0"


def _ids(items: list[Item]) -> list[str]:
    return [str(item.get("service_request_id")) for item in items]


def _sampled_at(visit: Visit) -> datetime:
    at = w3c(visit.sample.get("requested_datetime"))
    if at is None:
        raise not_applicable(
            "requested_datetime no se puede leer: {seen}", seen=shown(visit.sample.get("requested_datetime"))
        )
    return at.replace(microsecond=0)


def _same_ids(visit: Visit, left: list[Item], right: list[Item]) -> None:
    """The same requests, but for one or two that came in between the two questions."""
    only = set(_ids(left)).symmetric_difference(_ids(right))
    if len(only) > 2 + len(left) // 100:
        raise failed(
            "{count} reportes solo están en una de las dos listas: {seen}", count=len(only), seen=shown(sorted(only))
        )


def _holds_sample(visit: Visit, items: list[Item], wanted: bool = True) -> None:
    if (visit.sample_id in _ids(items)) is not wanted:
        raise failed(
            "el reporte {id} debía estar en la lista" if wanted else "el reporte {id} no debía estar en la lista",
            id=visit.sample_id,
        )


def _limit(visit: Visit) -> None:
    if len(visit.requests) > _LIMIT:
        raise failed("{count} reportes en una respuesta", count=len(visit.requests))


def _default_window(visit: Visit) -> None:
    earliest = datetime.now(UTC) - _SPAN - _SLACK
    every(
        visit.requests,
        lambda item: (loose_instant(item.get("requested_datetime")) or earliest) >= earliest,
        "requested_datetime",
        "service_request_id",
    )


def _newest_first(visit: Visit) -> None:
    times = [at for at in (w3c(item.get("requested_datetime")) for item in visit.requests) if at is not None]
    if len(times) < 2:
        raise not_applicable("hay menos de dos reportes")
    for earlier, later in pairwise(times):
        if later > earlier:
            raise failed("{later} viene después de {earlier}", later=stamp(later), earlier=stamp(earlier))


def _service_code(visit: Visit) -> None:
    code = str(visit.sample.get("service_code"))
    found = visit.listed(service_code=code)
    every(found, lambda item: str(item.get("service_code")) == code, "service_code", "service_request_id")
    _holds_sample(visit, found)


def _two_codes(visit: Visit) -> list[str]:
    codes = list(dict.fromkeys(str(item.get("service_code")) for item in visit.requests))
    if len(codes) < 2:
        raise not_applicable("todos los reportes de la lista son del mismo servicio")
    return codes[:2]


def _service_codes(visit: Visit) -> None:
    codes = _two_codes(visit)
    found = visit.listed(service_code=",".join(codes))
    every(found, lambda item: str(item.get("service_code")) in codes, "service_code", "service_request_id")
    missing = set(codes) - {str(item.get("service_code")) for item in found}
    if missing:
        raise failed("de la lista de valores solo se usó una parte: falta {seen}", seen=shown(sorted(missing)))


def _unknown_code(visit: Visit) -> None:
    exchange = visit.get("requests.json", {"service_code": _UNKNOWN})
    expect_status(exchange, 200)
    if not is_empty_list(exchange):
        raise failed("se esperaba una lista vacía, llegó {seen}", seen=shown(exchange.text))


def _status(status: str) -> Check:
    def check(visit: Visit) -> None:
        found = visit.listed(status=status)
        every(found, lambda item: str(item.get("status")).lower() == status, "status", "service_request_id")
        if not found and any(str(item.get("status")).lower() == status for item in visit.requests):
            raise failed("se esperaban reportes con status {status}, llegó una lista vacía", status=status)

    return check


def _both_statuses(visit: Visit) -> None:
    _same_ids(visit, visit.requests, visit.listed(status="open,closed"))


def _unknown_status(visit: Visit) -> None:
    expect_status(visit.get("requests.json", {"status": "roto"}), 400)


def _empty_is_absent(visit: Visit) -> None:
    found = visit.get("requests.json", {"status": "", "service_code": "", "start_date": "", "end_date": ""})
    expect_status(found, 200)
    _same_ids(visit, visit.requests, items_of(found, "service_requests"))


def _empty_ids(visit: Visit) -> None:
    found = visit.get("requests.json", {"service_request_id": ""})
    expect_status(found, 200)
    _same_ids(visit, visit.requests, items_of(found, "service_requests"))


def _window_inclusive(visit: Visit) -> None:
    at = stamp(_sampled_at(visit))
    _holds_sample(visit, visit.listed(start_date=at, end_date=at))


def _start(visit: Visit) -> None:
    start = _sampled_at(visit)
    found = visit.listed(start_date=stamp(start))
    _within(found, start, None)
    later = visit.listed(
        start_date=stamp(start + timedelta(seconds=1)), end_date=stamp(datetime.now(UTC) + timedelta(minutes=5))
    )
    _holds_sample(visit, later, wanted=False)


def _end(visit: Visit) -> None:
    end = _sampled_at(visit)
    found = visit.listed(end_date=stamp(end))
    _within(found, None, end)
    earlier = visit.listed(start_date=stamp(end - timedelta(days=2)), end_date=stamp(end - timedelta(seconds=1)))
    _holds_sample(visit, earlier, wanted=False)


def _end_alone(visit: Visit) -> None:
    """An end without a start still finds what lies before it."""
    end = _sampled_at(visit) + timedelta(seconds=1)
    found = visit.listed(end_date=stamp(end))
    if not found:
        raise failed("end_date sin start_date: se esperaba {id}, llegó una lista vacía", id=visit.sample_id)
    _within(found, end - _SPAN - _SLACK, end)


def _start_alone(visit: Visit) -> None:
    start = _sampled_at(visit)
    found = visit.listed(start_date=stamp(start))
    if not found:
        raise failed("start_date sin end_date: se esperaba {id}, llegó una lista vacía", id=visit.sample_id)
    _within(found, start, start + _SPAN + _SLACK)


def _within(items: list[Item], start: datetime | None, end: datetime | None) -> None:
    for item in items:
        at = w3c(item.get("requested_datetime"))
        if at is None:
            continue
        at = at.replace(microsecond=0)
        if (start is not None and at < start) or (end is not None and at > end):
            raise failed("{id} es de {at}, fuera de lo pedido", id=shown(item.get("service_request_id")), at=stamp(at))


def _offsets(visit: Visit) -> None:
    """The same instant written with another offset is the same bound."""
    at = _sampled_at(visit)
    there = (at + timedelta(hours=9)).strftime("%Y-%m-%dT%H:%M:%S") + "+09:00"
    _holds_sample(visit, visit.listed(start_date=there, end_date=there))


def _bare_plus(visit: Visit) -> None:
    at = stamp(_sampled_at(visit)).replace("Z", " 00:00")
    expect_no_crash(visit.get("requests.json", {"start_date": at}))


def _wide_window(visit: Visit) -> None:
    now = datetime.now(UTC)
    exchange = visit.get("requests.json", {"start_date": stamp(now - timedelta(days=400)), "end_date": stamp(now)})
    expect_status(exchange, 200, 400)
    if exchange.status == 200:
        times = [at for at in (w3c(i.get("requested_datetime")) for i in items_of(exchange, "")) if at is not None]
        if times and max(times) - min(times) > _SPAN + _SLACK:
            raise failed("la lista abarca {days} días", days=(max(times) - min(times)).days)


def _reversed_window(visit: Visit) -> None:
    at = _sampled_at(visit)
    exchange = visit.get("requests.json", {"start_date": stamp(at + timedelta(hours=1)), "end_date": stamp(at)})
    expect_status(exchange, 200, 400)
    if exchange.status == 200 and items_of(exchange, ""):
        raise failed("se esperaba una lista vacía, llegó {seen}", seen=shown(_ids(items_of(exchange, ""))))


def _bad_date(visit: Visit) -> Exchange:
    return visit.get("requests.json", {"start_date": "ayer"})


def _bad_date_refused(visit: Visit) -> None:
    expect_status(_bad_date(visit), 400)


def _no_zone(visit: Visit) -> None:
    at = _sampled_at(visit).strftime("%Y-%m-%dT%H:%M:%S")
    expect_status(visit.get("requests.json", {"start_date": at}), 200, 400)


def _id(visit: Visit) -> None:
    found = visit.listed(service_request_id=visit.sample_id)
    if _ids(found) != [visit.sample_id]:
        raise failed("se pidió {wanted}, llegó {seen}", wanted=visit.sample_id, seen=shown(_ids(found)))


def _two_ids(visit: Visit) -> list[str]:
    ids = list(dict.fromkeys(i for i in _ids(visit.requests) if i not in ("None", "")))
    if len(ids) < 2:
        raise not_applicable("hay menos de dos reportes")
    return ids[:2]


def _id_list(visit: Visit) -> None:
    wanted = _two_ids(visit)
    found = visit.listed(service_request_id=",".join(wanted))
    if sorted(_ids(found)) != sorted(wanted):
        raise failed("se pidió {wanted}, llegó {seen}", wanted=shown(wanted), seen=shown(_ids(found)))


def _ids_override(visit: Visit) -> None:
    """The other arguments would leave nothing, were they not overridden."""
    found = visit.listed(
        service_request_id=visit.sample_id,
        service_code=_UNKNOWN,
        start_date="2001-01-01T00:00:00Z",
        end_date="2001-01-02T00:00:00Z",
    )
    _holds_sample(visit, found)


def _unknown_ids(visit: Visit) -> None:
    found = visit.listed(service_request_id=f"{_NO_ID},{visit.sample_id}")
    if _ids(found) != [visit.sample_id]:
        raise failed("se pidió {wanted}, llegó {seen}", wanted=visit.sample_id, seen=shown(_ids(found)))


def _empty(fmt: str) -> Check:
    def check(visit: Visit) -> None:
        exchange = visit.get(f"requests.{fmt}", {"service_request_id": _NO_ID})
        expect_status(exchange, 200)
        if fmt == JSON and json_of(exchange) != []:
            raise failed("se esperaba una lista vacía, llegó {seen}", seen=shown(exchange.text))
        if fmt != JSON and (xml_of(exchange).name != "service_requests" or xml_of(exchange).children):
            raise failed("se esperaba una lista vacía, llegó {seen}", seen=shown(exchange.text))

    return check


def _unknown_parameter(visit: Visit) -> None:
    exchange = visit.get("requests.json", {"parametro_311": "x"})
    expect_status(exchange, 200)
    _same_ids(visit, visit.requests, items_of(exchange, ""))


def _key_on_get(visit: Visit) -> None:
    exchange = visit.get("requests.json", {"api_key": "no-es-una-clave"})
    expect_status(exchange, 200)
    _same_ids(visit, visit.requests, items_of(exchange, ""))


RULES = (
    Rule("list.limit", MUST, _SOURCE, "La lista no pasa de 1,000 reportes.", _limit),
    Rule("list.default-window", MUST, _SOURCE, "Sin fechas, la lista es de los últimos 90 días.", _default_window),
    Rule("list.newest-first", SHOULD, _SOURCE, "Los reportes más nuevos van primero.", _newest_first),
    Rule("list.service-code", MUST, _SOURCE, "service_code deja solo los reportes de ese servicio.", _service_code),
    Rule("list.service-codes", MUST, _SOURCE, "service_code acepta varios, separados por coma.", _service_codes),
    Rule("list.unknown-service", SHOULD, _SOURCE, "Un service_code desconocido da una lista vacía.", _unknown_code),
    Rule("list.status-open", MUST, _SOURCE, "status=open deja solo los abiertos.", _status("open")),
    Rule("list.status-closed", MUST, _SOURCE, "status=closed deja solo los cerrados.", _status("closed")),
    Rule("list.statuses", MUST, _SOURCE, "status=open,closed es lo mismo que sin status.", _both_statuses),
    Rule("list.unknown-status", SHOULD, _SOURCE, "Otro status es 400.", _unknown_status),
    Rule("list.empty-is-absent", MUST, _OPTIONAL, "Un filtro vacío es lo mismo que ninguno.", _empty_is_absent),
    Rule(
        "list.empty-id-is-absent", MUST, _OPTIONAL, "Un service_request_id vacío es lo mismo que ninguno.", _empty_ids
    ),
    Rule(
        "list.window-inclusive", MUST, _SOURCE, "start_date y end_date incluyen su propio segundo.", _window_inclusive
    ),
    Rule("list.start-date", MUST, _SOURCE, "start_date deja fuera lo anterior.", _start),
    Rule("list.end-date", MUST, _SOURCE, "end_date deja fuera lo posterior.", _end),
    Rule("list.start-alone", MUST, _SOURCE, "start_date sirve sin end_date.", _start_alone),
    Rule("list.end-alone", MUST, _SOURCE, "end_date sirve sin start_date.", _end_alone),
    Rule("list.offsets", MUST, "Date/Time", "Las fechas se comparan como instantes, con cualquier zona.", _offsets),
    Rule("list.bare-plus", MUST, "Date/Time", "Un + sin codificar en una fecha no rompe nada.", _bare_plus),
    Rule("list.wide-window", MUST, _SOURCE, "Más de 90 días se recorta o es 400.", _wide_window),
    Rule(
        "list.reversed-window", SHOULD, _SOURCE, "Un fin anterior al inicio es una lista vacía o 400.", _reversed_window
    ),
    Rule("list.bad-date", MUST, "Errors", "Una fecha ilegible no es un error del servidor.", survives(_bad_date)),
    Rule("list.bad-date-400", SHOULD, "Errors", "Una fecha ilegible es 400.", _bad_date_refused),
    Rule("list.no-zone", SHOULD, "Date/Time", "Una fecha sin zona se entiende o es 400.", _no_zone),
    Rule("list.id", MUST, _SOURCE, "service_request_id deja solo ese reporte.", _id),
    Rule("list.ids", MUST, _SOURCE, "service_request_id acepta varios, separados por coma.", _id_list),
    Rule("list.ids-override", MUST, _SOURCE, "service_request_id manda sobre los demás filtros.", _ids_override),
    Rule("list.unknown-ids", MUST, _SOURCE, "Los ids desconocidos se pasan por alto.", _unknown_ids),
    Rule("list.empty", MUST, _SOURCE, "Una lista sin nada es 200 y [].", _empty("json")),
    Rule("list.empty-xml", MUST, _SOURCE, "En XML, una lista sin nada es 200 y la raíz sola.", _empty("xml")),
    Rule("list.unknown-parameter", SHOULD, _SOURCE, "Un parámetro desconocido se pasa por alto.", _unknown_parameter),
    Rule("list.key-on-get", MUST, "API Key", "Una clave en un GET no estorba.", _key_on_get),
)
