"""The embedded Valkey: found again, started again with its data, refusing with words."""

import os
import signal
import time
from collections.abc import Callable

import pytest
import redis
from rq import Queue
from rq.serializers import JSONSerializer

from kernel.embedded.valkey import ValkeyServer
from kernel.errors import Unavailable

Make = Callable[..., ValkeyServer]


def test_starts_is_found_survives_kill_and_stops(valkey: Make) -> None:
    server = valkey()
    assert server.start() is True
    assert ValkeyServer(server.folder).start() is False
    client = redis.Redis.from_url(server.url)
    Queue("atiende", connection=client, serializer=JSONSerializer).enqueue("os.getpid")
    client.set("kept", "1")
    time.sleep(1.2)  # appendfsync everysec

    for starter in (server, ValkeyServer(server.folder)):
        killed = server.pid
        assert killed
        os.kill(killed, signal.SIGKILL)
        assert starter.start() is True
        assert server.pid not in (None, killed)
    assert client.get("kept") == b"1"
    assert len(Queue("atiende", connection=client, serializer=JSONSerializer)) == 1
    assert client.config_get("port") == {"port": "0"}
    assert client.config_get("appendonly") == {"appendonly": "yes"}
    client.close()

    ValkeyServer(server.folder).stop()
    assert server.pid is None
    assert not server.is_ready()


def test_a_deep_folder_gets_a_short_socket(valkey: Make) -> None:
    server = valkey("/".join(["deep-folder-name"] * 8))
    server.start()
    assert len(str(server.socket)) < 104
    assert ValkeyServer(server.folder).is_ready()


def test_what_valkey_complains_of_reaches_the_reader(valkey: Make) -> None:
    server = valkey()
    (server.data / "appendonlydir").mkdir(parents=True)
    (server.data / "appendonlydir" / "appendonly.aof.manifest").write_text("nonsense\n")
    with pytest.raises(Unavailable, match=r"(?s)Valkey no arrancó.*AOF"):
        server.start()


def test_a_program_that_is_none_is_named(valkey: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATIENDE_VALKEY_SERVER", "/nowhere/valkey-server")
    with pytest.raises(Unavailable, match="ATIENDE_VALKEY_SERVER"):
        valkey().start()
