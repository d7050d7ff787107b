"""States as flow code sees them: made by name, asked for their result.

return Completed(message="nothing to do")
state = my_task(1, return_state=True)
state.result(raise_on_failure=False)
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeGuard
from uuid import UUID

from penstock.clock import utc_now
from penstock.errors import PenstockError
from penstock.ids import new_id
from penstock.wire.states import StateType

if TYPE_CHECKING:
    from penstock.sdk.results import Reference
    from penstock.wire.states import State as WireState
    from penstock.wire.states import StateCreate

TYPES = {kind.value: kind for kind in StateType}
TERMINAL = frozenset({"COMPLETED", "FAILED", "CANCELLED", "CRASHED"})
UNSUCCESSFUL = frozenset({"FAILED", "CANCELLED", "CRASHED"})


class FailedRun(PenstockError):
    """A run ended in a state other than Completed."""

    code = "failed_run"


class CancelledRun(FailedRun):
    """A run was cancelled."""

    code = "cancelled_run"


class CrashedRun(FailedRun):
    """A run crashed."""

    code = "crashed_run"


class MissingResult(PenstockError):
    """The result of this run was not kept. Set persist_result=True to keep results."""

    code = "missing_result"


class PausedRun(PenstockError):
    """A run is paused and has no result yet."""

    code = "paused_run"


class UnfinishedRun(PenstockError):
    """A run has not ended, so it has no result yet."""

    code = "unfinished_run"


_NOTHING: Any = object()


class State:
    """One state of a run. `details` are the names of `wire.states.StateDetails`, those that are set."""

    __slots__ = ("_value", "details", "id", "message", "name", "reference", "timestamp", "type")

    def __init__(
        self,
        type: str,
        name: str | None = None,
        message: str | None = None,
        *,
        data: Any = _NOTHING,
        details: dict[str, Any] | None = None,
        timestamp: datetime | None = None,
        id: UUID | None = None,
        reference: Reference | None = None,
    ) -> None:
        self.type: StateType = TYPES[type]
        self.name = name or type.capitalize()
        self.message = message
        self.details = details or {}
        self.timestamp = timestamp or utc_now()
        self.id = id or new_id()
        self.reference = reference
        self._value = data

    def result(self, raise_on_failure: bool = True) -> Any:
        """What the run returned. A failed run raises what it raised, or gives it with `raise_on_failure=False`.

        Raises `UnfinishedRun`, `PausedRun`, or `MissingResult` when the value was not kept.
        """
        if self.type == "PAUSED":
            raise PausedRun()
        if self.type not in TERMINAL:
            raise UnfinishedRun(f"The run is {self.name}, it has no result yet.")
        if self.type in UNSUCCESSFUL:
            error = self._error()
            if raise_on_failure:
                raise error
            return self._value if _holds_states(self._value) else error
        return self._kept()

    async def aresult(self, raise_on_failure: bool = True) -> Any:
        """As `result`, awaited."""
        return self.result(raise_on_failure)

    @property
    def data(self) -> Any:
        """The value itself, None when there is none at hand."""
        return None if self._value is _NOTHING else self._value

    def is_scheduled(self) -> bool:
        return self.type == "SCHEDULED"

    def is_pending(self) -> bool:
        return self.type == "PENDING"

    def is_running(self) -> bool:
        return self.type == "RUNNING"

    def is_completed(self) -> bool:
        return self.type == "COMPLETED"

    def is_failed(self) -> bool:
        return self.type == "FAILED"

    def is_crashed(self) -> bool:
        return self.type == "CRASHED"

    def is_cancelled(self) -> bool:
        return self.type == "CANCELLED"

    def is_cancelling(self) -> bool:
        return self.type == "CANCELLING"

    def is_paused(self) -> bool:
        return self.type == "PAUSED"

    def is_final(self) -> bool:
        """Whether the run is over."""
        return self.type in TERMINAL

    def _kept(self) -> Any:
        if self._value is not _NOTHING:
            return self._value
        if self.reference is not None:
            self._value = self.reference.load()
            return self._value
        raise MissingResult()

    def error(self) -> BaseException | None:
        """What `result` raises of a run that has ended, None when it went well."""
        return self._error() if self.type in UNSUCCESSFUL else None

    def _error(self) -> BaseException:
        try:
            value = self._kept()
        except MissingResult:
            value = None
        if isinstance(value, BaseException):
            return value
        if isinstance(value, State) and value is not self:
            return value._error()
        if _holds_states(value):
            return next((state._error() for state in value if state.type in UNSUCCESSFUL), FailedRun(self.message))
        kind = {"CANCELLED": CancelledRun, "CRASHED": CrashedRun}.get(self.type, FailedRun)
        return kind(self.message or (str(value) if value is not None else f"The run is {self.name}."))

    def __repr__(self) -> str:
        return f"{self.name}({self.message!r})" if self.message else f"{self.name}()"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, State) and (self.type, self.name, self.id) == (other.type, other.name, other.id)

    def __hash__(self) -> int:
        return hash(self.id)


def to_wire(state: State) -> StateCreate:
    """The state as it is proposed to the server; its value stays here, a reference to it goes along."""
    from penstock.wire.states import StateCreate, StateDetails

    details = {**state.details, "transition_id": new_id()}
    data: dict[str, Any] | None = None
    if state.reference is not None:
        data = state.reference.as_json()
    elif state.type in ("COMPLETED", "FAILED"):
        details["untrackable_result"] = True
    return StateCreate(
        type=state.type,
        name=state.name,
        message=state.message,
        data=data,
        state_details=StateDetails(**details),
    )


def from_wire(state: WireState, value: Any = _NOTHING) -> State:
    """The server's state, with the value it stands for when that is at hand."""
    from penstock.sdk.results import Reference

    told = {
        name: getattr(state.state_details, name)
        for name in state.state_details.__struct_fields__
        if getattr(state.state_details, name) not in (None, False)
    }
    return State(
        state.type.value,
        state.name,
        state.message,
        data=value,
        details=told,
        timestamp=state.timestamp,
        id=state.id,
        reference=Reference.from_json(state.data),
    )


