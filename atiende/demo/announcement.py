"""What the demo tells programs (`demo.json`) and people (the banner)."""

from pathlib import Path
from typing import Any

from atiende.demo.data_folder import DataFolder
from atiende.demo.preparation import LOGINS, MAIN, NAME, OTHER, Sample
from kernel.settings import Settings


def facts(folder: DataFolder, settings: Settings, sample: Sample, *, standin_url: str) -> dict[str, Any]:
    """The content of demo.json; other programs rely on exactly these keys."""
    base_url = settings.web.public_base_url
    assert settings.sms is not None
    assert settings.whatsapp is not None
    assert settings.email is not None
    assert settings.telegram is not None
    return {
        "base_url": base_url,
        "open311": {
            "root": f"{base_url}/open311/v2",
            "jurisdiction_id": MAIN,
            "other_jurisdiction_id": OTHER,
            "api_key": folder.api_key,
            "sample_point": {"lon": sample.lon, "lat": sample.lat},
            "sample_address": sample.address,
        },
        "console": {
            "url": f"{base_url}/consola",
            "logins": [
                {"role": login.role, "email": login.email, "password": folder.password(login.role)} for login in LOGINS
            ],
        },
        "sms": {
            "webhook": f"{base_url}/webhooks/sms",
            "public_base_url": base_url,
            "auth_token": settings.sms.auth_token.get_secret_value(),
            "number": settings.sms.number,
        },
        "whatsapp": {
            "webhook": f"{base_url}/webhooks/whatsapp",
            "auth_token": settings.whatsapp.auth_token.get_secret_value(),
            "number": settings.whatsapp.number,
        },
        "voice": {
            "webhook": f"{base_url}/webhooks/voice",
            "auth_token": settings.sms.auth_token.get_secret_value(),
            "number": settings.channels["voice"]["number"].get_secret_value(),
        },
        "web_chat": {"url": f"{base_url}/chat"},
        "email": {
            "address": settings.email.address,
            "smtp_host": settings.email.smtp_host,
            "smtp_port": settings.email.smtp_port,
        },
        "telegram": {
            "webhook": f"{base_url}/webhooks/telegram",
            "secret_token": settings.telegram.secret_token.get_secret_value(),
            "bot_token": settings.telegram.bot_token.get_secret_value(),
        },
        "standin": {"url": standin_url},
        "database_url": settings.database_url,
        "redis_url": settings.queue_url,
    }


def banner(where: dict[str, Any], seconds: float, folder: Path) -> str:
    """A few lines for the terminal, Spanish and English."""
    logins = "\n".join(
        f"    {login['role']:<11} {login['email']:<38} {login['password']}" for login in where["console"]["logins"]
    )
    return f"""
  Atiende: {NAME} está en marcha ({seconds:.1f} s) / the demo city is up

  Escribe un SMS aquí / Text the city here      {where["standin"]["url"]}
  …o por WhatsApp / …or on WhatsApp             {where["standin"]["url"]}/whatsapp
  …o llámale / …or call it                      {where["standin"]["url"]}/voice
  Chatea con ella / Chat with it                {where["web_chat"]["url"]}
  … en la página de la ciudad / on a city page  {where["standin"]["url"]}/chat/ejemplo
  O escribe un correo / Or send an e-mail       {where["standin"]["url"]}/mail
  …o por Telegram / …or on Telegram             {where["standin"]["url"]}/telegram
  Consola / Agents' console                     {where["console"]["url"]}
{logins}
  Página de la ciudad / Residents' pages        {where["base_url"]}
  Open311 (GeoReport v2)                        {where["open311"]["root"]}
  Datos y bitácoras / Data and logs             {folder}

  Nada sale de esta computadora. Ctrl-C para terminar.
  Nothing leaves this computer. Ctrl-C to stop.
"""
