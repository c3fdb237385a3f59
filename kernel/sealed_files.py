"""Files sealed under a key of their own, so that destroying 32 bytes destroys the file wherever copies of it lie.

A file is cut into pieces of 64 KiB, each sealed with AES-256-GCM under the file's key. The nonce is the piece's number and
whether it is the last one: pieces cannot be reordered, left out or cut off unseen, and any range is read by opening only the
pieces it lies in. A key seals exactly one file; the key itself is kept sealed by `kernel.crypto` and never beside the file.
"""

from dataclasses import dataclass, field
from hashlib import sha256

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from kernel.errors import MisconfiguredError

PIECE_BYTES = 64 * 1024
_TAG_BYTES = 16
_SEALED_PIECE = PIECE_BYTES + _TAG_BYTES


@dataclass(frozen=True)
class FileKey:
    """The key of one file."""

    secret: bytes = field(repr=False)

    @classmethod
    def new(cls) -> "FileKey":
        return cls(AESGCM.generate_key(256))

    @property
    def fingerprint(self) -> str:
        """Tells keys apart and leads to none: what a proof of its destruction may name."""
        return sha256(b"file key\0" + self.secret).hexdigest()[:32]


def seal(data: bytes, key: FileKey, *, context: str) -> bytes:
    """`data` under `key`, for `context` (which file it is). Call it once for each key."""
    cipher = AESGCM(key.secret)
    starts = range(0, max(len(data), 1), PIECE_BYTES)
    return b"".join(
        cipher.encrypt(_nonce(number, is_last=start == starts[-1]), data[start : start + PIECE_BYTES], context.encode())
        for number, start in enumerate(starts)
    )


def plain_size(sealed_bytes: int) -> int:
    """How long a file is whose sealed form has so many bytes. Raises MisconfiguredError when no file has."""
    pieces = max(-(-sealed_bytes // _SEALED_PIECE), 1)
    if sealed_bytes < pieces * _TAG_BYTES:
        raise _broken()
    return sealed_bytes - pieces * _TAG_BYTES


def unseal(sealed: bytes | memoryview, key: FileKey, *, context: str, start: int = 0, end: int | None = None) -> bytes:
    """The bytes from `start` up to, not including, `end`.

    Raises MisconfiguredError when it was sealed with another key or for another file, or is not whole.
    """
    size = plain_size(len(sealed))
    end = size if end is None else min(end, size)
    if start >= end and size:
        return b""
    cipher, whole = AESGCM(key.secret), memoryview(sealed)
    last = max(-(-size // PIECE_BYTES) - 1, 0)
    first_wanted, last_wanted = start // PIECE_BYTES, max(end - 1, 0) // PIECE_BYTES
    try:
        opened = b"".join(
            cipher.decrypt(
                _nonce(number, is_last=number == last),
                bytes(whole[number * _SEALED_PIECE : (number + 1) * _SEALED_PIECE]),
                context.encode(),
            )
            for number in range(first_wanted, last_wanted + 1)
        )
    except InvalidTag:
        raise _broken() from None
    begins = first_wanted * PIECE_BYTES
    return opened[start - begins : end - begins]


def _nonce(number: int, *, is_last: bool) -> bytes:
    return number.to_bytes(11, "big") + (b"\1" if is_last else b"\0")


def _broken() -> MisconfiguredError:
    return MisconfiguredError("Este archivo no se abre con su clave: está incompleto, o no es el que dice.")
