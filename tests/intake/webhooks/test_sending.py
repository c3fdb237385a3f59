"""One call, whatever the receiver, the name server or the certificate is like."""

import datetime
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from intake.webhooks.config import Config
from intake.webhooks.sending import Outcome, send
from tests.intake.webhooks.receiving import Receiver

HERE = Config("https://311.prueba.example", allow_loopback=True, timeout_s=1.5)
OUTSIDE = Config("https://311.prueba.example", allow_loopback=False, timeout_s=1.5)


@contextmanager
def answering(answer: Callable[[socket.socket], None]) -> Iterator[int]:
    """A port where each caller is handed to `answer`."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    caller, _ = listener.accept()
                except OSError:
                    return
                threading.Thread(target=answer, args=(caller,), daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1]


def test_what_is_sent_is_exactly_the_body_and_the_headers(receiver: Receiver) -> None:
    body = '{"type":"webhook.test","ñ":"á"}'.encode()
    assert send(receiver.url, body, {"webhook-id": "msg_1"}, HERE) == Outcome(status=204)
    ((headers, received),) = receiver.received
    assert received == body
    assert headers["webhook-id"] == "msg_1"
    assert headers["host"] == f"127.0.0.1:{receiver.server_port}"
    assert headers["content-length"] == str(len(body))


def test_a_name_is_kept_in_the_host_header_though_the_address_is_called(receiver: Receiver) -> None:
    assert send(f"http://localhost:{receiver.server_port}/x", b"{}", {}, HERE).status == 204
    assert receiver.received[0][0]["host"] == f"localhost:{receiver.server_port}"


def test_a_redirect_is_not_followed(receiver: Receiver) -> None:
    receiver.answer(302, location=f"http://127.0.0.1:{receiver.server_port}/otra")
    outcome = send(receiver.url, b"{}", {}, HERE)
    assert (outcome.status, outcome.is_taken) == (302, False)
    assert len(receiver.received) == 1


@pytest.mark.parametrize("host", ["127.1", "0x7f.1", "127.0.0.1.", "0.0.0.0"])
def test_a_name_that_leads_home_is_found_out_when_it_is_resolved(receiver: Receiver, host: str) -> None:
    outcome = send(f"https://{host}:{receiver.server_port}/", b"{}", {}, OUTSIDE)
    assert outcome.error in ("private_address", "bad_url", "no_such_host")
    assert receiver.received == []


def test_a_name_that_does_not_exist() -> None:
    assert send("https://nada.invalid/", b"{}", {}, Config("x", timeout_s=10)).error == "no_such_host"


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    assert send(f"http://127.0.0.1:{port}/", b"{}", {}, HERE).error == "no_connection"


def test_a_receiver_that_sends_a_byte_at_a_time_is_given_up_in_time() -> None:
    def drip(caller: socket.socket) -> None:
        try:
            for letter in b"HTTP/1.1 200 OK\r\nx: " + b"a" * 1000:
                caller.sendall(bytes([letter]))
                time.sleep(0.2)
        except OSError:
            caller.close()

    with answering(drip) as port:
        started = time.monotonic()
        assert send(f"http://127.0.0.1:{port}/", b"{}", {}, HERE).error == "no_answer"
        assert time.monotonic() - started < 3


def test_an_endless_body_is_not_read() -> None:
    def pour(caller: socket.socket) -> None:
        try:
            caller.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n")
            while True:
                caller.sendall(b"x" * 65536)
        except OSError:
            caller.close()

    with answering(pour) as port:
        started = time.monotonic()
        assert send(f"http://127.0.0.1:{port}/", b"{}", {}, HERE) == Outcome(status=200)
        assert time.monotonic() - started < 1.5


def test_what_is_no_http_is_no_answer() -> None:
    def babble(caller: socket.socket) -> None:
        caller.sendall(b"\x00\xff nonsense\r\n\r\n")
        caller.close()

    with answering(babble) as port:
        assert send(f"http://127.0.0.1:{port}/", b"{}", {}, HERE).error == "no_answer"


def test_a_certificate_that_nobody_signed_is_told(tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .sign(key, hashes.SHA256())
    )
    pem = tmp_path / "both.pem"
    pem.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)

    def shake(caller: socket.socket) -> None:
        try:
            context.wrap_socket(caller, server_side=True).close()
        except OSError:
            caller.close()

    with answering(shake) as port:
        assert send(f"https://127.0.0.1:{port}/", b"{}", {}, HERE).error == "bad_certificate"


@pytest.mark.parametrize(
    ("value", "seconds"), [("120", 120.0), ("", 0.0), ("soon", 0.0), ("-5", 0.0), ("9" * 7, 86400.0)]
)
def test_a_receiver_may_ask_for_a_pause(receiver: Receiver, value: str, seconds: float) -> None:
    receiver.answer(503, retry_after=value)
    assert send(receiver.url, b"{}", {}, HERE) == Outcome(status=503, retry_after_s=seconds)
