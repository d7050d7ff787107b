"""What runs now, as plain attributes: `runtime.flow_run.id`, `runtime.task_run.name`, `runtime.deployment.id`.

Outside of a run each is None (or empty). `PENSTOCK__RUNTIME__FLOW_RUN__NAME=x` (or `PREFECT__...`) in the
environment stands in, so that code can be tried without a run.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from penstock.sdk.context import FlowContext, flow_context, task_context
from penstock.sdk.effects import Call, drive

Reader = Callable[[], Any]


class Facts:
    """Attributes that are read when they are asked for."""

    def __init__(self, kind: str, readers: dict[str, Reader], empty: dict[str, Any]) -> None:
        self._kind = kind
        self._readers = readers
        self._empty = empty

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name not in self._readers:
            raise AttributeError(f"runtime.{self._kind} has no {name!r}")
        for prefix in ("PENSTOCK", "PREFECT"):
            stand_in = os.environ.get(f"{prefix}__RUNTIME__{self._kind.upper()}__{name.upper()}")
            if stand_in is not None:
                return stand_in
        found = self._readers[name]()
        return self._empty.get(name) if found is None else found

    def __dir__(self) -> list[str]:
        return sorted(self._readers)


def _flow() -> FlowContext | None:
    task = task_context.get()
    return flow_context.get() or (task.flow if task else None)


def _of_flow(read: Callable[[FlowContext], Any]) -> Reader:
    def reader() -> Any:
        found = _flow()
        return None if found is None else read(found)

    return reader


def _of_task(read: Callable[[Any], Any]) -> Reader:
    def reader() -> Any:
        found = task_context.get()
        return None if found is None else read(found)

    return reader


def _parent(context: FlowContext) -> Any:
    """The flow run that holds the tracking run of this one."""
    from penstock.wire.task_runs import read_task_run

    if context.run.parent_task_run_id is None:
        return None

    def steps() -> Any:
        return (yield Call(read_task_run, path={"id": context.run.parent_task_run_id})).flow_run_id

    found = drive(steps())
    return str(found) if found else None


flow_run = Facts(
    "flow_run",
    {
        "id": _of_flow(lambda at: str(at.run.id)),
        "name": _of_flow(lambda at: at.run.name),
        "tags": _of_flow(lambda at: sorted(at.tags)),
        "parameters": _of_flow(lambda at: dict(at.parameters)),
        "flow_name": _of_flow(lambda at: at.flow.name),
        "flow_version": _of_flow(lambda at: at.flow.version),
        "run_count": _of_flow(lambda at: at.run_count),
        "scheduled_start_time": _of_flow(lambda at: at.run.expected_start_time),
        "parent_flow_run_id": _of_flow(_parent),
        "job_variables": _of_flow(lambda at: at.run.job_variables),
    },
    {"tags": [], "parameters": {}, "run_count": 0},
)
task_run = Facts(
    "task_run",
    {
        "id": _of_task(lambda at: str(at.id)),
        "name": _of_task(lambda at: at.name),
        "tags": _of_task(lambda at: list(at.tags)),
        "parameters": _of_task(lambda at: dict(at.parameters)),
        "task_name": _of_task(lambda at: at.task.name),
        "run_count": _of_task(lambda at: at.run_count),
    },
    {"tags": [], "parameters": {}, "run_count": 0},
)
deployment = Facts(
    "deployment",
    {
        "id": _of_flow(lambda at: str(at.run.deployment_id) if at.run.deployment_id else None),
        "name": _of_flow(lambda at: at.deployment.name if at.deployment else None),
        "version": _of_flow(lambda at: at.deployment.version if at.deployment else None),
        "flow_run_id": _of_flow(lambda at: str(at.run.id) if at.run.deployment_id else None),
        "parameters": _of_flow(lambda at: at.deployment.parameters if at.deployment else None),
    },
    {"parameters": {}},
)
