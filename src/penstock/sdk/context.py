"""What runs now, kept in context variables: the flow run, the task run, the tags."""

from __future__ import annotations

import itertools
import threading
import weakref
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import UUID

from penstock.errors import PenstockError

if TYPE_CHECKING:
    from penstock.sdk.flow import Flow
    from penstock.sdk.leases import Lease
    from penstock.sdk.runners.protocol import TaskRunner
    from penstock.sdk.session import Session
    from penstock.sdk.task import Task
    from penstock.wire.deployments import Deployment
    from penstock.wire.flow_runs import FlowRun

MOST_TRACED = 500


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
        self._makers: OrderedDict[int, tuple[Any, UUID]] = OrderedDict()
        self.related = self._related()

    def count(self, key: str) -> int:
        """0, 1, 2 ... for each key: which of its kind a subflow is."""
        with self._counting:
            return next(self._counters.setdefault(key, itertools.count()))

    def begin_attempt(self, run_count: int) -> None:
        """Counts anew, so that what an earlier attempt made under a key is found again."""
        self.run_count = run_count
        with self._counting:
            self._counters.clear()

    def made(self, value: Any, task_run_id: UUID) -> None:
        """Remembers which task run a value came from, so that its use shows as a dependency."""
        try:
            held: Any = weakref.ref(value)  # a large value is not kept alive for the sake of a drawing
        except TypeError:
            held = partial(_same, value)
        self._makers[id(value)] = held, task_run_id
        if len(self._makers) > MOST_TRACED:
            self._makers.popitem(last=False)

    def maker(self, value: Any) -> UUID | None:
        """The task run that made a value, if one did."""
        found = self._makers.get(id(value))
        return found[1] if found and found[0]() is value else None

    def _related(self) -> list[dict[str, str]]:
        """The flow run and its flow as every event of its tasks names them."""
        return [
            _resource("flow-run", str(self.run.id), self.run.name),
            _resource("flow", str(self.run.flow_id), self.flow.name),
        ]


class TaskContext:
    """A task run that is under way in this thread or task."""

    __slots__ = ("flow", "id", "name", "parameters", "persist", "run_count", "tags", "task")

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


@contextmanager
def tags(*names: str) -> Iterator[set[str]]:
    """Gives every run that starts within the block these tags, beside those it has."""
    every = current_tags.get() | frozenset(names)
    token = current_tags.set(every)
    try:
        yield set(every)
    finally:
        current_tags.reset(token)


def _same(value: Any) -> Any:
    return value


def _resource(kind: str, id: str, name: str) -> dict[str, str]:
    return {
        "prefect.resource.id": f"prefect.{kind}.{id}",
        "prefect.resource.role": kind,
        "prefect.resource.name": name,
    }
