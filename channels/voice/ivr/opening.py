"""How a call begins: who answers, danger first, the other language, what the city knows already, and what one may choose."""

from dataclasses import replace

from channels.voice.ivr import by_keys, telling
from channels.voice.ivr.turn import Turn
from channels.voice.ivr.values import Heard, Page, Said
from channels.voice.ivr.wording import say
from intake.calls.turns import state_of
from intake.conversations.dialogue import words
from intake.incidents import queries as incidents

_MOST_ANNOUNCED = 2


def greeting(turn: Turn) -> Page:
    """The first document."""
    says = [turn.say("hello"), turn.say("danger"), _other_language(turn)]
    says += [
        turn.say("announced", text=one.text(turn.language, is_spoken=True))
        for one in incidents.open_for(turn.session, turn.city.id, now=turn.now)[:_MOST_ANNOUNCED]
    ]
    return menu(turn, *says)


def menu(turn: Turn, *before: Said) -> Page:
    """What one may do, by words or by keys."""
    if turn.hours.is_open:
        last = turn.say("menu_operator")
    else:
        last = turn.say("menu_closed", hours=turn.hours.in_words(turn.city, turn.language, turn.now))
    choices = (turn.say("menu"), last)
    # Who did not follow is not welcomed and warned again, which is most of it.
    return turn.ask((*before, *choices), stage="menu", again=(_other_language(turn), *choices))


def choose(turn: Turn, heard: Heard) -> Page | None:
    """What a key of the menu does; None for one that does nothing."""
    if heard.text == "1":
        return tell(turn)
    if heard.text == "2":
        return ask_folio(turn)
    if heard.text == "9":
        return _greeting_in_other_language(turn)
    return None


def said(turn: Turn, heard: Heard) -> Page:
    """Words at the menu: the other language, or what is wrong."""
    asked = words.asks_language(words.plain(heard.text))
    return (
        _greeting_in_other_language(turn)
        if asked not in (None, turn.language)
        else telling.heard_words(turn, heard.text)
    )


def tell(turn: Turn, *before: Said) -> Page:
    """What is wrong, and where? With what becomes of their number, before anything is asked."""
    says = [*before]
    if not turn.script.is_consent_told:
        turn.script.is_consent_told = True
        says.append(turn.say(_consent(turn)))
    question = turn.say("tell")
    return turn.ask((*says, question), stage="tell", again=(question,))


def with_consent(turn: Turn, page: Page) -> Page:
    """The same before the first question about a report that was told at once, and whenever that question is said again."""
    script = turn.script
    if script.is_consent_told or script.stage != "dialogue" or state_of(turn.conversation()).draft is None:
        return page
    script.is_consent_told = True
    if script.no_messages:
        return page
    with_it = replace(page, says=(turn.say(_consent(turn)), *page.says))
    script.page = with_it.to_json()
    return with_it


def told(turn: Turn, heard: Heard) -> Page | None:
    """The key that does all of it by keys."""
    return by_keys.services(turn) if heard.text == "1" else None


def ask_folio(turn: Turn, *before: Said) -> Page:
    return turn.ask((*before, turn.say("folio")), stage="folio", ask=telling.FOLIO_ASK)


def _greeting_in_other_language(turn: Turn) -> Page:
    """All of the beginning, which they could not follow: what there is to choose, and what is announced."""
    turn.tell("English" if turn.language == "es" else "Español")  # from now on the dialogue speaks it too
    return greeting(turn)


def _consent(turn: Turn) -> str:
    if turn.can_write:
        return "consent"
    return "consent_none" if turn.shows_number else "consent_withheld"


def _other_language(turn: Turn) -> Said:
    other = "en" if turn.language == "es" else "es"
    return Said(say(turn.language, "other_language", turn.own_texts(turn.language)), other)
