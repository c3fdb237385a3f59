"""What comes after what: from what the caller did to the next document. Every way through it ends, whatever they do."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime

import structlog
from sqlmodel import Session

from channels.voice.ivr import by_keys, late, opening, operators, proving, telling, twiml, unwanted
from channels.voice.ivr.script import Script
from channels.voice.ivr.turn import Turn, Way
from channels.voice.ivr.values import NOTHING, Heard, Page
from intake.calls import turns
from intake.calls.late import end_again
from intake.calls.models import Call
from intake.calls.states import is_over
from intake.conversations.dialogue import words
from intake.conversations.dialogue.words import plain

_log = structlog.get_logger(__name__)

# Documents but for music: nobody makes a report in more.
MOST_DOCUMENTS = 60
_MORE_FOR_CALLBACK = 20
# Documents that we could not give at first.
MOST_FAILURES = 4
_MOST_LETTERS = 1000
_WAITS = ("waiting",)

Choice = Callable[[Turn, Heard], Page | None]
_KEYS: Mapping[str, Choice] = {
    "menu": opening.choose,
    "tell": opening.told,
    "folio": telling.folio,
    "dialogue": telling.keyed,
    "services": by_keys.service_chosen,
    "street": by_keys.street_spelt,
    "streets": by_keys.street_chosen,
    "cross": by_keys.cross_spelt,
    "crosses": by_keys.cross_chosen,
    "reported": telling.after,
    "told": telling.after,
    "danger": telling.safe_again,
    "proof": proving.chosen,
    "code": proving.typed,
    "closed": operators.closed_chosen,
    "callback": operators.callback_chosen,
    "callback_number": operators.number_given,
    "callback_check": operators.number_checked,
}
# Stages where words go to the dialogue by way of something else.
_SPOKEN: Mapping[str, Choice] = {
    "menu": opening.said,
    "folio": telling.folio,
    "proof": proving.chosen,
    "services": by_keys.service_chosen,
    "street": by_keys.street_spelt,
    "streets": by_keys.street_chosen,
    "cross": by_keys.cross_spelt,
    "crosses": by_keys.cross_chosen,
    "reported": telling.said_after_report,
}
# Stages that offer choices by one key each, and nothing that is a number itself.
_NUMBERED = frozenset(
    (
        "menu",
        "tell",
        "reported",
        "told",
        "danger",
        "closed",
        "services",
        "streets",
        "crosses",
        "callback",
        "callback_check",
    )
)
# Where a call may go on from anywhere.
WAYS: Mapping[str, Way] = {
    "tell": opening.tell,
    "folio": opening.ask_folio,
    "services": by_keys.services,
    "street": by_keys.street,
    "prove": proving.offer,
    "person": operators.asked,
    "line": operators.begin,
    "give_up": operators.give_up,
}


def document(
    session: Session,
    call: Call,
    answers: int,
    heard: Heard,
    *,
    has_message: bool,
    base_url: str,
    now: datetime,
) -> str:
    """The document that follows number `answers` of a held call; asked for again, the one that it was.

    has_message: they left one after the tone, and it is kept.
    """
    number = answers + 1
    if number <= call.turn or (answers and number > call.turn + 1):
        # Told again, told late, or of a document that there never was: what is there.
        known = turns.document(session, call, min(number, call.turn))
        if known is not None:
            return known
    turn = Turn(session, call, Script.from_json(call.script), answers, now, call.language, WAYS)
    is_late = is_over(call.state)
    if is_late:
        heard = _tidy(heard)
        if not late.is_answer(turn, heard):
            return twiml.document(Page(()), number, base_url, language=call.language)
    page = late.hear(turn, heard, _next) if is_late else _next(turn, heard, has_message=has_message)
    told = twiml.document(page, call.turn + 1, base_url, language=turn.language)
    # Whoever is moved here has done nothing.
    did = "nothing" if heard.how == "back" else heard.how
    turns.keep(session, call, did, told, language=turn.language, script=turn.script.to_json(), now=now)
    if is_late:
        end_again(session, call, now=now)
    return told


def _next(turn: Turn, heard: Heard, *, has_message: bool = False) -> Page:
    script = turn.script
    if heard.how == "back":
        return operators.back_in_line(turn)
    if turn.number == 0:
        return opening.greeting(turn)
    if script.stage == "over":
        return turn.end()
    if script.stage == "voicemail" and (has_message or heard.how != "again"):
        return operators.voicemail_over(turn, is_kept=has_message)
    if heard.how == "again":
        return _failed(turn)
    if script.stage in _WAITS:
        return operators.waiting(turn, heard)
    script.documents += 1
    # Who waits for a person may say where to be called, however long it took them to get there.
    if script.documents > MOST_DOCUMENTS + (_MORE_FOR_CALLBACK if script.stage in operators.CALLBACK else 0):
        return _too_many(turn, _tidy(heard))
    return opening.with_consent(turn, _answer(turn, _tidy(heard)))


def _answer(turn: Turn, heard: Heard) -> Page:
    stage = turn.script.stage
    if heard.how == "nothing" or not heard.text:
        return _silent(turn)
    if heard.how == "keys":
        if heard.text == "*" and stage not in ("cross",):
            return turn.again()
        if heard.text == "0" and not _may_be_none(turn):
            return operators.asked(turn)
        page = _KEYS[stage](turn, heard)
        return page if page is not None else telling.missed(turn, "not_understood")
    else_said = unwanted.what_else(turn, heard.text)
    if not else_said:
        return unwanted.confirmed(turn)
    if else_said == heard.text:
        return _answer_to_words(turn, heard)
    page = _answer_to_words(turn, replace(heard, text=else_said))
    # Whom to call in danger comes before anything else.
    is_urgent = turn.script.stage == "danger" or page.told
    return page if is_urgent else replace(page, says=(turn.say("no_messages"), *page.says))


def _answer_to_words(turn: Turn, heard: Heard) -> Page:
    stage = turn.script.stage
    if danger := words.emergency(plain(heard.text)):
        # Whatever was asked, and however sure the recogniser is.
        _log.info("voice_emergency", kind=danger.kind, call_id=str(turn.call.id))
        return telling.heard_words(turn, heard.text)
    if heard.confidence is not None and heard.confidence < telling.DOUBTED and not turn.script.misses:
        return telling.missed(turn, "not_sure")
    if words.asks(plain(heard.text), "person") or words.commands(plain(heard.text)) == "person":
        return operators.asked(turn, heard.text)
    if plain(heard.text) in _REPEAT:
        return turn.again()
    if stage in ("reported", "told", "danger", "closed") and telling.is_goodbye(heard.text):
        return operators.goodbye(turn)
    if stage in ("reported", "told") and plain(heard.text) in words.YES:
        return opening.tell(turn)
    if stage in _NUMBERED and (number := words.option_number(plain(heard.text))) is not None:
        # The number of a choice may be said as well.
        return _answer(turn, Heard("keys", str(number)))
    page = _SPOKEN[stage](turn, heard) if stage in _SPOKEN else telling.heard_words(turn, heard.text)
    return page if page is not None else telling.missed(turn, "not_understood")


def _silent(turn: Turn) -> Page:
    if turn.script.stage in ("reported", "told", "danger", "closed"):
        return operators.goodbye(turn)
    return telling.missed(turn, "not_heard")


def _failed(turn: Turn) -> Page:
    """We did not answer in time, or what we answered could not be read out."""
    script = turn.script
    script.failures += 1
    if script.failures > MOST_FAILURES:
        return turn.end(turn.say("cannot_now"))
    if script.stage in _WAITS:
        return operators.waiting(turn, NOTHING)
    if script.stage == "voicemail":
        return operators.voicemail(turn)
    return turn.again(turn.say("sorry"))


def _too_many(turn: Turn, heard: Heard) -> Page:
    """Nothing came of all of it: a person once, and then the end."""
    if heard.how == "speech":
        turn.note(heard.text)
    if turn.script.documents == MOST_DOCUMENTS + 1 and turn.hours.is_open:
        return operators.begin(turn)
    return operators.goodbye(turn)


def _may_be_none(turn: Turn) -> bool:
    """Whether 0 is an answer to what was asked: no injured, no neighbours without water."""
    return turn.script.stage == "dialogue" and turn.script.expects in ("number", "several")


def _tidy(heard: Heard) -> Heard:
    if heard.how == "keys":
        return Heard("keys", "".join(key for key in heard.text if key in "0123456789*#")[:40].rstrip("#"))
    text = " ".join(heard.text.replace("\0", " ").split())[:_MOST_LETTERS]
    return Heard(heard.how, text, heard.confidence)


_REPEAT = frozenset(
    ("repetir", "repite", "repita", "repitame", "otra vez", "como", "mande", "que dijo", "repeat", "again", "what")
)
