"""A file that is replaced is there whole, for its owner only."""

from pathlib import Path

import pytest

from kernel import files


def test_the_new_bytes_stand_in_the_place_of_the_old_for_their_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "kept"
    path.write_bytes(b"old")
    path.chmod(0o644)
    files.replace(path, b"new")
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (b"new", 0o600)
    assert list(tmp_path.iterdir()) == [path]


def test_what_cannot_be_put_in_place_leaves_the_old_bytes_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, aside = tmp_path / "kept", tmp_path / "aside"
    path.write_bytes(b"old")
    aside.mkdir()

    def fail(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(OSError, match="No space"):
        files.replace(path, b"new", by_way_of=aside)
    assert path.read_bytes() == b"old"
    assert list(aside.iterdir()) == []
