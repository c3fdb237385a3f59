"""One visit to one server: asks each question once, remembers every answer, and reads out of them what rules start from."""

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import quote, urlsplit

from atiende.open311_check.asking import Asker
from atiende.open311_check.exchanges import Call, Element, Exchange
from atiende.open311_check.verdicts import not_applicable, not_tried

# Definitions read of a server that has many services: with questions, and without.
_WITH_QUESTIONS, _WITHOUT = 12, 2
JSON, XML = "json", "xml"
Item = dict[str, Any]


@dataclass(frozen=True)
class Options:
    """What the person who asks has told us. `lat`, `long`: where test reports are put."""

    jurisdiction: str | None = None
    api_key: str | None = None
    may_write: bool = False
    service_code: str | None = None
    lat: float | None = None
    long: float | None = None


def _marks() -> dict[str, str]:
    """Contact data that no other report can hold, so that finding one of them in an answer means that it leaked."""
    word = secrets.token_hex(5)
    digits = f"{secrets.randbelow(100):02}"
    return {
        "email": f"prueba-{word}@example.org",
        "phone": f"+120255501{digits}",  # 555-01xx is nobody's
        "first_name": f"Nombre{word}",
        "last_name": f"Apellido{word}",
        "device_id": f"aparato-{word}",
        "account_id": f"cuenta-{word}",
    }


@dataclass
class Visit:
    """`root`: the API's address without a trailing slash."""

    root: str
    asker: Asker
    options: Options = field(default_factory=Options)
    marks: dict[str, str] = field(default_factory=_marks)
    exchanges: dict[Call, Exchange] = field(default_factory=dict)

    # Asking

    def ask(self, call: Call) -> Exchange:
        if call not in self.exchanges:
            self.exchanges[call] = self.asker.ask(call)
        return self.exchanges[call]

    def get(
        self,
        path: str,
        query: Mapping[str, str] | Iterable[tuple[str, str]] = (),
        *,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        names_city: bool = True,
    ) -> Exchange:
        """`path`: after the root, such as `services.json`."""
        pairs = tuple(query.items() if isinstance(query, Mapping) else query)
        if names_city:
            pairs = (*self.city, *pairs)
        return self.ask(Call(method, f"{self.root}/{path}", pairs, headers=tuple((headers or {}).items())))

    def post(
        self,
        path: str,
        form: Iterable[tuple[str, str]],
        *,
        files: tuple[tuple[str, str, str, bytes], ...] = (),
        headers: Mapping[str, str] | None = None,
        key: str | None = "",
        names_city: bool = True,
    ) -> Exchange:
        """key: another one than ours, or None to send none. Not tried without a key or without --write."""
        self.refuse_to_write()
        sent = self.options.api_key if key == "" else key
        pairs = (*(self.city if names_city else ()), *((("api_key", sent),) if sent is not None else ()), *form)
        sent_headers = tuple((headers or {}).items())
        return self.ask(Call("POST", f"{self.root}/{path}", form=tuple(pairs), files=files, headers=sent_headers))

    def refuse_to_write(self) -> None:
        if not self.options.may_write:
            raise not_tried("no se escribe sin --write")
        if not self.options.api_key:
            raise not_tried("falta --api-key (o ATIENDE_OPEN311_KEY)")

    @property
    def city(self) -> tuple[tuple[str, str], ...]:
        return (("jurisdiction_id", self.options.jurisdiction),) if self.options.jurisdiction else ()

    # Discovery

    @cached_property
    def discovery_base(self) -> str:
        """The address that `.json` and `.xml` are appended to: beside the API, else one folder above."""
        here, above = f"{self.root}/discovery", f"{self.root.rpartition('/')[0]}/discovery"
        for base in (here, above):
            if any(self.discovery_at(base, fmt).is_ok for fmt in (JSON, XML)):
                return base
        return here

    def discovery_at(self, base: str, fmt: str) -> Exchange:
        return self.ask(Call("GET", f"{base}.{fmt}", self.city))

    def discovery(self, fmt: str) -> Exchange:
        return self.discovery_at(self.discovery_base, fmt)

    # Services

    @cached_property
    def services(self) -> list[Item]:
        """The service list, from whichever format can be read. Not applicable when neither can, or it is empty."""
        found = [item for item in items_of(self.get("services.json"), "services") if item.get("service_code")]
        found = found or [i for i in items_of(self.get("services.xml"), "services") if i.get("service_code")]
        if not found:
            raise not_applicable("la lista de servicios está vacía o no se puede leer")
        return found

    @cached_property
    def sampled(self) -> list[Item]:
        """The services whose definitions are read: all kinds of a small catalogue, some of a large one."""
        with_questions = [item for item in self.services if is_true(item.get("metadata"))]
        without = [item for item in self.services if not is_true(item.get("metadata"))]
        named = [item for item in self.services if str(item["service_code"]) == self.options.service_code]
        chosen = {str(i["service_code"]): i for i in [*named, *with_questions[:_WITH_QUESTIONS], *without[:_WITHOUT]]}
        return list(chosen.values())

    def definition(self, code: object, fmt: str) -> Exchange:
        return self.get(f"services/{quote(str(code), safe='')}.{fmt}")

    @cached_property
    def definitions(self) -> list[tuple[Item, Item]]:
        """(service, definition) of the sampled services that can be read. Not applicable when there is none."""
        found = []
        for service in self.sampled:
            value = self.definition(service["service_code"], JSON).json.value
            if not isinstance(value, dict):
                root = self.definition(service["service_code"], XML).xml.value
                value = plain(root) if isinstance(root, Element) else None
            if isinstance(value, dict):
                found.append((service, value))
        if not found:
            raise not_applicable("ninguna definición de servicio se puede leer")
        return found

    def questions(self) -> list[tuple[str, Item]]:
        """(service code, attribute) of every definition that was read. Not applicable when there is none."""
        found = [
            (str(service["service_code"]), attribute)
            for service, definition in self.definitions
            for attribute in attributes_of(definition)
        ]
        if not found:
            raise not_applicable("ningún servicio leído tiene preguntas")
        return found

    # Requests

    @cached_property
    def requests(self) -> list[Item]:
        """The default list, as JSON if it can be read. Not applicable when it is empty."""
        found = items_of(self.get("requests.json"), "service_requests")
        found = found or items_of(self.get("requests.xml"), "service_requests")
        if not found:
            raise not_applicable("la lista de reportes está vacía o no se puede leer")
        return found

    @property
    def sample(self) -> Item:
        """A request of the list that has an id: not the newest, which may be changing just now."""
        with_id = [item for item in self.requests if item.get("service_request_id")]
        if not with_id:
            raise not_applicable("ningún reporte de la lista tiene service_request_id")
        return with_id[min(len(with_id) - 1, 3)]

    @property
    def sample_id(self) -> str:
        return str(self.sample["service_request_id"])

    def single(self, service_request_id: object, fmt: str) -> Exchange:
        return self.get(f"requests/{quote(str(service_request_id), safe='')}.{fmt}")

    def listed(self, fmt: str = JSON, **query: str) -> list[Item]:
        """The items of a list that must answer 2xx; not applicable when it cannot be read."""
        exchange = self.get(f"requests.{fmt}", query)
        found = items_of(exchange, "service_requests")
        if not exchange.is_ok or (not found and not is_empty_list(exchange)):
            raise not_applicable("{url} no se puede leer ({said})", url=short(exchange.call), said=exchange.said)
        return found


