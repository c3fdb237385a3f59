"""What a REST request about calls asks for, read and refused as Twilio does, and how the REST fails on purpose."""

import time
from typing import Annotated, Any
from urllib.parse import parse_qs, urlsplit

import phonenumbers
from fastapi import Depends, Request

from channels.standin.answering import Refusal
from channels.standin.voice.calls import Next, Order
from channels.standin.voice.fetching import NOWHERE, Address
from channels.standin.voice.part import PartDep, VoicePart
from kernel.bodies import BodyDep

_EVENTS = frozenset({"initiated", "ringing", "answered", "completed"})


class Form:
    """The fields of one request; a field may be there several times."""

    def __init__(self, body: bytes) -> None:
        self._values = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True)

    def get(self, name: str, default: str = "") -> str:
        values = self._values.get(name)
        return values[-1] if values else default

    def words(self, name: str) -> frozenset[str]:
        """Repeated, or with spaces or commas between."""
        return frozenset(word for value in self._values.get(name, []) for word in value.replace(",", " ").split())

    def has(self, name: str) -> bool:
        return name in self._values

    def is_on(self, name: str, *, default: bool = False) -> bool:
        return self.get(name, "true" if default else "false").lower() == "true"

    def address(self, name: str, *, required: bool = False, code: int = 21205) -> Address:
        """Raises Refusal for what is no address."""
        url = self.get(name)
        if not url and not required:
            return NOWHERE
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise Refusal(code)
        method = {"Url": "Method"}.get(name, name.removesuffix("Url") + "Method")
        return Address(url, self.get(method, "POST").upper() or "POST")


def _form(body: BodyDep) -> Form:
    return Form(body)


FormDep = Annotated[Form, Depends(_form)]


class Mood:
    """How the REST is today: refuses at once, or lets something be done and does not say so."""

    def __init__(self, part: VoicePart) -> None:
        self._outage = part.ledger.switches().outage
        self._hang_s = part.hang_s

    def before(self) -> None:
        """Raises Refusal."""
        if self._outage in ("busy", "down"):
            raise Refusal({"busy": 20429, "down": 20503}[self._outage])

    def after(self) -> None:
        """Raises Refusal."""
        if self._outage == "timeout_after":
            time.sleep(self._hang_s)
        if self._outage in ("error_after", "timeout_after"):
            raise Refusal(20500)


def _mood(part: PartDep) -> Mood:
    mood = Mood(part)
    mood.before()
    return mood


MoodDep = Annotated[Mood, Depends(_mood)]


def next_of(form: Form, *, required: bool) -> Next | None:
    """The document to go on with."""
    if form.get("Twiml"):
        return Next(Address("http://twiml.invalid/"), twiml=form.get("Twiml"))
    if form.get("Url") or required:
        return Next(form.address("Url", required=True))
    return None


def order_of(form: Form, first: Next, *, timeout_s: float = 60.0) -> Order:
    events = form.words("StatusCallbackEvent") & _EVENTS
    given = form.get("Timeout")
    limit = form.get("TimeLimit")
    return Order(
        first,
        fallback=form.address("FallbackUrl"),
        status=form.address("StatusCallback", code=21609),
        who=form.address("AsyncAmdStatusCallback")
        if form.is_on("AsyncAmd") and form.get("MachineDetection")
        else NOWHERE,
        events=events or frozenset({"completed"}),
        timeout_s=float(given) if given.isdecimal() and int(given) <= 600 else timeout_s,
        **({"time_limit_s": float(limit)} if limit.isdecimal() else {}),
    )


def recipient_of(form: Form) -> str:
    to = form.get("To").strip()
    if not to:
        raise Refusal(21201)
    if to.startswith("client:"):
        return to
    try:
        if phonenumbers.is_possible_number(phonenumbers.parse(to, None)):
            return to
    except phonenumbers.NumberParseException:
        pass
    raise Refusal(21211)


def sender_of(form: Form) -> str:
    sender = form.get("From").strip()
    if not sender:
        raise Refusal(21213)
    return sender


def paged(http_request: Request) -> tuple[int, int, str]:
    """The number and size of the page asked for, and the address without them."""
    query = http_request.query_params
    number, size = query.get("Page", "0"), query.get("PageSize", "50")
    kept = "&".join(f"{name}={value}" for name, value in query.items() if name not in ("Page", "PageSize", "PageToken"))
    uri = http_request.url.path + (f"?{kept}" if kept else "")
    return (
        int(number) if number.isdecimal() else 0,
        min(max(int(size) if size.isdecimal() else 50, 1), 1000),
        uri,
    )


def found(row: dict[str, Any] | None) -> dict[str, Any]:
    """Raises Refusal for what is not there."""
    if row is None:
        raise Refusal(20404)
    return row
