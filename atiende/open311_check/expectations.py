"""What many rules expect of an answer, each said once. They raise `Settled` when it is not so."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from atiende.open311_check.exchanges import Element, Exchange
from atiende.open311_check.verdicts import failed, not_applicable
from atiende.open311_check.visit import JSON, XML, Item, Visit, short

MEDIA_TYPES = {JSON: "application/json; charset=utf-8", XML: "text/xml; charset=utf-8"}
_W3C = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?(?:Z|[+-][0-9]{2}:[0-9]{2})")
Ask = Callable[[Visit], Exchange]
Check = Callable[[Visit], None]
_SHOWN = 120


def shown(value: object) -> str:
    """A value of theirs, short enough for a detail."""
    text = value if isinstance(value, str) else repr(value)
    text = " ".join(text.split())
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


def expect_status(exchange: Exchange, *wanted: int) -> None:
    if exchange.status not in wanted:
        raise failed(
            "{method} {url}: se esperaba {wanted}, llegó {said}",
            method=exchange.call.method,
            url=short(exchange.call),
            wanted=" o ".join(map(str, wanted)) if len(wanted) < 3 else f"{min(wanted)}-{max(wanted)}",
            said=exchange.said,
        )


def expect_no_crash(exchange: Exchange) -> None:
    """An answer below 500: whatever we sent, the fault is ours."""
    if exchange.status == 0 or exchange.status >= 500:
        raise failed(
            "{method} {url}: llegó {said}; un dato malo es 400",
            method=exchange.call.method,
            url=short(exchange.call),
            said=exchange.said,
        )


def expect_content_type(exchange: Exchange, fmt: str) -> None:
    """Exactly the standard's, but for case and blanks."""
    if exchange.status == 0:
        raise not_applicable("sin respuesta: {said}", said=exchange.said)
    seen = exchange.header("content-type")
    if "".join(seen.lower().split()).replace('"', "") != MEDIA_TYPES[fmt].replace(" ", ""):
        raise failed("se esperaba {wanted}, llegó {seen}", wanted=MEDIA_TYPES[fmt], seen=shown(seen) or "-")


def json_of(exchange: Exchange) -> Any:
    """The JSON value of an answer that came."""
    if not exchange.body:
        raise failed("{url}: sin cuerpo ({said})", url=short(exchange.call), said=exchange.said)
    if exchange.json.problem:
        raise failed("{url}: no es JSON: {problem}", url=short(exchange.call), problem=shown(exchange.json.problem))
    return exchange.json.value


def xml_of(exchange: Exchange) -> Element:
    if not exchange.body:
        raise failed("{url}: sin cuerpo ({said})", url=short(exchange.call), said=exchange.said)
    if exchange.xml.problem:
        raise failed(
            "{url}: no es XML bien formado: {problem}", url=short(exchange.call), problem=shown(exchange.xml.problem)
        )
    root: Element = exchange.xml.value
    return root


def readable_json(exchange: Exchange) -> Any:
    """The JSON value, for rules that are about something else: unreadable is not theirs to judge."""
    if exchange.json.problem or not exchange.is_ok:
        raise not_applicable("{url} no se puede leer ({said})", url=short(exchange.call), said=exchange.said)
    return exchange.json.value


def readable_xml(exchange: Exchange) -> Element:
    if exchange.xml.problem or not exchange.is_ok:
        raise not_applicable("{url} no se puede leer ({said})", url=short(exchange.call), said=exchange.said)
    root: Element = exchange.xml.value
    return root


def json_items(exchange: Exchange) -> list[Item]:
    """The objects of a JSON list; not applicable when it is no list or empty."""
    value = readable_json(exchange)
    found = [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
    if not found:
        raise not_applicable("{url} no trae ningún elemento", url=short(exchange.call))
    return found


def xml_items(exchange: Exchange) -> list[Element]:
    found = readable_xml(exchange).children
    if not found:
        raise not_applicable("{url} no trae ningún elemento", url=short(exchange.call))
    return found


def expect_root(exchange: Exchange, root: str, child: str | None) -> None:
    """The root's name, and that of each child."""
    element = xml_of(exchange)
    if element.name != root:
        raise failed("se esperaba la raíz {wanted}, llegó {seen}", wanted=root, seen=shown(element.name))
    others = {found.name for found in element.children} - {child}
    if child is not None and others:
        raise failed("se esperaban elementos {wanted}, llegó {seen}", wanted=child, seen=shown(sorted(others)))


def expect_array(exchange: Exchange) -> list[Any]:
    value = json_of(exchange)
    if not isinstance(value, list):
        raise failed("se esperaba un arreglo JSON, llegó {seen}", seen=shown(value))
    return value


def every(items: list[Item], is_right: Callable[[Item], bool], name: str, key: str = "") -> None:
    """Fails with the first item that is not right, showing its value of `name`."""
    for item in items:
        if not is_right(item):
            raise failed(
                "{name} = {seen} en {where}",
                name=name,
                seen=shown(item[name]) if name in item else "(ausente)",
                where=shown(item.get(key)) if key else "-",
            )


def w3c(value: object) -> datetime | None:
    """The instant of a W3C datetime with seconds and a zone; None for anything else."""
    if not isinstance(value, str) or not _W3C.fullmatch(value):
        return None
    try:
        return datetime.fromisoformat(value).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def loose_instant(value: object) -> datetime | None:
    """What a client might still make of a time; one without a zone counts as UTC."""
    try:
        found = datetime.fromisoformat(str(value))
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def is_text_or_null(value: object) -> bool:
    return value is None or isinstance(value, str)


def is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def stamp(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def doubles(values: list[Any]) -> list[Any]:
    seen: set[Any] = set()
    return [value for value in map(str, values) if value in seen or seen.add(value)]  # type: ignore[func-returns-value]  # a set's add is falsy


# Rules that only differ in what they ask


def answers(ask: Ask, *wanted: int) -> Check:
    return lambda visit: expect_status(ask(visit), *(wanted or (200,)))


def typed(ask: Ask, fmt: str) -> Check:
    return lambda visit: expect_content_type(ask(visit), fmt)


def rooted(ask: Ask, root: str, child: str | None = None) -> Check:
    return lambda visit: expect_root(ask(visit), root, child)


def is_array(ask: Ask) -> Check:
    def check(visit: Visit) -> None:
        expect_array(ask(visit))

    return check


def survives(ask: Ask) -> Check:
    return lambda visit: expect_no_crash(ask(visit))
