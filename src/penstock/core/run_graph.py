"""The graph of a run: its tasks and subflows, what each waited for, and what it is inside of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from uuid import UUID

from penstock.errors import BadRequest
from penstock.wire.flow_runs import Edge, FlowRun, Graph, GraphArtifact, GraphState, Node
from penstock.wire.states import State
from penstock.wire.task_runs import TaskRun

INSIDE_OF = "__parents__"
"""The task input that names the tasks whose call a task was made in."""


def graph_of(
    run: FlowRun,
    tasks: Iterable[TaskRun],
    subflows: Mapping[UUID, FlowRun],
    artifacts: Mapping[UUID | None, list[GraphArtifact]],
    states: Iterable[State],
    since: datetime | None = None,
    most_nodes: int = 10_000,
) -> Graph:
    """The graph; `subflows` by the task run that tracks them, `artifacts` by task run. BadRequest when it is too large.

    Only what started counts; with `since`, only what was still running then.
    """
    begun = sorted((one for one in tasks if one.start_time), key=lambda one: (one.start_time or datetime.max, one.id))
    if len(begun) > most_nodes:
        raise BadRequest(f"The graph of the run {run.id} is too large to be drawn: {most_nodes} nodes are the most.")
    shown_as = {one.id: subflows[one.id].id if one.id in subflows else one.id for one in begun}
    before = {one.id: _edges(one, shown_as, inside=False) for one in begun}
    inside = {one.id: _edges(one, shown_as, inside=True) for one in begun}
    after: dict[UUID, list[Edge]] = {id: [] for id in shown_as.values()}
    for one in begun:
        for parent in before[one.id]:
            after[parent.id].append(Edge(id=shown_as[one.id]))
    nodes = []
    for one in begun:
        id, child = shown_as[one.id], subflows.get(one.id)
        shown = child if child is not None and child.start_time else one
        if shown.start_time is None or (since and shown.end_time and shown.end_time < since):
            continue
        kept = [] if child else artifacts.get(one.id, [])
        nodes.append(_node(id, shown, before[one.id], after[id], inside[one.id], kept))
    return Graph(
        start_time=run.start_time,
        end_time=run.end_time,
        root_node_ids=[node.id for node in nodes if not node.parents],
        nodes=[[node.id, node] for node in nodes],
        artifacts=artifacts.get(None, []),
        states=[GraphState(id=one.id, timestamp=one.timestamp, type=one.type, name=one.name or "") for one in states],
    )


def _node(
    id: UUID,
    shown: TaskRun | FlowRun,
    parents: list[Edge],
    children: list[Edge],
    encapsulating: list[Edge],
    artifacts: list[GraphArtifact],
) -> Node:
    if shown.start_time is None or shown.state_type is None:
        raise ValueError("a node has started")
    return Node(
        kind="task-run" if isinstance(shown, TaskRun) else "flow-run",
        id=id,
        label=shown.name,
        state_type=shown.state_type,
        start_time=shown.start_time,
        end_time=shown.end_time,
        parents=parents,
        children=children,
        encapsulating=encapsulating,
        artifacts=artifacts,
    )


def _edges(task: TaskRun, shown_as: Mapping[UUID, UUID], *, inside: bool) -> list[Edge]:
    """The tasks that a task waited for, or those it is inside of, as far as they started."""
    found: dict[UUID, None] = {}
    for name, inputs in task.task_inputs.items():
        if (name == INSIDE_OF) is not inside:
            continue
        for one in inputs:
            if one.get("input_type") == "task_run" and (id := _id(one.get("id"))) in shown_as and id is not None:
                found[shown_as[id]] = None
    return [Edge(id=id) for id in found]


def _id(value: object) -> UUID | None:
    try:
        return UUID(str(value))
    except ValueError:
        return None
