"""Where bytes are kept: a folder, or any store that fsspec speaks to (`s3://bucket/prefix`). Nobody can guess a key.

One seam for the process: a composition root calls `configure`, a test may name its own. No call here inside a transaction.
"""

import contextlib
import os
import secrets
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

import structlog

from kernel import files
from kernel.errors import MisconfiguredError, NotFound, Unavailable
from kernel.settings import Media, Settings

log = structlog.get_logger(__name__)

# A store that does not answer must not hold a report back for long.
_S3 = {
    "use_listings_cache": False,
    "config_kwargs": {"connect_timeout": 3, "read_timeout": 10, "retries": {"max_attempts": 2}},
}
_TRIES = 2


def new_key() -> str:
    """128 random bits; the first two letters spread files over folders."""
    name = secrets.token_hex(16)
    return f"{name[:2]}/{name[2:]}"


class Storage(Protocol):
    def put(self, key: str, data: memoryview | bytes) -> None:
        """Keeps `data` durably: once this returns it survives a crash; a reader finds all of it or none. Raises Unavailable."""

    def get(self, key: str) -> bytes:
        """Raises NotFound, Unavailable."""

    def delete(self, key: str) -> None:
        """Gone, also when it never was there. Raises Unavailable."""

    def tidy(self, before: datetime) -> None:
        """Removes what writers that died before this instant left half done."""


class Folder:
    """Files under `root`, written into one folder of it, flushed, and moved to their place."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._incoming = root / ".incoming"

    def put(self, key: str, data: memoryview | bytes) -> None:
        path = self._root / key
        try:
            for folder in (self._incoming, path.parent):
                folder.mkdir(parents=True, exist_ok=True)
            files.replace(path, data, by_way_of=self._incoming)
            for folder in (path.parent, self._root):  # the names too must outlive a power cut
                _sync(folder)
        except OSError as error:
            raise _unavailable("put", error) from error

    def get(self, key: str) -> bytes:
        try:
            return (self._root / key).read_bytes()
        except FileNotFoundError:
            raise NotFound("No encontramos esa foto.") from None
        except OSError as error:
            raise _unavailable("get", error) from error

    def delete(self, key: str) -> None:
        try:
            (self._root / key).unlink(missing_ok=True)
        except OSError as error:
            raise _unavailable("delete", error) from error

    def tidy(self, before: datetime) -> None:
        for path in self._incoming.glob("*"):
            with contextlib.suppress(FileNotFoundError):
                if path.stat().st_mtime < before.timestamp():
                    path.unlink()


class ObjectStore:
    """Any other store of fsspec, where one call writes one object."""

    def __init__(self, url: str, **options: Any) -> None:
        import fsspec  # the stores behind it take a second or two

        if url.startswith("s3:"):
            options = _S3 | options
        self._files, self._root = fsspec.url_to_fs(url.rstrip("/"), **options)
        if hasattr(self._files, "retries"):
            self._files.retries = _TRIES

    def put(self, key: str, data: memoryview | bytes) -> None:
        try:
            self._files.pipe_file(f"{self._root}/{key}", bytes(data))
        except Exception as error:  # every store has errors of its own
            raise _unavailable("put", error) from error

    def get(self, key: str) -> bytes:
        try:
            found: bytes = self._files.cat_file(f"{self._root}/{key}")
        except FileNotFoundError:
            raise NotFound("No encontramos esa foto.") from None
        except Exception as error:  # as above
            raise _unavailable("get", error) from error
        return found

    def delete(self, key: str) -> None:
        try:
            with contextlib.suppress(FileNotFoundError):
                self._files.rm_file(f"{self._root}/{key}")
        except Exception as error:  # as above
            raise _unavailable("delete", error) from error

    def tidy(self, before: datetime) -> None:
        """The store itself shows no half an object, and forgets it."""


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _unavailable(step: str, error: Exception) -> Unavailable:
    # Never the error's own words: they may hold an address with its password.
    log.error("the store of photos does not answer", step=step, error=type(error).__name__)
    return Unavailable("El almacén de fotos no responde.")


def open_storage(url: str) -> Storage:
    """The store at `url`: a path, `file://…`, or an address that fsspec knows. Raises MisconfiguredError."""
    if "://" not in url or url.startswith("file://"):
        return Folder(Path(url.removeprefix("file://")).resolve())
    try:
        return ObjectStore(url)
    except (ImportError, ValueError) as error:
        raise MisconfiguredError("ATIENDE_MEDIA_URL: {reason}", reason=str(error)) from error


@dataclass(frozen=True)
class Shelf:
    """Photos as this process keeps them: where, within which limits, and under which public address."""

    storage: Storage
    limits: Media
    base_url: str


_shelf: Shelf | None = None


def configure(shelf: Shelf | None) -> None:
    """Called once by a composition root, or by a test. None: photos are not kept here."""
    global _shelf
    _shelf = shelf


def shelf_for(settings: Settings) -> Shelf | None:
    """The shelf that these settings ask for; None when there is neither a URL nor a data folder."""
    url = settings.media.url or (str(settings.data / "media") if settings.data else None)
    return Shelf(open_storage(url), settings.media, settings.web.public_base_url) if url else None


def is_configured() -> bool:
    return _shelf is not None


def shelf() -> Shelf:
    """Raises MisconfiguredError where photos are not kept."""
    if _shelf is None:
        raise MisconfiguredError("Esta instalación no guarda fotos: falta ATIENDE_MEDIA_URL.")
    return _shelf


def photo_path(media_file_id: object) -> str:
    """Where a photo is served, below the installation's address."""
    return f"/media/{media_file_id}.jpg"


def photo_url(media_file_id: object) -> str | None:
    """The photo's public address, absolute; None in a process that serves no photos."""
    return f"{_shelf.base_url}{photo_path(media_file_id)}" if _shelf else None
