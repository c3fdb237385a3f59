"""Our definitions of buttons and lists at Twilio's Content API: found by their name, made once, remembered while we run."""

import threading
import time

import structlog

from channels.errors import DeliveryError
from channels.twilio_api.account import Account
from channels.whatsapp.offers import Shape

log = structlog.get_logger(__name__)

# Sending waits for this, and whoever sends is given up for dead after a while (channels.delivery.SENDING_LEASE).
_DEADLINE_S = 2.0
_PAUSE_S = 60.0
_MAX_PAGES = 10
# Sample values: the provider wants one for each variable.
_SAMPLE = "x"


class ContentShelf:
    """One account's definitions. Safe to share between threads: two that make the same one at once do no harm."""

    def __init__(self, account: Account, base_url: str) -> None:
        self._account = account
        self._url = f"{base_url}/v1/Content"
        self._known: dict[str, str] = {}
        self._resting_until = 0.0
        self._lock = threading.Lock()

    def sid_of(self, shape: Shape, variables: int) -> str | None:
        """The definition's id; None when the provider does not give one just now: the numbered text serves as well."""
        with self._lock:
            known = self._known.get(shape.name)
            if known is not None or time.monotonic() < self._resting_until:
                return known
        try:
            found = self._found(shape) or self._made(shape, variables)
        except DeliveryError as failure:
            log.warning("whatsapp.no_content", shape=shape.name, reason=failure.reason)
            with self._lock:
                self._resting_until = time.monotonic() + _PAUSE_S
            return None
        with self._lock:
            self._known[shape.name] = found
        return found

    def forget(self, shape: Shape) -> None:
        """Somebody deleted it at the provider: it is made anew the next time."""
        with self._lock:
            self._known.pop(shape.name, None)

    def _found(self, shape: Shape) -> str | None:
        url: str | None = f"{self._url}?PageSize=500"
        for _ in range(_MAX_PAGES):
            page = self._account.call("GET", str(url), deadline_s=_DEADLINE_S)
            for item in page.get("contents", []):
                name, sid = item.get("friendly_name"), item.get("sid")
                if name == shape.name and isinstance(sid, str):
                    return sid
            url = (page.get("meta") or {}).get("next_page_url")
            if not isinstance(url, str) or not url.startswith(self._url):
                return None
        return None

    def _made(self, shape: Shape, variables: int) -> str:
        body = {
            "friendly_name": shape.name,
            "language": "es",
            "variables": {str(number): _SAMPLE for number in range(1, variables + 1)},
            "types": shape.definition(),
        }
        answer = self._account.call("POST", self._url, json=body, deadline_s=_DEADLINE_S)
        sid = answer.get("sid")
        if not isinstance(sid, str) or not sid:
            raise DeliveryError("no_answer", uncertain=True)
        log.info("whatsapp.content_made", shape=shape.name)
        return sid
