"""TwiML is read strictly, and whatever documents a call is given it comes to an end."""

import string
import tempfile
from collections.abc import Mapping
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twilio.twiml.voice_response import Gather, VoiceResponse

from channels.standin.voice.config import VoiceNumber
from channels.standin.voice.exchange import Exchange
from channels.standin.voice.fetching import Address, DocumentError, Fetcher
from channels.standin.voice.interpreter import MOST_DOCUMENTS
from channels.standin.voice.ledger import VoiceLedger
from channels.standin.voice.parties import Script, Step
from channels.standin.voice.twiml import GRAMMAR, VERBS, InvalidTwiml, read

ADDRESSES = ("/a", "/b", "/c", "/nothing")
WORDS = st.text(string.ascii_letters + " ñáé<&", min_size=1, max_size=20).filter(str.strip)


def values(kind: str) -> st.SearchStrategy[str]:
    if kind in ("*", "url"):
        return st.sampled_from(("/a", "/b", "")) if kind == "url" else st.sampled_from(("1", "es-MX", "/c", ""))
    given_by = [
        st.integers(*map(int, one[1:].split("-"))).map(str) if one.startswith("#") else st.just(one)
        for one in kind.split("|")
    ]
    return st.one_of(given_by)


@st.composite
def elements(draw: st.DrawFn, names: tuple[str, ...], depth: int = 0) -> str:
    name = draw(st.sampled_from(names))
    shape = GRAMMAR[name]
    chosen = (
        draw(st.lists(st.sampled_from(sorted(shape.attributes)), unique=True, max_size=4)) if shape.attributes else []
    )
    attributes = {attribute: draw(values(shape.attributes[attribute])) for attribute in chosen}
    attributes.pop("coach", None)
    if "digits" in attributes:
        attributes["digits"] = "1w2"
    if "finishOnKey" in attributes:
        attributes["finishOnKey"] = draw(st.sampled_from(("#", "*", "", "12")))
    text = ""
    if name in ("Redirect", "Play"):
        text = draw(st.sampled_from(ADDRESSES))
    elif name == "Number":
        text = "+525511112222"
    elif shape.text and name != "Dial":
        text = draw(WORDS)
    inside = escape(text)
    if name == "Dial":
        nouns = draw(st.sampled_from((("Conference",), ("Number",), ("Client",))))
        inside = draw(elements(nouns, depth + 1))
    elif name == "Gather":
        inside = "".join(draw(st.lists(elements(("Say", "Play", "Pause"), depth + 1), max_size=2)))
    written = "".join(f" {attribute}={quoteattr(value)}" for attribute, value in attributes.items())
    return f"<{name}{written}>{inside}</{name}>"


DOCUMENTS = st.lists(elements(VERBS), max_size=5).map(lambda verbs: f"<Response>{''.join(verbs)}</Response>")
STEPS = st.one_of(
    st.just(Step("press", "1#")),
    st.just(Step("say", "una fuga")),
    st.just(Step("hangup")),
    st.floats(0, 500).map(lambda seconds: Step("wait", seconds=seconds)),
    st.just(Step("hear", "Q", 30.0)),
)


@given(DOCUMENTS)
def test_what_the_grammar_allows_is_read(document: str) -> None:
    assert all(node.name in VERBS for node in read(document.encode()))


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: f"<Response>{text}</Response>".encode()))
def test_nothing_but_a_reason_comes_of_what_cannot_be_read(document: bytes) -> None:
    try:
        code = 0 if read(document) is not None else None
    except InvalidTwiml as error:
        code = error.code
    assert code in (0, 12100, 12200)


@pytest.mark.parametrize(
    "inside",
    [
        "<Sing/>",
        '<Say pitch="high">a</Say>',
        "<Say></Say>",
        "<Gather><Redirect>/a</Redirect></Gather>",
        '<Gather timeout="-1"/>',
        '<Gather input="voice"/>',
        '<Gather finishOnKey="A"/>',
        '<Pause length="1.5"/>',
        "<Dial></Dial>",
        "<Dial><Conference>a</Conference><Number>+525511112222</Number></Dial>",
        "<Redirect> </Redirect>",
        '<Redirect method="PUT">/a</Redirect>',
        "words",
        f"<Dial><Conference>{'x' * 129}</Conference></Dial>",
        f'<Gather hints="{"x" * 101}"/>',
    ],
)
def test_what_it_does_not_allow_is_refused(inside: str) -> None:
    with pytest.raises(InvalidTwiml) as refused:
        read(f"<Response>{inside}</Response>".encode())
    assert refused.value.code == 12200


def test_entities_are_not_opened() -> None:
    with pytest.raises(InvalidTwiml):
        read(b'<!DOCTYPE r [<!ENTITY a "b">]><Response><Say>&a;</Say></Response>')


def test_what_the_provider_s_library_writes_is_read() -> None:
    made = VoiceResponse()
    gather = Gather(input="dtmf speech", action="/t", num_digits=1, language="es-MX", hints="fuga, bache", timeout=5)
    gather.say("Diga 'agua' o marque uno.", language="es-MX", voice="Polly.Mia")
    made.append(gather)
    made.play("https://x.example/a.mp3", loop=3)
    made.record(action="/r", max_length=90, play_beep=True, recording_status_callback="/told")
    made.dial(answer_on_bridge=True, action="/d").conference("item", start_conference_on_enter=True, wait_url="/w")
    made.redirect("/next", method="POST")
    assert [node.name for node in read(str(made).encode())] == ["Gather", "Play", "Record", "Dial", "Redirect"]


class Documents(Fetcher):
    """Gives the same few documents, without a network."""

    def __init__(self, documents: Mapping[str, str]) -> None:
        super().__init__("token", 1.0)
        self.documents = documents

    def document(self, address: Address, form: Mapping[str, str]) -> bytes:
        path = "/" + address.url.split("#")[0].rpartition("/")[2]
        if path not in self.documents:
            raise DocumentError(11200, address.url, "HTTP 404")
        return self.documents[path].encode()

    def sound(self, url: str) -> bytes:
        raise DocumentError(11200, url, "HTTP 404")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.tuples(DOCUMENTS, DOCUMENTS, DOCUMENTS), st.lists(STEPS, max_size=6))
def test_no_documents_and_no_script_make_a_call_endless(documents: tuple[str, str, str], script: list[Step]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        ledger = VoiceLedger(Path(folder) / "voice.sqlite3")
        number = VoiceNumber("+525500000313", "http://city.invalid/a")
        exchange = Exchange(
            ledger, number, account_sid="AC1", auth_token="t", timeout_s=1, own_url="http://here.invalid"
        )
        exchange.fetcher = Documents(dict(zip(("/a", "/b", "/c"), documents, strict=True)))
        call = exchange.ring_in("+525512345678", Script(script), speed=1e6)
        ended = call.done.wait(30)
        row = call.row()
        exchange.notices.start()
        exchange.stop()
        ledger.close()
    assert ended, row["transcript"][-5:]
    assert row["documents"] <= MOST_DOCUMENTS + 1
    assert (row["error"] or {}).get("code") != 0
    assert row["status"] in ("completed", "busy", "no-answer", "failed")
