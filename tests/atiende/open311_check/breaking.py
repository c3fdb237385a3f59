"""One defect each, by the rule that has to notice it. Each makes a whole server out of the good one of `fake_city`."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from atiende.open311_check.expectations import w3c
from tests.atiende.open311_check.fake_city import Answer, Defect, Question, Sent, errors

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
    return document(DISCOVERY, endpoints=[{**ENDPOINT, **fields}])


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


def echo(q: Question, a: Answer) -> Answer:
    return errors(a.status, str(q.form)) if a.status >= 400 else a


def new_each_time(q: Question) -> Question:
    return replace(q, form=(*q.form, ("twice", q.headers.get("x-attempt", "")))) if q.form else q


def end_exclusive(q: Question, a: Answer) -> Answer:
    end = q.one("end_date")
    return replace(a, value=[item for item in a.value if item["requested_datetime"] != end]) if a.status == 200 else a


def is_wide(q: Question) -> bool:
    start, end = w3c(q.one("start_date")), w3c(q.one("end_date"))
    return start is not None and end is not None and (end - start).days > 300 and at("requests")(q)


def is_extended_in_xml(q: Question) -> bool:
    return has("extensions")(q) and at("requests", "xml")(q)


def has_no_zone(q: Question) -> bool:
    return at("requests")(q) and re.fullmatch(r".{10}T.{8}", q.one("start_date")) is not None


def mentions_unknown(q: Question) -> bool:
    return "no-existe" in q.one("service_request_id")


def read_as(q: Question, old: str, new: str) -> Question:
    return replace(q, path=q.path.replace(f".{old}", f".{new}"))


def thanks_by_name(q: Question, a: Answer) -> Answer:
    return replace(a, value=[{**a.value[0], "service_notice": q.one("first_name")}]) if a.status == 200 else a


def badly_packed(q: Question, sent: Sent) -> Sent:
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


def is_answered(code: str, text: str | None) -> Where:
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
ENDPOINT = {
    "specification": "http://wiki.open311.org/GeoReport_v2",
    "url": "http://falsa.example/open311/v2",
    "changeset": "2026-01-01T00:00:00Z",
    "type": "test",
    "formats": ["text/xml", "application/json"],
}
HTML = typed(at(""), "text/html; charset=utf-8")


def discovery_in(fmt: str) -> Where:
    return lambda q: DISCOVERY(q) and q.fmt == fmt


def html_page(q: Question, sent: Sent) -> Sent:
    return Sent(200, (("content-type", "text/html"),), b"<!doctype html><html><body><p>Hola<br></html>")


def broken_into_html(q: Question, sent: Sent) -> Sent:
    return Sent(500, (("content-type", "text/html"),), b"<html>Traceback (most recent call last)</html>")
