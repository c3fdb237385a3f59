"""The demo's data folder: made once with random secrets, resumed ever after, used by one demo at a time.

`installation.env` (mode 0600) holds what `kernel.settings` reads, and the demo's own passwords and API key, which therefore
stay the same from start to start. `demo.json` exists while a demo runs and says where everything is.
"""

import base64
import json
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from kernel import files
from kernel.embedded.place import make_private
from kernel.errors import Conflict, Unavailable
from kernel.settings import INSTALLATION_FILE, read_env_file

ROLES = ("operator", "supervisor", "agency", "admin")
# No Mexican number begins like this: nobody's telephone.
SMS_NUMBER = "+525500000311"
WHATSAPP_NUMBER = "+525500000312"
# One number for texts and calls, as people expect of a city.
VOICE_NUMBER = SMS_NUMBER
EMAIL_ADDRESS, OTHER_EMAIL_ADDRESS = "311@jacaranda.gob.example", "311@encinos.gob.example"
TELEGRAM_BOT = "jacaranda311_bot"


@dataclass(frozen=True)
class DataFolder:
    """An open data folder. `values`: the lines of installation.env."""

    path: Path
    values: dict[str, str]

    @property
    def demo_file(self) -> Path:
        return self.path / "demo.json"

    @property
    def api_key(self) -> str:
        return self.values["ATIENDE_DEMO_API_KEY"]

    def password(self, role: str) -> str:
        return self.values[_password_name(role)]

    def remember(self, values: Mapping[str, str]) -> None:
        """Adds to installation.env, or changes, these values."""
        self.values.update(values)
        lines = [f"{name}={value}\n" for name, value in sorted(self.values.items())]
        text = "# Secret. Made by the demo.\n" + "".join(lines)
        files.replace(self.path / INSTALLATION_FILE, text.encode())

    def announce(self, facts: Mapping[str, Any]) -> None:
        files.replace(self.demo_file, (json.dumps(facts, indent=2, ensure_ascii=False) + "\n").encode())


@contextmanager
def open_folder(path: Path) -> Iterator[DataFolder]:
    """The folder at `path`, ours alone until the block ends. Raises Conflict while another demo runs on it."""
    path = path.resolve()
    if not path.exists():
        make_private(path)
    lock = FileLock(path / "demo.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise Conflict(
            "Ya hay una demo en marcha con la carpeta {folder}{where}.", folder=path, where=_where(path)
        ) from None
    except OSError as error:
        raise Unavailable("No se puede usar la carpeta {folder}: {reason}", folder=path, reason=error) from error
    try:
        folder = DataFolder(path, read_env_file(path / INSTALLATION_FILE))
        folder.remember({name: value for name, value in _fresh_values().items() if name not in folder.values})
        yield folder
    finally:
        lock.release()


def _fresh_values() -> dict[str, str]:
    mail_password = secrets.token_hex(16)

    def key() -> str:
        return base64.b64encode(secrets.token_bytes(32)).decode()

    return {
        "ATIENDE_SECRETS_DATA_KEY": key(),
        "ATIENDE_SECRETS_LOOKUP_KEY": key(),
        "ATIENDE_SECRETS_SESSION_KEY": key(),
        "ATIENDE_SMS_ACCOUNT_SID": "AC" + secrets.token_hex(16),
        "ATIENDE_SMS_AUTH_TOKEN": secrets.token_hex(16),
        "ATIENDE_SMS_NUMBER": SMS_NUMBER,
        "ATIENDE_WHATSAPP_NUMBER": WHATSAPP_NUMBER,
        "ATIENDE_CHANNEL_VOICE_NUMBER": VOICE_NUMBER,
        "ATIENDE_EMAIL_ADDRESS": EMAIL_ADDRESS,
        "ATIENDE_EMAIL_OTHER_ADDRESSES": OTHER_EMAIL_ADDRESS,
        "ATIENDE_EMAIL_IMAP_HOST": "127.0.0.1",
        "ATIENDE_EMAIL_IMAP_USER": "centro",
        "ATIENDE_EMAIL_IMAP_PASSWORD": mail_password,
        "ATIENDE_EMAIL_IMAP_SECURITY": "none",
        "ATIENDE_EMAIL_SMTP_HOST": "127.0.0.1",
        "ATIENDE_EMAIL_SMTP_USER": "centro",
        "ATIENDE_EMAIL_SMTP_PASSWORD": mail_password,
        "ATIENDE_EMAIL_SMTP_SECURITY": "none",
        "ATIENDE_EMAIL_SENT_FOLDER": "Sent",
        "ATIENDE_EMAIL_DONE_FOLDER": "Atendidos",
        "ATIENDE_EMAIL_POLL_S": "1",
        "ATIENDE_TELEGRAM_BOT_TOKEN": f"7300000311:{secrets.token_urlsafe(26)}",
        "ATIENDE_TELEGRAM_SECRET_TOKEN": secrets.token_urlsafe(32),
        "ATIENDE_TELEGRAM_BOT_USERNAME": TELEGRAM_BOT,
        # demo.json tells other programs the token that signs, and no account.
        "ATIENDE_SMS_ANY_ACCOUNT": "true",
        # Programs that try the demo ask as fast as they can.
        "ATIENDE_LIMITS_READS_PER_MINUTE": "600000",
        # Everybody who tries the demo has one address.
        "ATIENDE_LIMITS_CHAT_PER_ADDRESS": "0",
        "ATIENDE_DEMO_API_KEY": secrets.token_urlsafe(24),
    } | {_password_name(role): _password() for role in ROLES}


def _password_name(role: str) -> str:
    return f"ATIENDE_DEMO_{role.upper()}_PASSWORD"


def _password() -> str:
    # To be read off a terminal and typed: no letters that look alike; 16 of 30 signs are 78 bits.
    signs = "abcdefghjkmnpqrstuvwxyz2345679"
    return "-".join("".join(secrets.choice(signs) for _ in range(4)) for _ in range(4))


def _where(path: Path) -> str:
    try:
        return f": {json.loads((path / 'demo.json').read_text())['base_url']}"
    except (OSError, ValueError, KeyError):
        return ""
