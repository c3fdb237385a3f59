"""Handing one mail to the provider's SMTP server, once, and knowing whether it has it.

smtplib's own `sendmail` cannot tell "the words never left" from "the answer was lost"; here each step is told apart.
"""

import re
import smtplib
import ssl
import time
from email.message import EmailMessage

import structlog

from channels.email import codes
from channels.errors import DeliveryError
from kernel.settings import Email

log = structlog.get_logger(__name__)

_CONNECT_S = 5.0
_LONE_BREAKS = re.compile(rb"\r\n|\r|\n")
_LEADING_DOT = re.compile(rb"(?m)^\.")


class Submission:
    """One attempt, which ends after `settings.timeout_s` however slow each step is."""

    def __init__(self, settings: Email) -> None:
        self._settings = settings
        self._ends = time.monotonic() + _CONNECT_S + settings.timeout_s

    def send(self, mail: EmailMessage, sender: str, recipient: str) -> None:
        """Raises DeliveryError; uncertain only from the moment when the end of the mail may have reached the server."""
        content = _on_the_wire(mail)
        try:
            server = self._connected()
            try:
                self._begin(server, sender, recipient, content)
            except BaseException:
                server.close()
                raise
        except smtplib.SMTPAuthenticationError as error:
            log.error("email.credentials", code=error.smtp_code)
            raise DeliveryError("credentials") from error
        except (OSError, smtplib.SMTPException) as error:
            log.warning("email.unreachable", error=type(error).__name__)
            raise DeliveryError("provider_down") from error
        self._finish(server)

    def _connected(self) -> smtplib.SMTP:
        settings = self._settings
        context = ssl.create_default_context()
        connect_s = min(_CONNECT_S, settings.timeout_s)
        if settings.smtp_security == "tls":
            server: smtplib.SMTP = smtplib.SMTP_SSL(
                settings.smtp_host, settings.smtp_port, timeout=connect_s, context=context
            )
        else:
            server = smtplib.SMTP(settings.smtp_host, settings.smtp_port, timeout=connect_s)
        try:
            self._limit(server)
            server.ehlo()
            if settings.smtp_security == "starttls":
                server.starttls(context=context)
                server.ehlo()
            if settings.smtp_user:
                self._limit(server)
                server.login(settings.smtp_user, settings.smtp_password.get_secret_value())
        except BaseException:
            server.close()
            raise
        return server

    def _limit(self, server: smtplib.SMTP) -> None:
        """What is left of the time is all the next step gets. Raises TimeoutError when nothing is."""
        left_s = self._ends - time.monotonic()
        if left_s <= 0:
            raise TimeoutError("the whole attempt took too long")
        if server.sock is not None:
            server.sock.settimeout(left_s)

    def _begin(self, server: smtplib.SMTP, sender: str, recipient: str, content: bytes) -> None:
        """Everything up to the last word of the mail. Raises DeliveryError for a refusal."""
        options = ["SMTPUTF8"] if not recipient.isascii() else []
        if options and not server.has_extn("smtputf8"):
            raise DeliveryError("not_a_mail_address", permanent=True)
        self._limit(server)
        code, words = server.mail(sender, options)
        if not 200 <= code < 300:
            self._refuse(server, code, words, of_recipient=False)
        self._limit(server)
        code, words = server.rcpt(recipient)
        if not 200 <= code < 300:
            self._refuse(server, code, words, of_recipient=True)
        self._limit(server)
        code, words = server.docmd("DATA")
        if code != 354:
            self._refuse(server, code, words, of_recipient=False)
        self._limit(server)
        server.send(content)
        self._limit(server)

    def _finish(self, server: smtplib.SMTP) -> None:
        try:
            server.send(b".\r\n")
            code, words = server.getreply()
        except (OSError, smtplib.SMTPException) as error:
            server.close()
            log.warning("email.no_answer", error=type(error).__name__)
            raise DeliveryError("no_answer", uncertain=True) from error
        if not 200 <= code < 300:
            self._refuse(server, code, words, of_recipient=False)
        try:
            server.quit()
        except (OSError, smtplib.SMTPException):
            server.close()

    def _refuse(self, server: smtplib.SMTP, code: int, words: bytes, *, of_recipient: bool) -> None:
        server.close()
        told = words.decode("utf-8", "replace")
        log.warning("email.refused", code=code, of_recipient=of_recipient)
        raise codes.refusal(code, told, of_recipient=of_recipient)


def _on_the_wire(mail: EmailMessage) -> bytes:
    """With the line ends and doubled dots of RFC 5321, up to and without the final dot."""
    content = _LEADING_DOT.sub(b"..", _LONE_BREAKS.sub(b"\r\n", mail.as_bytes()))
    return content if content.endswith(b"\r\n") else content + b"\r\n"
