"""Every sentence and every detail has its English, with the same fields."""

import ast
import re
from collections.abc import Iterator

from atiende.open311_check.register import RULES
from kernel.i18n import translate
from tests.house import ROOT

_FIELD = re.compile(r"\{(\w+)\}")
_DETAILS = {"failed": 0, "not_applicable": 0, "not_tried": 0}


def _strings(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from _strings(node.body)
        yield from _strings(node.orelse)


def _details() -> set[str]:
    found = set()
    for file in (ROOT / "atiende/open311_check").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            position = _DETAILS.get(getattr(node.func, "id", "")) if isinstance(node, ast.Call) else None
            if position is not None and node.args:  # type: ignore[attr-defined]  # a Call
                found |= set(_strings(node.args[position]))  # type: ignore[attr-defined]  # a Call
    return found


def test_every_sentence_and_detail_has_its_english() -> None:
    details = _details()
    assert len(details) > 80
    for text in {rule.sentence for rule in RULES} | details:
        english = translate("en", text)
        # Names and values alone are the same in both languages.
        is_neutral = not re.search(r"[a-záéíóúñ]{3,} [a-záéíóúñ]{2,}", _FIELD.sub("", text))
        assert english != text or is_neutral, text
        assert set(_FIELD.findall(english)) == set(_FIELD.findall(text)), text