def is_state(value: object) -> TypeGuard[State]:
    """Whether a value is a state."""
    return isinstance(value, State)


def Completed(message: str | None = None, *, data: Any = None, name: str = "Completed") -> State:
    """The run went well."""
    return State("COMPLETED", name, message, data=data)


def Failed(message: str | None = None, *, data: Any = None, name: str = "Failed") -> State:
    """The run did not go well. `data` may be the exception."""
    return State("FAILED", name, message, data=data)


def Crashed(message: str | None = None, *, data: Any = None, name: str = "Crashed") -> State:
    """The run was ended from outside."""
    return State("CRASHED", name, message, data=data)


def Cancelled(message: str | None = None, *, name: str = "Cancelled") -> State:
    """The run was called off."""
    return State("CANCELLED", name, message)


def Cancelling(message: str | None = None) -> State:
    """The run is being called off."""
    return State("CANCELLING", "Cancelling", message)


def Pending(message: str | None = None) -> State:
    """The run is about to start."""
    return State("PENDING", "Pending", message)


def Running(message: str | None = None) -> State:
    """The run runs."""
    return State("RUNNING", "Running", message)


def Scheduled(scheduled_time: datetime | None = None, *, name: str = "Scheduled") -> State:
    """The run is to start at a time, by default now."""
    return State("SCHEDULED", name, details={"scheduled_time": scheduled_time or utc_now()})


def Paused(
    *, timeout: datetime | None = None, reschedule: bool = False, key: str | None = None, keyset: Any = None
) -> State:
    """The run waits for somebody; with `reschedule` its process ends meanwhile."""
    found = {"pause_timeout": timeout, "pause_reschedule": reschedule, "pause_key": key, "run_input_keyset": keyset}
    details = {name: value for name, value in found.items() if value is not None}
    return State("PAUSED", "Suspended" if reschedule else "Paused", details=details)


def _holds_states(value: Any) -> bool:
    return isinstance(value, list | tuple | set) and bool(value) and all(is_state(item) for item in value)


def aggregate(every: Collection[State]) -> State:
    """The state of a run that returned states of others: it fails when any of them did."""
    failed = [state for state in every if state.type in UNSUCCESSFUL]
    if failed:
        return State("FAILED", message=f"{len(failed)}/{len(every)} states failed.", data=every)
    unfinished = [state for state in every if state.type not in TERMINAL]
    if unfinished:
        return State("FAILED", message=f"Of {len(every)} states {len(unfinished)} are not final.", data=every)
    return State("COMPLETED", message="All states completed.", data=every)
