"""Calls with operators while what serves them is killed: the right two talk, or the caller is first in line, within 15 s."""

import base64
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import psycopg
import pytest
from sqlalchemy.orm import configure_mappers
from sqlmodel import select

import atiende.schema  # noqa: F401  as a composition root does
from intake.calls import line_actions
from intake.calls.line_actions import Somebody
from intake.calls.line_models import CallBridge, CallLeg, CallRecording, CallTransfer
from intake.calls.models import Call
from intake.distribution import actions as distribution
from intake.distribution.models import ContactQueue, Offer, WorkItem
from intake.service_requests.models import Report
from kernel import clock, crypto, db
from kernel.errors import Conflict, NotFound
from kernel.ids import new_id
from tests.running import RunningDemo, running_demo, wait_for

pytestmark = [pytest.mark.fault, pytest.mark.xdist_group("calls")]

WITHIN_S = 15.0
_BEAT_S = 3.0


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDemo]:
    with running_demo(tmp_path_factory.mktemp("calls")) as made:
        yield made


class Center:
    """The demo's database, and an operator's desk without its page."""

    def __init__(self, demo: RunningDemo) -> None:
        self.demo = demo
        self.url = str(demo.facts["standin"]["url"])
        self.city = ""
        self.desks: list[tuple[Somebody, int]] = []
        self.calls: list[str] = []
        with psycopg.connect(demo.facts["database_url"]) as connection:
            found = connection.execute("SELECT id FROM jurisdiction WHERE is_default").fetchone()
            assert found is not None
            self.city = found[0]

    def operator(self, name: str, *, answers: bool = True) -> Somebody:
        who = Somebody(new_id(), name, self.city)
        with db.transaction() as session:
            agent = distribution.sign_on(
                session, jurisdiction_id=self.city, agent_id=who.id, name=name, now=clock.now()
            )
            self.desks.append((who, agent.epoch))
        if answers:
            answer = self.post(f"/clients/agent-{who.id}/answering", {"script": [{"wait": 600}]})
            assert answer.is_success, answer.text
        return who

    def post(self, path: str, body: dict[str, Any]) -> httpx.Response:
        return httpx.post(self.url + path, json=body, timeout=20, trust_env=False)

    def call(self) -> str:
        """Somebody calls, wants a person, and waits."""
        phone = f"+52555{time.monotonic_ns() % 10**7:07d}"
        answer = self.post("/calls", {"from": phone, "async": True, "script": [{"press": "0"}, {"wait": 500}]})
        assert answer.is_success, answer.text
        sid: str = answer.json()["sid"]
        self.calls.append(sid)
        wait_for(lambda: self.item(sid), 20, "the call to wait")
        return sid

    def look(self, sid: str) -> dict[str, Any]:
        found: dict[str, Any] = httpx.get(f"{self.url}/calls/{sid}", timeout=20, trust_env=False).json()
        return found

    def hang_up(self, sid: str) -> None:
        self.post(f"/calls/{sid}/hangup", {})

    def beat(self) -> None:
        """Every desk says that it is there; one that was given up signs on again."""
        for number, (who, epoch) in enumerate(self.desks):
            try:
                with db.transaction() as session:
                    distribution.heartbeat(session, who.id, epoch=epoch, now=clock.now())
            except Conflict:
                with db.transaction() as session:
                    agent = distribution.sign_on(
                        session, jurisdiction_id=self.city, agent_id=who.id, name=who.name, now=clock.now()
                    )
                self.desks[number] = who, agent.epoch

    def wait(self, look: Callable[[], Any], within_s: float, what: str = "") -> Any:
        """As `wait_for`, at desks that go on saying that they are there."""
        self.beat()
        beaten = time.monotonic()

        def beating() -> Any:
            nonlocal beaten
            if time.monotonic() - beaten > _BEAT_S:
                self.beat()
                beaten = time.monotonic()
            return look()

        return wait_for(beating, within_s, what)

    def read(self, model: type[Any], *where: Any) -> list[Any]:
        with db.read_transaction() as session:
            return list(session.exec(select(model).where(*where)))

    def item(self, sid: str) -> WorkItem | None:
        found = self.read(WorkItem, WorkItem.source_ref == f"call:{sid}")
        return found[0] if found else None

    def offer(self, sid: str, who: Somebody) -> Offer | None:
        """What is offered to them of this call now."""
        self.beat()
        item = self.item(sid)
        assert item is not None
        found = self.read(Offer, Offer.work_item_id == item.id, Offer.agent_id == who.id, Offer.state == "pending")
        return found[0] if found else None

    def accept(self, sid: str, who: Somebody) -> None:
        """As soon as the dispatcher offers it to them."""
        made = wait_for(lambda: self.offer(sid, who), 30, "an offer")
        epoch = next(epoch for one, epoch in self.desks if one.id == who.id)
        with db.transaction() as session:
            distribution.accept(session, made.id, agent_id=who.id, epoch=epoch, now=clock.now())

    def talkers(self, sid: str) -> set[str]:
        """Who is in the room of this call and hears the others, as the network has it."""
        item = self.item(sid)
        account = self.demo.setting("ATIENDE_SMS_ACCOUNT_SID")
        auth = (account, self.demo.setting("ATIENDE_SMS_AUTH_TOKEN"))
        base = f"{self.url}/2010-04-01/Accounts/{account}/Conferences"
        query = {"FriendlyName": f"item-{item.id if item else ''}"}
        rooms = httpx.get(f"{base}.json", params=query, auth=auth, timeout=20, trust_env=False).json()["conferences"]
        found: set[str] = set()
        for room in (room for room in rooms if room["status"] != "completed"):
            path = f"{base}/{room['sid']}/Participants.json"
            for one in httpx.get(path, auth=auth, timeout=20, trust_env=False).json()["participants"]:
                if one["status"] == "connected" and not one["hold"]:
                    found.add("caller" if one["call_sid"] == sid else self.look(one["call_sid"])["to"])
        return found

    def until_they_talk(self, sid: str, who: Somebody, within_s: float = WITHIN_S) -> float:
        """They accept again what comes to them again: a desk that was silent for too long has lost it."""
        began = time.monotonic()

        def talking() -> bool:
            if self.offer(sid, who):
                self.accept(sid, who)
            return self.talkers(sid) == {"caller", f"client:agent-{who.id}"}

        wait_for(talking, within_s, "the two to talk")
        return time.monotonic() - began

    def close(self) -> None:
        """Also after a failure: the next test's operator would be offered whoever still waits, and seem to be offered nobody."""
        for sid in self.calls:
            self.hang_up(sid)
        for who, epoch in self.desks:
            try:
                with db.transaction() as session:
                    distribution.sign_off(session, who.id, epoch=epoch, now=clock.now())
            except (Conflict, NotFound):
                pass
        self.desks.clear()


