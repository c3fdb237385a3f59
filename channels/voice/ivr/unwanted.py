"""Messages that a caller does not want: said alone, or with anything else, at any moment of the call."""

from collections.abc import Iterable
from dataclasses import replace

from channels.voice.ivr.turn import Turn
from channels.voice.ivr.values import Page, Said
from intake.calls.turns import state_of
from intake.conversations.dialogue import words
from intake.conversations.dialogue.next_step import is_opt_out
from intake.conversations.dialogue.words import plain


def what_else(turn: Turn, said: str) -> str:
    """Heeds a wish for no messages; what else was said. "" when it was nothing besides."""
    rest = words.without_messages(said)
    if rest is None:
        rest = "" if is_opt_out(state_of(turn.conversation()), plain(said)) else said
        if rest:
            return said
    turn.script.no_messages = True
    # "Sí, sin mensajes" answers a question of the dialogue, and nothing else.
    if not rest and turn.script.stage == "dialogue":
        first = plain(said).partition(" ")[0]
        rest = said.split()[0].strip(",.;") if first in words.YES else ""
    return rest


def confirmed(turn: Turn) -> Page:
    """Nothing is sent, they hear; and what was asked, without what it promised."""
    script = turn.script
    script.no_messages = True
    told = turn.say("no_messages")
    if not script.page:
        return turn.again(told)
    page = Page.from_json(script.page)
    page = replace(page, says=tuple(unpromised(turn, page.says)))
    script.page = page.to_json()
    if script.stage == "reported":
        # The folio was said twice; who wants it once more has a key for it.
        return replace(page, says=(told, turn.say("after_report")))
    return turn.again(told)


def unpromised(turn: Turn, says: Iterable[Said]) -> list[Said]:
    """What is said to who wants no messages."""
    instead: dict[str, Said | None] = {
        turn.say("after_report_sms").text: None,
        turn.say("after_report_private").text: None,
        turn.say("consent").text: None,
        turn.aloud(turn.dialogue_text("incident_attached")).text: turn.aloud(
            turn.dialogue_text("incident_attached_out")
        ),
    }
    said = (instead.get(one.text, one) for one in says)
    return [one for one in said if one is not None]
