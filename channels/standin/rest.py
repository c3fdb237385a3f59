"""The part of Twilio's REST API that the program uses, answered as Twilio answers: create, list and fetch messages."""

import re
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Annotated, Any
from urllib.parse import parse_qs, urlencode, urlsplit

import phonenumbers
from fastapi import APIRouter, Depends, Query, Request

from channels.standin import network
from channels.standin.answering import ConfigDep, LedgerDep, Refusal, in_account
from channels.standin.config import StandinConfig
from channels.standin.ledger import Text
from channels.standin.whatsapp import content, wire
from kernel.bodies import BodyDep

_VERSION = "2010-04-01"
_LONGEST = 1600
# As WhatsApp writes Mexican mobiles.
_OLD_MOBILE = re.compile(r"\+521\d{10}")


def _form(body: BodyDep) -> dict[str, str]:
    pairs = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True)
    return {name: values[-1] for name, values in pairs.items()}


router = APIRouter(prefix="/2010-04-01/Accounts/{account_sid}", dependencies=[Depends(in_account)])


@router.post("/Messages.json", status_code=201)
def create_message(form: Annotated[dict[str, str], Depends(_form)], config: ConfigDep, ledger: LedgerDep) -> Any:
    outage = ledger.switches().outage
    if outage in ("busy", "down"):
        raise Refusal({"busy": 20429, "down": 20503}[outage])
    channel, to, sender = _check(form)
    body, detail = content.rendered(ledger, form) if form.get("ContentSid") else (form["Body"], {})
    if ledger.is_stopped(channel, to):
        raise Refusal(21610)
    text = network.take_from_center(ledger, channel, sender, to, body, form.get("StatusCallback"), detail)
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
    from_day: Annotated[str | None, Query(alias="DateSent>")] = None,
    page: Annotated[int, Query(alias="Page", ge=0)] = 0,
    size: Annotated[int, Query(alias="PageSize", ge=1, le=1000)] = 50,
) -> Any:
    if ledger.switches().outage == "down":
        raise Refusal(20503)
    start, end = (_day(from_day)[0], None) if from_day else _day(on)
    channel = "whatsapp" if any((one or "").startswith(wire.PREFIX) for one in (to, sender)) else None
    found = ledger.page(
        channel=channel,
        to=_address(to)[1] if to else None,
        sender=_address(sender)[1] if sender else None,
        start=start,
        end=end,
        limit=size + 1,
        offset=page * size,
    )
    rest = {name: value for name, value in http_request.query_params.items() if name not in ("Page", "PageSize")}

    def uri(number: int) -> str:
        return f"{http_request.url.path}?{urlencode({**rest, 'PageSize': size, 'Page': number})}"

    shown = found[:size]
    return {
        "messages": [_shown(text, config, len(ledger.attachments(text.sid))) for text in shown],
        "page": page,
        "page_size": size,
        "start": page * size,
        "end": page * size + max(len(shown) - 1, 0),
        "uri": uri(page),
        "first_page_uri": uri(0),
        "next_page_uri": uri(page + 1) if len(found) > size else None,
        "previous_page_uri": uri(page - 1) if page else None,
    }


@router.get("/Messages/{sid}/Media.json")
def list_media(sid: str, config: ConfigDep, ledger: LedgerDep) -> Any:
    uri = f"/{_VERSION}/Accounts/{config.account_sid}/Messages/{sid}/Media"
    listed = [
        {
            "account_sid": config.account_sid,
            "content_type": one.content_type,
            "parent_sid": sid,
            "sid": one.sid,
            "uri": f"{uri}/{one.sid}.json",
        }
        for one in ledger.attachments(sid)
    ]
    return {"media_list": listed, "page": 0, "page_size": 50, "next_page_uri": None, "uri": f"{uri}.json"}


def _check(form: dict[str, str]) -> tuple[str, str, str]:
    """The channel, whom the message is for and whom it is from, both without the channel's name."""
    for name, code in (("To", 21604), ("From", 21603)):
        if not form.get(name, "").strip():
            raise Refusal(code)
    if not form.get("ContentSid") and not form.get("Body", "").strip():
        raise Refusal(21602)
    if len(form.get("Body", "")) > _LONGEST:
        raise Refusal(21617)
    (channel, to), (other, sender) = _address(form["To"]), _address(form["From"])
    if channel != other:
        raise Refusal(21910)
    if channel == "sms" and form.get("ContentSid"):
        raise Refusal(21655)
    if not (_is_phone(to) or (channel == "whatsapp" and "." in to)):
        raise Refusal(21211)
    callback = form.get("StatusCallback")
    if callback and (urlsplit(callback).scheme not in ("http", "https") or not urlsplit(callback).hostname):
        raise Refusal(21609)
    return channel, to, sender


def _address(text: str) -> tuple[str, str]:
    is_whatsapp = text.startswith(wire.PREFIX)
    return ("whatsapp", text.removeprefix(wire.PREFIX)) if is_whatsapp else ("sms", text)


def _is_phone(text: str) -> bool:
    try:
        return phonenumbers.is_possible_number(phonenumbers.parse(text, None)) or bool(_OLD_MOBILE.fullmatch(text))
    except phonenumbers.NumberParseException:
        return False


def _day(text: str | None) -> tuple[float | None, float | None]:
    if not text:
        return None, None
    start = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    return start.timestamp(), (start + timedelta(days=1)).timestamp()


def _date(seconds: float) -> str:
    return format_datetime(datetime.fromtimestamp(seconds, UTC))


def _shown(text: Text, config: StandinConfig, media_count: int = 0) -> dict[str, Any]:
    name = wire.address if text.channel == "whatsapp" else str
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
        "from": name(text.sender),
        "messaging_service_sid": None,
        "num_media": str(media_count),
        "num_segments": str(text.segments),
        "price": None,
        "price_unit": "USD",
        "sid": text.sid,
        "status": text.status,
        "subresource_uris": {"media": f"{uri}/Media.json"},
        "to": name(text.recipient),
        "uri": f"{uri}.json",
    }
