"""The part of Twilio's REST API that the program uses, answered as Twilio answers: create, list and fetch messages."""

import hmac
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Annotated, Any
from urllib.parse import parse_qs, urlencode, urlsplit

import phonenumbers
from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse
from fastapi.security import HTTPBasic, HTTPBasicCredentials

from channels.standin import network
from channels.standin.config import StandinConfig
from channels.standin.ledger import Ledger, Text
from kernel.bodies import BodyDep

_VERSION = "2010-04-01"
_LONGEST = 1600

_MESSAGES = {
    20003: (401, "Authenticate"),
    20404: (404, "The requested resource was not found"),
    20429: (429, "Too Many Requests"),
    20500: (500, "An internal server error has occurred"),
    20503: (503, "Service unavailable"),
    21211: (400, "Invalid 'To' Phone Number"),
    21602: (400, "Message body is required."),
    21603: (400, "A 'From' phone number is required."),
    21604: (400, "A 'To' phone number is required."),
    21609: (400, "Invalid 'StatusCallback' URL"),
    21610: (400, "Attempt to send to unsubscribed recipient"),
    21617: (400, "The concatenated message body exceeds the 1600 character limit."),
}


class Refusal(Exception):
    """An answer in Twilio's error shape."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code

    def response(self) -> JSONResponse:
        status, message = _MESSAGES[self.code]
        more = f"https://www.twilio.com/docs/errors/{self.code}"
        headers = {"WWW-Authenticate": 'Basic realm="Twilio API"'} if status == 401 else None
        body = {"code": self.code, "message": message, "more_info": more, "status": status}
        return JSONResponse(body, status_code=status, headers=headers)


def _config(http_request: Request) -> StandinConfig:
    config: StandinConfig = http_request.app.state.config
    return config


def _ledger(http_request: Request) -> Ledger:
    ledger: Ledger = http_request.app.state.ledger
    return ledger


ConfigDep = Annotated[StandinConfig, Depends(_config)]
LedgerDep = Annotated[Ledger, Depends(_ledger)]
_basic = HTTPBasic(auto_error=False)


def _account(
    account_sid: str, config: ConfigDep, credentials: Annotated[HTTPBasicCredentials | None, Depends(_basic)]
) -> None:
    given = (credentials.username, credentials.password) if credentials else ("", "")
    expected = (config.account_sid, config.auth_token)
    if not all(hmac.compare_digest(a.encode(), b.encode()) for a, b in zip(given, expected, strict=True)):
        raise Refusal(20003)
    if account_sid != config.account_sid:
        raise Refusal(20404)


def _form(body: BodyDep) -> dict[str, str]:
    pairs = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True)
    return {name: values[-1] for name, values in pairs.items()}


router = APIRouter(prefix="/2010-04-01/Accounts/{account_sid}", dependencies=[Depends(_account)])


@router.post("/Messages.json", status_code=201)
def create_message(form: Annotated[dict[str, str], Depends(_form)], config: ConfigDep, ledger: LedgerDep) -> Any:
    outage = ledger.switches().outage
    if outage in ("busy", "down"):
        raise Refusal({"busy": 20429, "down": 20503}[outage])
    _check(form, ledger)
    text = network.take_from_center(ledger, form["From"], form["To"], form["Body"], form.get("StatusCallback"))
    if outage == "timeout_after":
        time.sleep(config.hang_s)
    if outage in ("error_after", "timeout_after"):
        raise Refusal(20500)
    return _shown(text, config)


@router.get("/Messages/{sid}.json")
def fetch_message(sid: str, config: ConfigDep, ledger: LedgerDep) -> Any:
    try:
        return _shown(ledger.text(sid), config)
    except KeyError:
        raise Refusal(20404) from None


@router.get("/Messages.json")
def list_messages(
    http_request: Request,
    config: ConfigDep,
    ledger: LedgerDep,
    to: Annotated[str | None, Query(alias="To")] = None,
    sender: Annotated[str | None, Query(alias="From")] = None,
    on: Annotated[str | None, Query(alias="DateSent")] = None,
    page: Annotated[int, Query(alias="Page", ge=0)] = 0,
    size: Annotated[int, Query(alias="PageSize", ge=1, le=1000)] = 50,
) -> Any:
    if ledger.switches().outage == "down":
        raise Refusal(20503)
    start, end = _day(on)
    found = ledger.page(to=to, sender=sender, start=start, end=end, limit=size + 1, offset=page * size)
    rest = {name: value for name, value in http_request.query_params.items() if name not in ("Page", "PageSize")}

    def uri(number: int) -> str:
        return f"{http_request.url.path}?{urlencode({**rest, 'PageSize': size, 'Page': number})}"

    shown = found[:size]
    return {
        "messages": [_shown(text, config) for text in shown],
        "page": page,
        "page_size": size,
        "start": page * size,
        "end": page * size + max(len(shown) - 1, 0),
        "uri": uri(page),
        "first_page_uri": uri(0),
        "next_page_uri": uri(page + 1) if len(found) > size else None,
        "previous_page_uri": uri(page - 1) if page else None,
    }


def _check(form: dict[str, str], ledger: Ledger) -> None:
    for name, code in (("To", 21604), ("From", 21603), ("Body", 21602)):
        if not form.get(name, "").strip():
            raise Refusal(code)
    if len(form["Body"]) > _LONGEST:
        raise Refusal(21617)
    try:
        number = phonenumbers.parse(form["To"], None)
    except phonenumbers.NumberParseException:
        raise Refusal(21211) from None
    if not phonenumbers.is_possible_number(number):
        raise Refusal(21211)
    callback = form.get("StatusCallback")
    if callback and (urlsplit(callback).scheme not in ("http", "https") or not urlsplit(callback).hostname):
        raise Refusal(21609)
    if ledger.is_stopped(form["To"]):
        raise Refusal(21610)


def _day(text: str | None) -> tuple[float | None, float | None]:
    if not text:
        return None, None
    start = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    return start.timestamp(), (start + timedelta(days=1)).timestamp()


def _date(seconds: float) -> str:
    return format_datetime(datetime.fromtimestamp(seconds, UTC))


def _shown(text: Text, config: StandinConfig) -> dict[str, Any]:
    uri = f"/{_VERSION}/Accounts/{config.account_sid}/Messages/{text.sid}"
    return {
        "account_sid": config.account_sid,
        "api_version": _VERSION,
        "body": text.body,
        "date_created": _date(text.created_at),
        "date_sent": None if text.status in ("queued", "receiving") else _date(text.updated_at),
        "date_updated": _date(text.updated_at),
        "direction": text.direction,
        "error_code": text.error_code,
        "error_message": None,
        "from": text.sender,
        "messaging_service_sid": None,
        "num_media": "0",
        "num_segments": str(text.segments),
        "price": None,
        "price_unit": "USD",
        "sid": text.sid,
        "status": text.status,
        "subresource_uris": {"media": f"{uri}/Media.json"},
        "to": text.recipient,
        "uri": f"{uri}.json",
    }
