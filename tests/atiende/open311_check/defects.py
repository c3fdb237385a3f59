"""One defect each, by the rule that has to notice it. Each makes a whole server out of the good one of `fake_city`."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from atiende.open311_check.expectations import w3c
from tests.atiende.open311_check.fake_city import KEY, Answer, Defect, Question, Sent, errors

Where = Callable[[Question], bool]
READS = ("GET", "HEAD")


# Where


def at(path: str, fmt: str = "", method: str = "GET") -> Where:
    """path: after the root without suffix; `services/*` is any one of them, `` is everywhere."""

    def is_here(question: Question) -> bool:
        same = not path or question.name == path or (path.endswith("*") and question.name.startswith(path[:-1]))
        return same and question.method == method and fmt in ("", question.fmt)

    return is_here


def unknown(path: str, fmt: str = "") -> Where:
    return lambda question: at(path, fmt)(question) and "no-existe" in question.path


def has(name: str, value: str | None = None, path: str = "requests", method: str = "GET") -> Where:
    """A call that carries this parameter, or this value in it."""

    def is_here(question: Question) -> bool:
        pairs = question.form if method == "POST" else question.query
        found = [v for key, v in pairs if key == name]
        return at(path, method=method)(question) and (value in found if value is not None else bool(found))

    return is_here


# What


def answers(where: Where, status: int, *texts: str) -> Defect:
    """Another status there, with the standard's error form."""
    return Defect(tell=lambda q, a: errors(status, *(texts or ("otra cosa",))) if where(q) else a)


def status(where: Where, code: int) -> Defect:
    """Another status, the same body."""
    return Defect(tell=lambda q, a: replace(a, status=code) if where(q) else a)


def value(where: Where, change: Callable[[Any], Any]) -> Defect:
    return Defect(tell=lambda q, a: replace(a, value=change(a.value)) if where(q) and a.status == 200 else a)


def every(where: Where, **fields: Any) -> Defect:
    """These fields in every item of a list or in every attribute of a definition."""
    return value(where, lambda found: [{**item, **fields} for item in found])


def question(where: Where, **fields: Any) -> Defect:
    return value(where, lambda d: {**d, "attributes": [{**item, **fields} for item in d["attributes"]]})


def last(where: Where, **fields: Any) -> Defect:
    """These fields in the last item of a list only."""
    return value(where, lambda found: [*found[:-1], {**found[-1], **fields}] if found else found)


def without(where: Where, name: str) -> Defect:
    return value(where, lambda found: [{k: v for k, v in item.items() if k != name} for item in found])


def document(where: Where, **fields: Any) -> Defect:
    return value(where, lambda found: {**found, **fields})


def endpoint(**fields: Any) -> Defect:
    return document(DISCOVERY, endpoints=[{**_ENDPOINT, **fields}])


def deaf(*names: str) -> Defect:
    """A server that does not know these parameters."""
    return Defect(
        ask=lambda q: replace(
            q,
            query=tuple(pair for pair in q.query if pair[0] not in names),
            form=tuple(pair for pair in q.form if pair[0] not in names),
        )
    )


def hears(where: Where, **changes: str) -> Defect:
    """A server that hears other values than were sent."""

    def ask(q: Question) -> Question:
        if not where(q):
            return q
        query = tuple((name, changes.get(name, text)) for name, text in q.query)
        return replace(q, query=query, form=tuple((name, changes.get(name, text)) for name, text in q.form))

    return Defect(ask=ask)


def first_only(name: str) -> Defect:
    """Of a comma list, only the first is used."""
    return Defect(ask=lambda q: replace(q, query=tuple((k, v.split(",")[0] if k == name else v) for k, v in q.query)))


def header(where: Where, name: str, text: str) -> Defect:
    def send(q: Question, sent: Sent) -> Sent:
        if not where(q):
            return sent
        return replace(sent, headers=(*(pair for pair in sent.headers if pair[0] != name), (name, text)))

    return Defect(send=send)


def typed(where: Where, text: str) -> Defect:
    return header(where, "content-type", text)


def body(where: Where, change: Callable[[bytes], bytes]) -> Defect:
    return Defect(send=lambda q, sent: replace(sent, body=change(sent.body)) if where(q) else sent)


def swapped(where: Where, old: str, new: str) -> Defect:
    return body(where, lambda raw: raw.replace(old.encode(), new.encode()))


