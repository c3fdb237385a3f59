"""Asks the centre for a document, signed, as patiently as the address says (`#rc=2&rp=5xx`), and says what went wrong."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit, urlunsplit

import httpx

from channels.standin.postman import signature

NOT_ANSWERED, NOT_CONNECTED, NOT_XML_TYPE, BAD_URL, TOO_MANY_REDIRECTS = 11200, 11205, 12300, 11100, 11215
_MOST_REDIRECTS = 5
_XML = ("text/xml", "application/xml", "text/html", "")
_HTTP = re.compile(r"https?://[^\s/]+", re.IGNORECASE)


class DocumentError(Exception):
    """code: the provider's number for what is wrong with `url`."""

    def __init__(self, code: int, url: str, why: str) -> None:
        super().__init__(why)
        self.code, self.url = code, url


@dataclass(frozen=True)
class Address:
    """Where a document is, and how it is asked for."""

    url: str
    method: str = "POST"

    def near(self, url: str, method: str = "") -> "Address":
        """As a document at this address names another; its own when it names none."""
        return Address(urljoin(self.url, url) if url else self.url, method.upper() or "POST")


NOWHERE = Address("")


class Fetcher:
    """Safe to share between threads. timeout_s: how long an answer may take in all."""

    def __init__(self, auth_token: str, timeout_s: float) -> None:
        self._token = auth_token
        self._timeout_s = timeout_s
        self._client = httpx.Client(
            timeout=httpx.Timeout(timeout_s, connect=min(5.0, timeout_s)),
            limits=httpx.Limits(max_connections=600, max_keepalive_connections=100),
            trust_env=False,
        )

    def close(self) -> None:
        self._client.close()

    def document(self, address: Address, form: Mapping[str, str]) -> bytes:
        """Raises DocumentError."""
        answer = self._asked(address, form)
        media_type = answer.headers.get("content-type", "").split(";")[0].strip().lower()
        if media_type not in _XML:
            raise DocumentError(NOT_XML_TYPE, address.url, f"content type {media_type}")
        return answer.content

    def tell(self, address: Address, form: Mapping[str, str], token: str = "") -> int | str:
        """The status of one call, or the name of the failure."""
        try:
            return self._call(_without_fragment(address.url), address.method, form, token).status_code
        except httpx.HTTPError as error:
            return type(error).__name__

    def sound(self, url: str) -> bytes:
        """What is played from there. Raises DocumentError."""
        if not _HTTP.match(url):
            raise DocumentError(BAD_URL, url, "not an address")
        try:
            answer = self._client.get(url, follow_redirects=True)
        except httpx.HTTPError as error:
            raise DocumentError(NOT_CONNECTED, url, type(error).__name__) from None
        if answer.status_code != 200:
            raise DocumentError(NOT_ANSWERED, url, f"HTTP {answer.status_code}")
        return answer.content

    def _asked(self, address: Address, form: Mapping[str, str]) -> httpx.Response:
        if not _HTTP.match(address.url):
            raise DocumentError(BAD_URL, address.url, "not an address")
        tries, again_on = _patience(address.url)
        url, method = _without_fragment(address.url), address.method
        redirects = 0
        while True:
            tries -= 1
            try:
                answer = self._call(url, method, form)
            except httpx.HTTPError as error:
                is_slow = isinstance(error, httpx.ReadTimeout)
                if tries > 0 and ({"rt", "all"} if is_slow else {"ct", "all"}) & again_on:
                    continue
                code = NOT_ANSWERED if is_slow else NOT_CONNECTED
                raise DocumentError(code, address.url, type(error).__name__) from None
            if answer.is_redirect:
                redirects += 1
                if redirects > _MOST_REDIRECTS:
                    raise DocumentError(TOO_MANY_REDIRECTS, address.url, "too many redirects")
                url = urljoin(url, answer.headers["location"])
                method = method if answer.status_code in (307, 308) else "GET"
                tries += 1
                continue
            if 200 <= answer.status_code < 300:
                return answer
            if tries > 0 and {f"{answer.status_code // 100}xx", "all"} & again_on:
                continue
            raise DocumentError(NOT_ANSWERED, address.url, f"HTTP {answer.status_code}")

    def _call(self, url: str, method: str, form: Mapping[str, str], token: str = "") -> httpx.Response:
        headers = {"User-Agent": "TwilioProxy/1.1"} | ({"I-Twilio-Idempotency-Token": token} if token else {})
        if method == "GET":
            parts = urlsplit(url)
            query = "&".join(part for part in (parts.query, urlencode(form)) if part)
            url = urlunsplit(parts._replace(query=query))
            return self._client.get(url, headers=headers | {"X-Twilio-Signature": signature(self._token, url, {})})
        return self._client.post(
            url, data=dict(form), headers=headers | {"X-Twilio-Signature": signature(self._token, url, form)}
        )


def _without_fragment(url: str) -> str:
    return urlunsplit(urlsplit(url)._replace(fragment=""))


def _patience(url: str) -> tuple[int, set[str]]:
    """How often at most, and after which failures: `ct` could not connect, `rt` no answer, `4xx`, `5xx`, `all`."""
    wishes = parse_qs(urlsplit(url).fragment)
    count = wishes.get("rc", ["1"])[-1]
    tries = 1 + (min(int(count), 5) if count.isdecimal() else 1)
    return tries, set(wishes.get("rp", ["ct"])[-1].split(","))
