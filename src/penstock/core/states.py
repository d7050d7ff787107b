"""What a state is: which are final, how a proposed one becomes a kept one."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from msgspec.structs import replace

from penstock.wire.flow_runs import FlowRun
from penstock.wire.states import State, StateCreate, StateDetails, StateType
from penstock.wire.task_runs import TaskRun

TERMINAL = frozenset({StateType.COMPLETED, StateType.FAILED, StateType.CANCELLED, StateType.CRASHED})
HOLDS_SLOT = frozenset({StateType.PENDING, StateType.RUNNING, StateType.CANCELLING})
"""A run in one of these keeps its deployment's slot."""

DEFAULT_NAMES = {kind: kind.value.capitalize() for kind in StateType}
_TICK = timedelta(microseconds=1)


def is_terminal(state: State | None) -> bool:
    """Whether a run in this state has ended."""
    return state is not None and state.type in TERMINAL


def has_result(state: State | StateCreate) -> bool:
    """Whether the state carries a result that is kept somewhere."""
    data = state.data
    return data is not None and not (isinstance(data, dict) and data.get("type") == "unpersisted")


def stamp(proposed: StateCreate, *, id: UUID, now: datetime, after: State | None = None) -> State:
    """The proposed state with an id, a name and a time, later than that of the state it follows."""
    moment = now if after is None or now > after.timestamp else after.timestamp + _TICK
    details = proposed.state_details
    if proposed.type is StateType.SCHEDULED and details.scheduled_time is None:
        details = replace(details, scheduled_time=moment)
    return State(
        id=id,
        type=proposed.type,
        timestamp=moment,
        name=proposed.name or DEFAULT_NAMES[proposed.type],
        message=proposed.message,
        data=proposed.data,
        state_details=details,
    )


def with_details(state: State, **changes: Any) -> State:
    """A copy of the state with some of its details changed."""
    return replace(state, state_details=replace(state.state_details, **changes))


def turned_into(
    state: State,
    kind: StateType,
    *,
    name: str | None = None,
    message: str | None = None,
    data: Any = None,
    details: StateDetails | None = None,
) -> State:
    """Another state in the place of a proposed one: same id and time."""
    return replace(
        state,
        type=kind,
        name=name or DEFAULT_NAMES[kind],
        message=message,
        data=data,
        state_details=details or StateDetails(),
    )


def due_as_before(proposed: State, current: State) -> State:
    """The proposed state with the time at which the run was due, where it has none of its own."""
    due = current.state_details.scheduled_time
    if due is None or proposed.state_details.scheduled_time is not None:
        return proposed
    return with_details(proposed, scheduled_time=due)


def kept_of(state: State, run: FlowRun | TaskRun, now: datetime) -> dict[str, Any]:
    """What a run of either kind keeps of a state it enters: the state itself, its times, and how long it ran."""
    before, start, ran = run.state, run.start_time, run.total_run_time
    if start is None and (state.type in TERMINAL or state.type is StateType.RUNNING):
        start = state.timestamp
    if before is not None and before.type is StateType.RUNNING:
        ran += (state.timestamp - before.timestamp).total_seconds()
    due = state.state_details.scheduled_time if state.type is StateType.SCHEDULED else None
    return {
        "updated": now,
        "state": state,
        "state_id": state.id,
        "state_type": state.type,
        "state_name": state.name,
        "start_time": start,
        "total_run_time": ran,
        "expected_start_time": run.expected_start_time or due or state.timestamp,
        "next_scheduled_start_time": due,
    }
