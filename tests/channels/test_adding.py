"""The example of docs/channels/adding.md, added to a copy of the program as the page says, passes what every channel must."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "channels" / "adding.md"
_PACKAGES = ("atiende", "agent_console", "channels", "intake", "routing", "georef", "kernel", "tests", "docs", "cities")


def blocks() -> dict[str, str]:
    """What stands under each heading of the example, by the heading."""
    found = re.findall(r"^### (.+?)\n+```\w+\n(.*?)^```", PAGE.read_text(), re.S | re.M)
    return {heading.strip("`"): text for heading, text in found}


def copy_of_the_program(to: Path) -> None:
    for name in _PACKAGES:
        shutil.copytree(ROOT / name, to / name, ignore=shutil.ignore_patterns("__pycache__", "vendor", "images"))
    shutil.copy(ROOT / "pyproject.toml", to / "pyproject.toml")


def test_the_example_of_the_page_is_a_channel(tmp_path: Path) -> None:
    copy_of_the_program(tmp_path)
    example = blocks()
    folder = tmp_path / "channels" / "pager"
    (folder / "samples").mkdir(parents=True)
    (folder / "__init__.py").write_text('"""The example."""\n')
    for name in [name for name in example if name.endswith((".py", ".json"))]:
        (folder / name).write_text(example[name])
    (tmp_path / "docs" / "channels" / "pager.md").write_text("# Pagers\n\n" + "What its provider asks for. " * 30)
    registry = tmp_path / "channels" / "registry.py"
    lines = registry.read_text().replace(
        "CHANNELS: dict[str, Callable[[Settings], Channel | None]] = {\n",
        f"CHANNELS: dict[str, Callable[[Settings], Channel | None]] = {{\n{example['The line']}",
    )
    registry.write_text("from channels.pager.adapter import PagerChannel\n" + lines)

    suite = ["-m", "pytest", "-p", "no:xdist", "-k", "pager", "tests/channels/test_contract.py"]
    done = subprocess.run([sys.executable, *suite], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed
    assert int(passed[1]) >= 12
