"""A surge into a whole demo: five times the usual contacts about one matter, on every channel, until all were told of its end.

Real processes throughout: the web, the worker, the relay, the dispatcher, PostgreSQL, Valkey and the providers' stand-in. Calls
and texts come through the providers' webhooks, reports through GeoReport; the supervisor uses the console's forms.
ATIENDE_BENCH_SURGE says how many contacts come a minute in the surge, ATIENDE_BENCH_MINUTES for how long.
"""

import itertools
import os
import secrets
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from html import unescape
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlmodel import select

from agent_console.models import ConsoleUser
from intake.conversations import actions as threads
from intake.distribution import actions as distribution
from intake.distribution.models import Offer
from intake.incidents.jobs import look_for_bursts
from kernel import clock, crypto, db
from kernel.crypto import Vault
from kernel.errors import Conflict
from tests.benchmarks.report import report
from tests.faults.calls import Provider, rows
from tests.journeys.test_sms_to_agency import Console, hidden_fields
from tests.running import RunningDemo, running_demo, wait_for

PER_MINUTE = int(os.environ.get("ATIENDE_BENCH_SURGE", "100"))
MINUTES = float(os.environ.get("ATIENDE_BENCH_MINUTES", "2"))
TIMES = 5
_WANT_A_PERSON = 20
DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "incidents.md"
WORDS = "Sabemos de la fuga en la red. Se repara hoy antes de las 20 h."
OVER = "La fuga en la red ya se arreglo. Gracias por avisar."
# One of ten: as people reach a city that has all of them.
MIX = ("sms", "voice", "whatsapp", "sms", "voice", "telegram", "sms", "web_chat", "whatsapp", "open311")
_REPORTED = """
    SELECT count(*) FROM service_request
    WHERE service_code = 'FUGA' AND source IS NULL AND requested_at > now() - interval '1 hour'
"""
_IN_LINE = """
    SELECT count(*) FROM work_item JOIN contact_queue ON contact_queue.id = work_item.queue_id
    WHERE contact_queue.code LIKE 'surge-%%'
"""
_numbers = itertools.count(5_571_000_000)


@pytest.fixture
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDemo]:
    with running_demo(tmp_path_factory.mktemp("surge")) as demo:
        engine = db.make_engine(demo.facts["database_url"], pool_size=8)
        db.configure(engine)
        crypto.configure(Vault(secrets.token_bytes(32), secrets.token_bytes(32)))  # reads nothing sealed
        yield demo
        db.configure(None)
        crypto.configure(None)
        engine.dispose()


