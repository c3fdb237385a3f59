"""Settings: read once by a composition root, frozen, grouped, passed down. Importing this module reads nothing.

Environment: `DATABASE_URL`, `DATABASE_READ_URL`, `DATABASE_DIRECT_URL`, `REDIS_URL`, and
`ATIENDE_<GROUP>_<NAME>` for the rest (`ATIENDE_SMS_AUTH_TOKEN`). When
`ATIENDE_DATA` names a folder that holds an `installation.env` (written by the demo), its lines are read first and the
environment wins over them. Secrets have no defaults.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)

from kernel.crypto import Vault
from kernel.errors import MisconfiguredError

INSTALLATION_FILE = "installation.env"
PREFIX = "ATIENDE_"
# AnyIO runs plain `def` handlers in 40 threads; each may hold one connection.
POOL_SIZE = 40
POOL_OVERFLOW = 10


def _key(minimum_bytes: int, exact: bool = False) -> Any:
    def check(value: object) -> object:
        try:
            raw = base64.b64decode(str(value), validate=True)
        except (binascii.Error, ValueError):
            raise ValueError("debe estar en base64") from None
        if len(raw) < minimum_bytes or (exact and len(raw) != minimum_bytes):
            raise ValueError(f"debe tener {minimum_bytes} bytes en base64" + ("" if exact else " o más"))
        return raw

    return BeforeValidator(check)


def _without_fragment(url: str) -> str:
    # Twilio's connection overrides travel in the fragment, which never reaches the server.
    return url.split("#")[0].rstrip("/")


_BOT_TOKEN = re.compile(r"\d{3,20}:[A-Za-z0-9_-]{10,}")
_WEBHOOK_SECRET = re.compile(r"[A-Za-z0-9_-]{1,256}")


def _bot_token(token: SecretStr) -> SecretStr:
    if not _BOT_TOKEN.fullmatch(token.get_secret_value()):
        raise ValueError("debe ser como lo da @BotFather: números, dos puntos y letras")
    return token


def _webhook_secret(secret: SecretStr) -> SecretStr:
    if not _WEBHOOK_SECRET.fullmatch(secret.get_secret_value()):
        raise ValueError("va de 1 a 256 letras, números, _ o -")
    return secret


class _Group(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Secrets(_Group):
    """data_key encrypts contact values (32 bytes, base64); lookup_key finds them; session_key signs forms (16 bytes or more)."""

    data_key: Annotated[bytes, _key(32, exact=True)] = Field(repr=False)
    lookup_key: Annotated[bytes, _key(16)] = Field(repr=False)
    session_key: Annotated[bytes, _key(16)] = Field(repr=False)

    def vault(self) -> Vault:
        return Vault(self.data_key, self.lookup_key)


class Web(_Group):
    """public_base_url: where residents, agencies and providers reach us, without a trailing slash."""

    public_base_url: Annotated[str, AfterValidator(_without_fragment)]
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8311
    # The proxies whose X-Forwarded-* headers count, as uvicorn reads them; nobody else's do.
    trusted_proxies: str = "127.0.0.1"


class TwilioAccount(_Group):
    """A Twilio account. auth_token signs webhooks; next_auth_token is accepted too while a token is being rotated.

    any_account: take signed webhooks whatever account they name, for programs that try the demo and know only its token.
    media_hosts: where it may send us on to for what people attached, divided by commas; never with our password.
    """

    account_sid: str
    auth_token: SecretStr
    next_auth_token: SecretStr | None = None
    any_account: bool = False
    api_base_url: Annotated[str, AfterValidator(_without_fragment)] = "https://api.twilio.com"
    media_hosts: str = "mms.twiliocdn.com"
    # Whoever is sending is given up for dead after channels.delivery.SENDING_LEASE, which is a little longer than a call.
    timeout_s: Annotated[float, Field(gt=0, le=15)] = 15.0


class Sms(TwilioAccount):
    """SMS over Twilio. number: what we send from when a city has none of its own."""

    number: str


LOOPBACK = ("127.0.0.1", "localhost", "::1")


class Email(_Group):
    """The centre's mailbox. address: where residents write to; other_addresses: more of them, with commas between.

    *_security: `tls` from the first byte, `starttls`, or `none`, for this machine only. done_folder: where mails are moved once
    they are taken in; without it they are marked as read. sent_folder: where the provider keeps what was sent, if it does.
    trusted_host: the name our own server writes into Authentication-Results. plus_addresses: it knows `name+anything@…`.
    """

    address: str
    other_addresses: str = ""
    imap_host: str
    imap_port: Annotated[int, Field(ge=1, le=65535)] = 993
    imap_user: str
    imap_password: SecretStr
    imap_security: Literal["tls", "starttls", "none"] = "tls"
    inbox_folder: str = "INBOX"
    done_folder: str = ""
    sent_folder: str = ""
    poll_s: Annotated[float, Field(gt=0)] = 15.0
    smtp_host: str
    smtp_port: Annotated[int, Field(ge=1, le=65535)] = 587
    smtp_user: str = ""
    smtp_password: SecretStr = SecretStr("")
    smtp_security: Literal["tls", "starttls", "none"] = "starttls"
    # Whoever is sending is given up for dead after channels.delivery.SENDING_LEASE.
    timeout_s: Annotated[float, Field(gt=0, le=15)] = 15.0
    trusted_host: str = ""
    plus_addresses: bool = False

    @model_validator(mode="after")
    def _passwords_stay_secret(self) -> "Email":
        for host, security in ((self.imap_host, self.imap_security), (self.smtp_host, self.smtp_security)):
            if security == "none" and host not in LOOPBACK:
                raise ValueError(f"{host}: sin TLS solo en esta computadora / without TLS on this machine only")
        return self


class Whatsapp(TwilioAccount):
    """WhatsApp over Twilio. number: E.164; what else is not given is taken from the account for SMS.

    content_base_url: where Twilio keeps definitions of buttons and lists.
    """

    number: str
    content_base_url: Annotated[str, AfterValidator(_without_fragment)] = "https://content.twilio.com"


def _rates(value: object) -> object:
    if not isinstance(value, str):
        return value
    pairs = [part.split("=") for part in value.split(",") if part.strip()]
    if any(len(pair) != 2 for pair in pairs):
        raise ValueError("debe ser como sms=10,telegram=25")
    return {name.strip(): rate.strip() for name, rate in pairs}


class Pacing(_Group):
    """How many messages a second each channel takes, as `sms=10,telegram=25`; a channel that is not named takes what comes."""

    rates: Annotated[dict[str, Annotated[float, Field(ge=0)]], BeforeValidator(_rates)] = {"telegram": 25.0}


class Telegram(_Group):
    """The Telegram bot. secret_token comes with every webhook; next_secret_token is accepted too while it is being rotated.

    bot_username: what people write to, without the @; a city that claims it gets its messages. max_connections: how many updates
    Telegram may be telling at once.
    """

    bot_token: Annotated[SecretStr, AfterValidator(_bot_token)]
    secret_token: Annotated[SecretStr, AfterValidator(_webhook_secret)]
    next_secret_token: Annotated[SecretStr, AfterValidator(_webhook_secret)] | None = None
    bot_username: Annotated[str, AfterValidator(lambda name: name.removeprefix("@"))] = ""
    api_base_url: Annotated[str, AfterValidator(_without_fragment)] = "https://api.telegram.org"
    # As with texts: whoever is sending is given up for dead a little after this.
    timeout_s: Annotated[float, Field(gt=0, le=15)] = 15.0
    max_connections: Annotated[int, Field(ge=1, le=100)] = 40


class Database(_Group):
    """The connections of one process: `pool_size` kept, `pool_overflow` more at a peak; who finds none waits `pool_timeout_s`."""

    pool_size: Annotated[int, Field(ge=1)] = POOL_SIZE
    pool_overflow: Annotated[int, Field(ge=0)] = POOL_OVERFLOW
    pool_timeout_s: Annotated[float, Field(gt=0)] = 10.0


class Worker(_Group):
    """threads: how many jobs one worker runs at once. Most of them wait for a provider or the database."""

    threads: Annotated[int, Field(ge=1, le=64)] = 8


class Limits(_Group):
    """How often one client of the Open311 API may call in a minute; 0 is as often as it likes.

    Writes are counted by key (which may have its own limit), reads by key or else by address. chat_per_visitor, chat_per_address:
    messages of the web chat in a minute; a whole neighbourhood may share one address of its telephone company.
    """

    writes_per_minute: Annotated[int, Field(ge=0)] = 1_200
    reads_per_minute: Annotated[int, Field(ge=0)] = 6_000
    chat_per_visitor: Annotated[int, Field(ge=0)] = 30
    chat_per_address: Annotated[int, Field(ge=0)] = 600


class Media(_Group):
    """Photos. url: where they are kept, a folder or what fsspec knows (`s3://bucket/prefix`); without it, `media` under `data`.

    max_total_bytes: the whole body of a form with photos; max_held_bytes: all such bodies together that one process holds.
    """

    url: str | None = None
    max_file_bytes: Annotated[int, Field(ge=1)] = 10 * 1024 * 1024
    max_files: Annotated[int, Field(ge=0, le=50)] = 5
    max_total_bytes: Annotated[int, Field(ge=1)] = 24 * 1024 * 1024
    max_held_bytes: Annotated[int, Field(ge=1)] = 192 * 1024 * 1024
    max_pixels: Annotated[int, Field(ge=1)] = 64_000_000


class WebChat(_Group):
    """The chat on the city's pages. It needs no account anywhere."""

    enabled: bool = True


