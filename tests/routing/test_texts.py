"""Every sentence of `georef` and `routing` can be said in English, with the same fields."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from kernel.i18n import _messages

ROOT = Path(__file__).resolve().parents[2]
SAYING = {"say", "InvalidInput", "NotFound"}


def sentences() -> Iterator[tuple[str, str]]:
    for package in ("georef", "routing"):
        for path in sorted((ROOT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if (
                    isinstance(node, ast.Call)
                    and isinstance(node.func, ast.Name)
                    and node.func.id in SAYING
                    and node.args
                ):
                    text = node.args[0]
                    if isinstance(text, ast.Constant) and isinstance(text.value, str):
                        yield f"{package}/{path.name}:{node.lineno}", text.value


def test_every_sentence_has_its_translation() -> None:
    fields = re.compile(r"{\w+}")
    english = {(where, text): _messages("en").get(text) or "" for where, text in sentences()}
    assert [where for where, said in english.items() if not said] == []
    assert [
        where for where, said in english.items() if set(fields.findall(where[1])) != set(fields.findall(said))
    ] == []


def test_there_are_sentences() -> None:
    assert len(list(sentences())) > 40
