"""What a state is: which are final, how a proposed one becomes a kept one."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from msgspec.structs import replace

from penstock.wire.states import State, StateCreate, StateDetails, StateType

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
