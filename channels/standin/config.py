"""What the stand-in needs to know: `ATIENDE_STANDIN_*`, else what the installation it stands in for says."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from channels.standin.mail.part import MailConfig, mail_from
from channels.standin.telegram.config import Bot, bot_from
from channels.standin.voice.config import VoiceNumber, number_from
from kernel.errors import MisconfiguredError
from kernel.settings import INSTALLATION_FILE, read_env_file

_PREFIX = "ATIENDE_STANDIN_"


@dataclass(frozen=True)
class StandinConfig:
    """webhook_url: where inbound texts are told; state: the file that remembers everything the stand-in accepted.

    track_url holds `{folio}`. timeout_s: how long a webhook may take, as the real provider waits. whatsapp_number: "" where
    nobody has WhatsApp. own_url: where the stand-in itself is reached, for the addresses of attachments. places: a list of
    corners (`places.csv` of a city folder) that a phone may share.
    """

    webhook_url: str
    auth_token: str
    account_sid: str
    number: str
    state: Path
    host: str = "127.0.0.1"
    port: int = 8312
    city_name: str = ""
    console_url: str = ""
    track_url: str = ""
    chat_url: str = ""
    city_id: str = ""
    timeout_s: float = 15.0
    hang_s: float = 20.0
    whatsapp_number: str = ""
    whatsapp_webhook_url: str = ""
    own_url: str = ""
    places: Path | None = None
    mail: MailConfig | None = None
    telegram: Bot | None = None
    voice: VoiceNumber | None = None


def from_environ(environ: Mapping[str, str]) -> StandinConfig:
    """Raises MisconfiguredError, naming every setting that is missing or wrong."""
    data = environ.get("ATIENDE_DATA")
    merged = read_env_file(Path(data) / INSTALLATION_FILE) if data else {}
    merged |= {name: value for name, value in environ.items() if value}

    def given(name: str, *elsewhere: str) -> str:
        return next((merged[key] for key in (_PREFIX + name, *elsewhere) if key in merged), "")

    base_url = given("BASE_URL", "ATIENDE_WEB_PUBLIC_BASE_URL").rstrip("/")
    required = {
        "WEBHOOK_URL": given("WEBHOOK_URL") or (f"{base_url}/webhooks/sms" if base_url else ""),
        "AUTH_TOKEN": given("AUTH_TOKEN", "ATIENDE_SMS_AUTH_TOKEN"),
        "ACCOUNT_SID": given("ACCOUNT_SID", "ATIENDE_SMS_ACCOUNT_SID"),
        "NUMBER": given("NUMBER", "ATIENDE_SMS_NUMBER"),
        "STATE": given("STATE") or (str(Path(data) / "standin" / "state.sqlite3") if data else ""),
    }
    port = given("PORT") or "8312"
    problems = [f"{_PREFIX}{name}: falta / is missing" for name, value in required.items() if not value]
    if not port.isdecimal() or int(port) > 65535:
        problems.append(f"{_PREFIX}PORT: {port}")
    if problems:
        raise MisconfiguredError("{problems}", problems="\n".join(problems))
    places = given("PLACES")
    host = given("HOST") or "127.0.0.1"
    return StandinConfig(
        webhook_url=required["WEBHOOK_URL"],
        auth_token=required["AUTH_TOKEN"],
        account_sid=required["ACCOUNT_SID"],
        number=required["NUMBER"],
        state=Path(required["STATE"]),
        host=host,
        port=int(port),
        city_name=given("CITY_NAME"),
        console_url=given("CONSOLE_URL") or (f"{base_url}/consola" if base_url else ""),
        chat_url=given("CHAT_URL") or (f"{base_url}/chat" if base_url else ""),
        city_id=given("CITY_ID"),
        track_url=given("TRACK_URL") or (f"{base_url}/folio/{{folio}}" if base_url else ""),
        whatsapp_number=given("WHATSAPP_NUMBER", "ATIENDE_WHATSAPP_NUMBER"),
        whatsapp_webhook_url=given("WHATSAPP_WEBHOOK_URL") or (f"{base_url}/webhooks/whatsapp" if base_url else ""),
        own_url=(given("OWN_URL", "ATIENDE_SMS_API_BASE_URL") or f"http://{host}:{port}").rstrip("/"),
        places=Path(places) if places else None,
        mail=mail_from(merged),
        telegram=bot_from(merged),
        voice=number_from(merged),
    )
