"""`@flow`: a function whose runs are recorded, and inside of which tasks and other flows run."""

from __future__ import annotations

import copy
import functools
import inspect
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Concatenate, Generic, Literal, ParamSpec, TypedDict, TypeVar, Unpack, overload

from penstock.errors import InvalidRequest
from penstock.names import is_allowed
from penstock.sdk.signatures import Bind, Binder, documentation, is_async, unwrapped, yields

if TYPE_CHECKING:
    from uuid import UUID

    from penstock.sdk.deployables import RunnerDeployment
    from penstock.sdk.deployment_options import DeploymentOptions, PlacedOptions
    from penstock.sdk.results import ResultStorage, Serializer
    from penstock.sdk.runners.protocol import TaskRunner
    from penstock.sdk.sources import Place, Source
    from penstock.sdk.states import State
    from penstock.sdk.task import Hook

P = ParamSpec("P")
Q = ParamSpec("Q")
R = TypeVar("R")
T = TypeVar("T")

HOOKS = ("on_running", "on_completion", "on_failure", "on_crashed", "on_cancellation")


class FlowOptions(TypedDict, total=False):
    """What `@flow(...)` and `with_options(...)` take."""

    name: str
    version: str | None
    flow_run_name: str | Callable[..., str] | None
    retries: int | None
    retry_delay_seconds: float | None
    task_runner: TaskRunner | None
    description: str | None
    timeout_seconds: float | None
    validate_parameters: bool
    persist_result: bool | None
    result_storage: ResultStorage | None
    result_storage_key: str | None
    result_serializer: str | Serializer | None
    cache_result_in_memory: bool
    log_prints: bool | None
    on_running: Sequence[Hook] | None
    on_completion: Sequence[Hook] | None
    on_failure: Sequence[Hook] | None
    on_crashed: Sequence[Hook] | None
    on_cancellation: Sequence[Hook] | None


