"""Files that are there whole or not at all."""

import os
import tempfile
from pathlib import Path


def replace(path: Path, data: bytes | memoryview, *, by_way_of: Path | None = None) -> None:
    """Writes `path`, readable by its owner only: a reader finds the old bytes or the new ones, never a part.

    by_way_of: the folder, of the same file system, where it is written first; the file's own if None.
    """
    descriptor, name = tempfile.mkstemp(dir=by_way_of or path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