@dataclass
class Crowd:
    """People who contact the city about a leak, each once, on the channels of MIX. waits_ms: for the answer of each webhook."""

    demo: RunningDemo
    waits_ms: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in MIX})
    threads: list[threading.Thread] = field(default_factory=list)
    late_s: float = 0.0
    calls: list[dict[str, Any]] = field(default_factory=list)
    saw: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.provider = Provider(self.demo)
        self.place = self.demo.facts["open311"]["sample_address"]
        self.client = httpx.Client(timeout=60, trust_env=False, limits=httpx.Limits(max_connections=64))

    def come(self, count: int, per_minute: float, *, asks: bool) -> float:
        """Contacts at this rate; how many a minute came. asks: an incident is open, and they say that theirs is part of it."""
        began = time.perf_counter()
        with ThreadPoolExecutor(32) as pool:
            done = []
            for number in range(count):
                due = began + number * 60 / per_minute
                time.sleep(max(0.0, due - time.perf_counter()))
                self.late_s = max(self.late_s, time.perf_counter() - due)
                done.append(pool.submit(self.contact, MIX[number % len(MIX)], asks))
            for one in done:
                one.result()
        return count / (time.perf_counter() - began) * 60

    def contact(self, channel: str, asks: bool) -> None:
        getattr(self, f"_{channel}")(f"+52{next(_numbers)}", asks)

    def _timed(self, channel: str, act: Any) -> Any:
        began = time.perf_counter()
        answer = act()
        self.waits_ms[channel].append((time.perf_counter() - began) * 1000)
        return answer

    def _text(self, channel: str, sender: str, asks: bool) -> None:
        # What follows is the answer: that it is part of what is announced; before that, elsewhere than in SMS, that it is right.
        for words in self._said(second=asks or channel != "sms"):
            call = self.provider.text(channel, sender, words)
            self._timed(channel, partial(self.provider.deliver, call))
            self._answered(call.key)

    def _said(self, *, second: bool) -> list[str]:
        return [f"Hay una fuga de agua en {self.place}", *(["1"] if second else [])]

    def _answered(self, key: str) -> None:
        wait_for(
            lambda: rows(self.demo, "SELECT 1 FROM message WHERE provider_message_id = %s AND status = 'handled'", key),
            60, "an answer",
        )  # fmt: skip

    def _sms(self, sender: str, asks: bool) -> None:
        self._text("sms", sender, asks)

    def _whatsapp(self, sender: str, asks: bool) -> None:
        self._text("whatsapp", sender.replace("+52", "+521"), asks)

    def _telegram(self, sender: str, asks: bool) -> None:
        self._text("telegram", sender[3:], asks)

    def _web_chat(self, sender: str, asks: bool) -> None:
        headers = {"sec-fetch-site": "same-origin"}
        with httpx.Client(
            base_url=self.demo.base_url, timeout=30, follow_redirects=True, trust_env=False, headers=headers
        ) as visitor:
            for words in self._said(second=True):
                form = hidden_fields(visitor.get("/chat").text) | {"body": words}
                parts = {name: (None, value) for name, value in form.items()}
                self._timed("web_chat", partial(visitor.post, "/chat", files=parts)).raise_for_status()
                time.sleep(1.5)
            self.saw["web_chat"] += WORDS in unescape(visitor.get("/chat").text)

    def _voice(self, sender: str, asks: bool) -> None:
        leak = f"hay una fuga de agua en {self.place}"
        steps = [{"say": leak}, {"say": "sí"}, {"wait": 1}, {"hangup": True}]
        order = {"from": sender, "to": self.demo.facts["voice"]["number"], "script": steps, "speed": 20}
        url = f"{self.demo.facts['standin']['url']}/calls"
        call = self.client.post(url, json=order).raise_for_status().json()
        heard = " ".join(line["text"] for line in call["transcript"] if line["who"] != "caller")
        self.waits_ms["voice"] += [one["ms"] for one in call.get("requests", ())]
        self.saw["voice"] += "fuga en la red" in heard
        self.calls.append(call)

    def _open311(self, sender: str, asks: bool) -> None:
        facts = self.demo.facts["open311"]
        report = {
            "api_key": facts["api_key"], "jurisdiction_id": facts["jurisdiction_id"], "service_code": "FUGA",
            "lat": facts["sample_point"]["lat"], "long": facts["sample_point"]["lon"], "description": "Fuga de agua",
            "phone": sender,
        }  # fmt: skip
        answer = self._timed("open311", lambda: self.client.post(f"{facts['root']}/requests.json", data=report))
        assert answer.status_code == 200, answer.text

    def spread(self) -> str:
        found = sorted(wait for waits in self.waits_ms.values() for wait in waits)
        for waits in self.waits_ms.values():
            waits.clear()
        if not found:
            return "none"
        at = [found[min(len(found) - 1, int(share * len(found)))] for share in (0.5, 0.95, 0.99)]
        return f"p50 {at[0]:.0f}, p95 {at[1]:.0f}, p99 {at[2]:.0f}, worst {found[-1]:.0f} ms"


