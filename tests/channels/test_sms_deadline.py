"""A call to the provider ends before its sender counts as dead, however slowly the provider answers."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from uuid import UUID

import pytest
from pydantic import ValidationError

from channels.delivery import SENDING_LEASE
from channels.errors import DeliveryError
from channels.sms.adapter import SmsChannel
from channels.twilio_api.account import CONNECT_S
from channels.values import OutboundMessage
from kernel.settings import Sms
from tests.channels.conftest import ANA, make_settings
from tests.channels.servers import free_socket, url_of


@pytest.fixture
def dripping() -> Iterator[socket.socket]:
    """Answers one letter at a time, each well within the time for a read, for three seconds."""
    bound = free_socket()
    bound.listen()

    def drip() -> None:
        with suppress(OSError), bound.accept()[0] as caller:
            for letter in b"HTTP/1.1 200 " + b"O" * 17:
                caller.sendall(bytes([letter]))
                time.sleep(0.1)

    thread = threading.Thread(target=drip)
    thread.start()
    yield bound
    thread.join()
    bound.close()


def test_a_provider_that_drips_is_given_up_and_perhaps_took_it(dripping: socket.socket) -> None:
    channel = SmsChannel.from_settings(make_settings(api_base_url=url_of(dripping), timeout_s=0.3))
    assert channel is not None
    began = time.monotonic()
    with pytest.raises(DeliveryError) as failure:
        channel.send(OutboundMessage(UUID(int=1), None, ANA, "Listo"))
    assert time.monotonic() - began < 1.5
    assert failure.value.uncertain
    assert failure.value.reason == "no_answer"
    channel.close()


def test_no_setting_lets_a_call_outlast_the_lease() -> None:
    longest = next(limit.le for limit in Sms.model_fields["timeout_s"].metadata if hasattr(limit, "le"))
    assert timedelta(seconds=longest + CONNECT_S) < SENDING_LEASE
    with pytest.raises(ValidationError, match="timeout_s"):
        make_settings(timeout_s=longest + 0.1)
