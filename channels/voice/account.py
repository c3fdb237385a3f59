"""Whose calls they are: the Twilio account of the installation, the same that sends its text messages."""

from threading import Lock

from channels.twilio_api.account import Account
from kernel.errors import Unavailable
from kernel.settings import Settings

NAME = "voice"
_lock = Lock()
_made: list[tuple[Settings, Account]] = []


def account_of(settings: Settings) -> Account:
    """One for each installation, kept while the process lives. Raises Unavailable in an installation without an account."""
    if settings.sms is None:
        raise Unavailable("El canal {name} no está conectado en esta instalación.", name=NAME)
    with _lock:
        for known, account in _made:
            if known is settings:
                return account
        made = Account(NAME, settings.sms, settings.web.public_base_url)
        _made[:] = [*_made[-3:], (settings, made)]
        return made
