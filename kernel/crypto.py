"""Contact values at rest: encrypted with AES-256-GCM, found again by a keyed hash.

The ciphertext is nonce (12 bytes) + sealed text; its context (table and kind, not the row) is authenticated: a value moved to
another table or kind does not open, one moved to another row of the same kind does. The look-up key is HMAC-SHA-256 over kind
and normalised value: equal values meet, nobody reads them.
"""

import hmac
import os
from dataclasses import dataclass, field
from hashlib import sha256

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from kernel.errors import MisconfiguredError
from kernel.folio import FolioScrambler

_NONCE_BYTES = 12


@dataclass(frozen=True)
class Vault:
    """The installation's keys at work. data_key: 32 bytes; lookup_key: at least 16 bytes."""

    data_key: bytes = field(repr=False)
    lookup_key: bytes = field(repr=False)

    def seal(self, text: str, *, context: str) -> bytes:
        """`text` encrypted for `context`."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + AESGCM(self.data_key).encrypt(nonce, text.encode(), context.encode())

    def unseal(self, sealed: bytes, *, context: str) -> str:
        """The text that `seal` took. Raises MisconfiguredError when the key or the context is not the one it was sealed with."""
        try:
            opened = AESGCM(self.data_key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], context.encode())
        except InvalidTag:
            raise MisconfiguredError("La clave de datos no abre este valor: revisa ATIENDE_SECRETS_DATA_KEY.") from None
        return opened.decode()

    def lookup(self, kind: str, value: str) -> bytes:
        """The 32-byte key under which a contact value of this kind is found."""
        return hmac.digest(self.lookup_key, f"{kind}\0{value}".encode(), sha256)

    @property
    def folios(self) -> FolioScrambler:
        return FolioScrambler(hmac.digest(self.lookup_key, b"folio", sha256))


_vault: Vault | None = None


def configure(vault: Vault | None) -> None:
    """Called once by a composition root, or by a test."""
    global _vault
    _vault = vault


def vault() -> Vault:
    """The configured keys. Raises MisconfiguredError when the program was started without them."""
    if _vault is None:
        raise MisconfiguredError("Faltan las claves de datos de esta instalación.")
    return _vault
