"""Where the stand-in's telephone is used: by programs that call the city (`/calls`), and by operators' pages (`/clients/…`)."""

import re
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Response
from fastapi.responses import JSONResponse

from channels.standin.pages import FieldsDep
from channels.standin.voice.calls import Call
from channels.standin.voice.desks import summary
from channels.standin.voice.exchange import ANSWERED, WITHHELD, Answering
from channels.standin.voice.ledger import LIVE
from channels.standin.voice.part import PartDep, VoicePart
from channels.standin.voice.parties import Input, Live, Party, Script, steps_from
from kernel.errors import Conflict, InvalidInput, NotFound

router = APIRouter()
# What the provider writes for a caller who does not show a number.
_WITHHELD = ("", "anonymous", "withheld", "restricted", "unknown", "unavailable", "oculto")
_ADDRESS = re.compile(r"\+?[0-9]{3,15}|sip:[^\s]{1,100}")
_KEYS = frozenset("0123456789*#")
_YES, _NO = frozenset(("true", "1", "yes", "on")), frozenset(("", "false", "0", "no", "off"))
_LONGEST_WAIT_S = 600.0
_MOST_LETTERS = 2000


def sender_of(told: Any) -> str:
    """Raises InvalidInput."""
    text = str(told or "").strip()
    if text.lower() in _WITHHELD:
        return WITHHELD
    if not _ADDRESS.fullmatch(text):
        raise InvalidInput("Ese número de teléfono no existe.")
    return text


@router.post("/calls")
def place_call(fields: FieldsDep, part: PartDep) -> Response:
    """Answers when the call is over, or at once with `"async": true`."""
    exchange = part.exchange
    recipient = str(fields.get("to") or exchange.number.number)
    if recipient != exchange.number.number:
        raise NotFound(
            "Nadie tiene el número {number}: el del centro es {center}.",
            number=recipient,
            center=exchange.number.number,
        )
    sender = sender_of(fields.get("from"))
    script = fields.get("script")
    party: Party = Live() if script is None else Script(steps_from(script))
    speed = _number(fields, "speed", 1.0, low=0.1, high=1000.0)
    wait_s = _number(fields, "timeout", 300.0, low=0.0, high=_LONGEST_WAIT_S)
    is_async = _is_true(fields, "async") or script is None
    call = exchange.ring_in(sender, party, speed=speed)
    if not is_async:
        call.done.wait(wait_s)
    return JSONResponse(shown(call.row()), status_code=201)


def _is_true(fields: dict[str, Any], name: str) -> bool:
    """A form has words where JSON has true and false."""
    value = str(fields.get(name) or "").casefold()
    if value not in _YES | _NO:
        raise InvalidInput("Ese valor no sirve para {name}.", name=name)
    return value in _YES


def _number(fields: dict[str, Any], name: str, default: float, *, low: float, high: float) -> float:
    try:
        value = float(fields.get(name, default))
    except (TypeError, ValueError):
        value = low - 1
    if not low <= value <= high:
        raise InvalidInput("Ese valor no sirve para {name}.", name=name)
    return value


def shown(row: dict[str, Any]) -> dict[str, Any]:
    """A call as `/calls` shows it. heard: only what the city said, in order."""
    keys = (
        "sid",
        "status",
        "from",
        "to",
        "direction",
        "parent_call_sid",
        "at",
        "duration",
        "documents",
        "error",
        "requests",
    )
    is_over = row["status"] not in LIVE
    heard = [line["text"] for line in row["transcript"] if (line["who"], line["did"]) == ("city", "said")]
    return {key: row[key] for key in keys} | {"is_over": is_over, "heard": heard, "transcript": row["transcript"]}


@router.get("/calls")
def list_calls(part: PartDep, phone: str | None = None, limit: int = 50) -> JSONResponse:
    """Newest first, legs to operators too."""
    rows = part.ledger.things("call", phone=phone, limit=max(1, min(limit, 1000)))
    return JSONResponse([shown(part.exchange.row(row["sid"]) or row) for row in rows])


@router.get("/calls/{sid}")
def show_call(sid: str, part: PartDep) -> JSONResponse:
    row = part.exchange.row(sid)
    if row is None:
        raise NotFound("No hay tal llamada.")
    return JSONResponse(shown(row))


@router.get("/calls/{sid}/told")
def told(sid: str, part: PartDep) -> JSONResponse:
    """What the centre was told about a call or a conference, and what it answered."""
    return JSONResponse(part.ledger.told_of(sid))


