"""A report without a word: which service from a list, which corner by the first letters of two streets."""

from channels.voice.ivr import keypad, telling, wording
from channels.voice.ivr.turn import Turn
from channels.voice.ivr.values import Ask, Heard, Page, Said
from intake.catalog import queries as catalog
from intake.catalog.definitions import text_in
from intake.conversations.dialogue.report import PICKED

# Nine keys, less the one for more.
_PAGE = 7
_MORE = "9"
_SPELL = Ask(digits=None, timeout_s=15)
_CHOOSE = Ask(digits=1, timeout_s=8)
_MOST_STREETS = 14


def services(turn: Turn, group: str | None = None) -> Page:
    """Every service, by groups where they are many."""
    known = catalog.catalog(turn.session, turn.call.jurisdiction_id).services
    inside = [service for service in known if group in (None, service.group_code)]
    groups = {service.group_code: text_in(service.group_name, turn.language) for service in inside}
    if group is None and len(inside) > _PAGE and len(groups) > 1:
        turn.script.options = [[name, f"group.{code}"] for code, name in groups.items()]
        return _listed(turn, "services", turn.say("which_group"))
    turn.script.options = [[text_in(service.name, turn.language), f"{PICKED}.{service.code}"] for service in inside]
    return _listed(turn, "services", turn.say("which_service"))


def service_chosen(turn: Turn, heard: Heard) -> Page:
    picked = _picked(turn, heard)
    if isinstance(picked, Page):
        return picked
    label, value = picked
    kind, _, code = value.partition(".")
    return services(turn, code) if kind == "group" else telling.heard_words(turn, label, value)


def street(turn: Turn, *before: Said) -> Page:
    """The first letters of one street of the corner."""
    turn.script.street = ""
    return turn.ask((*before, turn.say("spell_first")), stage="street", ask=_SPELL)


def street_spelt(turn: Turn, heard: Heard) -> Page:
    if heard.how == "speech":
        return telling.heard_words(turn, heard.text)
    found = keypad.beginning(_letters(heard), keypad.streets_of(turn.gazetteer))
    return _which(turn, found, "streets") or telling.missed(turn, "spell_none")


def street_chosen(turn: Turn, heard: Heard) -> Page:
    picked = _picked(turn, heard)
    if isinstance(picked, Page):
        return picked
    return cross(turn, picked[1]) if picked[1] else street(turn)


def cross(turn: Turn, first: str, *before: Said) -> Page:
    """The other street, or the number of the house."""
    turn.script.street = first
    return turn.ask((*before, turn.say("spell_second", street=first)), stage="cross", ask=_SPELL)


def cross_spelt(turn: Turn, heard: Heard) -> Page:
    """Only streets that cross the first one, where the map knows which these are."""
    first = turn.script.street
    if heard.how == "speech":
        return telling.heard_words(turn, f"{first} {heard.text}")
    if heard.text.startswith("*"):
        number = "".join(key for key in heard.text if key.isdigit())[:6]
        return telling.heard_words(turn, f"{first} {number}".strip())
    streets = keypad.streets_of(turn.gazetteer)
    others = keypad.crossings_of(turn.gazetteer).get(first)
    found = keypad.beginning(_letters(heard), streets, others or None)
    found = [name for name in found if name != first]
    return _which(turn, found, "crosses") or telling.missed(turn, "spell_none")


def cross_chosen(turn: Turn, heard: Heard) -> Page:
    picked = _picked(turn, heard)
    if isinstance(picked, Page):
        return picked
    first = turn.script.street
    return _corner(turn, first, picked[1]) if picked[1] else cross(turn, first)


def _which(turn: Turn, found: list[str], stage: str) -> Page | None:
    """The one that was meant at once, a list of several, or None."""
    if not found:
        return None
    turn.script.misses = 0
    if len(found) == 1:
        return cross(turn, found[0]) if stage == "streets" else _corner(turn, turn.script.street, found[0])
    turn.script.options = [[name, name] for name in found[:_MOST_STREETS]]
    turn.script.options.append([wording.part(turn.language, "other_street"), ""])
    return _listed(turn, stage, turn.say("which_street"))


def _corner(turn: Turn, first: str, second: str) -> Page:
    return telling.heard_words(turn, keypad.corner_words(first, second))


def _listed(turn: Turn, stage: str, question: Said, offset: int = 0) -> Page:
    script = turn.script
    script.offset = offset
    shown = script.options[offset : offset + _PAGE]
    says = [question, *turn.options([label for label, _ in shown])]
    if len(script.options) > _PAGE:
        says.append(turn.say("more"))
    return turn.ask(says, stage=stage, ask=_CHOOSE)


def _picked(turn: Turn, heard: Heard) -> tuple[str, str] | Page:
    """The option that a key stands for; a page where it stands for none, or where something was said."""
    script = turn.script
    if heard.how == "speech":
        return telling.heard_words(turn, heard.text)
    if heard.text == _MORE and len(script.options) > _PAGE:
        script.misses = 0
        after = script.offset + _PAGE
        question = {"services": "which_service"}.get(script.stage, "which_street")
        return _listed(turn, script.stage, turn.say(question), after if after < len(script.options) else 0)
    at = script.offset + int(heard.text) - 1 if heard.text in tuple("12345678") else -1
    if not script.offset <= at < min(script.offset + _PAGE, len(script.options)):
        return telling.missed(turn, "not_understood")
    script.misses = 0
    label, value = script.options[at]
    return label, value


def _letters(heard: Heard) -> str:
    return "".join(key for key in heard.text if key.isdigit())
