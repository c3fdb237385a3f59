"""Runs the errands: signed calls to our webhooks, tried again like a patient provider would."""

import base64
import hmac
import time
from collections.abc import Mapping
from hashlib import sha1
from urllib.parse import urlsplit, urlunsplit

import httpx
import structlog

from channels.standin import network
from channels.standin.config import StandinConfig
from channels.standin.ledger import Errand, Ledger, Text
from channels.standin.rounds import TRY_FOR_S, Rounds, pause_s
from channels.standin.whatsapp import wire

log = structlog.get_logger(__name__)


def signature(token: str, url: str, form: Mapping[str, str]) -> str:
    """Base64 of HMAC-SHA1 over the URL and every parameter, sorted by name.

    Written from Twilio's description, so that our own check is not tested against itself.
    """
    signed = url + "".join(name + form[name] for name in sorted(form))
    return base64.b64encode(hmac.digest(token.encode(), signed.encode(), sha1)).decode()


class Postman:
    """Runs each errand when it is due. `start` and `stop` once."""

    def __init__(self, ledger: Ledger, config: StandinConfig) -> None:
        self._ledger = ledger
        self._config = config
        self._client = httpx.Client(timeout=config.timeout_s, follow_redirects=False, trust_env=False)
        self._rounds = Rounds("postman", lambda most: ledger.due(time.time(), limit=most), self._run)

    def start(self) -> None:
        self._rounds.start()

    def stop(self) -> None:
        """Waits for the calls under way."""
        self._rounds.stop()
        self._client.close()

    def _run(self, errand: Errand) -> None:
        if errand.kind == "progress":
            network.progress(self._ledger, errand)
        else:
            self._call(errand, self._ledger.text(errand.sid))

    def _call(self, errand: Errand, text: Text) -> None:
        is_inbound = errand.kind == "inbound"
        if is_inbound and self._ledger.switches().lose_inbound:
            self._ledger.finish(errand.id, "given_up")
            return
        target = self._webhook_of(text) if is_inbound else text.callback or ""
        url = urlunsplit(urlsplit(target)._replace(fragment=""))
        form = self._form_of(text, errand)
        headers = {
            "X-Twilio-Signature": signature(self._config.auth_token, url, form),
            "I-Twilio-Idempotency-Token": errand.token,
            "User-Agent": "TwilioProxy/1.1",
        }
        try:
            answer: int | str = self._client.post(url, data=form, headers=headers).status_code
        except httpx.TransportError as error:
            answer = type(error).__name__
        self._conclude(errand, text, answer)

    def _conclude(self, errand: Errand, text: Text, answer: int | str) -> None:
        now = time.time()
        name = "webhook" if errand.kind == "inbound" else "report"
        taken = isinstance(answer, int) and 200 <= answer < 300
        again = not isinstance(answer, int) or answer >= 500
        detail = {"sid": text.sid, "answer": answer, "status": errand.status, "attempt": errand.attempts + 1}
        with self._ledger.together():
            if taken:
                self._ledger.finish(errand.id, "done")
                if errand.kind == "inbound":
                    self._ledger.move(text.sid, "received", at=now)
                self._ledger.note(f"{name}_taken", text.phone, at=now, **detail)
            elif again and now - text.created_at < TRY_FOR_S:
                self._ledger.postpone(errand.id, now + pause_s(errand.attempts))
                if errand.attempts == 0:
                    self._ledger.note(f"{name}_again", text.phone, at=now, **detail)
            else:
                self._ledger.finish(errand.id, "given_up")
                self._ledger.note(f"{name}_refused", text.phone, at=now, **detail)
        if not taken:
            log.info("standin.call", kind=errand.kind, answer=answer, attempt=errand.attempts + 1)

    def _webhook_of(self, text: Text) -> str:
        return self._config.whatsapp_webhook_url if text.channel == "whatsapp" else self._config.webhook_url

    def _form_of(self, text: Text, errand: Errand) -> dict[str, str]:
        is_inbound = errand.kind == "inbound"
        if text.channel == "sms":
            return self._inbound_form(text) if is_inbound else self._report_form(text, errand.status)
        if not is_inbound:
            return wire.report_form(text, errand.status, network.code_of(text, errand.status), self._config)
        attachments = {
            wire.media_url(self._config, text.sid, one.sid): one.content_type
            for one in self._ledger.attachments(text.sid)
        }
        return wire.inbound_form(text, self._config, attachments)

    def _inbound_form(self, text: Text) -> dict[str, str]:
        return {
            "ToCountry": "MX",
            "ToState": "",
            "SmsMessageSid": text.sid,
            "NumMedia": "0",
            "ToCity": "",
            "FromZip": "",
            "SmsSid": text.sid,
            "FromState": "",
            "SmsStatus": "received",
            "FromCity": "",
            "Body": text.body,
            "FromCountry": "MX",
            "To": text.recipient,
            "ToZip": "",
            "NumSegments": str(text.segments),
            "MessageSid": text.sid,
            "AccountSid": self._config.account_sid,
            "From": text.sender,
            "ApiVersion": "2010-04-01",
        }

    def _report_form(self, text: Text, status: str) -> dict[str, str]:
        form = {
            "SmsSid": text.sid,
            "SmsStatus": status,
            "MessageStatus": status,
            "To": text.recipient,
            "MessageSid": text.sid,
            "AccountSid": self._config.account_sid,
            "From": text.sender,
            "ApiVersion": "2010-04-01",
        }
        return form | ({"ErrorCode": str(network.PHONE_OFF)} if status == "undelivered" else {})
