"""What all handlers of the provider's REST share: its error shape, its password, the stand-in's state."""

import hmac
from typing import Annotated

from fastapi import Depends, Request
from fastapi.responses import JSONResponse
from fastapi.security import HTTPBasic, HTTPBasicCredentials

from channels.standin.config import StandinConfig
from channels.standin.ledger import Ledger

_MESSAGES = {
    20003: (401, "Authenticate"),
    20001: (400, "Invalid parameter"),
    20009: (409, "Unable to delete record"),
    20404: (404, "The requested resource was not found"),
    20429: (429, "Too Many Requests"),
    20500: (500, "An internal server error has occurred"),
    20503: (503, "Service unavailable"),
    21201: (400, "No 'To' number is specified"),
    21205: (400, "Url parameter is required."),
    21211: (400, "Invalid 'To' Phone Number"),
    21213: (400, "'From' phone number is required."),
    21220: (400, "Call is not in-progress. Cannot redirect."),
    21222: (400, "No parameters of the update are specified"),
    21602: (400, "Message body is required."),
    21603: (400, "A 'From' phone number is required."),
    21604: (400, "A 'To' phone number is required."),
    21609: (400, "Invalid 'StatusCallback' URL"),
    21610: (400, "Attempt to send to unsubscribed recipient"),
    21617: (400, "The concatenated message body exceeds the 1600 character limit."),
    21655: (400, "The ContentSid is Invalid"),
    21656: (400, "The ContentVariables Parameter is invalid"),
    21910: (400, "Invalid 'From' and 'To' pair. 'From' and 'To' should be of the same channel"),
}


class Refusal(Exception):
    """An answer in Twilio's error shape."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code

    def response(self) -> JSONResponse:
        status, message = _MESSAGES[self.code]
        more = f"https://www.twilio.com/docs/errors/{self.code}"
        headers = {"WWW-Authenticate": 'Basic realm="Twilio API"'} if status == 401 else None
        body = {"code": self.code, "message": message, "more_info": more, "status": status}
        return JSONResponse(body, status_code=status, headers=headers)


def _config(http_request: Request) -> StandinConfig:
    config: StandinConfig = http_request.app.state.config
    return config


def _ledger(http_request: Request) -> Ledger:
    ledger: Ledger = http_request.app.state.ledger
    return ledger


ConfigDep = Annotated[StandinConfig, Depends(_config)]
LedgerDep = Annotated[Ledger, Depends(_ledger)]
_basic = HTTPBasic(auto_error=False)


def signed_in(config: ConfigDep, credentials: Annotated[HTTPBasicCredentials | None, Depends(_basic)]) -> None:
    """Raises Refusal unless the call has the account's password."""
    given = (credentials.username, credentials.password) if credentials else ("", "")
    expected = (config.account_sid, config.auth_token)
    if not all(hmac.compare_digest(a.encode(), b.encode()) for a, b in zip(given, expected, strict=True)):
        raise Refusal(20003)


def in_account(account_sid: str, config: ConfigDep, _: Annotated[None, Depends(signed_in)]) -> None:
    """As `signed_in`, and the address is of that account."""
    if account_sid != config.account_sid:
        raise Refusal(20404)
