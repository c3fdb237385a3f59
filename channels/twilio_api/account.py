"""One Twilio account: whose webhooks are believed, and its REST API with what each failure means.

Twilio's full client is not used: of its API this needs a few calls, and it must be told exactly which failures mean "not taken".
Only its signature check is. Sources: docs/channels/sms.md.
"""

import re
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from datetime import datetime
from email.utils import parsedate_to_datetime
from threading import Thread
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx
import structlog

from channels.errors import DeliveryError, FetchFailed
from channels.media_fetching import Opening, Source, open_stream
from channels.twilio_api import codes, signature
from channels.values import OutboundMessage, ProviderMessageId, ProviderRecord, Webhook
from kernel.errors import ForgedWebhook
from kernel.settings import TwilioAccount

log = structlog.get_logger(__name__)

# Look-ups are for one person and a few hours: more pages than this means the filter was not honoured.
_MAX_PAGES = 20
CONNECT_S = 5.0
# What was sent or recorded, below the account; a dot or a slash more would lead elsewhere.
_MEDIA = re.compile(
    r"Messages/[A-Za-z0-9]{2,64}/Media/[A-Za-z0-9]{2,64}|Recordings/[A-Za-z0-9]{2,64}(?:\.(?:wav|mp3))?"
)
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
# Raised before a byte of the message has left.
_NOT_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
)


