"""Putting literal values into a template's manifest without losing its placeholders.

Where a placeholder stands, the value becomes the default of its variable, so that deployments may still set it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from penstock.core.infrastructure_blocks import Conversion, Severity, words
from penstock.core.json_patch import APPEND, Operation, drop, pointer, put, value_at
from penstock.core.json_trees import copied
from penstock.core.templates import Kind, Placeholder, placeholders
from penstock.errors import InvalidRequest

Path = tuple[str, ...]
Absorb = Callable[[Conversion, Path, Any], bool]
"""Takes what is put below a placeholder (the rest of the path, the value); False when it can't."""


@dataclass(slots=True)
class Graft:
    """A manifest that literal values are put into; `root` is its key in the job configuration."""

    done: Conversion
    root: str
    lists: Mapping[str, Absorb] = field(default_factory=dict)
    """Variables that are a mapping, while what is put there has a manifest's own form."""

    @property
    def manifest(self) -> Any:
        """The manifest with its placeholders."""
        return self.done.job[self.root]

    def operate(self, one: Operation) -> None:
        """Does what one customization says; what can't be done is put into the report."""
        try:
            if one.op in ("add", "replace") and isinstance(one.value, Mapping) and self._is_mapping(one.path):
                self._renew(one.path, one.value)
            elif one.op in ("add", "replace"):
                self.put(one.path, one.value, replaces=one.op == "replace")
            elif one.op == "remove":
                drop(self.manifest, one.path)
            elif one.op in ("move", "copy"):
                self._transfer(one)
            elif one.op != "test":
                self.refuse(one.path, f"{one.op!r} is no operation")
        except InvalidRequest as error:
            self.refuse(one.path, error.message.rstrip("."))

    def put(self, path: Path, value: Any, *, replaces: bool = False) -> None:
        """Sets the value there; below or at a placeholder it becomes the variable's default."""
        depth, found = self._placeholder(path)
        if found is None:
            put(self.manifest, path, copied(value), replaces=replaces)
        elif found.name in self.lists:
            if not self.lists[found.name](self.done, path[depth:], value):
                self.refuse(path, f"the template has {found.text} there")
        elif depth < len(path):
            self.refuse(path, f"the template has {found.text} above it")
        elif self._is_single(found):
            self.done.default(found.name, self._typed(found.name, value))
        else:
            put(self.manifest, path, copied(value), replaces=True)

    def lay(self, path: Path, value: Any) -> None:
        """Merges a tree into what is there: leaf by leaf, what is not named stays."""
        if isinstance(value, Mapping) and self._is_mapping(path):
            for key, one in value.items():
                self.lay((*path, str(key)), one)
            return
        self.put(path, value, replaces=True)

    def refuse(self, path: Sequence[str], because: str) -> None:
        """Says that a change can't be made in the template."""
        self.done.say(
            "C01",
            Severity.ERROR,
            self.root + "." + ".".join(path),
            f"The change at {pointer(path)} can't be made in the template: {because}.",
            "Edit the template of the new pool by hand, or give these deployments a pool of their own.",
        )

    def _renew(self, path: Path, value: Mapping[str, Any]) -> None:
        """Makes a mapping equal to the value. What is there only if somebody sets it stays for who does."""
        there = value_at(self.manifest, path)
        for key in [key for key in there if key not in value]:
            known = placeholders(there[key])
            if not known or any(self.done.default_of(one.name) is not None for one in known):
                del there[key]
        for key, one in value.items():
            inner = (*path, str(key))
            if isinstance(one, Mapping) and self._is_mapping(inner):
                self._renew(inner, one)
            else:
                self.put(inner, one, replaces=True)

    def _transfer(self, one: Operation) -> None:
        value = copied(value_at(self.manifest, one.source))
        if one.op == "move":
            drop(self.manifest, one.source)
        put(self.manifest, one.path, value)

    def _placeholder(self, path: Path) -> tuple[int, Placeholder | None]:
        """The first text that is nothing but a placeholder on the way, and how many steps lead to it."""
        here = self.manifest
        for depth in range(len(path) + 1):
            if isinstance(here, str):
                return depth, whole(here)
            if depth == len(path):
                break
            try:
                here = value_at(here, path[depth : depth + 1])
            except InvalidRequest:
                break
        return len(path), None

    def _is_mapping(self, path: Path) -> bool:
        try:
            return isinstance(value_at(self.manifest, path), Mapping)
        except InvalidRequest:
            return False

    def _is_single(self, found: Placeholder) -> bool:
        """Whether its variable shapes nothing else of the manifest, so that setting it changes only this place."""
        return sum(one.name == found.name for one in placeholders(self.manifest)) == 1

    def _typed(self, variable: str, value: Any) -> Any:
        kind = self.done.properties.get(variable, {}).get("type")
        if kind == "string" and not isinstance(value, str):
            return words(value) if isinstance(value, list) else str(value)
        if kind == "integer" and isinstance(value, str) and value.strip().isdigit():
            return int(value)
        return value


def whole(text: str) -> Placeholder | None:
    """The placeholder that is all of a text, when it is one of a variable."""
    found = placeholders(text)
    same = len(found) == 1 and found[0].text == text.strip() and found[0].kind is Kind.VALUE
    return found[0] if same else None


def into_environment(key: str) -> Absorb:
    """Takes `{key: ..., "value": ...}` objects, one or a list of them, into `env`."""

    def absorb(done: Conversion, rest: Path, value: Any) -> bool:
        entries = value if not rest and isinstance(value, list) else [value]
        plain = all(isinstance(one, Mapping) and set(one) == {key, "value"} for one in entries)
        if not plain or len(rest) > 1 or (rest and rest[0] != APPEND and not rest[0].isdigit()):
            return False
        done.merge("env", {str(one[key]): str(one["value"]) for one in entries})
        return True

    return absorb


def into_labels(done: Conversion, rest: Path, value: Any) -> bool:
    """Takes a mapping of labels, one label, or an object of `key` and `value`, into `labels`."""
    if rest and rest[0] == APPEND and isinstance(value, Mapping) and set(value) == {"key", "value"}:
        done.merge("labels", {str(value["key"]): str(value["value"])})
    elif not rest and isinstance(value, Mapping):
        done.merge("labels", {str(name): str(one) for name, one in value.items()})
    elif not rest and isinstance(value, list) and all(isinstance(one, Mapping) and "key" in one for one in value):
        done.merge("labels", {str(one["key"]): str(one.get("value", "")) for one in value})
    elif len(rest) == 1 and isinstance(value, str):
        done.merge("labels", {rest[0]: value})
    else:
        return False
    return True
