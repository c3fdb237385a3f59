"""How a message with answers to press looks on Telegram. Pure: what it gives is the Bot API's own JSON.

Buttons carry `Choice.value` and come back with it. Labels too long for a phone's width are written out in the text instead,
and the buttons carry their numbers.
"""

from collections.abc import Sequence
from typing import Any

from channels.values import OutboundMessage
from intake.conversations.values import Choice
from kernel.i18n import translate

MAX_UNITS = 4096  # UTF-16 code units
_MAX_VALUE_BYTES = 64
_MAX_BUTTONS = 40
_WIDE, _NARROW = 34, 14
_IN_A_ROW = 6


def units(text: str) -> int:
    """What Telegram counts: UTF-16 code units."""
    return len(text.encode("utf-16-le")) // 2


def written(message: OutboundMessage) -> tuple[str, dict[str, Any] | None]:
    """The text and the `reply_markup`; None: none."""
    choices = message.choices
    if choices and _fit(choices):
        if all(len(choice.label) <= _WIDE for choice in choices):
            return message.prompt or message.body, {"inline_keyboard": _rows(choices)}
        numbered = [Choice(choice.value, str(number)) for number, choice in enumerate(choices, start=1)]
        return message.body, {"inline_keyboard": _rows(numbered)}
    if message.asks_place:
        button = {"text": translate(message.language, "Compartir mi ubicación"), "request_location": True}
        keyboard = {"keyboard": [[button]], "resize_keyboard": True, "one_time_keyboard": True}
        return message.body, keyboard
    return message.body, {"remove_keyboard": True}


def _fit(choices: Sequence[Choice]) -> bool:
    values = [choice.value.encode() for choice in choices]
    return len(values) <= _MAX_BUTTONS and all(1 <= len(value) <= _MAX_VALUE_BYTES for value in values)


def _rows(choices: Sequence[Choice]) -> list[list[dict[str, str]]]:
    buttons = [{"text": choice.label, "callback_data": choice.value} for choice in choices]
    if all(len(choice.label) <= 2 for choice in choices):
        return [buttons[start : start + _IN_A_ROW] for start in range(0, len(buttons), _IN_A_ROW)]
    if len(choices) == 2 and all(len(choice.label) <= _NARROW for choice in choices):
        return [buttons]
    return [[button] for button in buttons]
