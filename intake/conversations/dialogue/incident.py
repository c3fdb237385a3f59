"""The answer to an announcement: is theirs part of what the city knows of, or another matter?"""

from dataclasses import replace

from intake.conversations.dialogue.report import MOST_MISSES, heard, proceed, yes_no
from intake.conversations.dialogue.state import DialogueState
from intake.conversations.dialogue.steps import Attach, DialogueContext, Step, Text
from intake.conversations.dialogue.words import plain, yes_or_no

_ANOTHER = ("otra cosa", "something else")


def answer_incident(state: DialogueState, text: str, context: DialogueContext) -> Step:
    """Yes: they are told of it, and make no report. No, or twice something else: the report goes on."""
    draft, incident = state.draft, state.incident
    assert draft is not None
    if incident is None:
        return proceed(state, context)
    said = plain(text)
    is_part = False if said.endswith(_ANOTHER) else yes_or_no(said)
    otherwise = replace(state, draft=replace(draft, is_told=True), incident=None, misses=0)
    if is_part:
        return Step(state.idle(), (), Attach(incident, otherwise))
    if is_part is False:
        apart = replace(draft, is_told=True, apart_from=incident.incident_id)
        return proceed(replace(otherwise, draft=apart), context)
    state = replace(state, draft=heard(draft, text))
    if state.misses + 1 >= MOST_MISSES:
        return proceed(replace(otherwise, draft=heard(otherwise.draft or draft, text)), context)
    return Step(replace(state, misses=state.misses + 1), (Text("incident_again", options=yes_no(state)),))
