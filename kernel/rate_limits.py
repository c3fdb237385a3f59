"""How often somebody may call: counted in windows of a minute, in this process and, when there is a Redis, with all others.

Without an answer from Redis each process counts alone and asks again after a pause: nobody is refused, and nobody waits,
because it is down.
"""

import hmac
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from ipaddress import IPv6Address, ip_address
from threading import Lock
from typing import Any

from limits.errors import StorageError
from limits.storage import RedisStorage
from redis.backoff import NoBackoff
from redis.retry import Retry
from starlette.requests import Request

log = logging.getLogger(__name__)

WINDOW_S = 60
_REDIS_TIMEOUT_S = 0.1
_REDIS_PAUSE_S = 5.0
# One minute's callers; more than these are an attack, and the proxy's matter.
_MOST_COUNTED = 50_000


@dataclass(frozen=True, slots=True)
class Budget:
    """What is left of a minute. `policy`: the name of what is counted."""

    policy: str
    limit: int
    used: int
    reset_s: int

    @property
    def headers(self) -> dict[str, str]:
        """The fields of the IETF's draft on rate limits, as structured values."""
        return {
            "ratelimit-policy": f'"{self.policy}";q={self.limit};w={WINDOW_S}',
            "ratelimit": f'"{self.policy}";r={max(0, self.limit - self.used)};t={self.reset_s}',
        }


@dataclass(slots=True)
class _Tally:
    """shared: as Redis last said, with what was brought there since; untold: what is counted here only."""

    shared: int = 0
    untold: int = 0
    is_new: bool = True


class RateLimiter:
    """The counters of one process. redis_url None or "none": it counts alone. tell_time: seconds since 1970.

    prefix: what its names in Redis begin with.
    """

    def __init__(self, redis_url: str | None, prefix: str, *, tell_time: Callable[[], float] = time.time) -> None:
        self._tell_time = tell_time
        self._prefix = prefix
        self._storage: RedisStorage | None = None
        self._ask_again_at = 0.0
        if redis_url and redis_url != "none":
            # `limits` has a scheme of its own for what every Redis client calls unix://
            url = f"redis+{redis_url}" if redis_url.startswith("unix://") else redis_url
            options: dict[str, Any] = {
                "socket_timeout": _REDIS_TIMEOUT_S,
                "socket_connect_timeout": _REDIS_TIMEOUT_S,
                "retry": Retry(NoBackoff(), 0),  # the client's own default waits seconds
            }
            self._storage = RedisStorage(url, wrap_exceptions=True, **options)
        self._lock = Lock()
        self._window = 0
        self._tallies: dict[str, _Tally] = {}

    def spend(self, policy: str, who: str, limit: int, *, told_at_once: int = 1, now: float | None = None) -> Budget:
        """Counts one call of `who` and says what is left; `used` beyond `limit` means that it is refused.

        told_at_once: how many calls are counted here before Redis hears of them. now: seconds since 1970.
        """
        now = self._tell_time() if now is None else now
        window, into = divmod(now, WINDOW_S)
        reset_s = max(1, round(WINDOW_S - into))
        name = f"{policy}:{who}"
        with self._lock:
            if self._window != window or len(self._tallies) > _MOST_COUNTED:
                self._window, self._tallies = int(window), {}
            tally = self._tallies.setdefault(name, _Tally())
            used = tally.shared + tally.untold + 1
            if used > limit:
                return Budget(policy, limit, used, reset_s)
            tally.untold += 1
            telling = tally.untold if tally.is_new or tally.untold >= told_at_once else 0
            if telling:
                tally.is_new = False
                tally.untold -= telling
                tally.shared += telling
        if telling:
            shared = self._tell(f"{self._prefix}:{name}:{int(window)}", telling)
            with self._lock:
                tally.shared = max(tally.shared, shared)
                used = tally.shared + tally.untold
        return Budget(policy, limit, used, reset_s)

    def _tell(self, name: str, amount: int) -> int:
        """What all processes together have counted; 0 when nobody can say."""
        if self._storage is None or time.monotonic() < self._ask_again_at:
            return 0
        try:
            return self._storage.incr(name, 2 * WINDOW_S, amount)
        except StorageError as error:
            self._ask_again_at = time.monotonic() + _REDIS_PAUSE_S
            log.warning(
                "%s: rate limits are counted in this process only: %s", self._prefix, type(error.storage_error).__name__
            )
            return 0


def address_of(http_request: Request, key: bytes) -> str:
    """The caller's address as a keyed digest: Redis need not know who reads. IPv6 counts by the network that a site is given."""
    return _digest(http_request.client.host if http_request.client else "", key)


# In memory only, and of the last who called: most calls come from few addresses.
@lru_cache(maxsize=1024)
def _digest(host: str, key: bytes) -> str:
    if ":" in host:
        host = _site(host)
    return hmac.digest(key, f"address\0{host}".encode(), sha256).hex()[:24]


def _site(host: str) -> str:
    try:
        address = ip_address(host.split("%")[0])
    except ValueError:
        return host
    if not isinstance(address, IPv6Address):
        return str(address)
    return str(address.ipv4_mapped or IPv6Address(int(address) >> 64 << 64))