@pytest.fixture
def center(demo: RunningDemo) -> Iterator[Center]:
    keys = [base64.b64decode(demo.setting(f"ATIENDE_SECRETS_{name}_KEY")) for name in ("DATA", "LOOKUP")]
    crypto.configure(crypto.Vault(*keys))
    engine = db.make_engine(demo.facts["database_url"])
    db.configure(engine)
    configure_mappers()
    made = Center(demo)
    yield made
    made.close()
    db.configure(None)
    engine.dispose()
    crypto.configure(None)


def test_from_the_keypad_to_an_operator_and_a_sealed_recording(center: Center) -> None:
    ana = center.operator("Ana")
    sid = center.call()
    center.accept(sid, ana)
    took = center.until_they_talk(sid, ana)
    print(f"\nfrom accept to talk: {took:.1f} s", end="")
    heard = center.look(sid)["heard"]
    assert any("se graba" in words for words in heard), heard
    (call,) = center.read(Call, Call.provider_call_id == sid)
    center.wait(
        lambda: center.read(CallRecording, CallRecording.call_id == call.id, CallRecording.state == "recording"), 15
    )
    with db.transaction() as session:
        line_actions.hold(session, call.id, ana, now=clock.now())
    center.wait(lambda: center.talkers(sid) == {f"client:agent-{ana.id}"}, 10, "the hold")
    with db.transaction() as session:
        line_actions.unhold(session, call.id, ana, now=clock.now())
    center.until_they_talk(sid, ana)
    with db.transaction() as session:
        line_actions.hang_up(session, call.id, ana, now=clock.now())
    wait_for(lambda: center.look(sid)["is_over"], 15, "the end")
    (row,) = wait_for(
        lambda: center.read(CallRecording, CallRecording.call_id == call.id, CallRecording.state == "stored"),
        60,
        "the file",
    )
    assert row.key_sealed is not None
    assert row.plain_bytes
    (bridge,) = wait_for(
        lambda: center.read(CallBridge, CallBridge.call_id == call.id, CallBridge.ended_at.is_not(None))
    )  # type: ignore[union-attr]  # a column
    assert bridge.caller_state == "gone"
    item = center.item(sid)
    assert item is not None
    assert item.state in ("wrapping", "done")


