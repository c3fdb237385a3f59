"""A report that is told to nobody: a code goes to the telephone it was made from, and who keys it may know.

What is said does not tell whether there is such a report.
"""

from channels.voice.ivr import telling
from channels.voice.ivr.turn import Turn
from channels.voice.ivr.values import Ask, Heard, Page, Said
from intake.calls import proving
from intake.calls.states import is_over
from intake.conversations.dialogue import words
from intake.people.proving import DIGITS, MOST_TRIES

# Codes of one call; each may be tried `MOST_TRIES` times.
MOST_CODES = 2
_CHOOSE = Ask(digits=1, timeout_s=8)
# The message takes a while, and has to be read.
_CODE = Ask(digits=DIGITS, listens=False, timeout_s=20)


def offer(turn: Turn, *before: Said, folio: str) -> Page:
    """The folio is no report, or none that is told: do they want a code?"""
    turn.script.folio = folio
    return turn.ask((*before, turn.say("proof_offer")), stage="proof", ask=_CHOOSE)


def chosen(turn: Turn, heard: Heard) -> Page | None:
    if heard.how == "speech":
        said = words.yes_or_no(words.plain(heard.text))
        if said is None:
            return telling.folio(turn, heard)
        return _send(turn) if said else turn.go("folio")
    if heard.text == "1":
        return _send(turn)
    return turn.go("folio") if heard.text == "2" else None


def typed(turn: Turn, heard: Heard) -> Page:
    """Six digits; right ones, and they hear what they asked for."""
    script = turn.script
    if proving.try_code(turn.session, turn.call, heard.text, now=turn.now):
        return telling.heard_words(turn, f"folio {script.folio}")
    script.code_tries += 1
    if script.code_tries >= MOST_TRIES:
        return turn.go("folio", turn.say("code_used_up"))
    return turn.ask((turn.say("code_wrong"),), stage="code", ask=_CODE)


def _send(turn: Turn) -> Page:
    script = turn.script
    if is_over(turn.call.state):
        return turn.end()  # nobody is there to type it
    if script.codes >= MOST_CODES:
        return turn.go("folio", turn.say("code_enough"))
    script.codes, script.code_tries, script.misses = script.codes + 1, 0, 0
    proving.send_code(turn.session, turn.call, script.folio, now=turn.now)
    return turn.ask((turn.say("code_sent"),), stage="code", ask=_CODE)
