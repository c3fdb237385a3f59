"""The webhooks of the machine that answers: a call began, the caller did something, left a message, we failed, the call changed.

Each is checked, done in one transaction and answered with TwiML. What goes wrong on our side is answered too, with a document
that asks again after a moment: a caller must not hear the provider's own error.
"""

from collections.abc import Callable, Mapping
from urllib.parse import parse_qs, urlencode

import structlog
from sqlalchemy.exc import InterfaceError, OperationalError, TimeoutError
from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from channels.receiving import jurisdiction_of
from channels.twilio_api import reading
from channels.values import Webhook
from channels.voice.account import account_of
from channels.voice.ivr import after_tone, answering, carried, music, twiml
from channels.voice.ivr.values import NOTHING, Heard
from channels.voice.ivr.wording import say
from channels.voice.webhooks import webhook_of
from intake.calls import actions as calls
from intake.calls import queries
from intake.calls.models import Call
from intake.calls.states import REPORTED
from intake.catalog import cities
from intake.people.addresses import Address, read_sender
from kernel import db
from kernel.bodies import with_body
from kernel.errors import AtiendeError, ForgedWebhook
from kernel.settings import Settings

log = structlog.get_logger(__name__)

PROVIDER = "twilio"
SILENT = "<Response></Response>"
# How long we are waited for, each time that we fail; then the call ends with whom to call.
_PAUSES_S = (1, 3, 6, 8)
_MOST_OF_A_SID = 64
_MOST_OF_A_URL = 4000

Parameters = Mapping[str, str]
Answering = Callable[[Session, Parameters, Webhook, Settings], str]


def begin(session: Session, parameters: Parameters, webhook: Webhook, settings: Settings) -> str:
    """The first document of a call."""
    call = _begun(session, parameters, webhook)
    return _document(session, call, 0, NOTHING, webhook, settings)


def take_turn(session: Session, parameters: Parameters, webhook: Webhook, settings: Settings) -> str:
    """What follows the document that the caller answered."""
    call = _begun(session, parameters, webhook)
    answers = _number(webhook.query, "k")
    heard = carried.opened(webhook.query, call.provider_call_id, answers)
    if heard is None:
        heard = Heard("again") if _number(webhook.query, "a") else _heard(parameters)
    recorded = after_tone.told(parameters, webhook.query)
    if recorded is not None:
        # Before anything else: the network may have told of the end of the call first.
        after_tone.keep(session, call, recorded, now=webhook.received_at)
    return _document(session, call, answers, heard, webhook, settings, has_message=recorded is not None)


def fall_back(session: Session, parameters: Parameters, webhook: Webhook, settings: Settings) -> str:
    """The provider could not use what we answered, or got nothing; then what we were not there to hear is heard now."""
    log.error("voice.fallback", code=parameters.get("ErrorCode", "")[:20])
    call = _begun(session, parameters, webhook)
    number, heard = _unanswered(fall_back, parameters, webhook)
    if heard is None or not 0 < number == call.turn:
        heard = Heard("again")
    return _document(session, call, call.turn, heard, webhook, settings)


def take_back(session: Session, parameters: Parameters, webhook: Webhook, settings: Settings) -> str:
    """They were in a room, nobody was with them any more, and nobody has come for a while."""
    call = _begun(session, parameters, webhook)
    return _document(session, call, call.turn, Heard("back"), webhook, settings)


def take_message(session: Session, parameters: Parameters, webhook: Webhook, settings: Settings) -> str:
    """A message after the tone is there, whatever became of the document that follows it."""
    call = queries.held_by_provider(session, PROVIDER, _sid(parameters))
    recorded = after_tone.told(parameters, "")
    if call is not None and recorded is not None and parameters.get("RecordingStatus") == "completed":
        after_tone.keep(session, call, recorded, now=webhook.received_at)
    return SILENT


def take_status(session: Session, parameters: Parameters, webhook: Webhook, settings: Settings) -> str:
    """What became of the call. Of one that we do not know there is nothing to keep."""
    call = queries.held_by_provider(session, PROVIDER, _sid(parameters))
    state = REPORTED.get(parameters.get("CallStatus", ""))
    if call is not None and state is not None:
        by = "machine" if call.script.get("stage") == "over" else "caller" if state == "completed" else "provider"
        calls.report(session, call, state, ended_by=by, now=webhook.received_at)
    return SILENT


def _begun(session: Session, parameters: Parameters, webhook: Webhook) -> Call:
    """The call, held; one whose first webhook never came is begun now."""
    known = queries.held_by_provider(session, PROVIDER, _sid(parameters))
    if known is not None:
        return known
    to_number = parameters.get("To", "")[:_MOST_OF_A_SID]
    city = cities.owner_of(session, "voice", to_number) or jurisdiction_of(session, "sms", to_number)
    call, _ = calls.begin(
        session,
        jurisdiction_id=city,
        provider=PROVIDER,
        provider_call_id=_sid(parameters),
        other_end=_caller(parameters.get("From", "")),
        to_number=to_number,
        language=cities.city(session, city).language,
        now=webhook.received_at,
    )
    return call


