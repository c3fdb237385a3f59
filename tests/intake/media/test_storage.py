"""Every store keeps what it took: a folder, memory, and S3 spoken to by its real protocol."""

import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from intake.media.storage import Folder, ObjectStore, Storage, new_key, open_storage, shelf_for
from kernel.errors import MisconfiguredError, NotFound, Unavailable
from kernel.settings import Media
from tests.intake.open311.conftest import settings

BUCKET = "fotos"


@pytest.fixture(scope="module")
def s3_endpoint() -> Iterator[str]:
    """A server that speaks S3, in this process, with one bucket."""
    import warnings

    import boto3

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its own imports
        from moto.server import ThreadedMotoServer

    kept = {name: os.environ.get(name) for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION")}
    os.environ.update(AWS_ACCESS_KEY_ID="a", AWS_SECRET_ACCESS_KEY="b", AWS_DEFAULT_REGION="us-east-1")
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    boto3.client("s3", endpoint_url=endpoint).create_bucket(Bucket=BUCKET)
    yield endpoint
    server.stop()
    for name, value in kept.items():
        os.environ.pop(name) if value is None else os.environ.update({name: value})


@pytest.fixture(params=["folder", "memory", "s3"])
def storage(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Storage:
    if request.param == "folder":
        return open_storage(str(tmp_path / "media"))
    if request.param == "memory":
        return open_storage(f"memory://{tmp_path.name}")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", request.getfixturevalue("s3_endpoint"))
    return open_storage(f"s3://{BUCKET}/{tmp_path.name}/")


def test_what_was_put_is_there_until_it_is_deleted(storage: Storage) -> None:
    key, other = new_key(), new_key()
    big = os.urandom(6 * 1024 * 1024)
    storage.put(key, memoryview(b"one"))
    storage.put(other, big)
    assert storage.get(key) == b"one"
    assert storage.get(other) == big
    storage.put(key, b"two")
    assert storage.get(key) == b"two"
    for _ in range(2):
        storage.delete(key)
    with pytest.raises(NotFound):
        storage.get(key)
    assert storage.get(other) == big


def test_a_store_that_does_not_answer_says_so_and_soon(s3_endpoint: str) -> None:
    away = ObjectStore("s3://fotos", endpoint_url="http://127.0.0.1:1")
    no_bucket = ObjectStore("s3://nobody", endpoint_url=s3_endpoint)
    started = time.monotonic()
    for store in (away, no_bucket, Folder(Path("/proc/nothing"))):
        with pytest.raises(Unavailable):
            store.put("a", b"b")
    with pytest.raises(Unavailable):
        away.get("a")
    with pytest.raises(Unavailable):
        away.delete("a")
    assert time.monotonic() - started < 60


def test_a_folder_never_shows_half_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Folder(tmp_path)
    folder.put("aa/b", b"old")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(Unavailable):
        folder.put("aa/b", b"new")
    assert folder.get("aa/b") == b"old"
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["b"]


def test_what_a_killed_writer_left_is_removed_in_time(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.put("aa/b", b"whole")
    left = tmp_path / ".incoming" / "tmp1"
    left.write_bytes(b"half")
    folder.tidy(before=datetime.now(UTC) - timedelta(hours=1))
    assert left.exists()
    folder.tidy(before=datetime.now(UTC) + timedelta(seconds=1))
    assert not left.exists()
    assert folder.get("aa/b") == b"whole"


def test_keys_cannot_be_guessed() -> None:
    keys = {new_key() for _ in range(1000)}
    assert len(keys) == 1000
    assert all(len(key.replace("/", "")) == 32 for key in keys)


def test_where_photos_go(tmp_path: Path) -> None:
    plain = settings()
    assert shelf_for(plain) is None
    in_data = shelf_for(plain.model_copy(update={"data": tmp_path}))
    assert in_data is not None
    in_data.storage.put("aa/b", b"c")
    assert (tmp_path / "media" / "aa" / "b").read_bytes() == b"c"
    elsewhere = shelf_for(plain.model_copy(update={"media": Media(url="memory://x"), "data": tmp_path}))
    assert elsewhere is not None
    assert isinstance(elsewhere.storage, ObjectStore)
    with pytest.raises(MisconfiguredError, match="ATIENDE_MEDIA_URL"):
        open_storage("nothing-of-the-kind://x")
