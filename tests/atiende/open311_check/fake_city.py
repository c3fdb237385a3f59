"""A small GeoReport v2 server that keeps every rule, in memory, and can be given one defect.

Written from the standard and not from our server, so that the checker is tried on another hand's work. `FakeCity.app()` is a
Starlette application that people can run: `uvicorn --factory tests.atiende.open311_check.fake_city:good`.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from html import escape
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from atiende.open311_check.exchanges import Call, Exchange

ROOT = "http://falsa.example/open311/v2"
KEY = "clave-buena-311"
TYPES = {"json": "application/json; charset=utf-8", "xml": "text/xml; charset=utf-8"}
_CHILD = {
    "services": "service",
    "service_requests": "request",
    "attributes": "attribute",
    "values": "value",
    "endpoints": "endpoint",
    "formats": "format",
    "errors": "error",
    "service_request_updates": "request_update",
}
_EMPTY = dict.fromkeys(
    ("status_notes", "agency_responsible", "service_notice", "expected_datetime", "address_id", "zipcode", "media_url")
)


@dataclass(frozen=True)
class Question:
    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    form: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    is_form: bool = True

    @property
    def fmt(self) -> str:
        return self.path.rpartition(".")[2]

    @property
    def name(self) -> str:
        """The path after the API's root, without its suffix."""
        return self.path.removeprefix("/open311/v2/").rpartition(".")[0]

    def one(self, name: str) -> str:
        """From the form of a POST and the query of a GET."""
        pairs = self.form if self.method == "POST" else self.query
        return next((value for key, value in reversed(pairs) if key == name), "")

    def listed(self, name: str) -> list[str]:
        return [item for item in self.one(name).split(",") if item]


