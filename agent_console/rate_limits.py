"""How often somebody may try to sign in: per account and per address.

Counted in Redis when there is one, so that all web processes count together.
"""

import time
from functools import cache

from limits import RateLimitItem, RateLimitItemPerMinute
from limits.errors import StorageError
from limits.storage import MemoryStorage, storage_from_string
from limits.strategies import FixedWindowRateLimiter

from kernel.errors import TooMany

PER_ACCOUNT = RateLimitItemPerMinute(10, 10)
# An office shares one address, so this only stops a machine.
PER_ADDRESS = RateLimitItemPerMinute(60, 10)
_NAMESPACE = "console-sign-in"


class SignInLimits:
    """Counts failed attempts. `redis_url` None or "none": in this process only."""

    def __init__(self, redis_url: str | None) -> None:
        self._local = FixedWindowRateLimiter(MemoryStorage())
        self._shared = self._local
        if redis_url and redis_url != "none":
            # `limits` has a scheme of its own for what every Redis client calls unix://
            url = f"redis+{redis_url}" if redis_url.startswith("unix://") else redis_url
            self._shared = FixedWindowRateLimiter(storage_from_string(url, wrap_exceptions=True))

    def check(self, account: str, address: str) -> None:
        """Raises TooMany when this account or this address has failed too often lately."""
        for item, who in ((PER_ACCOUNT, account), (PER_ADDRESS, address)):
            if not self._test(item, who):
                wait_s = self._wait_s(item, who)
                raise TooMany(
                    "Van demasiados intentos. Vuelve a intentarlo en {minutes} min.",
                    retry_after_s=wait_s,
                    minutes=-(-wait_s // 60),
                )

    def failed(self, account: str, address: str) -> None:
        """Notes one failed attempt."""
        for item, who in ((PER_ACCOUNT, account), (PER_ADDRESS, address)):
            try:
                self._shared.hit(item, _NAMESPACE, who)
            except StorageError:
                self._local.hit(item, _NAMESPACE, who)

    def succeeded(self, account: str) -> None:
        """The right password clears the account's count."""
        try:
            self._shared.clear(PER_ACCOUNT, _NAMESPACE, account)
        except StorageError:
            self._local.clear(PER_ACCOUNT, _NAMESPACE, account)

    def _test(self, item: RateLimitItem, who: str) -> bool:
        try:
            return self._shared.test(item, _NAMESPACE, who)
        except StorageError:
            return self._local.test(item, _NAMESPACE, who)

    def _wait_s(self, item: RateLimitItem, who: str) -> int:
        try:
            reset_at = self._shared.get_window_stats(item, _NAMESPACE, who).reset_time
        except StorageError:
            reset_at = self._local.get_window_stats(item, _NAMESPACE, who).reset_time
        return max(1, round(reset_at - time.time()))


@cache
def sign_in_limits(redis_url: str | None) -> SignInLimits:
    """This process's counters for one Redis."""
    return SignInLimits(redis_url)
