"""Asking that another address count as theirs too, and typing the code that was sent there. Pure."""

import re
from dataclasses import replace

from intake.conversations.dialogue import words
from intake.conversations.dialogue.state import DialogueState
from intake.conversations.dialogue.steps import AskCode, DialogueContext, Step, Text, TypeCode
from intake.conversations.dialogue.words import plain
from intake.people import proving

_EMAIL = re.compile(r"[^\s@,;<>()]+@[^\s@,;<>()]+\.[^\s@,;<>().]+")
_PHONE = re.compile(r"\+?\d(?:[\s\-.()]{0,3}\d){7,14}")
# `codigo 123 456`, `mi código es 123456`.
_CODE = re.compile(r"(\D*?)\s*[:#]?\s*((?:\d[\s\-.]*){6})[.!]?")
_OVER = {"expired": "code_expired", "used_up": "code_used_up", "elsewhere": "code_elsewhere", "proved": "code_known"}


def answer(state: DialogueState, text: str, said: str, context: DialogueContext) -> Step | None:
    """The answer to whoever asks for a code or types one; None for everything else, and always where there may be danger."""
    if words.is_emergency(said):
        return None
    if step := at_code(state, text, context):
        return step
    asked = _asked(text, is_awaited=state.step == "link")
    if asked is not None:
        resting = replace(state, step="idle") if state.step == "link" else state
        return Step(resting, (), asked)
    if said in words.LINK:
        # In the middle of a report its own question stands: the address goes with the word.
        awaits = state if state.draft is not None else replace(state.idle(), step="link")
        return Step(awaits, (Text("link_which"),))
    if state.step == "link" and (said in words.CANCEL or said in words.FORGET or said in words.NO):
        return Step(state.idle(), (Text("link_dropped"),))
    return None


def at_code(state: DialogueState, text: str, context: DialogueContext) -> Step | None:
    """The answer to six digits, where there is or was a code that they may be."""
    digits = typed(text, needs_word=state.step == "question")
    if digits is None or not context.code:
        return None
    if context.code == "open":
        return Step(state, (), TypeCode(digits))
    return Step(state, (Text(_OVER[context.code]),))


def typed(text: str, *, needs_word: bool = False) -> str | None:
    """The code that a whole message is. needs_word: digits alone answer something else."""
    found = _CODE.fullmatch(text.strip())
    if found is None:
        return None
    before = set(plain(found[1]).split())
    if not before <= words.AROUND_A_CODE or (needs_word and not before & words.CODE):
        return None
    return proving.read(found[2])


def _asked(text: str, *, is_awaited: bool) -> AskCode | None:
    found = _EMAIL.search(text) or _PHONE.search(text)
    if found is None:
        return None
    around = set(plain(f"{text[: found.start()]} {text[found.end() :]}").split())
    asks = around & words.LINK_VERBS or (is_awaited and around <= words.AROUND_AN_ADDRESS)
    if not asks or not around <= words.LINK_VERBS | words.AROUND_AN_ADDRESS:
        return None
    kind = "email" if "@" in found[0] else "whatsapp" if around & words.WHATSAPP else "phone"
    return AskCode(kind, found[0].strip(" .,;"))
