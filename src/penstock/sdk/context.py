"""What runs now, kept in context variables: the flow run, the task run, the tags."""

from __future__ import annotations

import itertools
import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec

from penstock.errors import PenstockError

if TYPE_CHECKING:
    from penstock.sdk.flow import Flow
    from penstock.sdk.leases import Lease
    from penstock.sdk.runners.protocol import TaskRunner
    from penstock.sdk.session import Session
    from penstock.sdk.task import Task
    from penstock.sdk.transactions import Transaction
    from penstock.wire.deployments import Deployment
    from penstock.wire.flow_runs import FlowRun

MOST_TRACED = 2000
MOST_ITEMS = 100
LARGE = 10_000
COLLECTIONS = frozenset({list, tuple, dict})
HOLDERS = frozenset({list, tuple, dict, set})
TEXTS = frozenset({str, bytes})
SINGLE = frozenset({bool, type(None), type(...), type(NotImplemented)})


class MissingContext(PenstockError):
    """This can only be asked for inside of a flow or task run."""

    code = "missing_context"


class FlowContext:
    """A flow run that is under way in this process."""

    def __init__(
        self,
        session: Session,
        flow: Flow[..., Any],
        run: FlowRun,
        parameters: dict[str, Any],
        runner: TaskRunner,
        *,
        deployment: Deployment | None = None,
    ) -> None:
        self.session = session
        self.flow = flow
        self.run = run
        self.parameters = parameters
        self.runner = runner
        self.deployment = deployment
        self.tags = frozenset(run.tags)
        self.run_count = 1
        self.persist: bool | None = None
        self.slot: Lease | None = None
        self._counters: dict[str, Iterator[int]] = {}
        self._counting = threading.Lock()
        self._makers: OrderedDict[int, tuple[Callable[[Any], bool], UUID]] = OrderedDict()
        self.related = self._related()

    @classmethod
    def get(cls) -> FlowContext | None:
        """The flow run that runs here, None outside of one."""
        return flow_context.get()

    @property
    def flow_run(self) -> FlowRun:
        """The run as the server knows it."""
        return self.run

    def count(self, key: str) -> int:
        """0, 1, 2 ... for each key: which of its kind a subflow is."""
        with self._counting:
            return next(self._counters.setdefault(key, itertools.count()))

    def begin_attempt(self, run_count: int) -> None:
        """Counts anew, so that what an earlier attempt made under a key is found again."""
        self.run_count = run_count
        with self._counting:
            self._counters.clear()

    def rename(self, name: str) -> None:
        """Takes a name that could only be made once the run was there."""
        self.run = msgspec.structs.replace(self.run, name=name)
        self.related = self._related()

    def made(self, value: Any, task_run_id: UUID) -> None:
        """Remembers which task run a value came from, so that its use shows as a dependency.

        What is in a collection is remembered too, so that a run for each item is drawn behind it.
        """
        self._remember(value, task_run_id)
        if type(value) in COLLECTIONS:
            for item in itertools.islice(value.values() if isinstance(value, dict) else value, MOST_ITEMS):
                self._remember(item, task_run_id)

    def maker(self, value: Any) -> UUID | None:
        """The task run that made a value, if one did."""
        found = self._makers.get(id(value))
        return found[1] if found and found[0](value) else None

    def makers(self, value: Any) -> list[UUID]:
        """The task runs that made a value or what is in it."""
        found = [self.maker(value)]
        if type(value) in COLLECTIONS:
            items = value.values() if isinstance(value, dict) else value
            found += [self.maker(item) for item in itertools.islice(items, MOST_ITEMS)]
        return [one for one in found if one is not None]

    def _remember(self, value: Any, task_run_id: UUID) -> None:
        if _is_shared(value):
            return
        self._makers[id(value)] = _recognizer(value), task_run_id
        if len(self._makers) > MOST_TRACED:
            self._makers.popitem(last=False)

    def _related(self) -> list[dict[str, str]]:
        """The flow run and its flow as every event of its tasks names them."""
        return [
            _resource("flow-run", str(self.run.id), self.run.name),
            _resource("flow", str(self.run.flow_id), self.flow.name),
        ]


class TaskContext:
    """A task run that is under way in this thread or task."""

    __slots__ = ("flow", "id", "name", "parameters", "persist", "run_count", "tags", "task", "transaction")

    def __init__(
        self, task: Task[..., Any], id: UUID, name: str, parameters: dict[str, Any], tags: list[str], flow: Any
    ) -> None:
        self.task = task
        self.id = id
        self.name = name
        self.parameters = parameters
        self.tags = tags
        self.flow: FlowContext | None = flow
        self.run_count = 0
        self.persist: bool | None = None
        self.transaction: Transaction | None = None

    @classmethod
    def get(cls) -> TaskContext | None:
        """The task run that runs here, None outside of one."""
        return task_context.get()

    @property
    def task_run(self) -> TaskContext:
        """The run, as far as it is known in this process: id, name, tags, run_count."""
        return self

    @property
    def flow_run_id(self) -> UUID | None:
        """The flow run it belongs to."""
        return self.flow.run.id if self.flow else None


flow_context: ContextVar[FlowContext | None] = ContextVar("penstock_flow", default=None)
task_context: ContextVar[TaskContext | None] = ContextVar("penstock_task", default=None)
current_tags: ContextVar[frozenset[str]] = ContextVar("penstock_tags", default=frozenset())
log_prints: ContextVar[bool] = ContextVar("penstock_log_prints", default=False)


def current_flow() -> FlowContext:
    """The flow run that runs here. Raises `MissingContext`."""
    found = flow_context.get()
    if found is None:
        raise MissingContext("This can only be used inside of a flow run.")
    return found


def get_run_context() -> TaskContext | FlowContext:
    """The task or flow run that runs here. Raises `MissingContext` outside of one."""
    found = task_context.get() or flow_context.get()
    if found is None:
        raise MissingContext("There is no flow or task run here.")
    return found


@contextmanager
def tags(*names: str) -> Iterator[set[str]]:
    """Gives every run that starts within the block these tags, beside those it has."""
    every = current_tags.get() | frozenset(names)
    token = current_tags.set(every)
    try:
        yield set(every)
    finally:
        current_tags.reset(token)


def _is_shared(value: Any) -> bool:
    """Whether Python uses one object for every value that equals it."""
    kind = type(value)
    if kind is int:
        return -5 <= value <= 256  # type: ignore[no-any-return]  # both are ints
    return kind in SINGLE or (kind in (str, bytes, tuple) and len(value) < 2)


def _recognizer(value: Any) -> Callable[[Any], bool]:
    """Whether another object is this one, without keeping it alive, or what it holds, for the sake of a drawing."""
    if type(value) in HOLDERS or (type(value) in TEXTS and len(value) > LARGE):
        known = _likeness(value)
        return lambda other: type(other) is known[0] and _likeness(other) == known
    try:
        held: Any = weakref.ref(value)
    except TypeError:
        return lambda other: other is value
    return lambda other: held() is other


def _likeness(value: Any) -> tuple[Any, ...]:
    """What tells a value from another that came to stand at its address."""
    first = hash(value) if type(value) in TEXTS else id(next(iter(value), None))
    return type(value), len(value), first


def _resource(kind: str, id: str, name: str) -> dict[str, str]:
    return {
        "prefect.resource.id": f"prefect.{kind}.{id}",
        "prefect.resource.role": kind,
        "prefect.resource.name": name,
    }
