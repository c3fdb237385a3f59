"""House rules that no general tool knows. `python -m tests.house` prints every breach and exits 1 if there is one.

Each rule reads one file's text and syntax tree and yields (line, what is wrong). tests/test_house.py shows each one failing.
"""

import ast
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("atiende", "agent_console", "channels", "intake", "routing", "georef", "kernel")
MAX_LINES = 500

# `async def` never touches the database: live streams, dependencies that read a raw body, what starts and ends with an app,
# what hands a call on.
ASYNC_FILES = {
    "agent_console/live.py",
    "channels/web_chat/live.py",
    "kernel/live.py",
    "kernel/bodies.py",
    "intake/open311/edge.py",
    "kernel/web.py",
    "atiende/app.py",
    "channels/standin/app.py",
    "channels/standin/voice/live.py",
    "channels/standin/mail/smtp.py",
}
# Slow to import (measured 0.5 to 1.3 s): only inside the function that needs them.
SLOW_MODULES = ("geopandas", "pandas", "pyogrio", "telegram", "twilio.rest", "alembic")
FORBIDDEN_FILE_NAMES = {"utils.py", "helpers.py", "common.py", "misc.py"}

Breach = tuple[int, str]


def file_length(path: str, text: str, tree: ast.Module) -> Iterator[Breach]:
    lines = text.count("\n")
    if lines > MAX_LINES:
        yield MAX_LINES, f"{lines} lines; {MAX_LINES} is the limit"


def file_name(path: str, text: str, tree: ast.Module) -> Iterator[Breach]:
    if Path(path).name in FORBIDDEN_FILE_NAMES:
        yield 1, "a file is named after what it holds, not `utils`"


def async_def(path: str, text: str, tree: ast.Module) -> Iterator[Breach]:
    if path in ASYNC_FILES:
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.AsyncFunctionDef):
            yield node.lineno, f"async def {node.name}: a sync session inside it was measured ten times slower"


def commits(path: str, text: str, tree: ast.Module) -> Iterator[Breach]:
    """Only `kernel/db.py` begins and commits; the connection of `atiende migrate` commits its own DDL."""
    if path in ("kernel/db.py", "atiende/migrate.py"):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "commit":
            owner = ast.unparse(node.func.value)
            if "session" in owner:
                yield node.lineno, f"{owner}.commit(): the transaction is opened and committed in kernel.db"
        # Without arguments: what an engine, a connection and a session have.
        if isinstance(node, ast.Call) and ast.unparse(node).endswith(".begin()"):
            yield node.lineno, f"{ast.unparse(node)}: use kernel.db.transaction or core_transaction"


def slow_imports(path: str, text: str, tree: ast.Module) -> Iterator[Breach]:
    for node in tree.body:
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module]
        for name in names:
            if any(name == slow or name.startswith(slow + ".") for slow in SLOW_MODULES):
                yield node.lineno, f"import {name} inside the function that needs it"


def fastapi_forms(path: str, text: str, tree: ast.Module) -> Iterator[Breach]:
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module == "fastapi":
            for alias in node.names:
                if alias.name in ("Form", "File", "UploadFile"):
                    yield node.lineno, f"{alias.name} takes a body of any size: use kernel.bodies.FormDep"


def bare_ignores(path: str, text: str, tree: ast.Module) -> Iterator[Breach]:
    for number, line in enumerate(text.splitlines(), start=1):
        if "# type: ignore" in line and "  # " not in line.split("# type: ignore", 1)[1]:
            yield number, "a `type: ignore` carries its reason after it"


def swallowed(path: str, text: str, tree: ast.Module) -> Iterator[Breach]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler):
            catches_all = node.type is None or (
                isinstance(node.type, ast.Name) and node.type.id in ("Exception", "BaseException")
            )
            if catches_all and all(isinstance(statement, ast.Pass) for statement in node.body):
                yield node.lineno, "an error is swallowed: catch what can be named, and say what follows"


RULES: tuple[Callable[[str, str, ast.Module], Iterator[Breach]], ...] = (
    file_length,
    file_name,
    async_def,
    commits,
    slow_imports,
    fastapi_forms,
    bare_ignores,
    swallowed,
)


# What holds for tests too: they commit, and wait, and import as they need.
RULES_OF_TESTS = (file_length, file_name)


def breaches_in(path: str, text: str) -> list[str]:
    """Every breach in one file, as `path:line: what`."""
    tree = ast.parse(text)
    rules = RULES_OF_TESTS if path.startswith("tests/") else RULES
    return [f"{path}:{line}: {what}" for rule in rules for line, what in rule(path, text, tree)]


def all_breaches() -> list[str]:
    """Every breach in the product's own packages and their tests."""
    found: list[str] = []
    for package in (*PACKAGES, "tests"):
        for file in sorted((ROOT / package).rglob("*.py")):
            path = file.relative_to(ROOT).as_posix()
            if "/migrations/" not in path:
                found += breaches_in(path, file.read_text())
    return found


if __name__ == "__main__":
    problems = all_breaches()
    sys.stdout.write("".join(f"{problem}\n" for problem in problems))
    sys.exit(bool(problems))