class Flow(Generic[P, R]):
    """A flow. Calling it runs it here and records the run."""

    def __init__(self, fn: Callable[P, R], **options: Unpack[FlowOptions]) -> None:
        self._bind: Bind
        fn, self._bind = unwrapped(fn)
        functools.update_wrapper(self, fn)
        self.fn = fn
        self.options = options
        self.isasync = is_async(fn)
        self.isgenerator = yields(fn)
        self.name: str = options.get("name") or fn.__name__.replace("_", "-")
        if not is_allowed(self.name):
            raise InvalidRequest(f"The flow name {self.name!r} may not be empty or hold any of / % & > <.")
        self.description = options.get("description") or documentation(fn)
        self.binder = Binder(fn)
        self.should_validate_parameters = options.get("validate_parameters", True)
        given: Mapping[str, Any] = options
        self._hooks: dict[str, list[Hook]] = {name: list(given.get(name) or ()) for name in HOOKS}
        self.source: Source | None = None

    @overload
    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R: ...
    @overload
    def __call__(self, *args: Any, wait_for: Iterable[Any], **kwargs: Any) -> R: ...
    @overload
    def __call__(
        self: Flow[P, Coroutine[Any, Any, T]],
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
        """Runs the flow and gives what it returns; with `return_state=True` the state it ended in.

        An async flow gives an awaitable, one that yields an iterator over its values. Raises what the function
        raises, once its retries are used up.
        """
        from penstock.sdk.flow_engine import FlowCall, iterate

        parameters = self.binder.bind(args, kwargs)
        if self.isgenerator and not return_state:
            return iterate(self, parameters, wait_for)
        call = FlowCall(self, parameters, wait_for)
        if self.isasync:
            return call.arun_here(return_state)
        return call.run_here(return_state)

    def with_options(self, **options: Unpack[FlowOptions]) -> Flow[P, R]:
        """The same function with other options; what is not given stays as it is."""
        merged: Any = {**self.options, **options}
        changed: Flow[P, R] = Flow(self.fn, **merged)
        changed._bind = self._bind
        changed.source = self.source
        for name in HOOKS:
            if name not in options:
                changed._hooks[name] = list(self._hooks[name])
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

    def on_crashed(self, fn: Hook) -> Hook:
        """Registers a function to be called when a run crashes."""
        return self._register("on_crashed", fn)

    def on_cancellation(self, fn: Hook) -> Hook:
        """Registers a function to be called when a run is cancelled."""
        return self._register("on_cancellation", fn)

    def hooks(self, name: str) -> list[Hook]:
        """The registered hooks of a kind."""
        return self._hooks[name]

    @functools.cached_property
    def version(self) -> str | None:
        """As given, else a digest of the file the function stands in."""
        given = self.options.get("version")
        if given is not None:
            return given
        import hashlib
        from pathlib import Path

        try:
            content = Path(inspect.getsourcefile(self.fn) or "").read_bytes()
        except (OSError, TypeError):
            return None
        return hashlib.md5(content, usedforsecurity=False).hexdigest()

    @property
    def retries(self) -> int:
        """How often a failed run is tried again."""
        chosen = self.options.get("retries")
        if chosen is not None:
            return chosen
        from penstock import settings as configuration

        return configuration.current().flows.default_retries

    @property
    def retry_delay(self) -> float:
        """Seconds between tries."""
        chosen = self.options.get("retry_delay_seconds")
        if chosen is not None:
            return chosen
        from penstock import settings as configuration

        default = configuration.current().flows.default_retry_delay_seconds
        return float(default[0]) if isinstance(default, tuple) else float(default)

    def task_runner(self) -> TaskRunner:
        """A runner of the kind the flow asks for, by default threads; each run has its own."""
        given = self.options.get("task_runner")
        if given is not None:
            return given.duplicate()
        from penstock.sdk.runners.threads import ThreadPoolTaskRunner

        return ThreadPoolTaskRunner()

    @classmethod
    def from_source(cls, source: Place, entrypoint: str) -> Flow[..., Any]:
        """The flow at an entrypoint of a source: a folder, or a repository. Its deployments fetch it from there."""
        from penstock.sdk.sources import flow_from_source

        return flow_from_source(source, entrypoint)

    def to_deployment(self, name: str, **options: Unpack[PlacedOptions]) -> RunnerDeployment:
        """A deployment of this flow, for `serve(...)` of several."""
        from penstock.sdk.deployables import to_deployment

        return to_deployment(self, name, **options)

    def deploy(self, name: str, work_pool_name: str | None = None, **options: Unpack[DeploymentOptions]) -> UUID:
        """Makes or updates a deployment of this flow on a work pool; gives its id."""
        from penstock.sdk.deployables import deploy_flow

        return deploy_flow(self, name, work_pool_name, **options)

    def serve(
        self,
        name: str | None = None,
        *,
        limit: int | None = None,
        pause_on_shutdown: bool = True,
        **options: Unpack[DeploymentOptions],
    ) -> None:
        """Makes a deployment of this flow and runs what is due of it in processes of this machine, until stopped."""
        from penstock.sdk.deployables import serve, to_deployment

        serve(to_deployment(self, name or self.name, **options), limit=limit, pause_on_shutdown=pause_on_shutdown)

    def _register(self, name: str, fn: Hook) -> Hook:
        self._hooks[name].append(fn)
        return fn

    @overload
    def __get__(self, instance: None, owner: type | None = None) -> Flow[P, R]: ...
    @overload
    def __get__(self: Flow[Concatenate[Any, Q], R], instance: object, owner: type | None = None) -> Flow[Q, R]: ...
    def __get__(self, instance: object, owner: type | None = None) -> Any:
        """Makes `@flow` work on methods."""
        fn = self._bind(self.fn, instance, owner)
        if fn is self.fn:
            return self
        bound = copy.copy(self)
        bound.fn = fn
        bound.binder = Binder(fn)
        return bound

    def __repr__(self) -> str:
        return f"<flow {self.name!r}>"


class FlowDecorator:
    """What `flow` is: it makes flows of functions, and fetches flows that stand elsewhere."""

    from_source = staticmethod(Flow.from_source)

    @overload
    def __call__(self, fn: Callable[P, R], /) -> Flow[P, R]: ...
    @overload
    def __call__(self, /, **options: Unpack[FlowOptions]) -> Callable[[Callable[P, R]], Flow[P, R]]: ...
    def __call__(self, fn: Callable[..., Any] | None = None, /, **options: Unpack[FlowOptions]) -> Any:
        """Makes a flow of a function: `@flow` or `@flow(retries=3, ...)`."""
        if fn is not None:
            return Flow(fn)
        return lambda found: Flow(found, **options)


flow = FlowDecorator()
"""`@flow`, `@flow(retries=3, ...)` and `flow.from_source("https://...", "flows.py:main")`."""
