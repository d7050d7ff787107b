"""Whose word counts where a file, the file as it was deployed last, and a server say different things."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from msgspec import UNSET


class Owner(StrEnum):
    """Who a value belongs to."""

    FILE = "file"
    SERVER = "server"


CHANGED_HERE = "changed on the server"
REMOVED_HERE = "removed on the server"
ADDED_HERE = "added on the server"
BOTH_CHANGED = "changed on the server too"


@dataclass(frozen=True, slots=True)
class Change:
    """One field that differs: what it is on the server and what it will be there; UNSET is not there.

    What the server keeps is the same before and after, and `file` says what it is kept against.
    """

    name: str
    before: Any
    after: Any
    owner: Owner = Owner.FILE
    note: str = ""
    file: Any = UNSET


@dataclass(slots=True)
class Three:
    """Takes the three sides of one field after another, and remembers what differed."""

    knows_last: bool
    reset: bool = False
    changes: list[Change] = field(default_factory=list)
    unknown: frozenset[str] = frozenset()
    """Names of fields whose value the file takes from steps that have not run: nothing can be said of them."""

    def without_last(self) -> Three:
        """For a field of which only the file and the server are asked."""
        return replace(self, knows_last=False)

    def value(self, name: str, last: Any, file: Any, server: Any) -> Any:
        """What the field will be; UNSET is not there, and for `last` also not known."""
        if file == server or name in self.unknown:
            return server
        if self.keeps(last, file):
            self.keep(name, server, file)
            return server
        note = BOTH_CHANGED if self.knows_last and last not in (UNSET, server) and not self.reset else ""
        self.changes.append(Change(name, server, file, note=note))
        return file

    def keeps(self, last: Any, file: Any) -> bool:
        """Whether the file says what it said, so that what differs was changed on the server."""
        return self.knows_last and not self.reset and same(last, file)

    def keep(self, name: str, server: Any, file: Any = UNSET) -> None:
        """Notes what a person has changed on the server and keeps."""
        note = ADDED_HERE if file is UNSET else REMOVED_HERE if server is UNSET else CHANGED_HERE
        self.changes.append(Change(name, server, server, Owner.SERVER, note, file))

    def remove(self, name: str, server: Any) -> None:
        """Notes what the file made and has left."""
        self.changes.append(Change(name, server, UNSET))

    def tags(self, last: list[str], file: list[str], server: list[str]) -> list[str]:
        """Tags one by one: those that people added stay, those that they removed stay away."""
        if file == server or "tags" in self.unknown:
            return server
        if not self.knows_last or self.reset:
            self._tell_tags(file, server)
            return file
        taken = [one for one in last if one not in server and one in file]
        added = [one for one in server if one not in last and one not in file]
        after = [one for one in file if one not in taken] + added
        for one in taken:
            self.changes.append(Change("tags", UNSET, UNSET, Owner.SERVER, f"{one!r} was {REMOVED_HERE}", file))
        for one in added:
            self.changes.append(Change("tags", one, one, Owner.SERVER, ADDED_HERE))
        if set(after) == set(server) and file == last:
            return server
        self._tell_tags(after, server)
        return after

    def _tell_tags(self, after: list[str], server: list[str]) -> None:
        gone = [Change("tags", one, UNSET) for one in server if one not in after]
        come = [Change("tags", UNSET, one) for one in after if one not in server]
        reordered = [Change("tags", server, after)] if after != server else []
        self.changes += gone + come or reordered


def keywise(three: Three, name: str, last: Any, file: Any, server: Any) -> Any:
    """What a field will be; a mapping is merged key by key."""
    if not isinstance(file, Mapping) or not isinstance(server, Mapping):
        return three.value(name, last, file, server)
    before = last if isinstance(last, Mapping) else {}
    after = {}
    for key in {**server, **file}:
        sides = [side.get(key, UNSET) for side in (before, file, server)]
        value = keywise(three, f"{name}.{key}", *sides)
        if value is not UNSET:
            after[key] = value
    return after


def same(one: Any, other: Any) -> bool:
    """Whether two values are the same; not there is the same as not there."""
    return one is other or (one is not UNSET and other is not UNSET and one == other)
