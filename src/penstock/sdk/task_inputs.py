"""What a task is called with: futures and states inside it, where values came from, and their resolution."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from penstock.errors import PenstockError
from penstock.sdk.futures import PrefectFuture
from penstock.sdk.states import State

if TYPE_CHECKING:
    from penstock.sdk.context import FlowContext

T = TypeVar("T")
PLAIN = frozenset({int, str, float, bool, type(None), bytes, complex})


class UpstreamFailed(PenstockError):
    """A run that this one depends on did not complete."""

    code = "upstream_failed"


class _Annotation(Generic[T]):
    """A mark on an argument."""

    __slots__ = ("value",)

    def __init__(self, value: T) -> None:
        self.value = value

    def unwrap(self) -> T:
        """What was marked."""
        return self.value


class unmapped(_Annotation[T]):
    """In a `map`: every run gets the same value."""


class allow_failure(_Annotation[T]):
    """The run starts although this dependency failed; it then gets the exception."""


class quote(_Annotation[T]):
    """The value is not searched for futures (large ones cost time)."""


def is_plain(value: Any) -> bool:
    """Whether a value can't hold a future, nor be told from an equal one."""
    return type(value) in PLAIN


def visit(value: Any, change: Callable[[Any], Any]) -> Any:
    """The value with `change` applied to everything in it: lists, tuples, sets, dicts, dataclasses."""
    if is_plain(value):
        return value
    changed = change(value)
    if changed is not value:
        return changed
    if isinstance(value, list | set | frozenset) or type(value) is tuple:
        return type(value)(visit(item, change) for item in value)
    if type(value) is dict:
        return {visit(key, change): visit(item, change) for key, item in value.items()}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return _visit_fields(value, change)
    return value


def _visit_fields(value: Any, change: Callable[[Any], Any]) -> Any:
    """The same dataclass when nothing in it changed, else a copy."""
    was = {item.name: getattr(value, item.name) for item in dataclasses.fields(value) if item.init}
    now = {name: visit(item, change) for name, item in was.items()}
    return value if all(now[name] is was[name] for name in was) else dataclasses.replace(value, **now)


def dependencies(value: Any) -> Iterator[PrefectFuture[Any] | State]:
    """The futures and states in a value."""
    if is_plain(value) or isinstance(value, quote):
        return
    if isinstance(value, PrefectFuture | State):
        yield value
    elif isinstance(value, _Annotation):
        yield from dependencies(value.value)
    elif isinstance(value, list | tuple | set | frozenset):
        for item in value:
            yield from dependencies(item)
    elif isinstance(value, dict):
        yield from dependencies(list(value.values()))
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        yield from dependencies([getattr(value, item.name) for item in dataclasses.fields(value)])


def sources(value: Any, flow: FlowContext | None) -> list[dict[str, str]]:
    """The task runs a value comes from, as the server draws dependencies."""
    ids = [] if is_plain(value) else [_run_id(item) for item in dependencies(value)]
    if flow is not None:
        ids += flow.makers(value.value if isinstance(value, _Annotation) else value)
    if not ids:
        return []
    return [{"input_type": "task_run", "id": str(found)} for found in dict.fromkeys(ids) if found is not None]


def _run_id(item: PrefectFuture[Any] | State) -> Any:
    return item.task_run_id if isinstance(item, PrefectFuture) else item.details.get("task_run_id")


def resolve(value: Any) -> Any:
    """The value with each future and state in it replaced by its result.

    Blocks until they are there. Raises `UpstreamFailed` for one that did not complete, unless allowed.
    """
    return visit(value, _resolved)


def _resolved(item: Any) -> Any:
    if isinstance(item, quote):
        return item.value
    if isinstance(item, allow_failure):
        return visit(item.value, _whatever)
    if isinstance(item, unmapped):
        return visit(item.value, _resolved)
    if isinstance(item, PrefectFuture | State):
        return _completed(item).result()
    return item


def _whatever(item: Any) -> Any:
    if isinstance(item, PrefectFuture):
        item.wait()
        return item.state.result(raise_on_failure=False)
    return item.result(raise_on_failure=False) if isinstance(item, State) else item


def _completed(item: PrefectFuture[Any] | State) -> State:
    if isinstance(item, PrefectFuture):
        item.wait()
        if not item.state.is_completed():
            raise UpstreamFailed(f"The task run {item.task_run_id}, which this one waits for, did not complete.")
        return item.state
    if not item.is_completed():
        raise UpstreamFailed(f"The run that this one waits for did not complete: it is {item.name}.")
    return item


def await_all(wait_for: Iterable[Any]) -> None:
    """Blocks until each of these has completed. Raises `UpstreamFailed`."""
    for item in wait_for:
        resolve(item)