def _live(sid: str, part: PartDep) -> Call:
    call = part.exchange.live(sid)
    if call is None:
        if part.exchange.row(sid) is None:
            raise NotFound("No hay tal llamada.")
        raise Conflict("Esa llamada ya terminó.")
    return call


CallDep = Annotated[Call, Depends(_live)]


@router.post("/calls/{sid}/press")
def press(call: CallDep, fields: FieldsDep) -> JSONResponse:
    act(call, "press", fields)
    return JSONResponse(shown(call.row()))


@router.post("/calls/{sid}/say")
def say(call: CallDep, fields: FieldsDep) -> JSONResponse:
    act(call, "say", fields)
    return JSONResponse(shown(call.row()))


@router.post("/calls/{sid}/answer")
def answer(call: CallDep, fields: FieldsDep) -> JSONResponse:
    act(call, "answer", fields)
    return JSONResponse(shown(call.row()))


@router.post("/calls/{sid}/hangup")
def hang_up(call: CallDep, fields: FieldsDep) -> JSONResponse:
    act(call, "hangup", fields)
    call.done.wait(2)
    return JSONResponse(shown(call.row()))


def act(call: Call, what: str, fields: dict[str, Any]) -> None:
    """What somebody at a page does: press (`digits`), say (`words`), answer, hangup. Raises InvalidInput."""
    match what:
        case "press":
            digits = str(fields.get("digits", ""))
            if not digits or len(digits) > 100 or not set(digits) <= _KEYS:
                raise InvalidInput("Las teclas son del 0 al 9, * y #.")
            call.take(Input("dtmf", digits))
        case "say":
            words = " ".join(str(fields.get("words", "")).split())
            if not words or len(words) > _MOST_LETTERS:
                raise InvalidInput("Lo que se dice va de 1 a {most} letras.", most=_MOST_LETTERS)
            call.take(Input("speech", words))
        case "answer":
            pick_up(call, True)
        case _:
            if call.direction != "inbound" and call.answered_at is None:
                pick_up(call, False)
            else:
                call.note(call.who, "hung up")
                call.end()


def pick_up(call: Call, yes: bool) -> None:
    with call.changed:
        if call.is_picked_up is None:
            call.is_picked_up = yes
        call.changed.notify_all()


@router.post("/phones/{number}/answering")
def answer_a_phone(number: str, fields: FieldsDep, part: PartDep) -> JSONResponse:
    """How a phone takes the city's calls: `{"script": […], "after_s": 1, "times": 1, "how": "answer"}`; `{}` takes it back."""
    return _answers_by_itself(sender_of(number), fields, part)


@router.post("/clients/{identity}/answering")
def answer_as_client(identity: str, fields: FieldsDep, part: PartDep) -> JSONResponse:
    """How an operator who is a script takes calls; as for phones."""
    return _answers_by_itself(f"client:{identity}", fields, part)


def _answers_by_itself(address: str, fields: dict[str, Any], part: VoicePart) -> JSONResponse:
    if not fields:
        part.exchange.answer_by_itself(address, None)
        return JSONResponse({"address": address, "answers": False})
    how = str(fields.get("how", "answer"))
    if how not in (*ANSWERED, "busy", "no-answer", "failed"):
        raise InvalidInput("Ese valor no sirve para {name}.", name="how")
    times = int(_number(fields, "times", 0, low=0, high=10**6)) or None
    steps = tuple(steps_from(fields.get("script", [])))
    after_s = _number(fields, "after_s", 0.3, low=0, high=600)
    part.exchange.answer_by_itself(address, Answering(steps, after_s, times, how))
    return JSONResponse({"address": address, "answers": True}, status_code=201)


def _leg_of(identity: str, part: PartDep, fields: FieldsDep) -> Call:
    """The leg that is named, else the one that goes on."""
    legs = [call for call in part.exchange.calls() if call.recipient == f"client:{identity}"]
    legs = [call for call in legs if fields.get("call_sid") in (None, "", call.sid)]
    if not legs:
        raise NotFound("No hay tal llamada.")
    return legs[-1]


LegDep = Annotated[Call, Depends(_leg_of)]


@router.post("/clients/{identity}/{what}")
def act_as_client(what: str, leg: LegDep, fields: FieldsDep) -> JSONResponse:
    """What an operator does on a leg: answer, say, press, hangup (which declines one that rings)."""
    if what not in ("answer", "say", "press", "hangup"):
        raise NotFound("No hay tal llamada.")
    act(leg, what, fields)
    return JSONResponse(summary(leg))
