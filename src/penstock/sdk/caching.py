"""Cache policies: which earlier run of a task may stand in for a new one.

A policy makes a key of what it looks at; runs with the same key share a result. Policies add up:
`INPUTS + TASK_SOURCE`, `INPUTS - "logger"`.
"""

from __future__ import annotations

import hashlib
import inspect
import pickle
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import msgspec

from penstock.errors import PenstockError

if TYPE_CHECKING:
    from penstock.sdk.context import TaskContext

KeyFn = Callable[["TaskContext", dict[str, Any]], str | None]


class Unhashable(PenstockError):
    """These inputs can't be made into a cache key. Leave them out (`INPUTS - "name"`) or use NO_CACHE."""

    code = "unhashable_inputs"


@dataclass(frozen=True)
class CachePolicy:
    """What goes into the key. `key_storage` and locks are the result store's matter."""

    inputs: bool = False
    source: bool = False
    run: bool = False
    flow_parameters: bool = False
    key_fns: tuple[KeyFn, ...] = ()
    excluded: frozenset[str] = field(default_factory=frozenset)

    def __add__(self, other: CachePolicy) -> CachePolicy:
        return CachePolicy(
            self.inputs or other.inputs,
            self.source or other.source,
            self.run or other.run,
            self.flow_parameters or other.flow_parameters,
            self.key_fns + other.key_fns,
            self.excluded | other.excluded,
        )

    def __sub__(self, name: str) -> CachePolicy:
        return replace(self, excluded=self.excluded | {name})

    @classmethod
    def from_cache_key_fn(cls, key_fn: KeyFn) -> CachePolicy:
        """A policy whose key is what the function returns; None means not to cache."""
        return cls(key_fns=(key_fn,))

    def is_empty(self) -> bool:
        """Whether nothing is looked at, so nothing is cached."""
        return not (self.inputs or self.source or self.run or self.flow_parameters or self.key_fns)

    def key(self, run: TaskContext, parameters: dict[str, Any]) -> str | None:
        """The key of a run, None when it is not to be cached. Raises `Unhashable`."""
        parts: list[Any] = []
        for key_fn in self.key_fns:
            made = key_fn(run, parameters)
            if made is None:
                return None
            parts.append(made)
        if self.key_fns and not (self.inputs or self.source or self.run or self.flow_parameters):
            return "-".join(parts)
        if self.inputs:
            parts.append({name: value for name, value in sorted(parameters.items()) if name not in self.excluded})
        if self.source:
            parts.append(source_of(run.task.fn))
        if self.run:
            parts.append(str(run.flow.run.id if run.flow else run.id))
        if self.flow_parameters:
            parts.append(run.flow.parameters if run.flow else {})
        return None if self.is_empty() else hash_objects(*parts)


INPUTS = CachePolicy(inputs=True)
TASK_SOURCE = CachePolicy(source=True)
RUN_ID = CachePolicy(run=True)
FLOW_PARAMETERS = CachePolicy(flow_parameters=True)
DEFAULT = INPUTS + TASK_SOURCE + RUN_ID
NO_CACHE = CachePolicy()


def task_input_hash(context: TaskContext, arguments: dict[str, Any]) -> str | None:
    """A `cache_key_fn`: the same task code with the same arguments."""
    return hash_objects(context.task.task_key, source_of(context.task.fn), arguments)


def hash_objects(*values: Any) -> str:
    """A digest of any values: by JSON where that says it all, else by pickle. Raises `Unhashable`."""
    try:
        content = msgspec.json.encode(values, order="deterministic")
    except (TypeError, ValueError, msgspec.MsgspecError):
        try:
            content = pickle.dumps(values)
        except Exception as error:
            raise Unhashable(f"A cache key can't be made of these inputs: {error}") from error
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def source_of(fn: Callable[..., Any]) -> str:
    """The text of a function, or its name where there is no text."""
    try:
        return inspect.getsource(fn)
    except (OSError, TypeError):
        return f"{fn.__module__}.{fn.__qualname__}"
