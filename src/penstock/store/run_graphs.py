"""What a run's graph is drawn from."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

import msgspec

from penstock.store.database import Steps, intent
from penstock.store.flow_run_documents import decode as decode_flow_run
from penstock.store.statements import statement
from penstock.store.task_run_documents import decode as decode_task_run
from penstock.wire.artifacts import Artifact
from penstock.wire.flow_runs import FlowRun, GraphArtifact
from penstock.wire.states import State
from penstock.wire.task_runs import TaskRun

_RUN = statement("graph_run", "select doc from flow_runs where id = :id")
_TASKS = statement(
    "graph_tasks", "select doc from task_runs where flow_run_id = :id and start_time is not null limit :limit"
)
_SUBFLOWS = statement(
    "graph_subflows",
    "select c.doc from flow_runs c join task_runs t on t.id = c.parent_task_run_id where t.flow_run_id = :id",
)
_ARTIFACTS = statement(
    "graph_artifacts",
    "select a.doc, case when c.id is null then 0 else 1 end from artifacts a"
    " left join artifact_collections c on c.latest_id = a.id"
    " where a.flow_run_id = :id and (a.type is null or a.type <> 'result') order by a.id limit :limit",
)
_STATES = statement("graph_states", "select doc from flow_run_states where flow_run_id = :id order by timestamp")

_decode_artifact = msgspec.json.Decoder(Artifact).decode
_decode_state = msgspec.json.Decoder(State).decode


@dataclass(frozen=True, slots=True)
class Drawn:
    """The parts of a graph."""

    run: FlowRun
    tasks: list[TaskRun]
    subflows: dict[UUID, FlowRun]
    artifacts: dict[UUID | None, list[GraphArtifact]]
    states: list[State]


@intent
def parts_of(run_id: UUID, most_nodes: int, most_artifacts: int) -> Steps[Drawn | None]:
    """What the graph of a run is drawn from, with one node too many where there are more; None for an unknown run."""
    id = str(run_id)
    rows = yield _RUN(id=id)
    if not rows:
        return None
    tasks = [decode_task_run(row[0]) for row in (yield _TASKS(id=id, limit=most_nodes + 1))]
    children = [decode_flow_run(row[0]) for row in (yield _SUBFLOWS(id=id))]
    artifacts: dict[UUID | None, list[GraphArtifact]] = {}
    for doc, latest in (yield _ARTIFACTS(id=id, limit=most_artifacts)):
        one = _decode_artifact(doc)
        shown = GraphArtifact(
            id=one.id, key=one.key, type=one.type, is_latest=bool(latest), data=None, created=one.created
        )
        if one.type == "progress":
            shown = msgspec.structs.replace(shown, data=one.data)
        artifacts.setdefault(one.task_run_id, []).append(shown)
    states = [_decode_state(row[0]) for row in (yield _STATES(id=id))]
    subflows = {child.parent_task_run_id: child for child in children if child.parent_task_run_id is not None}
    return Drawn(decode_flow_run(rows[0][0]), tasks, subflows, artifacts, states)