def test_11_accept_after_the_caller_hung_up_bridges_nobody(center: Center) -> None:
    ana = center.operator("Ana")
    sid = center.call()

    def offered() -> list[Offer]:
        center.beat()
        return center.read(Offer, Offer.agent_id == ana.id, Offer.state == "pending")

    (made,) = wait_for(offered, 30, "an offer")
    center.hang_up(sid)
    wait_for(lambda: (item := center.item(sid)) and item.state == "abandoned", 10, "its end")
    epoch = center.desks[0][1]
    with pytest.raises(Conflict), db.transaction() as session:
        distribution.accept(session, made.id, agent_id=ana.id, epoch=epoch, now=clock.now())
    (call,) = center.read(Call, Call.provider_call_id == sid)
    assert center.read(CallBridge, CallBridge.call_id == call.id) == []


def test_12_the_operators_cable_is_pulled_mid_call(center: Center) -> None:
    ana = center.operator("Ana")
    sid = center.call()
    center.accept(sid, ana)
    center.until_they_talk(sid, ana)
    luis = center.operator("Luis")
    (call,) = center.read(Call, Call.provider_call_id == sid)
    # The network knows who is in the room before it is written down what it calls them.
    named = (CallLeg.call_id == call.id, CallLeg.provider_call_id.is_not(None))
    (leg,) = center.wait(lambda: center.read(CallLeg, *named), WITHIN_S, "the name of her leg")
    center.desks = [one for one in center.desks if one[0].id != ana.id]  # she is silent from now on
    assert center.post(f"/calls/{leg.provider_call_id}/hangup", {}).is_success
    wait_for(lambda: "caller" not in center.talkers(sid), WITHIN_S, "music for the caller")
    assert not center.look(sid)["is_over"]
    center.accept(sid, luis)
    center.until_they_talk(sid, luis)
    center.hang_up(sid)


@pytest.mark.parametrize("part", ["jobs", "web", "relay", "dispatcher"])
def test_a_part_is_killed_while_two_are_brought_together(center: Center, demo: RunningDemo, part: str) -> None:
    ana = center.operator("Ana")
    sid = center.call()
    killed = demo.pid(part)
    assert killed is not None
    center.accept(sid, ana)
    os.kill(killed, signal.SIGKILL)
    center.wait(lambda: demo.pid(part) not in (None, killed), 60, f"another {part}")
    center.wait(demo.is_ready, 60, "/readyz")
    took = center.until_they_talk(sid, ana)
    print(f"\n{part} killed: they talk {took:.1f} s after it is back", end="")
    (call,) = center.read(Call, Call.provider_call_id == sid)
    live = (CallLeg.call_id == call.id, CallLeg.agent_id == ana.id, CallLeg.state != "ended")
    center.wait(lambda: len(center.read(CallLeg, *live)) == 1, WITHIN_S, "one leg of hers")
    center.hang_up(sid)
    wait_for(lambda: (item := center.item(sid)) and item.state in ("wrapping", "done"), WITHIN_S, "the notes")


@contextmanager
def killed(center: Center, demo: RunningDemo, part: str) -> Iterator[None]:
    """What is asked for in the block is asked of whoever comes after `part`, which is there again afterwards."""
    pid = demo.pid(part)
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    yield
    center.wait(lambda: demo.pid(part) not in (None, pid), 60, f"another {part}")
    center.wait(demo.is_ready, 60, "/readyz")
    center.beat()


@pytest.mark.parametrize("part", ["jobs", "web"])
def test_a_part_is_killed_while_the_caller_is_put_on_hold_and_taken_back(
    center: Center, demo: RunningDemo, part: str
) -> None:
    ana = center.operator("Ana")
    sid = center.call()
    center.accept(sid, ana)
    center.until_they_talk(sid, ana)
    (call,) = center.read(Call, Call.provider_call_id == sid)
    for act, inside in (
        (line_actions.hold, {f"client:agent-{ana.id}"}),
        (line_actions.unhold, {"caller", f"client:agent-{ana.id}"}),
    ):
        with killed(center, demo, part), db.transaction() as session:
            act(session, call.id, ana, now=clock.now())
        center.wait(lambda inside=inside: center.talkers(sid) == inside, WITHIN_S, act.__name__)  # type: ignore[misc]
    assert not center.look(sid)["is_over"]


