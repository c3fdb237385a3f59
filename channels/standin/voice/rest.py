"""Twilio's REST of calls: make, look up, list, move on, end."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response

from channels.standin.answering import ConfigDep, Refusal, in_account
from channels.standin.voice import answers
from channels.standin.voice.asked import FormDep, MoodDep, found, next_of, order_of, paged, recipient_of, sender_of
from channels.standin.voice.part import PartDep

router = APIRouter(prefix="/2010-04-01/Accounts/{account_sid}", dependencies=[Depends(in_account)])


@router.post("/Calls.json", status_code=201)
def create_call(form: FormDep, mood: MoodDep, config: ConfigDep, part: PartDep) -> Any:
    recipient, sender = recipient_of(form), sender_of(form)
    first = next_of(form, required=True)
    assert first is not None
    call = part.exchange.ring_out(order_of(form, first), sender=sender, recipient=recipient)
    mood.after()
    # However far it is by now: what was asked for is told first.
    return answers.call({**call.row(), "status": "queued", "ended_at": None}, config.account_sid)


@router.get("/Calls/{sid}.json")
def fetch_call(sid: str, config: ConfigDep, part: PartDep) -> Any:
    return answers.call(found(part.exchange.row(sid)), config.account_sid)


@router.post("/Calls/{sid}.json")
def update_call(sid: str, form: FormDep, mood: MoodDep, config: ConfigDep, part: PartDep) -> Any:
    row = found(part.exchange.row(sid))
    call = part.exchange.live(sid)
    status = form.get("Status")
    following = next_of(form, required=False)
    if call is None:
        if status == "completed":
            return answers.call(row, config.account_sid)
        raise Refusal(21220)
    if status in ("completed", "canceled"):
        if status == "canceled" and call.status == "in-progress":
            raise Refusal(21220)
        call.note("city", "hung up")
        call.end("canceled" if call.answered_at is None else "completed")
        call.done.wait(2)
    elif following is not None:
        if call.status != "in-progress":
            raise Refusal(21220)
        call.move(following)
    else:
        raise Refusal(21222)
    mood.after()
    return answers.call(found(part.exchange.row(sid)), config.account_sid)


@router.delete("/Calls/{sid}.json", status_code=204)
def delete_call(sid: str, mood: MoodDep, part: PartDep) -> Response:
    if part.exchange.live(sid) is not None:
        raise Refusal(20009)
    found(part.exchange.row(sid))
    part.ledger.forget(sid)
    return Response(status_code=204)


@router.get("/Calls.json")
def list_calls(
    http_request: Request,
    config: ConfigDep,
    part: PartDep,
    to: Annotated[str | None, Query(alias="To")] = None,
    sender: Annotated[str | None, Query(alias="From")] = None,
    status: Annotated[str | None, Query(alias="Status")] = None,
    parent: Annotated[str | None, Query(alias="ParentCallSid")] = None,
    on: Annotated[str | None, Query(alias="StartTime")] = None,
    after: Annotated[str | None, Query(alias="StartTime>")] = None,
    before: Annotated[str | None, Query(alias="StartTime<")] = None,
) -> Any:
    if part.ledger.switches().outage == "down":
        raise Refusal(20503)
    number, size, uri = paged(http_request)
    start, end = _span(on, after, before)
    rows = part.ledger.things(
        "call", sender=sender, recipient=to, status=status, parent=parent, start=start, end=end,
        limit=size + 1, offset=number * size,
    )  # fmt: skip
    shown = [answers.call(found(part.exchange.row(row["sid"])), config.account_sid) for row in rows[:size]]
    return answers.page("calls", shown, uri, number, size, more=len(rows) > size)


def _span(on: str | None, after: str | None, before: str | None) -> tuple[float | None, float | None]:
    if on:
        day = _moment(on)
        return day.timestamp(), (day + timedelta(days=1)).timestamp()
    return (_moment(after).timestamp() if after else None), (
        (_moment(before) + timedelta(days=1)).timestamp() if before else None
    )


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text[:10]).replace(tzinfo=UTC)
    except ValueError:
        raise Refusal(20001) from None