@dataclass
class Desks:
    """Operators who take whatever they are offered, and keep their desks until the end."""

    epochs: dict[UUID, int] = field(default_factory=dict)
    took: Counter[UUID] = field(default_factory=Counter)
    over: threading.Event = field(default_factory=threading.Event)

    def open(self) -> None:
        with db.transaction() as session:
            for user in session.exec(select(ConsoleUser).where(ConsoleUser.role.in_(("operator", "supervisor")))):  # type: ignore[attr-defined]  # a column at class level
                desk = distribution.sign_on(
                    session, jurisdiction_id=user.jurisdiction_id, agent_id=user.id, name=user.name, now=clock.now()
                )
                distribution.set_state(session, user.id, epoch=desk.epoch, state="available", now=clock.now())
                self.epochs[user.id] = desk.epoch
        threading.Thread(target=self._work, daemon=True).start()

    def _work(self) -> None:
        while not self.over.wait(0.3):
            for agent_id, epoch in self.epochs.items():
                try:
                    with db.transaction() as session:
                        distribution.heartbeat(session, agent_id, epoch=epoch, now=clock.now())
                        wanted = select(Offer).where(Offer.agent_id == agent_id, Offer.state == "pending")
                        offers = [one.id for one in session.exec(wanted)]
                    for offer_id in offers:
                        with db.transaction() as session:
                            item = distribution.accept(
                                session, offer_id, agent_id=agent_id, epoch=epoch, now=clock.now()
                            )
                            assert item.conversation_id is not None
                            threads.hand_back(session, item.conversation_id, now=clock.now())
                        self.took[agent_id] += 1
                        with db.transaction() as session:
                            distribution.set_state(session, agent_id, epoch=epoch, state="available", now=clock.now())
                except Conflict:
                    continue


class Supervisor(Console):
    """By the console's own forms."""

    def send(self, path: str, **values: str) -> str:
        page = self.client.get(path.rpartition("/")[0] if not path.endswith("cambiar") else path)
        hidden = {name: value for name, value in hidden_fields(page.text).items() if name in ("csrf", "version")}
        answer = self.client.post(path, data=hidden | {"ref": secrets.token_urlsafe(18)} | values)
        assert answer.status_code == 200, answer.text[:2000]
        return str(answer.url)


def one(demo: RunningDemo, query: str, *values: Any) -> Any:
    found = rows(demo, query, *values)
    return found[0][0] if found else None