# Reading

_LISTS = {
    "services",
    "service_requests",
    "attributes",
    "values",
    "endpoints",
    "formats",
    "extensions",
    "errors",
    "service_request_updates",
}


def items_of(exchange: Exchange, root: str) -> list[Item]:
    """The items of a list answer in either format, also when JSON wraps them in an object; [] for anything else."""
    if exchange.call.url.endswith(f".{XML}"):
        element = exchange.xml.value
        return [as_item(plain(child)) for child in element.children] if isinstance(element, Element) else []
    value = exchange.json.value
    if isinstance(value, dict):
        value = value.get(root)
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def as_item(value: Any) -> Item:
    return value if isinstance(value, dict) else {}


def is_empty_list(exchange: Exchange) -> bool:
    if exchange.call.url.endswith(f".{XML}"):
        return isinstance(exchange.xml.value, Element) and not exchange.xml.value.children
    return isinstance(exchange.json.value, list) and not exchange.json.value


def plain(element: Element) -> Any:
    """An XML answer as the JSON of the standard would say it; leaves are text or None."""
    if not element.children:
        return [] if element.name in _LISTS and not element.text.strip() else element.text.strip() or None
    if element.name in _LISTS:
        return [plain(child) for child in element.children]
    found: Item = {}
    for child in element.children:
        value = plain(child)
        if child.name in found:
            before = found[child.name]
            found[child.name] = [*before, value] if isinstance(before, list) else [before, value]
        else:
            found[child.name] = value
    return found


def attributes_of(definition: Item) -> list[Item]:
    found = definition.get("attributes", definition.get("attribute"))
    if isinstance(found, dict):
        found = found.get("attribute", [found])
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


def values_of(attribute: Item) -> list[Item]:
    found = attribute.get("values")
    if isinstance(found, dict):
        found = found.get("value", [])
        found = found if isinstance(found, list) else [found]
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


def is_true(value: object) -> bool:
    """Also of servers that print booleans as text."""
    return value is True or str(value).strip().lower() == "true"


def short(call: Call) -> str:
    """The path and query, without the key, for a detail."""
    query = "&".join(f"{name}={value}" for name, value in call.query if name not in ("jurisdiction_id", "api_key"))
    path = urlsplit(call.url).path
    return f"{path}?{query}" if query else path
