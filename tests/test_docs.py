"""The documents keep up with the code: settings, channels, commands, links."""

import re
from pathlib import Path

import pytest
from pydantic import BaseModel
from typer.testing import CliRunner

from atiende.cli import app
from channels.registry import CHANNELS
from kernel.settings import Email, Secrets, Sms, Web
from tests.house import ROOT

DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(document: Path) -> None:
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", document.read_text())
    assert [link for link in links if not (document.parent / link).exists()] == []
    mentioned = re.findall(
        r"`((?:docs|atiende|kernel|intake|routing|georef|channels|agent_console|tests|cities)/[\w./-]+)`",
        document.read_text(),
    )
    assert [path for path in mentioned if not (ROOT / path).exists() and not list(ROOT.glob(path + "*"))] == []


@pytest.mark.parametrize(("group", "model"), [("secrets", Secrets), ("sms", Sms), ("email", Email)])
def test_deploy_names_every_setting_that_has_no_default(group: str, model: type[BaseModel]) -> None:
    text = (ROOT / "docs/deploy.md").read_text()
    for name, field in model.model_fields.items():
        if field.is_required():
            assert f"ATIENDE_{group.upper()}_{name.upper()}" in text or f"_{name.upper()}`" in text


def test_deploy_names_the_address_of_the_installation() -> None:
    assert [name for name, field in Web.model_fields.items() if field.is_required()] == ["public_base_url"]
    assert "ATIENDE_WEB_PUBLIC_BASE_URL" in (ROOT / "docs/deploy.md").read_text()


def test_every_channel_has_its_page() -> None:
    for name in CHANNELS:
        assert (ROOT / "docs/channels" / f"{name}.md").exists()


@pytest.mark.parametrize(
    "command",
    [
        "serve",
        "worker",
        "dispatcher",
        "migrate",
        "demo",
        "city",
        "layer",
        "where",
        "route",
        "replay",
        "open311",
        "import",
        "bench",
        "whatif",
    ],
)
def test_the_command_line_has_the_verbs_it_promises(command: str) -> None:
    assert CliRunner().invoke(app, [command, "--help"]).exit_code == 0


def test_the_commands_of_the_front_page_are_ones_the_demo_answers() -> None:
    text = (ROOT / "README.md").read_text()
    codes = re.findall(r"route --service (\w+)", text)
    assert codes
    for code in codes:
        assert list((ROOT / "cities/jacaranda/services").rglob(f"{code}.toml"))
    for verb in re.findall(r"^make ([\w-]+)", text, re.M):
        assert re.search(rf"^{verb}:", (ROOT / "Makefile").read_text(), re.M)


def test_secrets_stay_out_of_the_image_and_the_repository() -> None:
    for name in (".gitignore", ".dockerignore"):
        assert ".env" in (ROOT / name).read_text().split()


def test_the_repository_names_no_machine_and_no_download_address() -> None:
    for lock in ROOT.glob("*.lock"):
        assert "://" not in lock.read_text()
    assert "resolved" not in (ROOT / "package-lock.json").read_text()
