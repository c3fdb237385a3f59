"""Every Spanish text of the console, found in its templates and its code."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from jinja2 import Environment, nodes

from agent_console import attachments, message_entries, presentation, timeline, views
from agent_console.pages.api_keys import rows as api_keys
from agent_console.pages.calls import rows as calls
from agent_console.pages.conversations import proofs_shown, templating
from agent_console.pages.conversations import views as inbox_views
from agent_console.pages.desk import beside, call_shown, called_back
from agent_console.pages.desk import lines as desk_lines
from agent_console.pages.desk import shown as desk
from agent_console.pages.incidents import page as incident_pages
from agent_console.pages.incidents import rows as incidents
from agent_console.pages.incidents import typed as incident_forms
from agent_console.pages.payloads import rows as payloads
from agent_console.pages.public_text import texts as public_texts
from agent_console.pages.queue import chips
from agent_console.pages.service_request import clocks
from agent_console.pages.webhooks import rows as webhooks

ROOT = Path(__file__).resolve().parents[2] / "agent_console"
_ERRORS = {"AtiendeError", "InvalidInput", "NotSignedIn", "Forbidden", "NotFound", "Conflict", "TooMany", "Unavailable"}


def in_templates() -> Iterator[str]:
    """First argument of `_("…")`, first two after the language of `plural("…", "…", n)`."""
    environment = Environment()  # only parsed, never rendered
    for path in ROOT.rglob("*.html"):
        tree = environment.parse(path.read_text())
        for call in tree.find_all(nodes.Call):
            if isinstance(call.node, nodes.Name) and call.node.name in ("_", "plural"):
                for argument in call.args[: 1 if call.node.name == "_" else 2]:
                    yield from _constants(argument)


def _constants(node: nodes.Node) -> Iterator[str]:
    if isinstance(node, nodes.Const):
        yield str(node.value)
    for child in node.find_all(nodes.Const):
        if isinstance(child.value, str):
            yield child.value


def in_code() -> Iterator[str]:
    """Texts given to `translate` and to errors, and texts named `problem`."""
    for path in ROOT.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Assign) and any(
                isinstance(t, ast.Name) and t.id == "problem" for t in node.targets
            ):
                yield from _strings(node.value)
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
                continue
            if node.func.id == "translate":
                yield from _strings(node.args[1])
            elif node.func.id in _ERRORS and node.args:
                yield from _strings(node.args[0])
            yield from (text for word in node.keywords if word.arg == "problem" for text in _strings(word.value))


def _strings(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.IfExp):
        yield from _strings(node.body)
        yield from _strings(node.orelse)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value:
        yield node.value


def in_tables() -> Iterator[str]:
    """Texts that code looks up by a key."""
    yield from (word for word, _ in presentation.CHANNELS.values())
    yield from (word for word, _ in timeline.AUDIENCES.values())
    yield from message_entries.DELIVERY.values()
    yield from timeline.FILED.values()
    yield from inbox_views.TEXTS
    yield from proofs_shown.ENDS.values()
    yield from beside.WORDS.values()
    yield from (*desk_lines.DAYS.values(), *desk_lines.NOW.values())
    yield from (*call_shown.STAGES.values(), *call_shown.BUSY.values())
    yield from called_back.OUTCOMES.values()
    yield from templating.NAMES.values()
    yield from (word for word, _, _ in payloads.STATES.values())
    yield from payloads.DONE.values()
    yield from timeline.ACTORS.values()
    yield from (*desk.BREAKS.values(), *desk.REASONS.values(), *desk.THEIRS.values())
    yield from (word for word, _, _ in desk.STATES.values())
    yield from timeline.PHOTOS.values()
    yield from (*timeline.DUPLICATES.values(), *timeline.MOVED.values())
    yield from (*attachments.KINDS.values(), *attachments.REASONS.values(), attachments.NOT_HAD)
    yield from clocks.UNITS.values()
    yield from (name for _, name, _, _ in views.PRESETS)
    yield from api_keys.SCOPES.values()
    yield from (*public_texts.KINDS.values(), *public_texts.REASONS.values())
    yield from (word for word, _, _ in api_keys.STATES.values())
    yield from webhooks.TYPES.values()
    yield from (word for word, _, _ in webhooks.STATES.values())
    yield from webhooks.ERRORS.values()
    yield from incident_forms.KINDS.values()
    yield from (word for word, _, _ in calls.STATES.values())
    yield from (*calls.SAID.values(), *calls.WHY.values(), *calls.PROOF.values())
    yield from (word for word, _, _ in incidents.STATES.values())
    tables = (
        incidents.HAPPENED,
        incidents.TROUBLES,
        incidents.PURPOSES,
        incidents.REASONS,
        incidents.CALLERS,
        incidents.NOTES,
    )
    for words in (*tables, incidents.UNTOLD, incident_pages.LAST_WORDS):
        yield from words.values()
    for table in (chips.STATUS_TEXTS, chips.DUE_TEXTS, chips.PLACE_TEXTS, chips.ORDER_TEXTS):
        yield from table.values()


@cache
def all_texts() -> frozenset[str]:
    return frozenset({*in_templates(), *in_code(), *in_tables()})
