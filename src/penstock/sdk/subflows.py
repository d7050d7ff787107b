"""A subflow shows in its parent as a task run: the tracking run, made before the child."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any
from uuid import UUID

from penstock.sdk.effects import Call, Steps
from penstock.sdk.states import Pending, to_wire
from penstock.sdk.task_inputs import sources
from penstock.wire.task_runs import TaskRunCreate, create_task_run

if TYPE_CHECKING:
    from penstock.sdk.context import FlowContext
    from penstock.sdk.flow import Flow


def track(parent: FlowContext, flow: Flow[..., Any], wait_for: Iterable[Any]) -> Steps[UUID]:
    """The id of a new tracking run in the parent."""
    found = yield from track_as(parent, f"{flow.fn.__qualname__.rpartition('.')[2]}", flow.name, wait_for)
    return found


def track_as(parent: FlowContext, key: str, name: str, wait_for: Iterable[Any] = ()) -> Steps[UUID]:
    """The id of a new tracking run by its key: 0, 1, 2 ... of each in every attempt of the parent."""
    count = parent.count(key)
    run = yield Call(
        create_task_run,
        TaskRunCreate(
            name=f"{name}-{count}",
            flow_run_id=parent.run.id,
            task_key=key,
            dynamic_key=f"{count}" if parent.run_count == 1 else f"{count}-{parent.run_count}",
            tags=sorted(parent.tags),
            task_inputs={"wait_for": sources(list(wait_for), None)} if wait_for else {},
            state=to_wire(Pending()),
        ),
    )
    return run.id  # type: ignore[no-any-return]  # what a Call gives depends on its endpoint
