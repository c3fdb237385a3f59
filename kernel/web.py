"""What every handler may ask for: the settings of the process and the language of the reader."""

from typing import Annotated

from fastapi import Depends, Request

from kernel.i18n import LANGUAGES, best_language
from kernel.settings import Settings

LANGUAGE_COOKIE = "lang"


def _settings(http_request: Request) -> Settings:
    settings: Settings = http_request.app.state.settings
    return settings


def _language(http_request: Request) -> str:
    chosen = http_request.query_params.get("lang") or http_request.cookies.get(LANGUAGE_COOKIE)
    return chosen if chosen in LANGUAGES else best_language(http_request.headers.get("accept-language"))


SettingsDep = Annotated[Settings, Depends(_settings)]
LanguageDep = Annotated[str, Depends(_language)]
