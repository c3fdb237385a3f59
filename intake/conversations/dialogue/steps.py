"""What the dialogue is told and what it answers. Values only."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from intake.catalog.definitions import ServiceDefinition
from intake.catalog.matching import ServiceMatch
from intake.conversations.dialogue.state import Alike, Announced, Border, DialogueState, Place


@dataclass(frozen=True, slots=True)
class Told:
    """The news that the thread's last message to the person was: of which request, and how it stands now."""

    folio: str
    life: str


@dataclass(frozen=True, slots=True)
class Recent:
    """A request that this person reported lately. service: its name by language; hours: since then."""

    folio: str
    service: Mapping[str, str]
    hours: float


@dataclass(frozen=True, slots=True)
class HalfTold:
    """A report that this person is telling in another thread. hours: since anything was said there."""

    hours: float


@dataclass(frozen=True)
class DialogueContext:
    """What the dialogue may know: the catalogue, and two ways of asking what words mean.

    match_services: best first, score 0 to 100. find_places: best first. media_count: attachments of this message that may show
    something; media_kind: what the first of them is.
    hears_programs: on this channel programs answer by themselves.
    shared: the place that was sent with it; is_photo_place: with a photo before, and this message says that it may be used.
    recent: what they reported lately, newest first. half_told: what they are telling
    elsewhere; both only with attachments. reads_back: a report that took
    several messages is read back before it is made.
    is_spoken: it was understood by ear, so that it is read back also when one message told all. retired: services no longer
    taken. told: set when this message may answer a notice. emergency_phone: fills `{emergency}`.
    women_phone: the line for women who suffer violence; "" when the city has none.
    code: where this message may be a one-time code, how that code stands (`intake.people.codes.look`).
    find_alike: the request that a complete report is surely enough the same as. find_border: what must be asked to know who
    answers for it, when its place is near a border. find_incidents: what is announced about a service at a place, the closest fit
    first; without either, everything that is.
    """

    now: datetime
    services: Mapping[str, ServiceDefinition]
    match_services: Callable[[str], Sequence[ServiceMatch]]
    find_places: Callable[[str], Sequence[Place]]
    city: str
    media_count: int = 0
    media_kind: str = "photo"
    hears_programs: bool = False
    told: Told | None = None
    shared: Place | None = None
    is_photo_place: bool = False
    recent: tuple[Recent, ...] = ()
    half_told: HalfTold | None = None
    reads_back: bool = False
    is_spoken: bool = False
    retired: Mapping[str, ServiceDefinition] = field(default_factory=dict)
    emergency_phone: str = "911"
    women_phone: str = ""
    code: str = ""
    find_alike: "Callable[[Submit], Alike | None]" = lambda _: None
    find_border: "Callable[[Submit], Border | None]" = lambda _: None
    find_incidents: Callable[[str | None, Place | None], Sequence[Announced]] = lambda _service, _place: ()

    def match_offered(self, text: str) -> list[ServiceMatch]:
        """The services still offered that `text` may be about, best first."""
        return [match for match in self.match_services(text) if match.definition.code in self.services]


@dataclass(frozen=True, slots=True)
class Text:
    """A text to the resident: a key of `texts/<language>.toml` and what fills it. Every text may have `{emergency}` besides.

    options: the answers it offers, in the resident's language; the first is 1. asks_place: a shared place would answer it.
    """

    key: str
    params: Mapping[str, object] = field(default_factory=dict)
    options: tuple[str, ...] = ()
    asks_place: bool = False


@dataclass(frozen=True, slots=True)
class Submit:
    """A report is complete. description: everything the person said about it; the answer with the folio is the caller's.

    messages: ids of the earlier messages that told it. ruled_out: the request of which they said that theirs is another.
    settled: which side of a border the place is on, when they were asked. apart_from: the incident it is no part of, they said.
    """

    service_code: str
    description: str
    place_words: str | None
    place: Place | None
    attributes: Mapping[str, Sequence[str]]
    messages: tuple[str, ...] = ()
    ruled_out: Mapping[str, Any] | None = None
    settled: Mapping[str, str] = field(default_factory=dict)
    apart_from: str = ""


@dataclass(frozen=True, slots=True)
class Attach:
    """They want to be told of that incident, and no report of their own. otherwise: where they were, should it be over."""

    announced: Announced
    otherwise: DialogueState


@dataclass(frozen=True, slots=True)
class Join:
    """The report is the same as a request that is there. report: what to make of it should that one be gone."""

    alike: Alike
    report: Submit


@dataclass(frozen=True, slots=True)
class ShowStatus:
    """The person asks how a request goes; folio None: their newest one. The answer is the caller's."""

    folio: str | None


@dataclass(frozen=True, slots=True)
class AddWords:
    """The message belongs to that request, and these earlier ones too. needs_agent: somebody has to look at it."""

    folio: str
    needs_agent: bool
    messages: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AddToTold:
    """The message belongs to what they are telling in another thread, and these earlier ones too. The answer is the caller's.

    media: what came, in words; "" where that was said of the picture before.
    """

    messages: tuple[str, ...] = ()
    media: str = ""


@dataclass(frozen=True, slots=True)
class Resume:
    """The person wants to go on with what they began to tell on another channel. The answer is the caller's."""


@dataclass(frozen=True, slots=True)
class AskCode:
    """They want another address to count as theirs. kind: phone, whatsapp or email. The answer is the caller's."""

    kind: str
    address: str


@dataclass(frozen=True, slots=True)
class TypeCode:
    """They typed the code that was sent to another address. The answer is the caller's."""

    digits: str


@dataclass(frozen=True, slots=True)
class ChooseNotices:
    """The person wants notices, or wants no more of them."""

    is_granted: bool


@dataclass(frozen=True, slots=True)
class HandToAgent:
    """A person is to go on. reason: asked, or stuck."""

    reason: str


@dataclass(frozen=True, slots=True)
class StaySilent:
    """Nothing is answered, on purpose. reason: courtesy, repeat, flood, album or agent."""

    reason: str


Effect = (
    Submit
    | Attach
    | Join
    | ShowStatus
    | AddWords
    | AddToTold
    | Resume
    | AskCode
    | TypeCode
    | ChooseNotices
    | HandToAgent
    | StaySilent
)


@dataclass(frozen=True, slots=True)
class Step:
    """texts are sent in order, before what the effect says. Either there is a text, or an effect."""

    state: DialogueState
    texts: tuple[Text, ...] = ()
    effect: Effect | None = None
