"""The next step for a room, from every situation there may be: the urgent first, nothing blindly twice, and never without end."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from intake.calls.planning import LegFacts, RecordingFacts, Rest, Situation, Step, plan
from tests.factories import NOW

AGES = st.sampled_from([0, 1, 5, 7, 13, 31, 61]).map(lambda seconds: NOW - timedelta(seconds=seconds))
LEGS = st.builds(
    LegFacts,
    id=st.sampled_from(["a", "b"]),
    state=st.sampled_from(["wanted", "asked", "ringing", "joined", "ended"]),
    serves=st.booleans(),
    is_wanted=st.booleans(),
    is_known=st.booleans(),
    mode=st.sampled_from(["talk", "listen", "whisper"]),
    mode_done=st.sampled_from(["talk", "whisper", None]),
    coached=st.sampled_from(["CA1", None]),
    coached_done=st.sampled_from(["CA1", "CA2", None]),
    since=AGES,
)
RECORDINGS = st.builds(
    RecordingFacts,
    state=st.sampled_from(["wanted", "asked", "recording", "ended"]),
    is_paused=st.booleans(),
    wants_pause=st.booleans(),
    since=AGES,
)
SITUATIONS = st.builds(
    Situation,
    caller=st.sampled_from(["outside", "moving", "inside", "gone"]),
    is_closing=st.booleans(),
    is_taken=st.booleans(),
    waits_since=st.none() | AGES,
    is_owner_lost=st.booleans(),
    caller_since=AGES,
    has_room=st.booleans(),
    wants_hold=st.booleans(),
    is_held=st.booleans(),
    legs=st.lists(LEGS, max_size=3, unique_by=lambda leg: leg.id).map(tuple),
    recording=st.none() | RECORDINGS,
    looked_at=AGES,
)


@given(SITUATIONS)
def test_whoever_has_nothing_to_do_knows_until_when(situation: Situation) -> None:
    step = plan(situation, NOW)
    if isinstance(step, Rest):
        assert timedelta(0) < step.until - NOW <= timedelta(minutes=2)


@given(SITUATIONS)
def test_only_who_was_never_asked_for_is_rung_and_only_while_the_caller_is_there(situation: Situation) -> None:
    step = plan(situation, NOW)
    if isinstance(step, Step) and step.do == "ring":
        (leg,) = (leg for leg in situation.legs if leg.id == step.leg)
        assert (leg.state, leg.is_wanted) == ("wanted", True)
        assert situation.caller in ("moving", "inside")
        assert not situation.is_closing


@given(SITUATIONS)
def test_nothing_is_begun_that_is_to_be_left_out_and_nobody_is_recorded_outside(situation: Situation) -> None:
    step = plan(situation, NOW)
    if isinstance(step, Step) and step.do in ("start_recording", "resume"):
        assert situation.caller == "inside"
        assert situation.recording is not None
        assert not situation.recording.wants_pause
        assert is_served(situation)


def is_served(situation: Situation) -> bool:
    return any(leg.serves and leg.is_wanted and leg.state == "joined" for leg in situation.legs)


@given(SITUATIONS)
def test_nothing_waits_while_somebody_is_recorded_whom_nobody_of_ours_serves(situation: Situation) -> None:
    recording = RecordingFacts("recording", is_paused=False)
    step = plan(replace(situation, caller="inside", recording=recording), NOW)
    assert isinstance(step, Step) or is_served(situation) or situation.is_closing


@given(SITUATIONS)
def test_who_waits_in_a_room_is_out_of_it_in_time_and_nobody_else_is(situation: Situation) -> None:
    """And of what they say outside of it nothing is recorded."""
    step = plan(situation, NOW)
    found, since = situation.recording, situation.waits_since
    if isinstance(step, Step) and step.do == "send_back":
        assert situation.caller == "inside"
        assert since is not None
        assert NOW - since >= timedelta(minutes=1)
        is_calm = found is None or found.state not in ("asked", "recording") or found.is_paused
        assert is_calm or any(leg.serves and leg.state == "joined" for leg in situation.legs)
    if isinstance(step, Rest) and situation.caller == "inside" and since is not None and found is None:
        assert step.until - since <= timedelta(minutes=1, seconds=2)


@given(SITUATIONS)
def test_nobody_is_moved_into_a_room_in_which_nobody_is_to_be(situation: Situation) -> None:
    step = plan(situation, NOW)
    if isinstance(step, Step) and step.do == "move":
        assert situation.is_taken


@given(SITUATIONS)
def test_a_room_is_closed_only_when_nobody_is_left(situation: Situation) -> None:
    step = plan(situation, NOW)
    if isinstance(step, Step) and step.do == "close":
        assert situation.caller not in ("moving", "inside")
        assert all(leg.state == "ended" for leg in situation.legs)


@given(SITUATIONS)
def test_nobody_comes_goes_or_is_heard_before_who_is_heard_otherwise_than_meant(situation: Situation) -> None:
    meant = {(leg.id, leg.mode, leg.coached) for leg in situation.legs if leg.state == "joined" and leg.is_wanted}
    done = {(leg.id, leg.mode_done, leg.coached_done) for leg in situation.legs}
    if meant - done and situation.has_room and situation.caller != "gone" and not situation.is_closing:
        step = plan(situation, NOW)
        assert isinstance(step, Step)
        assert step.do == "coach"
