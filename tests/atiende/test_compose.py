"""compose.yaml cannot be run where there is no container engine: this checks everything about it that can be checked."""

import base64
import re
import shutil
import subprocess
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from atiende import keeper
from atiende.cli import app
from kernel.settings import load_settings
from tests.house import ROOT

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
OURS = ("migrate", "web", "worker")

KEY = base64.b64encode(b"k" * 32).decode()
FILLED = {
    "POSTGRES_PASSWORD": "p",
    "ATIENDE_SECRETS_DATA_KEY": KEY,
    "ATIENDE_SECRETS_LOOKUP_KEY": KEY,
    "ATIENDE_SECRETS_SESSION_KEY": KEY,
    "ATIENDE_WEB_PUBLIC_BASE_URL": "https://311.example",
}


def interpolated(text: str, values: dict[str, str]) -> str:
    """As compose does it: `${NAME}`, `${NAME:-default}`, `${NAME:?message}`."""

    def fill(match: re.Match[str]) -> str:
        name, operator, rest = match[1], match[2], match[3]
        if values.get(name):
            return values[name]
        assert operator != ":?", f"{name} has no default: {rest}"
        return rest or ""

    return re.sub(r"\$\{(\w+)(?:(:-|:\?)([^}]*))?\}", fill, text)


def environment_of(service: str, **extra: str) -> dict[str, str]:
    return {name: interpolated(str(value), FILLED | extra) for name, value in SERVICES[service]["environment"].items()}


def test_the_four_parts_are_there() -> None:
    assert {"web", "worker", "postgres", "valkey"} <= set(SERVICES)


def test_a_worker_has_the_time_it_gives_its_jobs_to_finish() -> None:
    given = SERVICES["worker"]["stop_grace_period"]
    assert 30 < keeper.STOP_S < int(given.removesuffix("s")) - 5


@pytest.mark.parametrize("service", OURS)
def test_every_command_is_one_the_program_has(service: str) -> None:
    program, verb, *options = SERVICES[service]["command"]
    assert program == "atiende"
    answer = CliRunner().invoke(app, [verb, "--help"])
    assert answer.exit_code == 0
    for option in options:
        if option.startswith("--"):
            assert option in answer.output


@pytest.mark.parametrize("service", OURS)
def test_its_environment_is_one_the_settings_take(service: str) -> None:
    without_sms = load_settings(environment_of(service))
    assert without_sms.sms is None
    sms = {"ATIENDE_SMS_ACCOUNT_SID": "AC1", "ATIENDE_SMS_AUTH_TOKEN": "t", "ATIENDE_SMS_NUMBER": "+525500000311"}
    with_sms = load_settings(environment_of(service, **sms))
    assert with_sms.sms is not None
    assert with_sms.sms.next_auth_token is None


def test_secrets_have_no_defaults() -> None:
    text = (ROOT / "compose.yaml").read_text()
    for name, operator in re.findall(r"\$\{(\w*(?:KEY|PASSWORD|TOKEN))(:-[^}]+)?", text):
        assert not operator or operator == ":-", name


def test_only_the_web_process_is_reachable_and_only_from_this_machine() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert published == {"web": ["127.0.0.1:8311:8311"]}


def test_what_it_waits_for_exists_and_can_be_healthy() -> None:
    for service in SERVICES.values():
        for name, condition in service.get("depends_on", {}).items():
            if condition["condition"] == "service_healthy":
                assert "healthcheck" in SERVICES[name]
    for service in SERVICES.values():
        for volume in service.get("volumes", []):
            assert volume.split(":")[0] in COMPOSE["volumes"]


def test_the_schema_accepts_it(tmp_path: Any) -> None:
    command = shutil.which("docker-compose")
    if command is None:
        pytest.skip(
            "needs docker-compose, which checks a file without an engine (Debian: apt-get install docker-compose)"
        )
    settings = tmp_path / "env"
    settings.write_text("".join(f"{name}={value}\n" for name, value in FILLED.items()))
    answer = subprocess.run(
        [command, "--env-file", settings, "-f", ROOT / "compose.yaml", "config", "--quiet"],
        capture_output=True,
        text=True,
    )
    assert answer.returncode == 0, answer.stderr