class Webhooks(_Group):
    """Telling other systems of changes. allow_loopback: also by http and to this machine, for trying things out only."""

    allow_loopback: bool = False
    # A job's run is given up for dead after kernel.jobs.RUN_LEASE, which is a little longer than this and what surrounds it.
    timeout_s: Annotated[float, Field(gt=0, le=15)] = 10.0


class Settings(_Group):
    """What one process needs to know. `data` is the folder for embedded servers and files, when there is one.

    database_read_url: a standby for lists; database_direct_url: past the pooler, for migrations and notifications.
    """

    data: Path | None = None
    database_url: str | None = None
    database_read_url: str | None = None
    database_direct_url: str | None = None
    redis_url: str | None = None
    log_format: str = "text"
    database: Database = Database()
    worker: Worker = Worker()
    secrets: Secrets
    web: Web
    webhooks: Webhooks = Webhooks()
    sms: Sms | None = None
    email: Email | None = None
    whatsapp: Whatsapp | None = None
    telegram: Telegram | None = None
    web_chat: WebChat = WebChat()
    limits: Limits = Limits()
    pacing: Pacing = Pacing()
    channels: dict[str, dict[str, SecretStr]] = {}

    @property
    def queue_url(self) -> str | None:
        """Where Redis is; None when there is none, by the word `none` or by silence."""
        return None if self.redis_url in (None, "", "none") else self.redis_url

    def of_channel(self, name: str, *keys: str) -> dict[str, str] | None:
        """The settings of a channel that has no group of its own, `ATIENDE_CHANNEL_<NAME>_<KEY>`; None when it has none at all.

        Raises MisconfiguredError when some are there and others are missing.
        """
        given = self.channels.get(name)
        if given is None:
            return None
        missing = [f"{PREFIX}CHANNEL_{name}_{key}".upper() for key in keys if key not in given]
        if missing:
            raise MisconfiguredError("{problems}", problems="\n".join(f"{one}: falta / is missing" for one in missing))
        return {key: value.get_secret_value() for key, value in given.items()}

    media: Media = Media()


