"""Passwords and mails go through TLS with a certificate that is checked, or nowhere."""

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from aiosmtpd.controller import Controller
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pydantic import SecretStr, ValidationError

from channels.email.adapter import EmailChannel
from channels.email.mailbox import Mailbox, MailboxError
from channels.errors import DeliveryError
from channels.standin.mail.imap import ImapServer
from channels.standin.mail.store import MailStore
from channels.values import OutboundMessage
from tests.channels.email.mails import ROSA
from tests.channels.email.post import ACCOUNT, email_settings, post_office
from tests.channels.servers import free_socket

MESSAGE = OutboundMessage(UUID(int=7), None, ROSA, "Listo")


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """Key and certificate of 127.0.0.1 in one file, signed by nobody but itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "certificate.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


@pytest.fixture
def server_context(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


class Keeper:
    """An SMTP server's other half."""

    def __init__(self) -> None:
        self.taken: list[bytes] = []
        self.was_encrypted: list[bool] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.taken.append(envelope.content)
        self.was_encrypted.append(session.ssl is not None)
        return "250 Ok"


def running(**options: Any) -> Controller:
    bound = free_socket()
    port = bound.getsockname()[1]
    bound.close()
    controller = Controller(Keeper(), hostname="127.0.0.1", port=port, **options)
    controller.start()
    return controller


def channel(port: int, security: str) -> EmailChannel:
    return EmailChannel(email_settings(port, 1, smtp_security=security, smtp_user=""))


@pytest.fixture
def starttls(server_context: ssl.SSLContext) -> Iterator[Controller]:
    controller = running(tls_context=server_context, require_starttls=True)
    yield controller
    controller.stop()


def test_starttls_with_a_certificate_that_is_trusted(
    starttls: Controller, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    channel(starttls.port, "starttls").send(MESSAGE)
    assert starttls.handler.was_encrypted == [True]


def test_a_certificate_nobody_trusts_gets_no_mail(starttls: Controller) -> None:
    with pytest.raises(DeliveryError) as failure:
        channel(starttls.port, "starttls").send(MESSAGE)
    assert (failure.value.reason, failure.value.uncertain) == ("provider_down", False)
    assert starttls.handler.taken == []


def test_a_server_without_tls_gets_no_mail(tmp_path: Path) -> None:
    with post_office(tmp_path) as post:
        for security in ("starttls", "tls"):
            with pytest.raises(DeliveryError) as failure:
                post.channel(smtp_security=security).send(MESSAGE)
            assert (failure.value.reason, failure.value.uncertain) == ("provider_down", False)
        for security in ("starttls", "tls"):
            with pytest.raises(MailboxError), Mailbox(post.channel(imap_security=security).settings, "INBOX"):
                pass
        assert post.store.mails() == []


def test_tls_from_the_first_byte(
    server_context: ssl.SSLContext, certificate: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    smtp = running(ssl_context=server_context)
    channel(smtp.port, "tls").send(MESSAGE)
    assert len(smtp.handler.taken) == 1
    smtp.stop()

    store, bound = MailStore(tmp_path / "mail.sqlite3"), free_socket()
    port = bound.getsockname()[1]
    imap = ImapServer(store, ACCOUNT, server_context.wrap_socket(bound, server_side=True))
    imap.start()
    settings = email_settings(1, port, imap_security="tls")
    with Mailbox(settings, "INBOX") as box:
        assert box.after(0) == []
    imap.stop()
    store.close()


def test_without_tls_only_this_machine_is_talked_to() -> None:
    for host in ("smtp_host", "imap_host"):
        with pytest.raises(ValidationError):
            email_settings(**{host: "mail.example", "imap_password": SecretStr("x")})
