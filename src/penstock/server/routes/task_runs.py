"""Task runs: tracked through the API by subflows, background tasks, people and older clients."""

from __future__ import annotations

import random
from uuid import UUID

from penstock.core.states import stamp, with_details
from penstock.core.task_transitions import apply_task_state
from penstock.errors import Conflict, NotFound
from penstock.ids import new_id
from penstock.server.bind import Answer, Encoded, Request, handles
from penstock.server.routes.flow_runs import asked_id
from penstock.store import flow_run_states
from penstock.store import task_run_states as states
from penstock.store import task_runs as store
from penstock.store.filters import select
from penstock.store.tallied_counts import number_of
from penstock.store.tallied_filters import tallied
from penstock.wire import task_runs as wire
from penstock.wire.flow_runs import SetState
from penstock.wire.model import Criteria, Labels
from penstock.wire.states import OrchestrationResult, StateCreate, StateType
from penstock.wire.task_runs import TaskRun, TaskRunCreate, TaskRunUpdate


@handles(wire.create_task_run)
async def create(at: Request, body: TaskRunCreate) -> Answer[TaskRun]:
    """Makes a task run (201), or gives the one of that key (200)."""
    id = body.id or new_id()
    state = stamp(body.state or StateCreate(type=StateType.PENDING), id=new_id(), now=at.now)
    run = TaskRun(
        id=id,
        name=body.name or f"{body.task_key}-{body.dynamic_key}",
        task_key=body.task_key,
        dynamic_key=body.dynamic_key,
        created=at.now,
        updated=at.now,
        flow_run_id=body.flow_run_id,
        cache_key=body.cache_key,
        cache_expiration=body.cache_expiration,
        task_version=body.task_version,
        empirical_policy=body.empirical_policy,
        tags=body.tags,
        labels=await _labels(at, body),
        task_inputs=body.task_inputs,
    )
    first = with_details(state, flow_run_id=run.flow_run_id, task_run_id=run.id)
    found = await at.store.write(store.create(apply_task_state(run, first, flow_run_count=0, now=at.now)))
    return Answer(await _shown(at, found), 201 if found == id else 200)


async def _labels(at: Request, body: TaskRunCreate) -> Labels:
    """A task run is labelled with what it runs in. Conflict for an unknown flow run."""
    if body.flow_run_id is None:
        return body.labels or {}
    try:
        known = await at.store.read(flow_run_states.read_known(body.flow_run_id))
    except NotFound:
        raise Conflict(f"There is no flow run with id {body.flow_run_id}.") from None
    found: Labels = {"prefect.flow.id": str(known.run.flow_id), "prefect.flow-run.id": str(body.flow_run_id)}
    return found | (body.labels or {})


async def _shown(at: Request, id: UUID) -> Encoded:
    found = await at.store.read(store.read(id, at.now))
    if found is None:
        raise NotFound("Task not found")
    return Encoded(found)


@handles(wire.read_task_run)
async def read(at: Request, id: UUID) -> Encoded:
    """A task run by its id."""
    return await _shown(at, id)


@handles(wire.filter_task_runs)
async def list_runs(at: Request, body: Criteria) -> Encoded:
    """Task runs by their own fields, or those of what they belong to."""
    return Encoded(await at.store.scan(store.list_runs(select("task_runs", body, at.store.dialect), at.now)))


@handles(wire.count_task_runs)
async def count(at: Request, body: Criteria) -> int:
    """How many task runs a filter finds."""
    dialect = at.store.dialect
    return await at.store.scan(number_of(select("task_runs", body, dialect), tallied("task_runs", body, dialect)))


@handles(wire.paginate_task_runs)
async def page(at: Request, body: Criteria) -> Encoded:
    """One page of task runs."""
    selection, known = select("task_runs", body, at.store.dialect), tallied("task_runs", body, at.store.dialect)
    return Encoded(await at.store.scan(store.page(selection, known, body.page or 1, at.now)))


@handles(wire.update_task_run)
async def update(at: Request, body: TaskRunUpdate, id: UUID) -> None:
    """Renames a task run."""
    if isinstance(body.name, str):
        await at.store.write(store.rename(id, body.name, at.now))


@handles(wire.delete_task_run)
async def delete(at: Request, id: UUID) -> None:
    """Deletes a task run with its states."""
    if not await at.store.write(store.delete(id)):
        raise NotFound("Task not found")


@handles(wire.set_task_run_state)
async def set_state(at: Request, body: SetState, id: UUID) -> Answer[OrchestrationResult]:
    """Proposes a state: 201 when the run is now in a state that this call wrote."""
    asked = at.settings.server.tasks
    proposal = states.TaskProposal(
        body.state,
        at.now,
        new_id(),
        force=body.force,
        jitter=random.random(),
        tag_wait=asked.tag_concurrency_slot_wait_seconds,
        longest_cache_key=asked.max_cache_key_length,
    )
    outcome = await at.store.write(states.propose(id, proposal))
    return Answer(outcome.result, 201 if outcome.written else 200)


@handles(wire.read_task_run_states)
async def list_states(at: Request) -> Encoded:
    """A task run's states, oldest first."""
    return Encoded(await at.store.read(states.list_states(asked_id(at, "task_run_id"))))


@handles(wire.read_task_run_state)
async def read_state(at: Request, id: UUID) -> Encoded:
    """A state by its id."""
    found = await at.store.read(states.read_state(id))
    if found is None:
        raise NotFound("State not found")
    return Encoded(found)