class Account:
    """The account of `settings`, called by `channel` (for the log). Safe to share between threads."""

    def __init__(self, channel: str, settings: TwilioAccount, public_base_url: str) -> None:
        self.settings = settings
        self._channel = channel
        self._base_url = public_base_url.split("#")[0].rstrip("/")
        tokens = [settings.auth_token, *([settings.next_auth_token] if settings.next_auth_token else [])]
        self._tokens = [token.get_secret_value() for token in tokens]
        connect_s = min(CONNECT_S, settings.timeout_s)
        self._deadline_s = connect_s + settings.timeout_s
        self._client = httpx.Client(
            auth=(settings.account_sid, self._tokens[0]),
            timeout=httpx.Timeout(settings.timeout_s, connect=connect_s),
            follow_redirects=False,
            # The proxy of the environment leads to the provider, not to a stand-in on this computer.
            trust_env=urlsplit(settings.api_base_url).hostname not in _LOOPBACK,
        )

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
        if not self.settings.any_account and parameters.get("AccountSid") != self.settings.account_sid:
            raise ForgedWebhook("La cuenta de este aviso no es la nuestra.")

    def fetch(self, reference: str) -> Opening:
        """What somebody attached, by the address that Twilio gave. Raises FetchFailed.

        Only on the host of the API and below our own account: whoever could have another address fetched would be given the
        account's password. Twilio sends on to a host of `media_hosts`, which gets none.
        """
        if not self.is_our_media(reference):
            log.warning(f"{self._channel}.foreign_media")
            raise FetchFailed("not_ours", permanent=True)
        is_local = urlsplit(self.settings.api_base_url).hostname in _LOOPBACK
        hosts = (host.strip() for host in self.settings.media_hosts.split(","))
        return open_stream(
            Source(
                reference,
                auth=(self.settings.account_sid, self._tokens[0]),
                may_lead_to=frozenset(host for host in hosts if host),
                local_origin=self._origin if is_local else None,
            )
        )

    def is_our_media(self, reference: str) -> bool:
        """Whether an address is that of a picture, a sound or a recording of our own account."""
        start = f"{self._origin}/2010-04-01/Accounts/{self.settings.account_sid}/"
        return reference.startswith(start) and _MEDIA.fullmatch(reference[len(start) :]) is not None

    # Going out

    def create_message(self, message: OutboundMessage, form: Mapping[str, str]) -> ProviderMessageId:
        """Hands a message over, once; its reports will come with our own reference. Raises DeliveryError."""
        callback = f"{self._base_url}/webhooks/{self._channel}/status?ref={message.message_id}"
        answer = self.call("POST", self._messages_url, data={**form, "StatusCallback": callback})
        sid = answer.get("sid")
        if not isinstance(sid, str) or not sid:
            raise DeliveryError("no_answer", uncertain=True)
        return ProviderMessageId(sid)

    def messages_to(self, recipient: str, since: datetime) -> Iterator[tuple[str, ProviderRecord]]:
        """The words and the record of every message of ours to this person since then, or DeliveryError: half a list is none."""
        # The filter is by day, and a message not yet sent has no DateSent: the day is filtered here.
        url = str(httpx.URL(self._messages_url, params={"To": recipient, "PageSize": "200"}))
        for item in self._items(url, "messages"):
            created = _date(item.get("date_created"))
            is_ours = str(item.get("direction", "")).startswith("outbound")
            if is_ours and (created is None or created >= since):
                status = codes.status(item.get("status", "")) or "accepted"
                yield str(item.get("body") or ""), ProviderRecord(ProviderMessageId(item["sid"]), status, created)

    def calls_since(self, since: datetime) -> Iterator[Webhook]:
        """Every message that residents of this channel sent since then, oldest first, as the webhook would have told of it.

        What a webhook tells and the log does not (buttons, places, profile names) is not in them. Raises DeliveryError.
        """
        url = str(httpx.URL(self._messages_url, params={"DateSent>": since.date().isoformat(), "PageSize": "200"}))
        found: list[tuple[datetime, Mapping[str, Any]]] = []
        for item in self._items(url, "messages"):
            created = _date(item.get("date_created"))
            is_ours = str(item.get("from", "")).startswith("whatsapp:") == (self._channel == "whatsapp")
            if item.get("direction") == "inbound" and is_ours and created is not None and created >= since:
                found.append((created, item))
        # Newest first, and to the second: of one second, the order is theirs turned around.
        found.reverse()
        for created, item in sorted(found, key=lambda one: one[0]):
            form = {"MessageSid": item["sid"], "AccountSid": item.get("account_sid"), "From": item.get("from")}
            form |= {"To": item.get("to"), "Body": item.get("body") or "", **self._media_of(item)}
            body = urlencode({name: value or "" for name, value in form.items()}).encode()
            yield Webhook(
                f"/webhooks/{self._channel}", "", {"content-type": "application/x-www-form-urlencoded"}, body, created
            )

    def _media_of(self, item: Mapping[str, Any]) -> dict[str, str]:
        uri = (item.get("subresource_uris") or {}).get("media")
        if not uri or str(item.get("num_media") or "0") == "0":
            return {}
        form: dict[str, str] = {}
        for number, part in enumerate(self._items(self._origin + uri, "media_list")):
            form[f"MediaUrl{number}"] = self._origin + str(part["uri"]).removesuffix(".json")
            form[f"MediaContentType{number}"] = str(part.get("content_type") or "")
            form["NumMedia"] = str(number + 1)
        return form

    def _items(self, url: str, name: str) -> Iterator[Mapping[str, Any]]:
        """What a list of theirs holds, page by page. Raises DeliveryError: half a list is none."""
        for _ in range(_MAX_PAGES):
            page = self.call("GET", url)
            yield from page.get(name, [])
            if not page.get("next_page_uri"):
                return
            url = self._origin + page["next_page_uri"]
        raise DeliveryError("no_answer", uncertain=True)

    @property
    def _origin(self) -> str:
        parts = urlsplit(self.settings.api_base_url)
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def _messages_url(self) -> str:
        return f"{self.settings.api_base_url}/2010-04-01/Accounts/{self.settings.account_sid}/Messages.json"

    def call(
        self,
        method: str,
        url: str,
        *,
        data: Mapping[str, Any] | None = None,
        json: Mapping[str, Any] | None = None,
        deadline_s: float | None = None,
    ) -> dict[str, Any]:
        """The JSON object of a successful answer. Raises DeliveryError, uncertain whenever the words may have been taken."""
        status, answer = self.ask(method, url, data=data, json=json, deadline_s=deadline_s)
        if 200 <= status < 300 and answer is not None:
            return answer
        if status < 400:
            raise DeliveryError("no_answer", uncertain=True)
        code = error_code(answer)
        log.warning(f"{self._channel}.refused", http_status=status, code=code)
        raise codes.refusal(status, code)

    def ask(
        self,
        method: str,
        url: str,
        *,
        data: Mapping[str, Any] | None = None,
        json: Mapping[str, Any] | None = None,
        deadline_s: float | None = None,
    ) -> tuple[int, dict[str, Any] | None]:
        """The status of whatever answer came, with its JSON object if it is one. Raises DeliveryError when none came."""
        try:
            response = self._request(method, url, data, json, deadline_s or self._deadline_s)
        except _NOT_SENT as error:
            log.warning(f"{self._channel}.unreachable", error=type(error).__name__)
            raise DeliveryError("provider_down") from error
        except httpx.TransportError as error:
            log.warning(f"{self._channel}.no_answer", error=type(error).__name__)
            raise DeliveryError("no_answer", uncertain=True) from error
        try:
            answer = response.json()
        except ValueError:
            answer = None
        return response.status_code, answer if isinstance(answer, dict) else None

    def _request(
        self,
        method: str,
        url: str,
        data: Mapping[str, Any] | None,
        json: Mapping[str, Any] | None,
        deadline_s: float,
    ) -> httpx.Response:
        """Raises httpx.ReadTimeout once the whole call took too long: httpx has a limit for each step, none for their sum."""
        answer: Future[httpx.Response] = Future()

        def ask() -> None:
            try:
                answer.set_result(self._client.request(method, url, data=data, json=json))
            except BaseException as error:
                answer.set_exception(error)

        Thread(target=ask, name=f"{self._channel}-call", daemon=True).start()
        try:
            return answer.result(deadline_s)
        except TimeoutError as error:
            raise httpx.ReadTimeout("the whole call took too long") from error


def error_code(answer: Mapping[str, Any] | None) -> int | None:
    """Twilio's own number for what was wrong."""
    code = answer.get("code") if answer is not None else None
    return code if isinstance(code, int) else None


def in_order(records: list[ProviderRecord], since: datetime) -> list[ProviderRecord]:
    """Oldest first, those without a time last."""
    return sorted(records, key=lambda record: (record.created_at is None, record.created_at or since))


def _date(text: str | None) -> datetime | None:
    return None if not text else parsedate_to_datetime(text)
