"""`@task`: a function whose runs are recorded, retried, cached and run side by side."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Concatenate, Generic, Literal, ParamSpec, TypedDict, TypeVar, Unpack, overload
from zlib import crc32

from penstock.sdk.signatures import Bind, Binder, documentation, is_async, unwrapped, yields

if TYPE_CHECKING:
    from penstock.sdk.caching import CachePolicy
    from penstock.sdk.futures import PrefectFuture, PrefectFutureList
    from penstock.sdk.results import ResultStorage, Serializer
    from penstock.sdk.retrying import Delays
    from penstock.sdk.states import State
    from penstock.sdk.transactions import TransactionHook

P = ParamSpec("P")
Q = ParamSpec("Q")
R = TypeVar("R")
T = TypeVar("T")

Hook = Callable[[Any, Any, Any], Any]
"""Called with the task or flow, its run, and the state it entered."""


HOOKS = ("on_running", "on_completion", "on_failure", "on_commit", "on_rollback")
RESULT_OPTIONS = ("cache_key_fn", "result_storage", "result_storage_key", "result_serializer")
"""Who gives one of these, or a cache policy, wants results to be kept."""


class TaskOptions(TypedDict, total=False):
    """What `@task(...)` and `with_options(...)` take."""

    name: str
    description: str | None
    tags: Iterable[str]
    version: str | None
    cache_policy: CachePolicy | None
    cache_key_fn: Callable[[Any, dict[str, Any]], str | None] | None
    cache_expiration: timedelta | None
    refresh_cache: bool | None
    task_run_name: str | Callable[[], str] | None
    retries: int | None
    retry_delay_seconds: Delays | None
    retry_jitter_factor: float | None
    retry_condition_fn: Callable[[Any, Any, Any], bool] | None
    persist_result: bool | None
    result_storage: ResultStorage | None
    result_storage_key: str | None
    result_serializer: str | Serializer | None
    timeout_seconds: float | None
    log_prints: bool | None
    on_running: Sequence[Hook] | None
    on_completion: Sequence[Hook] | None
    on_failure: Sequence[Hook] | None
    on_commit: Sequence[TransactionHook] | None
    on_rollback: Sequence[TransactionHook] | None
    viz_return_value: Any


class Task(Generic[P, R]):
    """A task. Calling it inside a flow runs it here; `submit` and `map` run it beside the flow."""

    def __init__(self, fn: Callable[P, R], **options: Unpack[TaskOptions]) -> None:
        self._bind: Bind
        fn, self._bind = unwrapped(fn)
        functools.update_wrapper(self, fn)
        self.fn = fn
        self.options = options
        self.isasync = is_async(fn)
        self.isgenerator = yields(fn)
        self.name: str = options.get("name") or fn.__name__
        self.description = options.get("description") or documentation(fn)
        self.version = options.get("version")
        self.tags = frozenset(options.get("tags") or ())
        self.task_key = f"{fn.__qualname__.rpartition('.')[2]}-{_digest(fn)}"
        self.binder = Binder(fn)
        given: Mapping[str, Any] = options
        policy = options.get("cache_policy")
        caches = policy is not None and not policy.is_empty()
        self.asks_for_results = caches or any(given.get(name) is not None for name in RESULT_OPTIONS)
        self._hooks: dict[str, list[Any]] = {name: list(given.get(name) or ()) for name in HOOKS}

    @overload
    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R: ...
    @overload
    def __call__(self, *args: Any, wait_for: Iterable[Any], **kwargs: Any) -> R: ...
    @overload
    def __call__(
        self: Task[P, Coroutine[Any, Any, T]],
        *args: Any,
        return_state: Literal[True],
        wait_for: Iterable[Any] | None = None,
        **kwargs: Any,
    ) -> Any: ...  # an awaitable of State; Any, as a function that is not annotated matches here too
    @overload
    def __call__(
        self, *args: Any, return_state: Literal[True], wait_for: Iterable[Any] | None = None, **kwargs: Any
    ) -> State: ...
    def __call__(  # type: ignore[misc]  # P may not be repeated with more keywords
        self, *args: Any, return_state: bool = False, wait_for: Iterable[Any] | None = None, **kwargs: Any
    ) -> Any:
        """Runs the task and gives what it returns; with `return_state=True` the state it ended in.

        An async task gives an awaitable, one that yields an iterator over its values. Raises what the function
        raises, once its retries are used up.
        """
        from penstock.sdk.task_engine import TaskCall, iterate

        parameters = self.binder.bind(args, kwargs)
        if self.isgenerator and not return_state:
            return iterate(self, parameters, wait_for)
        call = TaskCall(self, parameters, wait_for)
        if self.isasync:
            return call.arun_here(return_state)
        return call.run_here(return_state)

    @overload
    def submit(
        self: Task[P, Coroutine[Any, Any, T]], *args: Any, wait_for: Iterable[Any] | None = None, **kwargs: Any
    ) -> PrefectFuture[T]: ...
    @overload
    def submit(
        self: Task[P, T], *args: Any, wait_for: Iterable[Any] | None = None, **kwargs: Any
    ) -> PrefectFuture[T]: ...
    def submit(self, *args: Any, wait_for: Iterable[Any] | None = None, **kwargs: Any) -> Any:
        """Runs the task beside the flow, by the flow's task runner. Arguments may be futures."""
        from penstock.sdk.task_engine import submit

        return submit(self, self.binder.bind(args, kwargs), wait_for)

    @overload
    def map(
        self: Task[P, Coroutine[Any, Any, T]], *args: Any, wait_for: Iterable[Any] | None = None, **kwargs: Any
    ) -> PrefectFutureList[T]: ...
    @overload
    def map(
        self: Task[P, T], *args: Any, wait_for: Iterable[Any] | None = None, **kwargs: Any
    ) -> PrefectFutureList[T]: ...
    def map(self, *args: Any, wait_for: Iterable[Any] | None = None, **kwargs: Any) -> Any:
        """Submits one run per item of the arguments that can be iterated (`unmapped(x)`: the same for all)."""
        from penstock.sdk.task_engine import map_task

        return map_task(self, self.binder.bind(args, kwargs), wait_for)

    def with_options(self, **options: Unpack[TaskOptions]) -> Task[P, R]:
        """The same function with other options; what is not given stays as it is."""
        merged: Any = {**self.options, **options}
        changed: Task[P, R] = Task(self.fn, **merged)
        changed._bind = self._bind
        changed._hooks = {
            name: list(merged.get(name) or ()) if name in options else list(hooks)
            for name, hooks in self._hooks.items()
        }
        return changed

    def on_completion(self, fn: Hook) -> Hook:
        """Registers a function to be called when a run completes."""
        return self._register("on_completion", fn)

    def on_failure(self, fn: Hook) -> Hook:
        """Registers a function to be called when a run fails for good."""
        return self._register("on_failure", fn)

    def on_running(self, fn: Hook) -> Hook:
        """Registers a function to be called when a run starts."""
        return self._register("on_running", fn)

    def on_commit(self, fn: TransactionHook) -> TransactionHook:
        """Registers a function of the transaction, to be called when a run's result counts for good."""
        self._hooks["on_commit"].append(fn)
        return fn

    def on_rollback(self, fn: TransactionHook) -> TransactionHook:
        """Registers a function of the transaction, to be called when a run that went well is taken back."""
        self._hooks["on_rollback"].append(fn)
        return fn

    def hooks(self, name: str) -> list[Any]:
        """The registered hooks of a kind."""
        return self._hooks[name]

    @property
    def retries(self) -> int:
        """How often a failed run is tried again."""
        chosen = self.options.get("retries")
        if chosen is not None:
            return chosen
        from penstock import settings as configuration

        return configuration.current().tasks.default_retries

    def policy(self) -> dict[str, Any]:
        """The retry policy as a task run shows it."""
        delay = self.options.get("retry_delay_seconds") or 0
        shown = delay(self.retries) if callable(delay) else delay
        return {
            "max_retries": 0,
            "retry_delay_seconds": 0.0,
            "retries": self.retries,
            "retry_delay": list(shown) if isinstance(shown, Sequence) else shown,
            "retry_jitter_factor": self.options.get("retry_jitter_factor"),
        }

    @overload
    def __get__(self, instance: None, owner: type | None = None) -> Task[P, R]: ...
    @overload
    def __get__(self: Task[Concatenate[Any, Q], R], instance: object, owner: type | None = None) -> Task[Q, R]: ...
    def __get__(self, instance: object, owner: type | None = None) -> Any:
        """Makes `@task` work on methods: the bound method is the task's function."""
        fn = self._bind(self.fn, instance, owner)
        if fn is self.fn:
            return self
        bound = copy.copy(self)
        bound.fn = fn
        bound.binder = Binder(fn)
        return bound

    def _register(self, name: str, fn: Hook) -> Hook:
        self._hooks[name].append(fn)
        return fn

    def __repr__(self) -> str:
        return f"<task {self.name!r}>"


@overload
def task(fn: Callable[P, R], /) -> Task[P, R]: ...
@overload
def task(**options: Unpack[TaskOptions]) -> Callable[[Callable[P, R]], Task[P, R]]: ...
def task(fn: Callable[..., Any] | None = None, /, **options: Unpack[TaskOptions]) -> Any:
    """Makes a task of a function: `@task` or `@task(retries=3, ...)`."""
    if fn is not None:
        return Task(fn)
    return lambda found: Task(found, **options)


def _digest(fn: Callable[..., Any]) -> str:
    """Eight characters that tell tasks of one name apart."""
    place = getattr(getattr(fn, "__code__", None), "co_filename", fn.__module__)
    return f"{crc32(f'{fn.__module__}.{fn.__qualname__}{place}'.encode()):08x}"
