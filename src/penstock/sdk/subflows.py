"""A subflow shows in its parent as a task run: the tracking run, made before the child."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from penstock.sdk.context import current_tags, task_context
from penstock.sdk.effects import Call, Steps
from penstock.sdk.results import Reference
from penstock.sdk.states import UNSUCCESSFUL, Pending, to_wire
from penstock.sdk.task_inputs import sources
from penstock.wire.flow_runs import FlowRun, read_flow_run
from penstock.wire.task_runs import TaskRun, TaskRunCreate, create_task_run

if TYPE_CHECKING:
    from penstock.sdk.context import FlowContext
    from penstock.sdk.flow import Flow


def track(parent: FlowContext, flow: Flow[..., Any], inputs: Mapping[str, Any]) -> Steps[TaskRun]:
    """The tracking run in the parent: a new one, or that of an earlier attempt of the parent."""
    return (yield from track_as(parent, f"{flow.fn.__qualname__.rpartition('.')[2]}", flow.name, inputs))


def inputs_of(parent: FlowContext, parameters: Mapping[str, Any], wait_for: Sequence[Any]) -> dict[str, Any]:
    """Which runs a subflow's arguments come from, and which it waits for."""
    inputs: dict[str, Any] = {name: sources(value, parent) for name, value in parameters.items()}
    if wait_for:
        inputs["wait_for"] = sources(wait_for, None)
    if (around := task_context.get()) is not None:
        inputs["__parents__"] = [{"input_type": "task_run", "id": str(around.id)}]
    return inputs


def track_as(parent: FlowContext, key: str, name: str, inputs: Mapping[str, Any]) -> Steps[TaskRun]:
    """The tracking run of a key: 0, 1, 2 ... of each, so that every attempt of the parent finds the same ones."""
    count = parent.count(key)
    run: TaskRun = yield Call(
        create_task_run,
        TaskRunCreate(
            name=f"{name}-{count}",
            flow_run_id=parent.run.id,
            task_key=key,
            dynamic_key=str(count),
            tags=sorted(parent.tags | current_tags.get()),
            task_inputs=dict(inputs),
            state=to_wire(Pending()),
        ),
    )
    return run


def earlier_child(parent: FlowContext, tracking: TaskRun) -> Steps[FlowRun | None]:
    """The child that an earlier attempt of the parent has begun and that still counts, if there is one.

    One that is under way is taken up again, one that completed stands if its result was kept. One that did
    not complete stands while the parent is only resumed; a parent that is tried again tries it anew.
    """
    state = tracking.state
    id = state.state_details.child_flow_run_id if state else None
    if state is None or id is None:
        return None
    retried = parent.run_count > 1
    if retried and state.type in UNSUCCESSFUL:
        return None
    child: FlowRun = yield Call(read_flow_run, path={"id": id})
    kept = child.state is not None and Reference.from_json(child.state.data) is not None
    return None if child.state_type == "COMPLETED" and not kept else child
