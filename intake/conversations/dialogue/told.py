"""What is known of a report, in the order in which it is asked, as people read it. Pure."""

from dataclasses import dataclass, replace

from intake.catalog.definitions import text_in
from intake.conversations.dialogue import questions
from intake.conversations.dialogue.state import DialogueState
from intake.conversations.dialogue.steps import DialogueContext
from intake.conversations.wording import say

SERVICE, PLACE = "service", "place"


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that was told. what: `SERVICE`, `PLACE` or the code of a question; name, value: as people read them."""

    what: str
    name: str
    value: str


def label(state: DialogueState, key: str) -> str:
    """A short word of ours, in their language."""
    return say(state.language, "labels", key)


def attached(state: DialogueState, context: DialogueContext) -> dict[str, object]:
    """What came with the message, as `{media}`: tu foto, tu audio, tu video, tu archivo."""
    kinds = {"photo": "photo", "voice": "audio", "audio": "audio", "video": "video"}
    return {"media": label(state, f"your_{kinds.get(context.media_kind, 'file')}")}


def items(state: DialogueState, context: DialogueContext) -> list[Item]:
    """What is known of the report, in the order in which it is asked."""
    draft = state.draft
    if draft is None:
        return []
    known: list[Item] = []
    service = context.services.get(draft.service_code or "")
    if service is not None:
        known.append(Item(SERVICE, label(state, "what"), text_in(service.name, state.language)))
    place = (draft.place.label if draft.place else None) or draft.place_words
    if place:
        known.append(Item(PLACE, label(state, "where"), place))
    for attribute in service.attributes if service else ():
        if attribute.code in draft.answers:
            assert service is not None
            line = questions.in_words(replace(service, attributes=(attribute,)), draft.answers, state.language)
            name, _, value = (line[0] if line else "").rpartition(": ")
            known.append(Item(attribute.code, name or attribute.code, value))
    return known


def in_words(known: list[Item]) -> str:
    """`Luz de la calle apagada. Dónde: Niebla y Sabinos. ¿Qué ocurre?: No enciende`, without a full stop."""
    return ". ".join(
        item.value if item.what == SERVICE else f"{item.name}: {item.value}".strip().rstrip(".") for item in known
    )
