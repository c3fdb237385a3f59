import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house import PACKAGES, ROOT, all_breaches, breaches_in


def test_the_house_rules_hold() -> None:
    assert all_breaches() == []


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("intake/long.py", "x = 1\n" * 501),
        ("tests/intake/test_long.py", "x = 1\n" * 501),
        ("intake/utils.py", ""),
        ("intake/actions.py", "async def submit(session): ...\n"),
        ("intake/actions.py", "def submit(session):\n    session.commit()\n"),
        ("kernel/relay.py", "def claim(engine):\n    with engine.begin() as connection: ...\n"),
        ("georef/readers.py", "import geopandas as gpd\n"),
        ("channels/sms.py", "from twilio.rest import Client\n"),
        ("channels/app/x.py", "from fastapi import APIRouter, Form\n"),
        ("kernel/x.py", "x = 1  # type: ignore\n"),
        ("kernel/x.py", "try:\n    x = 1\nexcept Exception:\n    pass\n"),
    ],
)
def test_each_rule_catches_what_it_is_for(path: str, text: str) -> None:
    assert breaches_in(path, text)


def test_the_packages_are_ours() -> None:
    """PyPI has a `channels` and an `intake`; neither may shadow our folders."""
    for package in PACKAGES:
        module = __import__(package)
        assert module.__file__ is not None
        assert Path(module.__file__).parent == ROOT / package


def test_starting_the_web_process_imports_nothing_slow() -> None:
    code = "import sys, json, atiende.app; print(json.dumps(sorted(sys.modules)))"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    loaded = set(json.loads(answer.stdout))
    assert loaded.isdisjoint({"geopandas", "pandas", "pyogrio", "telegram.ext", "twilio.rest", "alembic", "rq"})


def test_no_half_of_a_merge_was_left_in_a_file() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.split(b"\0")
    marks = (b"<<<<<<< ", b">>>>>>> ")
    torn = [
        name.decode()
        for name in listed
        if name and (ROOT / name.decode()).is_file()
        if any(line.startswith(marks) for line in (ROOT / name.decode()).read_bytes().splitlines())
    ]
    assert torn == []
