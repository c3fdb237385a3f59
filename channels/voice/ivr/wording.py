"""What the machine says besides the texts of the dialogue: sections `machine` and `labels` of the texts for voice. Pure."""

from intake.conversations.values import VOICE
from intake.conversations.wording import Own, texts_of_channel

_NONE: Own = {}


def say(language: str, key: str, own: Own = _NONE, **params: object) -> str:
    """The text with its fields filled, in the city's own words where there are some. Raises KeyError for a key no file has."""
    default = texts_of_channel(VOICE, language)[f"machine.{key}"]
    return own.get(f"machine.{key}", default).format(**params)


def part(language: str, key: str, **params: object) -> str:
    """A part of other texts."""
    return texts_of_channel(VOICE, language)[f"labels.{key}"].format(**params)
