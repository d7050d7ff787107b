"""Files below a folder, and never outside of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from penstock.errors import BadRequest, NotFound
from penstock.storage.local import LocalStorage


def test_what_is_written_can_be_read_listed_and_deleted(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path / "deep")
    storage.write("a/b.txt", b"1")
    storage.write("a/b.txt", b"2")
    storage.write("c", b"3")
    assert storage.read("a/b.txt") == b"2"
    assert list(storage.list()) == ["a/b.txt", "c"]
    assert list(storage.list("a")) == ["a/b.txt"]
    storage.delete("c")
    storage.delete("c")
    with pytest.raises(NotFound):
        storage.read("c")


@pytest.mark.parametrize("key", ["../x", "/etc/passwd", "a/../../x"])
def test_a_key_never_leads_out(tmp_path: Path, key: str) -> None:
    with pytest.raises(BadRequest):
        LocalStorage(tmp_path / "in").write(key, b"")