def wrapped(where: Where, name: str) -> Defect:
    return body(where, lambda raw: json.dumps({name: json.loads(raw)}).encode() if raw else raw)


def when(where: Where, change: Callable[[Question, Answer], Answer]) -> Defect:
    return Defect(tell=lambda q, a: change(q, a) if where(q) else a)


def failing(code: int, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Defect:
    """Every error of this status (0: of any) put otherwise."""

    def tell(q: Question, a: Answer) -> Answer:
        is_one = a.status >= 400 and code in (0, a.status)
        return replace(a, value=[change(error) for error in a.value]) if is_one else a

    return Defect(tell=tell)


def says(where: Where, raw: bytes) -> Defect:
    """These bytes, whatever the answer is."""
    return body(where, lambda _: raw)


def more(where: Where, **fields: Any) -> Defect:
    """One item more in a list."""
    return value(where, lambda found: [*found, {**(found[0] if found else {"service_request_id": "R-0"}), **fields}])


def number_of(q: Question) -> int:
    """That of `requests/R-17`; 0 for any other id."""
    digits = q.name.removeprefix("requests/R-")
    return int(digits) if digits.isdigit() and len(digits) < 9 else 0


def takes(where: Where) -> Defect:
    """Says yes to a form whatever is in it."""
    yes = Answer(200, "service_requests", [{"service_request_id": "R-1", "service_notice": None, "account_id": None}])
    return Defect(tell=lambda q, a: yes if where(q) and a.status >= 400 else a)


def _echo(q: Question, a: Answer) -> Answer:
    return errors(a.status, str(q.form)) if a.status >= 400 else a


def _new_each_time(q: Question) -> Question:
    return replace(q, form=(*q.form, ("twice", q.headers.get("x-attempt", "")))) if q.form else q


def _end_exclusive(q: Question, a: Answer) -> Answer:
    end = q.one("end_date")
    return replace(a, value=[item for item in a.value if item["requested_datetime"] != end]) if a.status == 200 else a


def _is_wide(q: Question) -> bool:
    start, end = w3c(q.one("start_date")), w3c(q.one("end_date"))
    return start is not None and end is not None and (end - start).days > 300 and at("requests")(q)


def _has_no_zone(q: Question) -> bool:
    return at("requests")(q) and re.fullmatch(r".{10}T.{8}", q.one("start_date")) is not None


def _mentions_unknown(q: Question) -> bool:
    return "no-existe" in q.one("service_request_id")


def _as(q: Question, old: str, new: str) -> Question:
    return replace(q, path=q.path.replace(f".{old}", f".{new}"))


def _thanks_by_name(q: Question, a: Answer) -> Answer:
    return replace(a, value=[{**a.value[0], "service_notice": q.one("first_name")}]) if a.status == 200 else a


def _badly_packed(q: Question, sent: Sent) -> Sent:
    if q.headers.get("accept-encoding") != "gzip":
        return sent
    return Sent(sent.status, (*sent.headers, ("content-encoding", "gzip")), sent.body[:-1])


def posts(fmt: str = "") -> Where:
    return at("requests", fmt, "POST")


def given(name: str, text: str | None = None) -> Where:
    return has(name, text, method="POST")


def lacks(*names: str) -> Where:
    return lambda q: posts()(q) and not any(key in names and text for key, text in q.form)


def described(part: str) -> Where:
    return lambda q: posts()(q) and part in q.one("description")


def _is_answered(code: str, text: str | None) -> Where:
    names = (f"attribute[{code}]", f"attribute[{code}][]")
    return lambda q: (
        posts()(q) and q.one("service_code") == "LUZ" and text in ([v for k, v in q.form if k in names] or [None])
    )


def read_back(**fields: Any) -> Defect:
    """What a single request says of a report that was just made."""
    return every(lambda q: number_of(q) > 13, **fields)


class Leaks:
    """Remembers what residents sent, and lets it out again."""

    def __init__(
        self, name: str, written: Callable[[str], str] = str, *, in_header: bool = False, by_search: bool = False
    ) -> None:
        self.name, self.written, self.in_header, self.by_search = name, written, in_header, by_search
        self.known: dict[str, str] = {}

    def defect(self) -> Defect:
        return Defect(tell=self.tell, send=self.send)

    def tell(self, q: Question, a: Answer) -> Answer:
        if posts()(q) and a.status == 200 and q.one(self.name):
            self.known[a.value[0]["service_request_id"]] = q.one(self.name)
        if self.by_search and q.one("q") in self.known.values():
            return replace(a, value=[{"service_request_id": made} for made in self.known])
        if self.in_header or self.by_search or a.root != "service_requests" or q.method != "GET":
            return a
        return replace(a, value=[{**item, "status_notes": self._of(item)} for item in a.value])

    def _of(self, item: dict[str, Any]) -> str | None:
        known = self.known.get(item["service_request_id"])
        return self.written(known) if known else None

    def send(self, q: Question, sent: Sent) -> Sent:
        if not self.in_header or not self.known or q.method != "GET":
            return sent
        return replace(sent, headers=(*sent.headers, ("x-reporter", next(iter(self.known.values())))))


DISCOVERY: Where = lambda q: "discovery" in q.path and q.method == "GET"  # noqa: E731  # a value of the table
LIST, LIST_XML = at("requests", "json"), at("requests", "xml")
_ENDPOINT = {
    "specification": "http://wiki.open311.org/GeoReport_v2",
    "url": "http://falsa.example/open311/v2",
    "changeset": "2026-01-01T00:00:00Z",
    "type": "test",
    "formats": ["text/xml", "application/json"],
}
HTML = typed(at(""), "text/html; charset=utf-8")


def _discovery(fmt: str) -> Where:
    return lambda q: DISCOVERY(q) and q.fmt == fmt


def _html(q: Question, sent: Sent) -> Sent:
    return Sent(200, (("content-type", "text/html"),), b"<!doctype html><html><body><p>Hola<br></html>")


def _broken(q: Question, sent: Sent) -> Sent:
    return Sent(500, (("content-type", "text/html"),), b"<html>Traceback (most recent call last)</html>")


# (rule, defect). A rule may have several.
DEFECTS: list[tuple[str, Defect]] = [
    ("discovery.json", status(_discovery("json"), 404)),
    ("discovery.xml", status(_discovery("xml"), 404)),
    ("discovery.json-content-type", typed(_discovery("json"), "application/json")),
    ("discovery.content-type", typed(_discovery("xml"), "application/xml; charset=utf-8")),
    ("discovery.json-object", wrapped(_discovery("json"), "discovery")),
    ("discovery.xml-root", swapped(_discovery("xml"), "discovery>", "service_discovery>")),
    ("discovery.changeset", document(DISCOVERY, changeset="")),
    ("discovery.changeset-time", document(DISCOVERY, changeset="ayer")),
    ("discovery.changeset-past", document(DISCOVERY, changeset="2099-01-01T00:00:00Z")),
    ("discovery.contact", document(DISCOVERY, contact=None)),
    ("discovery.key-service", document(DISCOVERY, key_service=" ")),
    ("discovery.endpoints", document(_discovery("json"), endpoints={"endpoint": _ENDPOINT})),
    ("discovery.specification", endpoint(specification="GeoReport v2")),
    ("discovery.endpoint-url", endpoint(url="/open311/v2")),
    ("discovery.endpoint-url", endpoint(url="http://falsa.example/open311/v2/")),
    ("discovery.endpoint-answers", endpoint(url="http://falsa.example/open311/v1")),
    ("discovery.endpoint-type", endpoint(type="live")),
    ("discovery.endpoint-changeset", endpoint(changeset=None)),
    ("discovery.formats-array", endpoint(formats={"format": "text/xml"})),
    ("discovery.formats", endpoint(formats=["application/json"])),
    ("discovery.parity", document(_discovery("xml"), contact="otro")),
    ("services.json", status(at("services", "json"), 404)),
    ("services.xml", status(at("services", "xml"), 404)),
    ("services.json-content-type", typed(at("services", "json"), "text/json")),
    ("services.content-type", typed(at("services", "xml"), "text/xml")),
    ("services.json-array", wrapped(at("services", "json"), "services")),
    ("services.xml-root", swapped(at("services", "xml"), "services>", "service_list>")),
    ("services.xml-root", swapped(at("services", "xml"), "service>", "item>")),
    ("services.not-empty", value(at("services"), lambda _: [])),
    ("services.code", last(at("services", "json"), service_code=6)),
    ("services.code-xml", last(at("services", "xml"), service_code=None)),
    ("services.code-once", value(at("services"), lambda found: [*found, found[0]])),
    ("services.name", every(at("services"), service_name=None)),
    ("services.name-once", every(at("services"), service_name="Bache")),
    ("services.fields", without(at("services"), "group")),
    ("services.metadata", every(at("services", "json"), metadata="true")),
    ("services.metadata-xml", every(at("services", "xml"), metadata="True")),
    ("services.type", last(at("services"), type="instant")),
    ("services.texts", last(at("services", "json"), description={})),
    ("services.keywords", last(at("services", "json"), keywords=["uno", "dos"])),
    ("services.keywords-tight", last(at("services"), keywords="uno, dos")),
    ("services.parity", last(at("services", "xml"), service_name="Otra")),
    ("definitions.json", status(at("services/LUZ", "json"), 404)),
    ("definitions.xml", status(at("services/LUZ", "xml"), 404)),
    ("definitions.json-content-type", typed(at("services/*", "json"), "application/json")),
    ("definitions.content-type", typed(at("services/*", "xml"), "text/xml")),
    ("definitions.json-object", wrapped(at("services/LUZ", "json"), "service_definition")),
    ("definitions.xml-root", swapped(at("services/*", "xml"), "service_definition>", "definition>")),
    ("definitions.xml-root", swapped(at("services/LUZ", "xml"), "attribute>", "item>")),
    ("definitions.code", document(at("services/*"), service_code="OTRO")),
    ("definitions.attributes", document(at("services/LUZ", "json"), attributes={"attribute": []})),
    ("definitions.metadata-true", document(at("services/LUZ"), attributes=[])),
    ("definitions.metadata-false", status(at("services/BACHE"), 404)),
    ("definitions.variable", question(at("services/*", "json"), variable="true")),
    ("definitions.required", question(at("services/*", "json"), required="false")),
    ("definitions.booleans-xml", question(at("services/*", "xml"), required="False")),
    ("definitions.attribute-code", question(at("services/*"), code=None)),
    ("definitions.attribute-code-once", question(at("services/*"), code="UNA")),
    ("definitions.datatype", question(at("services/*"), datatype="textarea")),
    ("definitions.description", question(at("services/*"), description="")),
    ("definitions.order", question(at("services/*", "json"), order="1")),
    ("definitions.order-once", question(at("services/*"), order=1)),
    ("definitions.order-sorted", value(at("services/LUZ"), lambda d: {**d, "attributes": d["attributes"][::-1]})),
    ("definitions.notice-not-required", question(at("services/*"), required=True)),
    ("definitions.values", question(at("services/*"), values=[])),
    ("definitions.values-key-name", question(at("services/*"), values=[{"key": "a", "name": None}])),
    ("definitions.values-key-once", question(at("services/*"), values=[{"key": "a", "name": "A"}] * 2)),
    ("definitions.values-of-lists", question(at("services/*"), values=[{"key": "a", "name": "A"}])),
    ("definitions.parity", question(at("services/*", "xml"), description="otra")),
    ("definitions.unknown", status(unknown("services/*", "json"), 400)),
    ("definitions.unknown-xml", status(unknown("services/*", "xml"), 200)),
    ("post.accepted", answers(posts("json"), 400)),
    ("post.accepted-xml", answers(posts("xml"), 400)),
    ("post.status-200", Defect(tell=lambda q, a: replace(a, status=201) if posts()(q) and a.status == 200 else a)),
    ("post.json-content-type", typed(posts("json"), "application/json")),
    ("post.content-type", typed(posts("xml"), "application/xml")),
    ("post.array-of-one", wrapped(posts("json"), "service_requests")),
    ("post.xml-root", swapped(posts("xml"), "service_requests>", "requests>")),
    ("post.parity", without(posts("xml"), "service_notice")),
    ("post.id-or-token", every(posts(), token="t1")),
    ("post.id-text", every(posts("json"), service_request_id=17)),
    ("post.notice", every(posts("json"), service_notice={})),
    ("post.realtime", without(posts(), "service_request_id")),
    ("post.batch", every(given("service_code", "RAMPA"), service_request_id="R-1", token=None)),
    ("post.blackbox", every(given("service_code", "QUEJA"), service_request_id="R-1")),
    ("post.multipart", answers(described("multipart"), 415)),
    ("post.address-only", answers(lacks("lat"), 400)),
    ("post.extras-ignored", answers(given("attribute[easting]"), 400)),
    ("post.required-given", answers(_is_answered("TIPO", "a"), 400)),
    ("post.several-values", answers(_is_answered("OTROS", "b"), 400)),
    ("post.empty-optional", answers(lambda q: posts()(q) and any(k.startswith("attribute") and not v for k, v in q.form), 400)),
    ("post.sent-twice", Defect(ask=_new_each_time)),
    ("post.readable", status(lambda q: number_of(q) > 13, 404)),
    ("post.description", read_back(description="otra cosa")),
    ("post.description-xml", swapped(at("requests/*", "xml"), "&lt;b&gt;", "")),
    ("post.line-break", swapped(at("requests/*", "json"), "\\n", " ")),
    ("post.position", read_back(lat=19.5)),
    ("post.fields", read_back(status="closed")),
    ("post.address", read_back(address=None)),
    ("post.requested-now", read_back(requested_datetime="2026-01-01T00:00:00Z")),
    ("post.listed", value(has("start_date"), lambda found: [i for i in found if i["description"].startswith("Señal")])),
    ("post.listed-by-id", value(has("service_request_id"), lambda _: [])),
    ("post.control", status(described("\x0b"), 500)),
    ("post.script-address", every(lambda q: number_of(q) > 13, media_url="javascript:alert(311)")),
    ("post.missing-key-403", status(lambda q: lacks("api_key")(q) and q.fmt == "json", 401)),
    ("post.missing-key-403-xml", status(lambda q: lacks("api_key")(q) and q.fmt == "xml", 400)),
    ("post.empty-key-403", takes(given("api_key", ""))),
    ("post.wrong-key-403", takes(given("api_key", "no-es-una-clave"))),
    ("post.missing-service-400", takes(lambda q: posts()(q) and not any(k == "service_code" for k, _ in q.form))),
    ("post.empty-service-400", takes(given("service_code", ""))),
    ("post.unknown-service-404", status(given("service_code", "no-existe-311"), 400)),
    ("post.unknown-city-404", status(given("jurisdiction_id", "no-existe.example"), 400)),
    ("post.no-place-400", takes(lacks("lat", "long", "address_string"))),
    ("post.only-lat-400", takes(lambda q: given("lat")(q) and not q.one("long"))),
    ("post.only-long-400", takes(lambda q: given("long")(q) and not q.one("lat"))),
    ("post.lat-word-400", status(given("lat", "norte"), 500)),
    ("post.lat-comma-400", takes(given("lat", "19,43"))),
    ("post.lat-nan-400", takes(given("lat", "NaN"))),
    ("post.lat-range-400", takes(given("lat", "91"))),
    ("post.long-range-400", takes(given("long", "181"))),
    ("post.description-400", takes(described("x" * 4001))),
    ("post.required-400", takes(_is_answered("TIPO", None))),
    ("post.required-empty-400", takes(_is_answered("TIPO", ""))),
    ("post.names-question", failing(400, lambda _: {"code": 400, "description": "falta algo"})),
    ("post.number-400", takes(_is_answered("NUM", "muchos"))),
    ("post.datetime-400", takes(_is_answered("DESDE", "ayer"))),
    ("post.list-400", takes(_is_answered("TIPO", "no-existe-311"))),
    ("post.two-values-400", takes(lambda q: posts()(q) and sum(k == "attribute[TIPO]" for k, _ in q.form) > 1)),
    ("post.errors-json", wrapped(lambda q: posts("json")(q) and not q.one("service_code"), "errors")),
    ("post.errors-xml", swapped(posts("xml"), "error>", "fault>")),
    ("post.all-errors", Defect(tell=lambda q, a: replace(a, value=a.value[:1]) if a.status == 400 else a)),
    ("post.json-body", status(lambda q: not q.is_form, 500)),
    ("post.bad-utf8", takes(lambda q: not q.is_form)),
    ("post.torn-multipart", takes(lambda q: not q.is_form)),
    ("token.json", status(at("tokens/t*", "json"), 404)),
    ("token.xml", swapped(at("tokens/t*", "xml"), "request>", "item>")),
    ("token.both", without(at("tokens/*"), "token")),
    ("token.resolved", every(at("tokens/t*"), service_request_id=None)),
    ("token.unknown", status(unknown("tokens/*", "json"), 400)),
    ("token.unknown-xml", status(unknown("tokens/*", "xml"), 200)),
    ("requests.json", status(LIST, 404)),
    ("requests.xml", status(LIST_XML, 500)),
    ("requests.json-content-type", typed(LIST, "application/json")),
    ("requests.content-type", typed(LIST_XML, "application/xml; charset=utf-8")),
    ("requests.json-array", wrapped(LIST, "service_requests")),
    ("requests.json-objects", value(LIST, lambda _: ["R-1"])),
    ("requests.xml-root", swapped(LIST_XML, "request>", "service_request>")),
    ("requests.id", every(LIST, service_request_id=638344)),
    ("requests.id-xml", last(LIST_XML, service_request_id=None)),
    ("requests.id-once", value(at("requests"), lambda found: [*found, *found[:1]])),
    ("requests.status", every(at("requests"), status="Open")),
    ("requests.service-code", every(LIST, service_code=6)),
    ("requests.service-name", every(LIST, service_name=None)),
    ("requests.texts", last(LIST, status_notes=["a"])),
    ("requests.zipcode", last(LIST, zipcode=6800)),
    ("requests.description-length", last(LIST, description="x" * 4001)),
    ("requests.requested", last(LIST, requested_datetime="2026-11-20 10:00:00")),
    ("requests.requested", last(LIST, requested_datetime="2026-11-20T10:00:00")),
    ("requests.updated", last(LIST, updated_datetime="20/11/2026")),
    ("requests.expected", last(LIST, expected_datetime="mañana")),
    ("requests.times-xml", last(LIST_XML, updated_datetime="2026-11-20")),
    ("requests.whole-seconds", last(LIST, updated_datetime="2026-11-20T10:00:00.123Z")),
    ("requests.not-in-future", last(LIST, requested_datetime="2099-11-20T10:00:00Z")),
    ("requests.updated-later", last(LIST, updated_datetime="2001-11-20T10:00:00Z")),
    ("requests.lat", last(LIST, lat="19.4")),
    ("requests.lat", last(LIST, lat=190.4)),
    ("requests.long", last(LIST, long="-99.1")),
    ("requests.lat-with-long", last(LIST, long=None)),
    ("requests.decimal-xml", last(LIST_XML, lat="1e-7")),
    ("requests.media-url", last(LIST, media_url="")),
    ("requests.null", last(LIST, address="null")),
    ("requests.null", last(LIST, media_url={})),
    ("requests.fields", without(at("requests"), "zipcode")),
    ("requests.no-others", every(at("requests"), titulo="x")),
    ("requests.parity", last(LIST_XML, description="otra")),
    ("single.json", status(at("requests/R-*", "json"), 403)),
    ("single.xml", status(at("requests/R-*", "xml"), 403)),
    ("single.json-content-type", typed(at("requests/R-*", "json"), "application/json")),
    ("single.content-type", typed(at("requests/R-*", "xml"), "text/html")),
    ("single.array-of-one", body(at("requests/R-*", "json"), lambda raw: raw[1:-1])),
    ("single.xml-root", swapped(at("requests/R-*", "xml"), "service_requests>", "service_request>")),
    ("single.id", every(at("requests/R-*"), service_request_id="R-0")),
    ("single.as-listed", every(at("requests/R-*"), address="Otra calle")),
    ("single.parity", every(at("requests/R-*", "xml"), address="Otra calle")),
    ("single.unknown", status(unknown("requests/*", "json"), 200)),
    ("single.unknown-xml", status(unknown("requests/*", "xml"), 400)),
    ("list.limit", value(LIST, lambda found: [{**found[0], "service_request_id": str(n)} for n in range(1001)] if found else [])),
    ("list.default-window", last(LIST, requested_datetime="2026-01-01T00:00:00Z")),
    ("list.newest-first", value(at("requests"), lambda found: found[::-1])),
    ("list.service-code", deaf("service_code")),
    ("list.service-codes", first_only("service_code")),
    ("list.unknown-service", answers(has("service_code", "no-existe-311"), 404)),
    ("list.status-open", deaf("status")),
    ("list.status-closed", value(has("status", "closed"), lambda _: [])),
    ("list.statuses", first_only("status")),
    ("list.unknown-status", status(has("status", "roto"), 200)),
    ("list.empty-is-absent", value(has("status", ""), lambda _: [])),
    ("list.empty-id-is-absent", value(has("service_request_id", ""), lambda _: [])),
    ("list.window-inclusive", when(has("end_date"), _end_exclusive)),
    ("list.start-date", deaf("start_date")),
    ("list.end-date", deaf("end_date")),
    ("list.start-alone", value(lambda q: has("start_date")(q) and not q.one("end_date"), lambda _: [])),
    ("list.end-alone", value(lambda q: has("end_date")(q) and not q.one("start_date"), lambda _: [])),
    ("list.offsets", Defect(ask=lambda q: replace(q, query=tuple((k, v.replace("+09:00", "Z")) for k, v in q.query)))),
    ("list.bare-plus", status(lambda q: has("start_date")(q) and " " in q.one("start_date"), 500)),
    ("list.wide-window", more(_is_wide, requested_datetime="2026-01-02T00:00:00Z")),
    ("list.reversed-window", more(lambda q: q.one("start_date") > q.one("end_date") > "")),
    ("list.bad-date", status(has("start_date", "ayer"), 500)),
    ("list.bad-date-400", status(has("start_date", "ayer"), 200)),
    ("list.no-zone", status(_has_no_zone, 500)),
    ("list.id", deaf("service_request_id")),
    ("list.ids", first_only("service_request_id")),
    ("list.ids-override", value(has("service_code", "no-existe-311"), lambda _: [])),
    ("list.unknown-ids", value(_mentions_unknown, lambda _: [])),
    ("list.empty", answers(has("service_request_id", "no-existe-311-0"), 404)),
    ("list.empty-xml", swapped(LIST_XML, "<service_requests/>", "<nothing/>")),
    ("list.unknown-parameter", status(has("parametro_311"), 400)),
    ("list.key-on-get", status(has("api_key"), 403)),
    ("format.suffix-json", Defect(ask=lambda q: _as(q, "json", "xml") if q.headers.get("accept") == "text/xml" else q)),
    ("format.suffix-xml", Defect(ask=lambda q: _as(q, "xml", "json") if "accept" in q.headers else q)),
    ("format.unknown-suffix", status(lambda q: q.fmt == "csv311", 200)),
    ("format.no-suffix", status(lambda q: q.path.endswith("/services"), 500)),
    ("format.declaration", swapped(at("services", "xml"), '<?xml version="1.0" encoding="utf-8"?>\n', "")),
    ("format.no-namespace", swapped(at("services", "xml"), "<services>", '<services xmlns:m="http://otro.example">')),
    ("format.no-attributes", swapped(at("services", "xml"), "<services>", '<services type="array">')),
    ("format.well-formed", swapped(LIST_XML, "Señal", "Se\x0bñal")),
    ("format.utf8-json", body(LIST, lambda raw: json.dumps(json.loads(raw), ensure_ascii=False).encode("latin-1", "replace"))),
    ("format.utf8-xml", body(LIST_XML, lambda raw: raw.decode().encode("latin-1", "replace"))),
    ("format.no-mojibake", body(LIST, lambda raw: json.dumps(json.loads(raw), ensure_ascii=False).replace("ñ", "Ã±").encode())),
    ("format.unicode-filter", status(lambda q: "ÑANDÚ" in q.one("service_code"), 500)),
    ("format.bad-utf8", status(lambda q: "\ufffd" in q.one("service_code"), 500)),
    ("format.control", status(lambda q: "\x00" in q.one("service_code"), 500)),
    ("web.head", status(at("services", method="HEAD"), 405)),
    ("web.head-requests", status(at("requests", method="HEAD"), 405)),
    ("web.head-empty", body(at("services", method="HEAD"), lambda _: b"[]")),
    ("web.cors", header(at("services"), "access-control-allow-origin", "https://otra.example")),
    ("web.cors-requests", header(at("requests"), "access-control-allow-origin", "")),
    ("web.cors-errors", header(unknown("requests/*"), "access-control-allow-origin", "")),
    ("web.preflight", status(at("requests", method="OPTIONS"), 405)),
    ("web.preflight-origin", header(at("requests", method="OPTIONS"), "access-control-allow-origin", "")),
    ("web.no-cookie", header(at("services"), "set-cookie", "sesion=1")),
    ("web.no-jsonp", body(lambda q: q.one("callback") != "", lambda raw: b"robar311(" + raw + b")")),
    ("web.not-modified", Defect(ask=lambda q: replace(q, headers={}))),
    ("web.gzip", Defect(send=_badly_packed)),
    ("extension.page-size", value(has("page_size", "2"), lambda found: [*found, *found[:1]])),
    ("extension.page", deaf("page")),
    ("extension.page-past-end", value(has("page", "900000"), lambda _: [{"service_request_id": "R-1"}])),
    ("extension.updated-after", last(has("updated_after"), updated_datetime="2001-01-01T00:00:00Z")),
    ("extension.updated-before", last(has("updated_before"), updated_datetime="2099-01-01T00:00:00Z")),
    ("extension.bbox", last(lambda q: q.one("bbox") != "", lat=60.0)),
    ("extension.extended", every(has("extensions"), extended_attributes=[])),
    ("extension.extended-asked", every(at("requests"), extended_attributes={"x": 1})),
    ("updates.json", wrapped(at("servicerequestupdates", "json"), "service_request_updates")),
    ("updates.xml", swapped(at("servicerequestupdates", "xml"), "service_request_updates", "updates")),
    ("updates.fields", without(at("servicerequestupdates"), "description")),
    ("updates.id", every(at("servicerequestupdates"), update_id="7")),
    ("updates.times", every(at("servicerequestupdates"), updated_datetime="ayer")),
    ("updates.window", every(at("servicerequestupdates"), updated_datetime="2001-01-01T00:00:00Z")),
    ("updates.oldest-first", value(at("servicerequestupdates"), lambda found: found[::-1])),
    ("updates.empty", more(lambda q: at("servicerequestupdates")(q) and q.one("end_date")[:4] == "2001")),
    ("updates.parity", every(at("servicerequestupdates", "xml"), description="otra")),
    ("updates.bad-date", status(lambda q: q.name == "servicerequestupdates" and q.one("start_date") == "ayer", 500)),
    ("updates.key-on-get", status(has("api_key", path="servicerequestupdates"), 403)),
    ("updates.key-403", status(at("servicerequestupdates", method="POST"), 401)),
    ("error.json-array", body(unknown("requests/*", "json"), lambda raw: raw[1:-1])),
    ("error.xml-root", swapped(unknown("requests/*", "xml"), "errors>", "error_list>")),
    ("error.json-content-type", typed(unknown("requests/*", "json"), "text/html")),
    ("error.content-type", typed(unknown("requests/*", "xml"), "text/html")),
    ("error.code", failing(0, lambda error: {**error, "code": str(error["code"])})),
    ("error.code-xml", failing(404, lambda error: {**error, "code": 400})),
    ("error.description", failing(404, lambda _: {"code": 404})),
    ("error.description-xml", failing(404, lambda _: {"code": 404})),
    ("error.unknown-address", status(at("no-existe-311"), 200)),
    ("error.framework-json", says(at("no-existe-311"), b'{"detail": "Not Found"}')),
    ("error.framework-xml", says(at("no-existe-311"), b"<html><p>Not Found</p></html>")),
    ("error.method", status(at("services", method="PUT"), 200)),
    ("error.method-json", says(at("services", method="PUT"), b"{}")),
    ("error.unknown-city", deaf("jurisdiction_id")),
    ("error.unknown-city-requests", deaf("jurisdiction_id")),
    ("error.missing-city", status(lambda q: at("services", "json")(q) and not q.query and not q.headers, 403)),
    ("error.long-id", status(at("requests/9*"), 500)),
    ("error.odd-id", status(at("requests/1*"), 500)),
    ("error.odd-filter", status(lambda q: "'" in q.one("service_code"), 500)),
    ("error.odd-page", status(has("page", "-1"), 500)),
    ("error.no-5xx", status(has("page", "-1"), 502)),
    ("error.no-internals", says(unknown("requests/*"), b"Traceback (most recent call last)")),
    ("privacy.fields", every(at("requests/*"), email=None)),
    ("privacy.email", Leaks("email").defect()),
    ("privacy.phone", Leaks("phone", lambda phone: f"+1 202 {phone[5:8]}-{phone[8:]}").defect()),
    ("privacy.name", Leaks("last_name").defect()),
    ("privacy.device", Leaks("account_id", in_header=True).defect()),
    ("privacy.answer", when(given("first_name"), _thanks_by_name)),
    ("privacy.search", Leaks("email", by_search=True).defect()),
    ("privacy.key", failing(400, lambda error: {**error, "description": f"{KEY}: falta algo"})),
    ("privacy.wrong-key", Defect(tell=_echo)),
    ("privacy.errors", Defect(tell=_echo)),
]  # fmt: skip
