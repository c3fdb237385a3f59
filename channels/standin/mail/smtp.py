"""The SMTP side: residents' mails to the centre, and what the centre hands to its provider. aiosmtpd speaks the protocol."""

import asyncio
import hmac
import socket
import threading
from typing import Any

import structlog
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from channels.email.headers import canonical
from channels.standin.mail.delivery import REFUSED, MailAccount, deliver
from channels.standin.mail.store import MailStore

log = structlog.get_logger(__name__)

_MOST_BYTES = 30 * 1024 * 1024


class _Hooks:
    """What aiosmtpd asks. Anybody may write to the centre; only the centre, signed in, may write to others."""

    def __init__(self, store: MailStore, account: MailAccount) -> None:
        self._store = store
        self._account = account

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        switches = self._store.switches()
        if self._account.is_centers(address) and switches.outage in ("down", "busy"):
            return "421 4.3.2 Service not available" if switches.outage == "down" else "450 4.7.1 Too many messages"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 Ok"

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        plain = canonical(address)
        if not plain:
            return "553 5.1.3 Bad recipient address syntax"
        if not self._account.is_centers(plain):
            if not session.authenticated:
                return "550 5.7.1 Relaying denied"
            if plain.lower().startswith(REFUSED) or self._store.switches().outage == "refuse":
                return "550 5.1.1 User unknown"
        envelope.rcpt_tos.append(plain)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 Ok"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        raw = envelope.content if isinstance(envelope.content, bytes) else (envelope.content or "").encode()
        for recipient in envelope.rcpt_tos:
            await asyncio.to_thread(deliver, self._store, self._account, envelope.mail_from or "", recipient, raw)
        outage = self._store.switches().outage
        if outage == "drop" and session.authenticated and isinstance(server.transport, asyncio.Transport):
            server.transport.abort()
        return "250 2.0.0 Ok: queued"


class _Session(SMTP):
    # Programs that try things out end their lines as they like.
    line_length_limit = 1_000_000


class SmtpServer:
    """Serves on a bound socket in a thread of its own. `start` and `stop` once."""

    def __init__(self, store: MailStore, account: MailAccount, bound: socket.socket) -> None:
        self._hooks = _Hooks(store, account)
        self._account = account
        self._bound = bound
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="standin-smtp", daemon=True)

    def start(self) -> None:
        self._thread.start()
        self._ready.wait(10)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(self._loop.create_server(self._protocol, sock=self._bound))
        self._ready.set()
        self._loop.run_forever()
        server.close()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()

    def _protocol(self) -> SMTP:
        return _Session(
            self._hooks,
            hostname="correo.example",
            ident="Atiende stand-in",
            data_size_limit=_MOST_BYTES,
            enable_SMTPUTF8=True,
            authenticator=self._authenticate,
            auth_required=False,
            auth_require_tls=False,
            loop=self._loop,
        )

    def _authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any
    ) -> AuthResult:
        if not isinstance(data, LoginPassword):
            return AuthResult(success=False, handled=False)
        expected = (self._account.user.encode(), self._account.password.encode())
        is_ours = all(hmac.compare_digest(a, b) for a, b in zip((data.login, data.password), expected, strict=True))
        return AuthResult(success=is_ours, handled=False)
