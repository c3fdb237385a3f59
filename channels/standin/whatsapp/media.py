"""What people attached: Twilio's address asks for the password and sends on to another, which must never see it."""

import time

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse

from channels.standin.answering import ConfigDep, LedgerDep, Refusal, in_account

router = APIRouter()

_LATE_TRIES = 2


@router.get("/2010-04-01/Accounts/{account_sid}/Messages/{sid}/Media/{media_sid}", dependencies=[Depends(in_account)])
def media(sid: str, media_sid: str, config: ConfigDep, ledger: LedgerDep) -> Response:
    found = ledger.attachment(media_sid)
    if found is None or found.message_sid != sid:
        raise Refusal(20404)
    fault = ledger.switches().media
    if fault == "gone" or (fault == "late" and ledger.count_fetch(media_sid) <= _LATE_TRIES):
        raise Refusal(20404)
    if fault == "stray":
        return RedirectResponse("http://attachments.elsewhere.example/x", status_code=307)
    return RedirectResponse(f"{config.own_url}/cdn/{found.token}", status_code=307)


@router.get("/cdn/{token}")
def file(token: str, http_request: Request, ledger: LedgerDep) -> Response:
    """The bytes, to whoever has the address. A password that comes along was meant for somebody else: it is refused."""
    found = ledger.attachment_by_token(token)
    if found is None:
        return Response(status_code=404)
    if http_request.headers.get("authorization"):
        ledger.note("password_leaked", "", at=time.time(), sid=found.message_sid)
        return Response("Only one auth mechanism allowed\n", status_code=400, media_type="text/plain")
    return Response(found.data, media_type=found.content_type, headers={"x-content-type-options": "nosniff"})
