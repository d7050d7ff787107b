"""Bytes in files below one folder of this machine."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from penstock.errors import BadRequest, NotFound


class LocalStorage:
    """The storage of block type `local-file-system`."""

    def __init__(self, root: Path) -> None:
        self.root = root.expanduser().resolve()

    def read(self, key: str) -> bytes:
        try:
            return self._path(key).read_bytes()
        except (FileNotFoundError, IsADirectoryError):
            raise NotFound(f"There is no file {key!r} in {self.root}.") from None

    def write(self, key: str, content: bytes) -> None:
        path = self._path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{path.name}.{os.getpid()}.part")
        part.write_bytes(content)
        part.replace(path)

    def delete(self, key: str) -> None:
        self._path(key).unlink(missing_ok=True)

    def list(self, prefix: str = "") -> Iterator[str]:
        top = self._path(prefix)
        found = (path for path in top.rglob("*") if path.is_file() and not path.name.endswith(".part"))
        yield from sorted(path.relative_to(self.root).as_posix() for path in found)

    def _path(self, key: str) -> Path:
        path = (self.root / key).resolve()
        if not path.is_relative_to(self.root):
            raise BadRequest(f"The key {key!r} leads out of its storage.")
        return path
