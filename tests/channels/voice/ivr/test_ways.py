"""All ways through the machine: whatever a caller does, every document is good TwiML, and every way ends.

From each state that can be reached, each kind of answer is tried once. States are told apart by what the machine decides
on; where the numbers differ only, they are one.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import cycle

import pytest
import time_machine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import Session, select

from channels.voice.ivr.answering import MOST_DOCUMENTS, MOST_FAILURES
from channels.voice.ivr.operators import MOST_WAITS
from channels.voice.ivr.script import Script
from intake.calls.models import Call
from intake.calls.turns import state_of
from intake.catalog.models import Jurisdiction
from intake.conversations.models import Conversation
from routing.models import WorkingCalendarRow
from tests.channels.voice.ivr.caller import Caller
from tests.channels.voice.ivr.conftest import LEAK
from tests.factories import CITY, NOW

pytestmark = pytest.mark.database

KEYS = ("0", "1", "2", "3", "9", "*", "722", "643#", "5512345678")
WORDS = (
    LEAK, "se fundió la luz del poste", "sí", "no", "operador", "estado de mi reporte",
    "bla bla <bla> & ' \" \u0007 bla", "huele a gas en mi casa",
)  # fmt: skip
_DEEPEST = 14


@contextmanager
def tried(session: Session) -> Iterator[None]:
    """What happens inside is undone."""
    nested = session.connection().begin_nested()
    try:
        yield
    finally:
        nested.rollback()
        session.expire_all()


class Walk:
    def __init__(self, session: Session, caller: Caller) -> None:
        self.session, self.caller = session, caller
        self.seen: set[tuple[object, ...]] = set()
        self.steps = 0
        self.stages: set[str] = set()
        self.ends = 0

    @property
    def call(self) -> Call:
        self.session.expire_all()
        return self.session.exec(select(Call)).one()

    def state(self) -> tuple[object, ...]:
        call = self.call
        script = Script.from_json(call.script)
        thread = self.session.get_one(Conversation, call.conversation_id)
        dialogue = state_of(thread)
        self.stages.add(script.stage)
        return (
            script.stage, script.expects, min(script.misses, 2), bool(script.held),
            thread.state, dialogue.step
        )  # fmt: skip

    def measure(self) -> int:
        """What never shrinks and is bounded: the documents of each kind."""
        script = Script.from_json(self.call.script)
        return script.documents + script.waits + script.failures

    def go(self, depth: int = 0) -> None:
        before, document = self.measure(), self.caller.document
        for way, told in self._answers():
            with tried(self.session):
                self.steps += 1
                self.caller.document, self.caller.is_over = document, False
                self.caller.said.clear()
                if way == "record":
                    self.caller.ask(self.caller.action, RecordingDuration="0")
                elif way == "again":
                    self.caller.ask("/webhooks/voice/fallback", ErrorCode="11200")
                elif way == "press":
                    self.caller.press(told)
                elif way == "say":
                    self.caller.say(told)
                else:
                    self.caller.keep_quiet()
                if self.caller.is_over:
                    self.ends += 1
                    continue
                state = self.state()
                assert self.measure() > before or state[0] == "voicemail", (state, way, told)
                if state not in self.seen and depth < _DEEPEST:
                    self.seen.add(state)
                    self.go(depth + 1)

    def _answers(self) -> Iterator[tuple[str, str]]:
        if "<Record" in self.caller.document:
            yield from (("record", ""), ("again", ""))
            return
        yield from (("quiet", ""), ("again", ""))
        yield from (("press", keys) for keys in KEYS)
        if "speech" in self.caller.document:
            yield from (("say", words) for words in WORDS)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("is_open", [True, False], ids=["open", "closed"])
@time_machine.travel(NOW, tick=False)
def test_every_way_is_well_formed_and_goes_on(session: Session, caller: Caller, is_open: bool) -> None:
    if not is_open:
        close(session)
    caller.call()
    walk = Walk(session, caller)
    walk.go()
    print(f"{len(walk.seen)} states, {walk.steps} documents, {walk.ends} ends")
    assert {
        "menu",
        "tell",
        "folio",
        "dialogue",
        "services",
        "street",
        "streets",
        "cross",
        "reported",
        "danger",
    } <= walk.stages
    assert ("waiting" if is_open else "closed") in walk.stages
    assert {"callback", "callback_check"} <= walk.stages or is_open
    assert walk.ends


def close(session: Session, *, day: str = "sat") -> None:
    """Nobody answers but on this day; the tests' today is a Thursday."""
    hours = {day: [["09:00", "14:00"]]}
    session.add(
        WorkingCalendarRow(
            jurisdiction_id=CITY, code="contacto", definition={"timezone": "America/Mexico_City", "hours": hours}
        )
    )
    city = session.get_one(Jurisdiction, CITY)
    city.settings = {**city.settings, "voice": {"calendar": "contacto"}}
    session.add(city)
    session.flush()