@dataclass(frozen=True)
class Answer:
    status: int
    root: str
    value: Any
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Sent:
    """An answer as bytes."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


@dataclass(frozen=True)
class Defect:
    """`ask` changes what the server hears, `tell` the values it answers, `send` the bytes."""

    ask: Callable[[Question], Question] = lambda question: question
    tell: Callable[[Question, Answer], Answer] = lambda question, answer: answer
    send: Callable[[Question, Sent], Sent] = lambda question, sent: sent


def errors(status: int, *texts: str) -> Answer:
    return Answer(status, "errors", [{"code": status, "description": text} for text in texts])


class FakeCity:
    def __init__(self, defect: Defect | None = None, *, now: datetime | None = None) -> None:
        self.defect = defect or Defect()
        self.now = (now or datetime.now(UTC)).replace(microsecond=0)
        self.services = _services()
        self.requests = _requests(self.now)
        self.tokens: dict[str, str] = {}
        self.seen: dict[tuple[tuple[str, str], ...], Answer] = {}

    def respond(self, question: Question) -> Sent:
        question = self.defect.ask(question)
        answer = self.defect.tell(question, self.answer(question))
        return self.defect.send(question, self.render(question, answer))

    def render(self, question: Question, answer: Answer) -> Sent:
        fmt = question.fmt if question.fmt in TYPES else "xml"
        body = json.dumps(answer.value).encode() if fmt == "json" else _xml(answer.root, answer.value)
        headers = (("content-type", TYPES[fmt]), ("access-control-allow-origin", "*"), *answer.headers)
        tag = f'"{hash(body)}"'
        if question.method in ("GET", "HEAD") and answer.status == 200:
            headers = (*headers, ("etag", tag))
            if question.headers.get("if-none-match") == tag:
                return Sent(304, headers, b"")
        return Sent(answer.status, headers, b"" if question.method == "HEAD" else body)

    def answer(self, question: Question) -> Answer:
        if question.method == "OPTIONS":
            return Answer(200, "services", [], (("access-control-allow-methods", "GET, POST, OPTIONS"),))
        if question.method not in ("GET", "HEAD", "POST"):
            return errors(405, "no")
        if question.path.removeprefix("/open311").startswith("/discovery."):
            return self.discovery()
        if any("\x00" in value or "\ufffd" in value for _, value in question.query):
            return errors(400, "no")
        if question.one("jurisdiction_id") not in ("", "falsa.example"):
            return errors(404, "jurisdiction_id")
        parts = question.name.split("/") if question.fmt in TYPES else ["?"]
        if question.method == "POST" and parts in (["requests"], ["servicerequestupdates"]):
            return self.post(question, parts[0])
        match parts:
            case ["services"]:
                return Answer(200, "services", [dict(service) for service in self.services])
            case ["services", code]:
                return self.definition(unquote(code))
            case ["requests"]:
                return self.list(question)
            case ["requests", one]:
                found = [item for item in self.requests if item["service_request_id"] == unquote(one)]
                return Answer(200, "service_requests", found) if found else errors(404, "no")
            case ["tokens", token] if token in self.tokens:
                pair = {"service_request_id": self.tokens[token], "token": token}
                return Answer(200, "service_requests", [pair])
            case ["servicerequestupdates"]:
                return self.updates(question)
        return errors(404, "no")

    def discovery(self) -> Answer:
        endpoint = {
            "specification": "http://wiki.open311.org/GeoReport_v2",
            "url": ROOT,
            "changeset": "2026-01-01T00:00:00Z",
            "type": "test",
            "formats": ["text/xml", "application/json"],
        }
        document = {
            "changeset": "2026-01-01T00:00:00Z",
            "contact": "311",
            "key_service": "escríbenos",
            "endpoints": [endpoint],
        }
        return Answer(200, "discovery", document)

    def definition(self, code: str) -> Answer:
        if code not in [service["service_code"] for service in self.services]:
            return errors(404, "no")
        attributes = _questions() if code == "LUZ" else []
        return Answer(200, "service_definition", {"service_code": code, "attributes": attributes})

    def list(self, question: Question) -> Answer:
        ids = question.listed("service_request_id")
        if ids:
            return Answer(200, "service_requests", [r for r in self.requests if r["service_request_id"] in ids])
        try:
            start, end = _instant(question.one("start_date")), _instant(question.one("end_date"))
            after, before = _instant(question.one("updated_after")), _instant(question.one("updated_before"))
            size, page = int(question.one("page_size") or 1000), int(question.one("page") or 1)
            box = [float(part) for part in question.one("bbox").split(",")] if question.one("bbox") else None
        except ValueError:
            return errors(400, "no")
        if any(status not in ("open", "closed") for status in question.listed("status")) or size < 1 or page < 1:
            return errors(400, "no")
        latest = end or self.now + timedelta(days=1)
        earliest = max(start or latest - timedelta(days=90), latest - timedelta(days=90))
        found = [
            item
            for item in self.requests
            if earliest <= _instant(item["requested_datetime"]) <= latest  # type: ignore[operator]  # never None
            and item["status"] in (question.listed("status") or ["open", "closed"])
            and item["service_code"] in (question.listed("service_code") or [item["service_code"]])
            and (not after or _instant(item["updated_datetime"]) >= after)  # type: ignore[operator]  # never None
            and (not before or _instant(item["updated_datetime"]) <= before)  # type: ignore[operator]  # never None
            and (not box or item["lat"] is not None)
            and (not box or (box[0] <= item["long"] <= box[2] and box[1] <= item["lat"] <= box[3]))
            and question.one("q") in item["description"]
        ]
        found.sort(key=lambda item: str(item["requested_datetime"]), reverse=True)
        found = [dict(item) for item in found[(page - 1) * size : page * size]]
        if question.one("extensions") == "true":
            for item in found:
                item["extended_attributes"] = {"nota": "x"}
        return Answer(200, "service_requests", found)

    def updates(self, question: Question) -> Answer:
        try:
            start, end = _instant(question.one("start_date")), _instant(question.one("end_date"))
        except ValueError:
            return errors(400, "no")
        feed = [
            {
                "update_id": str(number),
                "service_request_id": "R-1",
                "status": "open",
                "updated_datetime": _stamp(self.now - timedelta(hours=30 - number)),
                "description": "Vamos",
                "media_url": None,
            }
            for number in (1, 2)
        ]
        since, until = start or self.now - timedelta(hours=2), end or self.now
        return Answer(
            200, "service_request_updates", [u for u in feed if since <= _instant(u["updated_datetime"]) <= until]
        )  # type: ignore[operator]  # never None

    def post(self, question: Question, resource: str) -> Answer:
        if not question.is_form:
            return errors(400, "cuerpo")
        if question.one("api_key") != KEY:
            return errors(403, "api_key")
        if resource == "servicerequestupdates":
            return errors(404, "no")
        code = question.one("service_code")
        if not code:
            return errors(400, "service_code")
        service = next((service for service in self.services if service["service_code"] == code), None)
        if service is None:
            return errors(404, "service_code")
        problems = _problems(question, code)
        if problems:
            return errors(400, *problems)
        known = tuple(sorted(question.form))
        if known not in self.seen:
            self.seen[known] = self.submit(question, service)
        return self.seen[known]

    def submit(self, question: Question, service: Mapping[str, Any]) -> Answer:
        made = f"R-{len(self.requests) + 1}"
        text = re.sub("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]", "", question.one("description"))
        lat, long = question.one("lat"), question.one("long")
        url = question.one("media_url")
        self.requests.append(
            _request(made, service["service_code"], self.now, description=text)
            | {
                "lat": float(lat) if lat else None,
                "long": float(long) if long else None,
                "address": question.one("address_string") or None,
                "media_url": url if url.startswith("http") else None,
            }
        )
        answer: dict[str, Any] = {"service_notice": "Gracias", "account_id": None}
        if service["type"] == "realtime":
            answer["service_request_id"] = made
        elif service["type"] == "batch":
            answer["token"] = f"t{len(self.requests)}"
            self.tokens[answer["token"]] = made
        else:
            self.requests.pop()
        return Answer(200, "service_requests", [answer])

    # The two ways in

    def ask(self, call: Call) -> Exchange:
        """As the asker of a visit, without a network."""
        raw = call.raw_query if call.raw_query is not None else None
        query = tuple(parse_qsl(raw, keep_blank_values=True)) if raw is not None else call.query
        headers = {name.lower(): value for name, value in call.headers}
        is_form = call.body is None
        sent = self.respond(Question(call.method, urlsplit(call.url).path, query, call.form or (), headers, is_form))
        return Exchange(call, sent.status, sent.headers, sent.body)

    def app(self) -> Starlette:
        async def handle(http_request: Request) -> Response:
            pairs: tuple[tuple[str, str], ...] = ()
            if http_request.method == "POST":
                async with http_request.form() as form:
                    pairs = tuple((name, value) for name, value in form.multi_items() if isinstance(value, str))
            sent = self.respond(
                Question(
                    http_request.method,
                    http_request.scope["raw_path"].decode(),
                    tuple(http_request.query_params.multi_items()),
                    pairs,
                    dict(http_request.headers),
                    bool(pairs) or http_request.method != "POST",
                )
            )
            return Response(sent.body, sent.status, dict(sent.headers))

        methods = ["GET", "HEAD", "POST", "PUT", "OPTIONS"]
        return Starlette(routes=[Route("/{path:path}", handle, methods=methods)])


def good() -> Starlette:
    return FakeCity().app()


def _problems(question: Question, code: str) -> list[str]:
    found = []
    lat, long = question.one("lat"), question.one("long")
    if bool(lat) != bool(long) or not (lat or question.one("address_string")):
        found.append("lat, long")
    for value, most in ((lat, 90.0), (long, 180.0)):
        if value and not (re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", value) and abs(float(value)) <= most):
            found.append("lat, long")
    if len(question.one("description")) > 4000:
        found.append("description")
    for attribute in _questions() if code == "LUZ" else []:
        names = (f"attribute[{attribute['code']}]", f"attribute[{attribute['code']}][]")
        given = [value for name, value in question.form if name in names and value]
        keys = [value["key"] for value in attribute["values"]]
        kind = attribute["datatype"]
        is_wrong = (
            (attribute["required"] and not given)
            or (kind == "number" and not all(value.isdigit() for value in given))
            or (kind == "datetime" and not all(re.match(r"\d{4}-", value) for value in given))
            or (bool(keys) and not set(given) <= set(keys))
            or (kind == "singlevaluelist" and len(given) > 1)
        )
        if is_wrong:
            found.append(f"{attribute['code']} required")
    return found


def _services() -> list[dict[str, Any]]:
    kinds = (
        ("BACHE", "Bache", "realtime"),
        ("LUZ", "Luz", "realtime"),
        ("RAMPA", "Rampa", "batch"),
        ("QUEJA", "Queja", "blackbox"),
    )
    return [
        {
            "service_code": code,
            "service_name": name,
            "description": f"{name}: qué pasó",
            "metadata": code == "LUZ",
            "type": kind,
            "keywords": "uno,dos",
            "group": "Calles",
        }
        for code, name, kind in kinds
    ]


def _questions() -> list[dict[str, Any]]:
    values = [{"key": "a", "name": "Apagada"}, {"key": "b", "name": "Parpadea"}]
    return [
        {
            "variable": code != "AVISO",
            "code": code,
            "datatype": datatype,
            "required": code == "TIPO",
            "datatype_description": None,
            "order": order,
            "description": f"¿{code}?",
            "values": values if datatype.endswith("list") else [],
        }
        for order, (code, datatype) in enumerate(
            (
                ("TIPO", "singlevaluelist"),
                ("OTROS", "multivaluelist"),
                ("NUM", "number"),
                ("DESDE", "datetime"),
                ("AVISO", "string"),
            ),
            1,
        )
    ]


def _requests(now: datetime) -> list[dict[str, Any]]:
    found = []
    for number in range(1, 13):
        code, status = ("BACHE", "open") if number % 3 else ("LUZ", "closed")
        at = now - timedelta(days=number * 4, minutes=number)
        found.append(
            _request(f"R-{number}", code, at, description=f"Señal {number}")
            | {"status": status, "lat": 19.4 + number / 100}
        )
    return [*found, _request("R-13", "BACHE", now - timedelta(days=200), description="vieja")]


def _request(made: str, code: str, at: datetime, *, description: str) -> dict[str, Any]:
    return {
        "service_request_id": made,
        "status": "open",
        "service_name": code.title(),
        "service_code": code,
        "description": description,
        "requested_datetime": _stamp(at),
        "updated_datetime": _stamp(at),
        "address": "Calle 1",
        "lat": 19.4,
        "long": -99.1,
        **_EMPTY,
    }


def _stamp(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def _instant(text: str) -> datetime | None:
    if not text:
        return None
    at = datetime.fromisoformat(text.replace(" ", "+"))
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _xml(root: str, value: Any) -> bytes:
    return ('<?xml version="1.0" encoding="utf-8"?>\n' + _element(root, value)).encode()


def _element(name: str, value: Any) -> str:
    if value is None or value in ("", [], {}):
        return f"<{name}/>"
    if isinstance(value, bool):
        inner = "true" if value else "false"
    elif isinstance(value, dict):
        inner = "".join(_element(key, item) for key, item in value.items())
    elif isinstance(value, list):
        inner = "".join(_element(_CHILD.get(name, "item"), item) for item in value)
    else:
        inner = escape(str(value), quote=False)
    return f"<{name}>{inner}</{name}>"


def changed(answer: Answer, value: Any) -> Answer:
    return replace(answer, value=value)
