"""Passwords: argon2id. Unknown users cost as much time as wrong passwords."""

from functools import cache
from threading import BoundedSemaphore

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

# OWASP's smaller argon2id setting: 19 MiB and two passes.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
# 40 handler threads hashing at once would take 760 MB and every core.
_AT_ONCE = BoundedSemaphore(4)


def hash_password(password: str) -> str:
    """The argon2id hash to keep, with its own salt and parameters."""
    with _AT_ONCE:
        return _HASHER.hash(password)


@cache
def _nobody() -> str:
    return hash_password("a password that nobody has")


def matches(password: str, password_hash: str | None) -> bool:
    """True if `password` has this hash. None (no such user) takes the same time and is False."""
    known = password_hash or _nobody()
    with _AT_ONCE:
        try:
            verified = _HASHER.verify(known, password)
        except (VerificationError, InvalidHashError):
            return False
    return verified and password_hash is not None


def needs_rehash(password_hash: str) -> bool:
    """True when the parameters have been raised since this hash was made."""
    return _HASHER.check_needs_rehash(password_hash)
