"""SMS over Twilio: what comes in by webhook, what goes out by its REST API.

Twilio's full client is not used: of its API this needs two calls, and it must be told exactly which failures mean "not taken".
Only its signature check is. Sources: docs/channels/sms.md.
"""

from collections.abc import Mapping
from concurrent.futures import Future
from datetime import datetime
from email.utils import parsedate_to_datetime
from threading import Thread
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlsplit

import httpx
import structlog

from channels.errors import DeliveryError
from channels.sms import codes, gsm7, signature
from channels.values import (
    OptOutSignal,
    OutboundMessage,
    ProviderMessageId,
    ProviderRecord,
    Webhook,
    WebhookEvent,
)
from intake.conversations.values import DeliveryReceipt, InboundMessage
from kernel.errors import ForgedWebhook
from kernel.settings import Settings, Sms

log = structlog.get_logger(__name__)

WEBHOOK_PATH = "/webhooks/sms"
STATUS_PATH = "/webhooks/sms/status"
# Look-ups are for one person and a few hours: more pages than this means the filter was not honoured.
_MAX_PAGES = 20
CONNECT_S = 5.0
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
# Raised before a byte of the message has left.
_NOT_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
)
# What Twilio writes before every text of an account that nobody pays for yet.
_TRIAL_PREFIX = "Sent from your Twilio trial account - "
_OPT_OUT_TYPES = {"STOP": False, "START": True}


