"""The agency's system of the tests holds for received what came whole, and nothing else."""

import socket

import httpx

from tests.intake.webhooks.receiving import receiving


def test_half_a_call_was_not_received() -> None:
    with receiving() as receiver:
        for half in (b"", b'{"typ'):
            with socket.create_connection(("127.0.0.1", receiver.server_port), timeout=5) as sender:
                sender.sendall(b"POST /avisos HTTP/1.1\r\ncontent-length: 15\r\n\r\n" + half)
                sender.shutdown(socket.SHUT_WR)
                assert sender.recv(100) == b"", "nobody is answered"
        httpx.post(receiver.url, content=b'{"type": "ping"}')
        assert [body for _, body in receiver.received] == [b'{"type": "ping"}']
