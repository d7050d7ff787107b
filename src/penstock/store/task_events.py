"""Task-run states that clients report as events: applied in batches, once each, the newest last.

A state's id is its event's id, so an event that comes twice changes nothing; one that comes late is kept
in the history but does not overwrite a newer state (DESIGN, law 1).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from penstock.errors import InvalidRequest
from penstock.store.database import Steps, intent
from penstock.store.results import keep_results
from penstock.store.task_run_documents import decode, row_of
from penstock.store.task_run_states import SQL, state_row
from penstock.wire.events import ReceivedEvent
from penstock.wire.model import Model
from penstock.wire.states import State, StateDetails, StateType
from penstock.wire.task_runs import TaskRun, TaskRunPolicy

PREFIX = "prefect.task-run."


class _Told(Model):
    """The task run as its client tells of it."""

    task_key: str
    dynamic_key: str
    name: str = ""
    empirical_policy: TaskRunPolicy = TaskRunPolicy()
    tags: list[str] = msgspec.field(default_factory=list)
    labels: dict[str, Any] | None = None
    task_inputs: dict[str, list[dict[str, Any]]] = msgspec.field(default_factory=dict)
    task_version: str | None = None
    cache_key: str | None = None
    cache_expiration: datetime | None = None
    run_count: int = 0
    flow_run_run_count: int = 0
    expected_start_time: datetime | None = None
    next_scheduled_start_time: datetime | None = None
    start_time: datetime | None = None
    end_time: datetime | None = None
    total_run_time: float = 0.0


class _ToldState(Model):
    """The state as its client tells of it."""

    type: StateType
    name: str | None = None
    message: str | None = None
    data: Any = None
    state_details: StateDetails = StateDetails()


def tells_of_task_run(event: ReceivedEvent) -> bool:
    """Whether the event reports a state of a task run that its client decided on."""
    return event.event.startswith(PREFIX) and event.resource.get("prefect.orchestration") == "client"


@intent
def record_task_events(events: Sequence[ReceivedEvent], now: datetime) -> Steps[int]:
    """Applies reported states; gives how many were new. InvalidRequest when one can't be understood."""
    told = sorted((_read(event, now) for event in events if tells_of_task_run(event)), key=_moment)
    if not told:
        return 0
    known = yield SQL.known_states(ids=json.dumps([str(run.state_id) for run in told]))
    seen = {row[0] for row in known}
    fresh = [run for run in told if str(run.state_id) not in seen]
    if not fresh:
        return 0
    fresh = yield from _with_known_ids(fresh)
    current = yield from _current(fresh)
    changed = _newest(fresh, current)
    yield SQL.write_task.each([row_of(run) for run in changed])
    yield SQL.insert_state.each([state_row(run.id, run.state) for run in fresh if run.state])
    yield from keep_results([run.state for run in fresh], now)
    return len(fresh)


def _moment(run: TaskRun) -> datetime:
    if run.state is None:
        raise InvalidRequest("A reported task run has no state.")
    return run.state.timestamp


def _read(event: ReceivedEvent, now: datetime) -> TaskRun:
    try:
        told = msgspec.convert(event.payload.get("task_run"), _Told)
        state = msgspec.convert(event.payload.get("validated_state"), _ToldState)
        run_id = UUID(str(event.resource["prefect.resource.id"]).removeprefix(PREFIX))
        flow_run_id = _flow_run_of(event.related)
    except (msgspec.ValidationError, ValueError, KeyError) as error:
        raise InvalidRequest(f"The event {event.id} does not tell of a task run: {error}") from error
    details = msgspec.structs.replace(state.state_details, flow_run_id=flow_run_id, task_run_id=run_id)
    kept = State(
        id=event.id,
        type=state.type,
        timestamp=event.occurred,
        name=state.name or state.type.value.capitalize(),
        message=state.message,
        data=state.data,
        state_details=details,
    )
    return TaskRun(
        id=run_id,
        flow_run_id=flow_run_id,
        created=now,
        updated=now,
        state=kept,
        state_id=kept.id,
        state_type=kept.type,
        state_name=kept.name,
        **{name: getattr(told, name) for name in _Told.__struct_fields__},
    )


def _flow_run_of(related: Iterable[dict[str, Any]]) -> UUID | None:
    for one in related:
        if one.get("prefect.resource.role") == "flow-run":
            return UUID(str(one["prefect.resource.id"]).removeprefix("prefect.flow-run."))
    return None


def _key(run: TaskRun) -> tuple[str, str, str]:
    return str(run.flow_run_id or ""), run.task_key, run.dynamic_key


def _with_known_ids(told: list[TaskRun]) -> Steps[list[TaskRun]]:
    """A task run is found by its key before its id: a client that came back may tell of it under a new one."""
    rows = yield SQL.ids_by_keys(keys=json.dumps(sorted({_key(run) for run in told})))
    ids = {(flow or "", task, dynamic): UUID(id) for flow, task, dynamic, id in rows}
    for run in told:
        ids.setdefault(_key(run), run.id)
    return [run if ids[_key(run)] == run.id else msgspec.structs.replace(run, id=ids[_key(run)]) for run in told]


def _current(told: list[TaskRun]) -> Steps[dict[UUID, TaskRun]]:
    rows = yield SQL.read_tasks(ids=json.dumps(sorted({str(run.id) for run in told})))
    return {run.id: run for run in (decode(row[0]) for row in rows)}


def _newest(told: list[TaskRun], current: dict[UUID, TaskRun]) -> list[TaskRun]:
    """The runs to write: of each the newest that was told, unless a newer one is there."""
    changed: dict[UUID, TaskRun] = {}
    for run in told:
        known = current.get(run.id)
        if known is not None and known.state is not None and known.state.timestamp > _moment(run):
            continue
        created = known.created if known is not None else run.created
        changed[run.id] = current[run.id] = msgspec.structs.replace(run, created=created)
    return list(changed.values())
