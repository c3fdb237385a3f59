"""Settings: what the environment means, and that whoever got one wrong is told which."""

import base64
from pathlib import Path

import pytest
from pydantic import ValidationError

from kernel.errors import MisconfiguredError
from kernel.settings import INSTALLATION_FILE, load_settings, load_storage_settings

KEY = base64.b64encode(b"k" * 32).decode()
WHOLE = {
    "ATIENDE_SECRETS_DATA_KEY": KEY,
    "ATIENDE_SECRETS_LOOKUP_KEY": KEY,
    "ATIENDE_SECRETS_SESSION_KEY": KEY,
    "ATIENDE_WEB_PUBLIC_BASE_URL": "https://311.city.example/#rc=3",
}
SMS = {
    "ATIENDE_SMS_ACCOUNT_SID": "AC1",
    "ATIENDE_SMS_AUTH_TOKEN": "a-very-secret-token",
    "ATIENDE_SMS_NUMBER": "+525500000311",
}


def test_the_environment_becomes_groups() -> None:
    settings = load_settings(WHOLE | SMS | {"DATABASE_URL": "postgresql://x", "ATIENDE_WEB_PORT": "8400"})
    assert settings.database_url == "postgresql://x"
    assert settings.web.port == 8400
    assert settings.web.public_base_url == "https://311.city.example"
    assert settings.secrets.data_key == b"k" * 32
    assert settings.sms is not None
    assert settings.sms.auth_token.get_secret_value() == "a-very-secret-token"


def test_whatsapp_uses_the_account_for_sms_unless_it_has_its_own() -> None:
    number = {"ATIENDE_WHATSAPP_NUMBER": "+525500000312"}
    shared = load_settings(WHOLE | SMS | number | {"ATIENDE_SMS_API_BASE_URL": "http://127.0.0.1:8312"}).whatsapp
    assert shared is not None
    assert (shared.account_sid, shared.number) == ("AC1", "+525500000312")
    assert shared.auth_token.get_secret_value() == "a-very-secret-token"
    assert shared.api_base_url == "http://127.0.0.1:8312"
    own = number | {"ATIENDE_WHATSAPP_ACCOUNT_SID": "AC2", "ATIENDE_WHATSAPP_AUTH_TOKEN": "another"}
    found = load_settings(WHOLE | SMS | own).whatsapp
    assert found is not None
    assert (found.account_sid, found.auth_token.get_secret_value()) == ("AC2", "another")
    with pytest.raises(MisconfiguredError, match="ATIENDE_WHATSAPP_AUTH_TOKEN: falta"):
        # Of two accounts, the token of one would be sent to the other.
        load_settings(WHOLE | SMS | number | {"ATIENDE_WHATSAPP_ACCOUNT_SID": "AC2"})
    assert load_settings(WHOLE | SMS).whatsapp is None


def test_no_sms_is_no_mistake_and_half_of_it_is() -> None:
    assert load_settings(WHOLE).sms is None
    half = {name: value for name, value in SMS.items() if "TOKEN" not in name}
    with pytest.raises(MisconfiguredError, match="ATIENDE_SMS_AUTH_TOKEN: falta"):
        load_settings(WHOLE | half)


@pytest.mark.parametrize("missing", WHOLE)
def test_each_missing_one_is_named_on_a_line_of_its_own(missing: str) -> None:
    with pytest.raises(MisconfiguredError) as raised:
        load_settings({name: value for name, value in WHOLE.items() if name != missing})
    assert str(raised.value) == f"{missing}: falta / is missing"


def test_nothing_at_all_names_all_that_is_needed() -> None:
    with pytest.raises(MisconfiguredError) as raised:
        load_settings({})
    assert [line.split(":")[0] for line in str(raised.value).splitlines()] == list(WHOLE)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ATIENDE_SECRETS_DATA_KEY", "not base64!"),
        ("ATIENDE_SECRETS_DATA_KEY", base64.b64encode(b"short").decode()),
        ("ATIENDE_SECRETS_DATA_KEY", base64.b64encode(b"k" * 33).decode()),
        ("ATIENDE_SECRETS_LOOKUP_KEY", base64.b64encode(b"k" * 15).decode()),
        ("ATIENDE_WEB_PORT", "eighty"),
        ("ATIENDE_WEB_PORT", "70000"),
        ("ATIENDE_WEB_COLOUR", "red"),
    ],
)
def test_a_wrong_one_is_named_and_never_quoted(name: str, value: str) -> None:
    with pytest.raises(MisconfiguredError) as raised:
        load_settings(WHOLE | {name: value})
    assert str(raised.value).startswith(f"{name}: ")
    assert value not in str(raised.value)


def test_an_empty_variable_is_an_absent_one() -> None:
    assert load_settings(WHOLE | {"REDIS_URL": "", "ATIENDE_WEB_PORT": ""}).redis_url is None


def test_the_installation_file_gives_way_to_the_environment(tmp_path: Path) -> None:
    lines = [f"{name}={value}" for name, value in WHOLE.items()]
    (tmp_path / INSTALLATION_FILE).write_text("\n".join(["# demo", "", *lines, "ATIENDE_WEB_PORT=1000", "no value"]))
    environ = {"ATIENDE_DATA": str(tmp_path)}
    assert load_settings(environ).web.port == 1000
    assert load_settings(environ | {"ATIENDE_WEB_PORT": "2000"}).web.port == 2000
    assert load_settings(environ).data == tmp_path.resolve()


def test_secrets_are_not_printed() -> None:
    settings = load_settings(WHOLE | SMS)
    assert "kkkk" not in repr(settings)
    assert "a-very-secret-token" not in repr(settings)
    with pytest.raises(ValidationError):
        settings.web.port = 1  # type: ignore[misc]  # frozen is what is tried


def test_commands_on_data_need_to_know_where_it_is_and_no_secret() -> None:
    assert load_storage_settings({"DATABASE_URL": "postgresql://x"}).database_url == "postgresql://x"
    with pytest.raises(MisconfiguredError, match="ATIENDE_DATA"):
        load_storage_settings({})


def test_a_channel_without_a_group_has_its_settings_too() -> None:
    given = WHOLE | {"ATIENDE_CHANNEL_PAGER_SECRET": "hush", "ATIENDE_CHANNEL_PAGER_API_URL": "http://pager.example"}
    settings = load_settings(given)
    assert settings.of_channel("pager", "secret", "api_url") == {"secret": "hush", "api_url": "http://pager.example"}
    assert settings.of_channel("pigeon", "loft") is None
    with pytest.raises(MisconfiguredError, match="ATIENDE_CHANNEL_PAGER_NUMBER: falta / is missing"):
        settings.of_channel("pager", "secret", "number")
    assert "hush" not in repr(settings)
