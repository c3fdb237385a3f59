"""Every Spanish text that a reader may see has its English one, with the same fields."""

import ast
import re
from collections.abc import Iterator

import pytest
from babel.messages.pofile import read_po
from jinja2 import Environment, nodes

from kernel.i18n import catalog_files
from tests.house import PACKAGES, ROOT

_FIELD = re.compile(r"\{(\w+)\}")
# Calls whose first plain string is a text for readers: errors, and translations named in code.
_ERRORS = {
    "InvalidInput",
    "InvalidAnswer",
    "NotSignedIn",
    "Forbidden",
    "ForgedWebhook",
    "NotFound",
    "Conflict",
    "TooLarge",
    "TooMany",
    "Unavailable",
    "MisconfiguredError",
    "NotAPhoto",
    "Unkept",
}
# Other calls that take such a text, and at which place.
_TEXT_AT = {"translate": 1, "_error": 2, "Finding": 3, "Broken": 0, "Rejected": 2, "_no_date": 2}


def _translations() -> dict[str, str]:
    found: dict[str, str] = {}
    for path in catalog_files("en"):
        with path.open("rb") as file:
            for message in read_po(file, locale="en"):
                if message.id:
                    found[str(message.id)] = str(message.string)
    return found


def _strings(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from _strings(node.body)
        yield from _strings(node.orelse)


def texts_in_code() -> dict[str, str]:
    """msgid -> where it stands."""
    found: dict[str, str] = {}
    for package in PACKAGES:
        for file in sorted((ROOT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(file.read_text())):
                if not isinstance(node, ast.Call) or not node.args:
                    continue
                name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                says = name == "text" and ast.unparse(node.func) == "step.text"  # not SQL, not a field of a file
                position = 0 if name in _ERRORS or says else _TEXT_AT.get(name)
                if position is None or len(node.args) <= position:
                    continue
                for text in _strings(node.args[position]):
                    found[text] = f"{file.relative_to(ROOT)}:{node.lineno}"
    return found


def texts_in_templates() -> dict[str, str]:
    found: dict[str, str] = {}
    environment = Environment(trim_blocks=True, autoescape=True)
    for package in PACKAGES:
        for file in sorted((ROOT / package).rglob("*.html")):
            for call in environment.parse(file.read_text()).find_all(nodes.Call):
                if isinstance(call.node, nodes.Name) and call.node.name == "_" and call.args:
                    for constant in [call.args[0], *call.args[0].find_all(nodes.Const)]:
                        if isinstance(constant, nodes.Const) and isinstance(constant.value, str):
                            found[constant.value] = str(file.relative_to(ROOT))
    return found


def test_every_text_has_its_english() -> None:
    known = _translations()
    wanted = texts_in_code() | texts_in_templates()
    assert len(wanted) > 150
    # Messages to whoever runs the machine hold both languages in one line.
    missing = {
        text: place
        for text, place in wanted.items()
        if text not in known
        and text != "{problems}"
        and " / " not in text
        and not text.isupper()
        and "SELECT" not in text
    }
    assert missing == {}


def test_translations_keep_the_fields_of_their_source() -> None:
    wrong = {
        text: english
        for text, english in _translations().items()
        if set(_FIELD.findall(text)) != set(_FIELD.findall(english))
    }
    assert wrong == {}


@pytest.mark.parametrize("path", [str(path.relative_to(ROOT)) for path in catalog_files("en")])
def test_no_translation_is_empty(path: str) -> None:
    with (ROOT / path).open("rb") as file:
        assert [message.id for message in read_po(file, locale="en") if message.id and not message.string] == []