Doing = tuple[str, str]
DOINGS = st.one_of(
    st.tuples(st.just("press"), st.text("0123456789*#", min_size=1, max_size=12)),
    st.tuples(st.just("say"), st.sampled_from(WORDS) | st.text(max_size=40)),
    st.sampled_from([("quiet", ""), ("again", ""), ("begin", ""), ("late", "")]),
)
# The network that asks for the first document again does not go on by it: whoever does nothing else is no caller.
MANY_DOINGS = st.lists(DOINGS, min_size=1, max_size=8).filter(lambda doings: any(how != "begin" for how, _ in doings))


@pytest.mark.parametrize("is_open", [True, False], ids=["open", "closed"])
@time_machine.travel(NOW, tick=False)
def test_whatever_callers_do_their_call_ends(session: Session, caller: Caller, is_open: bool) -> None:
    """Anybody, who does these things over and over: good documents only, and not too many."""
    if not is_open:
        close(session)
    most = MOST_DOCUMENTS + MOST_FAILURES + MOST_WAITS * 2 + 40

    @settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
    @given(MANY_DOINGS)
    def ends(doings: list[Doing]) -> None:
        with tried(session):
            caller.is_over, caller.document = False, ""
            caller.said.clear()
            caller.call()
            documents = 0
            for how, what in cycle(doings):
                if caller.is_over:
                    break
                documents += _did(caller, how, what)
                assert documents <= most * len(doings)

    ends()


def _did(caller: Caller, how: str, what: str) -> int:
    """Does it, and says whether a document should have come of it."""
    if how == "again":
        caller.ask("/webhooks/voice/fallback", ErrorCode="11200")
    elif how == "begin":
        newest = caller.document, caller.is_over
        caller.ask("/webhooks/voice")
        caller.document, caller.is_over = newest
        return 0
    elif how == "late":
        newest = caller.document, caller.is_over
        caller.ask("/webhooks/voice/turn?k=1", Digits="1")
        caller.document, caller.is_over = newest
        caller.keep_quiet()
    elif how == "press":
        caller.press(what)
    elif how == "say" and "speech" in caller.document:
        caller.say(what)
    else:
        caller.keep_quiet()
    return 1


@pytest.mark.parametrize("words", ["", "*", "0", "9", "1", "bla bla bla", "huele a gas en mi casa", LEAK, "again"])
@pytest.mark.parametrize("is_open", [True, False], ids=["open", "closed"])
@time_machine.travel(NOW, tick=False)
def test_whoever_does_the_same_for_ever_comes_to_an_end(
    session: Session, caller: Caller, words: str, is_open: bool
) -> None:
    if not is_open:
        close(session)
    caller.call()
    for _ in range(MOST_DOCUMENTS + MOST_WAITS * 2 + MOST_FAILURES):
        if caller.is_over:
            break
        if words == "again":
            caller.ask("/webhooks/voice/fallback", ErrorCode="11200")
        elif "<Record" in caller.document or not words:
            caller.keep_quiet()
        elif words.isalnum() or words == "*":
            caller.press(words)
        elif "speech" in caller.document:
            caller.say(words)
        else:
            caller.keep_quiet()
    assert caller.is_over
