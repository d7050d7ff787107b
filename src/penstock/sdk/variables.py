"""Variables: small named values on the server.

Variable.get("region", default="eu")
await Variable.aget("region")
"""

from __future__ import annotations

from collections.abc import Awaitable, Iterable
from typing import Any

from penstock.errors import Conflict, NotFound
from penstock.sdk.effects import Call, Steps, adrive, drive
from penstock.wire import variables as wire


class Variable:
    """A named value with tags."""

    def __init__(self, name: str, value: Any, tags: Iterable[str] = ()) -> None:
        self.name = name
        self.value = value
        self.tags = list(tags)

    @classmethod
    def get(cls, name: str, default: Any = None) -> Any:
        """The value, or the default when there is no such variable."""
        return drive(_get(name, default))

    @classmethod
    def aget(cls, name: str, default: Any = None) -> Awaitable[Any]:
        """As `get`, awaited."""
        return adrive(_get(name, default))

    @classmethod
    def set(cls, name: str, value: Any, tags: Iterable[str] | None = None, overwrite: bool = False) -> Variable:
        """Makes a variable. Raises `Conflict` when there is one of this name, unless told to overwrite it."""
        return drive(_set(name, value, tags, overwrite))

    @classmethod
    def aset(
        cls, name: str, value: Any, tags: Iterable[str] | None = None, overwrite: bool = False
    ) -> Awaitable[Variable]:
        """As `set`, awaited."""
        return adrive(_set(name, value, tags, overwrite))

    @classmethod
    def unset(cls, name: str) -> bool:
        """Removes a variable; False when there was none."""
        return drive(_unset(name))

    @classmethod
    def aunset(cls, name: str) -> Awaitable[bool]:
        """As `unset`, awaited."""
        return adrive(_unset(name))

    def __repr__(self) -> str:
        return f"Variable({self.name!r}, {self.value!r})"


def _get(name: str, default: Any) -> Steps[Any]:
    try:
        found = yield Call(wire.read_variable_by_name, path={"name": name})
    except NotFound:
        return default
    return found.value


def _set(name: str, value: Any, tags: Iterable[str] | None, overwrite: bool) -> Steps[Variable]:
    body = wire.VariableCreate(name=name, value=value, tags=list(tags or ()))
    try:
        found = yield Call(wire.create_variable, body)
    except Conflict:
        if not overwrite:
            raise Conflict(f"There is a variable {name!r} already; set it with overwrite=True to replace it.") from None
        change = wire.VariableUpdate(value=value) if tags is None else wire.VariableUpdate(value=value, tags=list(tags))
        yield Call(wire.update_variable_by_name, change, path={"name": name})
        found = yield Call(wire.read_variable_by_name, path={"name": name})
    return Variable(found.name, found.value, found.tags)


def _unset(name: str) -> Steps[bool]:
    try:
        yield Call(wire.delete_variable_by_name, path={"name": name})
    except NotFound:
        return False
    return True