def _caller(told: str) -> Address:
    """Whose number the network shows; whoever shows none, or something that is no number, is somebody all the same."""
    address = read_sender(told[:_MOST_OF_A_SID])
    return address if address.kind == "phone" else Address("withheld", None, address.reachable or "anonymous")


def _document(
    session: Session,
    call: Call,
    answers: int,
    heard: Heard,
    webhook: Webhook,
    settings: Settings,
    *,
    has_message: bool = False,
) -> str:
    base_url = settings.web.public_base_url
    return answering.document(
        session, call, answers, heard, has_message=has_message, base_url=base_url, now=webhook.received_at
    )


def _unanswered(answer: Answering, parameters: Parameters, webhook: Webhook) -> tuple[int, Heard | None]:
    """Which document the caller had answered, and with what, as far as is said; the fallback is told the address that failed."""
    query = webhook.query
    if answer is fall_back and not _number(query, "k"):
        query = parameters.get("ErrorUrl", "")[:_MOST_OF_A_URL].partition("?")[2]
    number = _number(query, "k")
    heard = carried.opened(query, _sid(parameters), number)
    if heard is None and not _number(query, "a"):
        heard = _heard(parameters)
    return number, heard if heard is not None and heard.text else None


def _heard(parameters: Parameters) -> Heard:
    keys, words = parameters.get("Digits", ""), parameters.get("SpeechResult", "")
    if keys and keys != "hangup":
        return Heard("keys", keys)
    return Heard("speech", words, _confidence(parameters.get("Confidence", ""))) if words.strip() else NOTHING


def _confidence(told: str) -> float | None:
    try:
        value = float(told)
    except ValueError:
        return None
    return value if 0.0 <= value <= 1.0 else None


def _sid(parameters: Parameters) -> str:
    sid = reading.required(parameters, "CallSid")
    if len(sid) > _MOST_OF_A_SID or not sid.isalnum():
        raise ForgedWebhook("Falta un dato que el proveedor siempre manda: {name}.", name="CallSid")
    return sid


def _number(query: str, name: str) -> int:
    given = parse_qs(query).get(name, ["0"])[-1]
    return int(given) if given.isascii() and given.isdecimal() and len(given) <= 6 else 0


def _endpoint(answer: Answering) -> Callable[[Request, bytes], Response]:
    def handle(http_request: Request, body: bytes) -> Response:
        settings: Settings = http_request.app.state.settings
        webhook = webhook_of(http_request, body)
        account_of(settings).verify(webhook)
        parameters = reading.parameters_of(webhook)
        try:
            with db.transaction() as session:
                told = answer(session, parameters, webhook, settings)
        except AtiendeError:
            raise
        except (OperationalError, InterfaceError, TimeoutError) as problem:
            log.error("voice.database", error=type(problem).__name__)
            return _later(answer, parameters, webhook, settings, is_ours=False)
        except Exception:  # a mistake of ours: the caller is told something all the same
            log.exception("voice.not_answered", path=webhook.path)
            return _later(answer, parameters, webhook, settings, is_ours=True)
        return _xml(told)

    return handle


def _later(
    answer: Answering, parameters: Parameters, webhook: Webhook, settings: Settings, *, is_ours: bool
) -> Response:
    """Asks again in a moment, a few times, with what was said or recorded; the provider calls reports again by itself.

    is_ours: what was said may be what we cannot bear: with it we try once more, then they are asked for other words.
    """
    if answer in _REPORTS:
        return Response("database\n", status_code=503, media_type="text/plain")
    times = _number(webhook.query, "a")
    if times >= len(_PAUSES_S):
        return _xml(twiml.alone(say("es", "cannot_now", emergency="911"), "es"))
    number, heard = _unanswered(answer, parameters, webhook)
    kept = {"k": str(number)} if number else {}
    recorded = after_tone.told(parameters, webhook.query)
    query = kept | {"a": str(times + 1)} | (recorded.query() if recorded else {})
    then = f"{settings.web.public_base_url}{webhook.path}?{urlencode(query)}"
    if heard is not None and not (is_ours and times):
        room = carried.MOST_OF_AN_ADDRESS - len(then)
        then += carried.sealed(heard, _sid(parameters), number, room=room)
    return _xml(twiml.alone(say("es", "one_moment"), "es", pause_s=_PAUSES_S[times], then=then))


_REPORTS = (take_status, take_message)


def _xml(document: str) -> Response:
    return Response(document, media_type="text/xml")


def play_music(http_request: Request) -> Response:
    """Nothing of anybody is in it: whoever asks may hear it."""
    return Response(music.wav(), media_type="audio/wav", headers={"cache-control": "public, max-age=86400"})


ROUTES = [
    Route("/voice", with_body(_endpoint(begin)), methods=["POST"]),
    Route("/voice/turn", with_body(_endpoint(take_turn)), methods=["POST"]),
    Route("/voice/back", with_body(_endpoint(take_back)), methods=["POST"]),
    Route("/voice/fallback", with_body(_endpoint(fall_back)), methods=["POST"]),
    Route("/voice/message", with_body(_endpoint(take_message)), methods=["POST"]),
    Route("/voice/status", with_body(_endpoint(take_status)), methods=["POST"]),
    Route("/voice/music", play_music, methods=["GET"]),
]
