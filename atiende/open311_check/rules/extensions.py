"""Parameters many servers understand. A server that ignores one is not judged; one that honours it must do so rightly."""

from datetime import timedelta

from atiende.open311_check.expectations import is_number, readable_json, shown, stamp, w3c, xml_of
from atiende.open311_check.verdicts import EXTENSION, Rule, failed, not_applicable
from atiende.open311_check.visit import Item, Visit, items_of, short

_PAGES, _CHANGES, _PLACE = "Extension: page, page_size", "Extension: updated_after, updated_before", "Extension: bbox"
_EXTENDED, _ASKED = "Extension: extended_attributes", {"extensions": "true"}
# Nobody's city: in the Gulf of Guinea.
_NOWHERE = "0.01,0.01,0.02,0.02"
_MARGIN = 0.01


def _ids(items: list[Item]) -> list[str]:
    return [str(item.get("service_request_id")) for item in items]


def _first_page(visit: Visit) -> list[Item]:
    if len(visit.requests) < 3:
        raise not_applicable("hay menos de tres reportes")
    found = visit.listed(page_size="1", page="1")
    if len(found) != 1:
        raise not_applicable("sin {name}", name="page_size")
    return found


def _page_size(visit: Visit) -> None:
    _first_page(visit)
    found = visit.listed(page_size="2")
    if len(found) != 2:
        raise failed("page_size=2 trae {count}", count=len(found))


def _next_page(visit: Visit) -> None:
    """Pages one and two of one are page one of two."""
    pages = _ids(_first_page(visit)) + _ids(visit.listed(page_size="1", page="2"))
    wanted = _ids(visit.listed(page_size="2", page="1"))
    if pages != wanted:
        raise failed("se esperaba {wanted}, llegó {seen}", wanted=shown(wanted), seen=shown(pages))


def _past_the_end(visit: Visit) -> None:
    _first_page(visit)
    found = visit.listed(page_size="1000", page="900000")
    if found:
        raise failed("se esperaba una lista vacía, llegó {seen}", seen=shown(_ids(found)))


def _updated_after(visit: Visit) -> None:
    times = sorted(at for at in (w3c(item.get("updated_datetime")) for item in visit.requests) if at is not None)
    if not times or visit.listed(updated_after=stamp(times[-1] + timedelta(days=3650))):
        raise not_applicable("sin {name}", name="updated_after")
    middle = times[len(times) // 2].replace(microsecond=0)
    for item in visit.listed(updated_after=stamp(middle)):
        at = w3c(item.get("updated_datetime"))
        if at is not None and at < middle:
            raise failed("{id} es de {at}, fuera de lo pedido", id=shown(item.get("service_request_id")), at=stamp(at))


def _updated_before(visit: Visit) -> None:
    times = sorted(at for at in (w3c(item.get("updated_datetime")) for item in visit.requests) if at is not None)
    if not times or visit.listed(updated_before="2001-01-01T00:00:00Z"):
        raise not_applicable("sin {name}", name="updated_before")
    middle = times[len(times) // 2].replace(microsecond=0) + timedelta(seconds=1)
    for item in visit.listed(updated_before=stamp(middle)):
        at = w3c(item.get("updated_datetime"))
        if at is not None and at > middle:
            raise failed("{id} es de {at}, fuera de lo pedido", id=shown(item.get("service_request_id")), at=stamp(at))


def _box(visit: Visit) -> None:
    placed = [item for item in visit.requests if is_number(item.get("lat")) and is_number(item.get("long"))]
    if not placed or visit.listed(bbox=_NOWHERE):
        raise not_applicable("sin {name}", name="bbox")
    lat, long = placed[0]["lat"], placed[0]["long"]
    west, south, east, north = long - _MARGIN, lat - _MARGIN, long + _MARGIN, lat + _MARGIN
    found = visit.listed(bbox=f"{west:.6f},{south:.6f},{east:.6f},{north:.6f}")
    if str(placed[0].get("service_request_id")) not in _ids(found):
        raise failed("el reporte {id} debía estar en la lista", id=placed[0].get("service_request_id"))
    edge = 0.00001
    for item in found:
        is_in = (
            is_number(item.get("lat"))
            and is_number(item.get("long"))
            and south - edge <= item["lat"] <= north + edge
            and west - edge <= item["long"] <= east + edge
        )
        if not is_in:
            raise failed(
                "{id} está en {seen}",
                id=shown(item.get("service_request_id")),
                seen=(item.get("lat"), item.get("long")),
            )


def _extended_items(visit: Visit) -> list[Item]:
    value = readable_json(visit.get("requests.json", _ASKED))
    items = [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
    if not any("extended_attributes" in item for item in items):
        raise not_applicable("sin {name}", name="extended_attributes")
    return items


def _extended(visit: Visit) -> None:
    for item in _extended_items(visit):
        if not isinstance(item.get("extended_attributes", {}), dict):
            raise failed("extended_attributes = {seen}", seen=shown(item["extended_attributes"]))


def _extended_in_xml(visit: Visit) -> None:
    """The same parts, by name: what lists in them are called is every server's own choice."""
    in_json = {str(item.get("service_request_id")): item for item in _extended_items(visit)}
    answer = visit.get("requests.xml", _ASKED)
    if not answer.is_ok:
        raise failed("{url} no se puede leer ({said})", url=short(answer.call), said=answer.said)
    xml_of(answer)
    for item in items_of(answer, "service_requests"):
        id_ = str(item.get("service_request_id"))
        left, right = (_named_parts(one) for one in (in_json.get(id_, item), item))
        if left != right:
            raise failed("JSON y XML difieren en {where}", where=f"{id_}: {sorted(left ^ right)}")


def _named_parts(item: Item) -> set[str]:
    parts = item.get("extended_attributes")
    return (
        {name for name, part in parts.items() if part not in (None, "", [], {})} if isinstance(parts, dict) else set()
    )


def _extended_only_if_asked(visit: Visit) -> None:
    _extended_items(visit)
    if any("extended_attributes" in item for item in visit.requests):
        raise failed("extended_attributes viene sin pedirlo")


RULES = (
    Rule("extension.page-size", EXTENSION, _PAGES, "page_size dice cuántos reportes.", _page_size),
    Rule("extension.page", EXTENSION, _PAGES, "page sigue donde acabó la anterior.", _next_page),
    Rule(
        "extension.page-past-end", EXTENSION, _PAGES, "Después de la última página, la lista está vacía.", _past_the_end
    ),
    Rule(
        "extension.updated-after", EXTENSION, _CHANGES, "updated_after deja fuera lo que cambió antes.", _updated_after
    ),
    Rule(
        "extension.updated-before",
        EXTENSION,
        _CHANGES,
        "updated_before deja fuera lo que cambió después.",
        _updated_before,
    ),
    Rule("extension.bbox", EXTENSION, _PLACE, "bbox deja solo lo que está en el rectángulo.", _box),
    Rule("extension.extended", EXTENSION, _EXTENDED, "extended_attributes es un objeto.", _extended),
    Rule(
        "extension.extended-xml",
        EXTENSION,
        _EXTENDED,
        "extended_attributes trae lo mismo en XML.",
        _extended_in_xml,
    ),
    Rule(
        "extension.extended-asked",
        EXTENSION,
        _EXTENDED,
        "extended_attributes solo viene si se pide.",
        _extended_only_if_asked,
    ),
)
