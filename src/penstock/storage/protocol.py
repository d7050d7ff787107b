"""The seam between Penstock and places that keep bytes: four calls."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol


class Storage(Protocol):
    """Bytes at a key. Keys are relative paths with `/`; a storage never reaches outside of its root.

    Calls may overlap and block. `write` replaces in one step: a reader sees the old bytes or the new.
    `delete` of what is not there does nothing.
    """

    def read(self, key: str) -> bytes:
        """The bytes; `NotFound` when there are none."""
        ...

    def write(self, key: str, content: bytes) -> None:
        """Keeps the bytes."""
        ...

    def delete(self, key: str) -> None:
        """Removes the bytes."""
        ...

    def list(self, prefix: str = "") -> Iterator[str]:
        """Every key below a folder, sorted."""
        ...
