"""Who a visitor of the chat is: a token that only this installation can make, and that holds all there is to know. Pure.

version (1 byte) + issued at (4 bytes, seconds since 1970) + visitor (16 random bytes) + the city's id, and 16 bytes of
HMAC-SHA-256 over them, in base64url. Nobody can guess one, change one, or read anything of a person out of one.
"""

import base64
import binascii
import hmac
import secrets
import struct
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from kernel.errors import Forbidden

LIFETIME = timedelta(days=30)
RENEWED_AFTER = timedelta(days=1)
# A little ahead of us is another process's clock.
_CLOCKS_DIFFER = timedelta(minutes=5)
_VERSION = 1
_HEAD = struct.Struct(">BI16s")
_NAME = struct.Struct(">I12s")
_NAME_LASTS = timedelta(days=1)
_MAC_BYTES = 16
_DAY_S = 86_400
_LONGEST = 400


class Lost(Forbidden):
    """The token is too old, or none of ours."""


@dataclass(frozen=True)
class Visitor:
    """`id`: 22 letters, the address of a contact point of kind `web_chat`."""

    id: str
    city: str
    issued_at: datetime

    def is_due(self, now: datetime) -> bool:
        """Whether a fresh token should go out with the next answer: who keeps writing keeps the thread."""
        return now - self.issued_at > RENEWED_AFTER


def name_message(key: bytes, *, now: datetime) -> str:
    """A name for the next message of a page, told from one that anybody could make up."""
    body = _NAME.pack(int(now.timestamp()), secrets.token_bytes(12))
    return _written(body + _name_mac(key, body))


def newcomer(key: bytes, city: str, message_name: str, *, now: datetime) -> Visitor:
    """Somebody who was never here. Two taps on the first message of one page are one person."""
    if _is_named_by_us(key, message_name, now):
        return Visitor(_written(_mac(key, b"newcomer\0" + f"{message_name}\0{city}".encode())), city, now)
    return Visitor(_written(secrets.token_bytes(16)), city, now)


def issue(key: bytes, visitor: Visitor, *, now: datetime) -> str:
    """A token for `visitor` that holds from `now` on."""
    body = _HEAD.pack(_VERSION, int(now.timestamp()), _bytes_of(visitor.id)) + visitor.city.encode()
    return _written(body + _mac(key, body))


def read(key: bytes, token: str, *, now: datetime) -> Visitor:
    """Whose token this is. Raises Lost."""
    if len(token) > _LONGEST or not token.isascii():
        raise _lost()
    try:
        raw = _bytes_of(token)
    except (binascii.Error, ValueError):
        raise _lost() from None
    body, mac = raw[:-_MAC_BYTES], raw[-_MAC_BYTES:]
    # Compared as it is written: base64 has several writings of some bytes.
    if len(body) <= _HEAD.size or _written(raw) != token or not hmac.compare_digest(mac, _mac(key, body)):
        raise _lost()
    version, seconds, visitor = _HEAD.unpack_from(body)
    issued_at = datetime.fromtimestamp(seconds, UTC)
    if version != _VERSION or not -_CLOCKS_DIFFER <= now - issued_at < LIFETIME:
        raise _lost()
    return Visitor(_written(visitor), body[_HEAD.size :].decode(), issued_at)


def seal_photo(key: bytes, photo_id: str, *, now: datetime) -> str:
    """What the address of a visitor's own photo carries, today and tomorrow: pictures are asked for without a header."""
    day = int(now.timestamp()) // _DAY_S
    return f"{day}.{_photo_mac(key, photo_id, day)}"


def opens_photo(key: bytes, photo_id: str, seal: str, *, now: datetime) -> bool:
    """Whether `seal` was made for this photo, today or yesterday."""
    today = int(now.timestamp()) // _DAY_S
    return any(
        hmac.compare_digest(seal.encode(), f"{day}.{_photo_mac(key, photo_id, day)}".encode())
        for day in (today, today - 1)
    )


def _photo_mac(key: bytes, photo_id: str, day: int) -> str:
    return _written(hmac.digest(key, f"web_chat photo\0{photo_id}\0{day}".encode(), sha256)[:_MAC_BYTES])


def _is_named_by_us(key: bytes, message_name: str, now: datetime) -> bool:
    try:
        raw = _bytes_of(message_name)
    except (binascii.Error, ValueError):
        return False
    body, mac = raw[: _NAME.size], raw[_NAME.size :]
    if _written(raw) != message_name or not hmac.compare_digest(mac, _name_mac(key, body)):
        return False
    return now - datetime.fromtimestamp(_NAME.unpack(body)[0], UTC) < _NAME_LASTS


def _name_mac(key: bytes, body: bytes) -> bytes:
    return hmac.digest(key, b"web_chat message\0" + body, sha256)[:8]


def _lost() -> Lost:
    return Lost("Esta conversación ya no se puede abrir en este equipo.")


def _mac(key: bytes, body: bytes) -> bytes:
    return hmac.digest(key, b"web_chat visitor\0" + body, sha256)[:_MAC_BYTES]


def _written(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _bytes_of(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