class StorageSettings(_Group):
    """The part that commands on boundaries and routing need: where the data is, and no secret."""

    data: Path | None = None
    database_url: str | None = None
    database_read_url: str | None = None
    database_direct_url: str | None = None
    redis_url: str | None = None
    database: Database = Database()


_ADDRESSES = ("database_url", "database_read_url", "database_direct_url", "redis_url")
_GROUPS = (
    "database",
    "secrets",
    "web",
    "sms",
    "whatsapp",
    "telegram",
    "email",
    "web_chat",
    "limits",
    "media",
    "webhooks",
    "pacing",
)


def _collect(environ: Mapping[str, str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    data_dir = environ.get(PREFIX + "DATA")
    merged: dict[str, str] = {}
    if data_dir:
        values["data"] = Path(data_dir).resolve()
        merged.update(read_env_file(values["data"] / INSTALLATION_FILE))
    merged.update({key: value for key, value in environ.items() if value != ""})
    for name in _ADDRESSES:
        if name.upper() in merged:
            values[name] = merged[name.upper()]
    if PREFIX + "LOG_FORMAT" in merged:
        values["log_format"] = merged[PREFIX + "LOG_FORMAT"]
    for group in _GROUPS:
        start = f"{PREFIX}{group.upper()}_"
        found = {key[len(start) :].lower(): value for key, value in merged.items() if key.startswith(start)}
        if found:
            values[group] = found
    start = f"{PREFIX}CHANNEL_"
    for key, value in merged.items():
        if key.startswith(start):
            name, _, setting = key[len(start) :].lower().partition("_")
            values.setdefault("channels", {}).setdefault(name, {})[setting] = value
    if "whatsapp" in values and "account_sid" not in values["whatsapp"]:
        # One account may have both; nothing of it is taken when another one is named.
        shared = {name: value for name, value in values.get("sms", {}).items() if name in TwilioAccount.model_fields}
        values["whatsapp"] = shared | values["whatsapp"]
    for required in ("secrets", "web"):
        values.setdefault(required, {})
    return values


def read_env_file(path: Path) -> dict[str, str]:
    """`NAME=value` lines of `path`; blank lines and `#` comments are skipped; {} when there is no such file."""
    if not path.exists():
        return {}
    lines = (line.strip() for line in path.read_text().splitlines())
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#") and "=" in line)


def load_settings(environ: Mapping[str, str]) -> Settings:
    """The settings of this process. Raises MisconfiguredError with one line for each missing or wrong setting."""
    try:
        return Settings(**_collect(environ))
    except ValidationError as error:
        raise MisconfiguredError("{problems}", problems=_explain(error)) from None


def load_storage_settings(environ: Mapping[str, str]) -> StorageSettings:
    """Where the data is, for commands that need no secret. Raises MisconfiguredError when neither variable is given."""
    values = {key: value for key, value in _collect(environ).items() if key in StorageSettings.model_fields}
    if "data" not in values and "database_url" not in values:
        raise MisconfiguredError("Di qué instalación: ATIENDE_DATA=carpeta o DATABASE_URL=postgresql://…")
    try:
        return StorageSettings(**values)
    except ValidationError as error:
        raise MisconfiguredError("{problems}", problems=_explain(error)) from None


def _explain(error: ValidationError) -> str:
    lines = []
    for problem in error.errors(include_input=False, include_url=False):
        path = [str(part).upper() for part in problem["loc"]]
        name = "_".join(path)
        if path[0] not in map(str.upper, _ADDRESSES):
            name = PREFIX + name
        if problem["type"] == "missing":
            lines.append(f"{name}: falta / is missing")
        elif problem["type"] == "extra_forbidden":
            lines.append(f"{name}: no existe tal ajuste / no such setting")
        else:
            lines.append(f"{name}: {problem['msg'].removeprefix('Value error, ')}")
    return "\n".join(lines)