class SmsChannel:
    """Twilio's Programmable Messaging for one account. Safe to share between threads."""

    name: ClassVar[str] = "sms"
    contact_kind: ClassVar[str] = "phone"

    def __init__(self, sms: Sms, public_base_url: str) -> None:
        self._sms = sms
        self._base_url = public_base_url.split("#")[0].rstrip("/")
        tokens = [sms.auth_token, *([sms.next_auth_token] if sms.next_auth_token else [])]
        self._tokens = [token.get_secret_value() for token in tokens]
        connect_s = min(CONNECT_S, sms.timeout_s)
        self._deadline_s = connect_s + sms.timeout_s
        self._client = httpx.Client(
            auth=(sms.account_sid, self._tokens[0]),
            timeout=httpx.Timeout(sms.timeout_s, connect=connect_s),
            follow_redirects=False,
            # The proxy of the environment leads to the provider, not to a stand-in on this computer.
            trust_env=urlsplit(sms.api_base_url).hostname not in _LOOPBACK,
        )

    @classmethod
    def from_settings(cls, settings: Settings) -> "SmsChannel | None":
        """None when this installation has no Twilio account."""
        return None if settings.sms is None else cls(settings.sms, settings.web.public_base_url)

    def close(self) -> None:
        self._client.close()

    # Coming in

    def verify(self, webhook: Webhook) -> None:
        """Checks the signature over the address we published, never over what a proxy says was asked.

        Also that the account is ours: the signed text has no delimiters, so that a signature alone does not fix where one
        parameter ends and the next begins.
        """
        parameters = signature.form(webhook)
        url = self._base_url + webhook.path + (f"?{webhook.query}" if webhook.query else "")
        signature.check(self._tokens, url, parameters, webhook.headers.get("x-twilio-signature"))
        if not self._sms.any_account and parameters.get("AccountSid") != self._sms.account_sid:
            raise ForgedWebhook("La cuenta de este aviso no es la nuestra.")

    def parse(self, webhook: Webhook) -> list[WebhookEvent]:
        # PostgreSQL takes no NUL in text, and the provider sends none. The signature was over what was sent.
        parameters = {name: value.replace("\0", "") for name, value in signature.form(webhook).items()}
        sid = parameters.get("MessageSid") or parameters.get("SmsSid")
        if not sid:
            raise ForgedWebhook("Falta un dato que el proveedor siempre manda: {name}.", name="MessageSid")
        if webhook.path.rstrip("/").endswith("/status"):
            return self._receipt(sid, parameters, webhook.query)
        return self._inbound(sid, parameters, webhook.received_at)

    def _receipt(self, sid: str, parameters: Mapping[str, str], query: str) -> list[WebhookEvent]:
        word = parameters.get("MessageStatus") or parameters.get("SmsStatus")
        if not word:
            raise ForgedWebhook("Falta un dato que el proveedor siempre manda: {name}.", name="MessageStatus")
        status = codes.status(word)
        if status is None:
            return []
        code = parameters.get("ErrorCode") or ""
        reference = dict(parse_qsl(query)).get("ref")
        reason = codes.reason(code) if code not in ("", "0") else None
        return [DeliveryReceipt(self.name, sid, reference, status, reason)]

    def _inbound(self, sid: str, parameters: Mapping[str, str], received_at: datetime) -> list[WebhookEvent]:
        if "From" not in parameters or "To" not in parameters:
            raise ForgedWebhook("Falta un dato que el proveedor siempre manda: {name}.", name="From, To")
        sender, recipient, body = parameters["From"], parameters["To"], parameters.get("Body", "")
        count = parameters.get("NumMedia", "0")
        media = tuple(
            {"url": parameters[f"MediaUrl{i}"], "content_type": parameters.get(f"MediaContentType{i}", "")}
            for i in range(min(int(count), 10) if count.isdecimal() else 0)
            if f"MediaUrl{i}" in parameters
        )
        found: list[WebhookEvent] = [
            InboundMessage(self.name, sid, sender, recipient, body, received_at=received_at, media=media)
        ]
        granted = _OPT_OUT_TYPES.get(parameters.get("OptOutType", ""))
        if granted is not None:
            found.append(OptOutSignal(self.name, sender, recipient, granted, body))
        return found

    def acknowledge(self) -> tuple[str, str]:
        return "text/xml", "<Response></Response>"

    # Going out

    def prepare(self, message: OutboundMessage) -> tuple[str, int]:
        text = gsm7.economical(message.body) if message.plain_letters else message.body
        size = gsm7.measure(text)
        if not gsm7.plain(text).strip():
            raise DeliveryError("empty", permanent=True)
        # Cutting it could lose the date or the folio; a person should see that it did not go out.
        if size.units > gsm7.UNITS_CAP:
            raise DeliveryError("too_long", permanent=True)
        return text, size.segments

    def send(self, message: OutboundMessage) -> ProviderMessageId:
        text, _ = self.prepare(message)
        form = {
            "To": message.recipient,
            "From": message.sender or self._sms.number,
            "Body": text,
            "StatusCallback": f"{self._base_url}{STATUS_PATH}?ref={message.message_id}",
        }
        answer = self._call("POST", self._messages_url, data=form)
        sid = answer.get("sid")
        if not isinstance(sid, str) or not sid:
            raise DeliveryError("no_answer", uncertain=True)
        return ProviderMessageId(sid)

    def look_up(self, message: OutboundMessage, since: datetime) -> list[ProviderRecord]:
        wanted = _comparable(message.body)
        # The filter is by day, and a message not yet sent has no DateSent: the day is filtered here.
        url = str(httpx.URL(self._messages_url, params={"To": message.recipient, "PageSize": "200"}))
        found: list[ProviderRecord] = []
        for _ in range(_MAX_PAGES):
            page = self._call("GET", url)
            for item in page.get("messages", []):
                created = _date(item.get("date_created"))
                carried = _comparable(str(item.get("body", ""))).removeprefix(_TRIAL_PREFIX)
                is_ours = str(item.get("direction", "")).startswith("outbound") and carried == wanted
                if is_ours and (created is None or created >= since):
                    status = codes.status(item.get("status", "")) or "accepted"
                    found.append(ProviderRecord(ProviderMessageId(item["sid"]), status, created))
            if not page.get("next_page_uri"):
                return sorted(found, key=lambda record: (record.created_at is None, record.created_at or since))
            url = self._origin + page["next_page_uri"]
        raise DeliveryError("no_answer", uncertain=True)

    @property
    def _origin(self) -> str:
        parts = urlsplit(self._sms.api_base_url)
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def _messages_url(self) -> str:
        return f"{self._sms.api_base_url}/2010-04-01/Accounts/{self._sms.account_sid}/Messages.json"

    def _call(self, method: str, url: str, data: dict[str, str] | None = None) -> dict[str, Any]:
        """The JSON object of a successful answer. Raises DeliveryError, uncertain whenever the words may have been taken."""
        try:
            response = self._request(method, url, data)
        except _NOT_SENT as error:
            log.warning("sms.unreachable", error=type(error).__name__)
            raise DeliveryError("provider_down") from error
        except httpx.TransportError as error:
            log.warning("sms.no_answer", error=type(error).__name__)
            raise DeliveryError("no_answer", uncertain=True) from error
        try:
            answer = response.json()
        except ValueError:
            answer = None
        if response.is_success and isinstance(answer, dict):
            return answer
        if response.is_success or response.is_redirect:
            raise DeliveryError("no_answer", uncertain=True)
        code = answer.get("code") if isinstance(answer, dict) else None
        log.warning("sms.refused", http_status=response.status_code, code=code)
        raise codes.refusal(response.status_code, code if isinstance(code, int) else None)

    def _request(self, method: str, url: str, data: dict[str, str] | None) -> httpx.Response:
        """Raises httpx.ReadTimeout once the whole call took too long: httpx has a limit for each step, none for their sum."""
        answer: Future[httpx.Response] = Future()

        def ask() -> None:
            try:
                answer.set_result(self._client.request(method, url, data=data))
            except BaseException as error:
                answer.set_exception(error)

        Thread(target=ask, name="sms-call", daemon=True).start()
        try:
            return answer.result(self._deadline_s)
        except TimeoutError as error:
            raise httpx.ReadTimeout("the whole call took too long") from error


def _comparable(text: str) -> str:
    # Whatever the city's setting was when it was sent, and whatever blanks the provider trimmed.
    return " ".join(gsm7.plain(text).split())


def _date(text: str | None) -> datetime | None:
    return None if not text else parsedate_to_datetime(text)