@pytest.mark.benchmark
@pytest.mark.timeout(1800)
def test_a_surge_from_the_first_report_to_the_last_word(demo: RunningDemo) -> None:
    lines: list[str] = []
    crowd, desks, supervisor = Crowd(demo), Desks(), Supervisor(demo, "supervisor")
    usual = max(10, PER_MINUTE // TIMES)
    rate = crowd.come(usual, usual, asks=False)
    lines.append(f"usual: {rate:.0f} contacts a minute; webhooks answer in {crowd.spread()}")

    # Nobody knows yet: five times as many, all about the same.
    rate = crowd.come(PER_MINUTE // 2, PER_MINUTE, asks=False)
    lines.append(f"times {TIMES}: {rate:.0f} a minute; webhooks answer in {crowd.spread()}")
    wait_for(lambda: one(demo, _REPORTED) >= 15, 60, "the reports")
    began = time.perf_counter()
    look_for_bursts()
    proposed = rows(demo, "SELECT id, basis FROM incident WHERE state = 'proposed' AND proposed_by = 'detector'")
    assert len(proposed) == 1, proposed
    incident_id, basis = proposed[0]
    lines.append(
        f"the detector proposes it after {basis['people']} people (usual {basis['usual']:.1f} an hour), "
        f"in {(time.perf_counter() - began) * 1000:.0f} ms"
    )

    home = f"/consola/incidentes/{incident_id}"
    supervisor.send(
        f"{home}/cambiar",
        kind="shortage",
        title_es="Fuga en la red",
        written_es=WORDS,
        topic="s:FUGA",
        where="city",
    )
    opened = time.perf_counter()
    assert one(demo, "SELECT state FROM incident WHERE id = %s", incident_id) == "open"
    desks.open()
    supervisor.send(f"{home}/fila", hours="2", operator=str(next(iter(desks.epochs))))
    assert WORDS in unescape(httpx.get(demo.base_url, trust_env=False, follow_redirects=True).text)
    lines.append("opened by the supervisor: on the first page of the residents at once")

    count = int(PER_MINUTE * MINUTES)
    rate = crowd.come(count, PER_MINUTE, asks=True)
    lines.append(f"times {TIMES}, announced: {rate:.0f} a minute; webhooks answer in {crowd.spread()}")
    by_mix = Counter(MIX[number % len(MIX)] for number in range(count))
    attached = dict(
        rows(demo, "SELECT channel, count(*) FROM incident_contact WHERE incident_id = %s GROUP BY 1", incident_id)
    )
    lines.append(
        "attached of those who came: "
        + ", ".join(f"{name} {attached.get(name, 0)} of {by_mix[name]}" for name in dict.fromkeys(MIX))
        + f"; heard it on the telephone {crowd.saw['voice']}, saw it in the web chat {crowd.saw['web_chat']}"
    )

    # Some of them want a person.
    lent = next(iter(desks.epochs))
    before = Counter(desks.took)
    began = time.perf_counter()
    for number in range(_WANT_A_PERSON):
        sender = f"+52{5_571_900_000 + number}"
        crowd.provider.deliver(crowd.provider.text("sms", sender, f"Hay una fuga de agua en {crowd.place}"))
        time.sleep(0.2)
        crowd.provider.deliver(crowd.provider.text("sms", sender, "1"))
        time.sleep(0.2)
        crowd.provider.deliver(crowd.provider.text("sms", sender, "quiero hablar con una persona"))
    wait_for(lambda: sum(desks.took.values()) - sum(before.values()) >= _WANT_A_PERSON, 120, "everybody to be served")
    served = {"lent": desks.took[lent] - before[lent], "others": sum(desks.took.values()) - sum(before.values())}
    served["others"] -= served["lent"]
    lines.append(
        f"{_WANT_A_PERSON} asked for a person: {one(demo, _IN_LINE)} waited in its own line, served by who was lent "
        f"{served['lent']}, by others {served['others']}, in {time.perf_counter() - began:.0f} s"
    )

    # The end, told once to each.
    everybody = one(demo, "SELECT count(*) FROM incident_contact WHERE incident_id = %s", incident_id)
    began = time.perf_counter()
    supervisor.send(f"{home}/terminar", words_es=OVER)
    update = one(demo, "SELECT id FROM incident_update WHERE incident_id = %s AND name = 'ended'", incident_id)
    wait_for(lambda: one(demo, "SELECT told_at FROM incident_update WHERE id = %s", update), 120, "the telling")
    queued_s = time.perf_counter() - began
    sent = "SELECT count(*) FROM message WHERE client_ref = %s AND status IN ('queued', 'sending')"
    wait_for(lambda: one(demo, sent, f"incident-{update}") == 0, 600, "the last message")
    sent_s = time.perf_counter() - began
    told = dict(
        rows(demo, "SELECT channel, count(*) FROM message WHERE client_ref = %s GROUP BY 1", f"incident-{update}")
    )
    twice = rows(
        demo,
        "SELECT conversation.contact_point_id FROM message JOIN conversation ON conversation.id = message.conversation_id"
        " WHERE message.client_ref = %s GROUP BY 1 HAVING count(*) > 1",
        f"incident-{update}",
    )
    outcomes = one(demo, "SELECT outcomes FROM incident_update WHERE id = %s", update)
    lines.append(
        f"ended after {began - opened:.0f} s: {everybody} attached, told {outcomes}; queued in {queued_s:.1f} s, "
        f"with the networks in {sent_s:.0f} s; by channel {told}; twice {len(twice)}"
    )
    carried = Counter(text["to"] for text in demo.texts(direction="outbound") if OVER in text["body"])
    lines.append(
        f"the networks' stand-in carried it to {len(carried)} phones, more than once to {sum(n > 1 for n in carried.values())}"
    )
    lines.append(
        f"late beyond the plan at most {crowd.late_s:.1f} s; answers of webhooks {dict(crowd.provider.answers)}"
    )
    desks.over.set()
    for client in (crowd.client, crowd.provider.client, supervisor.client):
        client.close()
    report("surge", lines, document=DOCUMENT)
    assert twice == []
    assert max(carried.values()) == 1
    assert sum(told.values()) == outcomes["told"]
    assert httpx.get(demo.base_url, trust_env=False, follow_redirects=True).text.count(WORDS) == 0