@pytest.mark.parametrize(("part", "how"), [("jobs", "blind"), ("relay", "consulted"), ("dispatcher", "line")])
def test_a_part_is_killed_while_the_caller_is_passed_on(center: Center, demo: RunningDemo, part: str, how: str) -> None:
    ana = center.operator("Ana")
    sid = center.call()
    center.accept(sid, ana)
    center.until_they_talk(sid, ana)
    luis = center.operator("Luis")
    (call,) = center.read(Call, Call.provider_call_id == sid)
    item = center.item(sid)
    assert item is not None
    (line,) = center.read(ContactQueue, ContactQueue.id == item.queue_id)
    with killed(center, demo, part), db.transaction() as session:
        if how == "line":
            line_actions.transfer_to_line(session, call.id, ana, line.code, now=clock.now())
            center.desks = [one for one in center.desks if one[0].id != ana.id]  # she is silent from now on
        else:
            line_actions.transfer(
                session, call.id, ana, to_agent_id=luis.id, consult=how == "consulted", now=clock.now()
            )
    if how == "consulted":
        both = {f"client:agent-{who.id}" for who in (ana, luis)}
        center.wait(lambda: center.talkers(sid) == both, WITHIN_S, "the two operators to talk")
        talking = (CallTransfer.call_id == call.id, CallTransfer.state == "talking")
        center.wait(lambda: center.read(CallTransfer, *talking), WITHIN_S, "us to know of it")
        with killed(center, demo, part), db.transaction() as session:
            line_actions.complete_transfer(session, call.id, ana, now=clock.now())
    took = center.until_they_talk(sid, luis)
    print(f"\n{part} killed, {how}: the caller talks with the other one {took:.1f} s after it is back", end="")

    def is_theirs() -> bool:
        item = center.item(sid)
        return item is not None and (item.agent_id, item.state) == (luis.id, "assigned")

    # The network knows that they talk before it has told us.
    center.wait(is_theirs, WITHIN_S - took, "the work to be theirs")
    assert len(center.read(WorkItem, WorkItem.source_ref == f"call:{sid}")) == 1


def test_web_is_killed_again_and_again_while_somebody_reports_by_voice_and_keys(
    center: Center, demo: RunningDemo
) -> None:
    phone = f"+52555{time.monotonic_ns() % 10**7:07d}"
    # No word is said before the question that it answers: the machine speaks for some seconds each time.
    told = ["hay un bache", "Avenida Sabinos y Niebla"]
    script = [*({"say": words} for words in told), *[{"press": "1"}] * 3, {"wait": 15}, {"hangup": True}]
    paced = [step for one in script for step in ({"wait": 6}, one)]
    sid = center.post("/calls", {"from": phone, "async": True, "script": paced}).json()["sid"]
    center.calls.append(sid)
    for _ in range(3):
        time.sleep(4)
        with killed(center, demo, "web"):
            pass
    wait_for(lambda: center.look(sid)["is_over"], 120, "the end of the call")
    heard = " ".join(center.look(sid)["heard"])
    (call,) = center.read(Call, Call.provider_call_id == sid)
    made = center.read(Report, Report.conversation_id == call.conversation_id)
    assert len(made) == 1, heard
    assert "Su folio es" in heard


def test_the_database_is_away_while_two_talk_and_the_caller_hangs_up(center: Center, demo: RunningDemo) -> None:
    from tests.faults.test_messages import database_down

    ana = center.operator("Ana")
    sid = center.call()
    center.accept(sid, ana)
    center.until_they_talk(sid, ana)
    with database_down(demo):
        center.hang_up(sid)
        time.sleep(4)
    began = time.monotonic()

    def is_noted() -> bool:
        center.beat()
        item = center.item(sid)
        return item is not None and item.state in ("wrapping", "done")

    wait_for(is_noted, 90, "its end to be seen")
    print(f"\nseen {time.monotonic() - began:.1f} s after the database is back", end="")
