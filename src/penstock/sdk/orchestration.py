"""Asking the server for a flow run's next state, and doing what it says."""

from __future__ import annotations

from uuid import UUID

from penstock.errors import RunAborted
from penstock.sdk.effects import Call, Sleep, Steps
from penstock.sdk.session import session
from penstock.sdk.states import State, from_wire
from penstock.wire.dispatch import ATTEMPT_HEADER
from penstock.wire.flow_runs import SetState, read_flow_run, set_flow_run_state
from penstock.wire.states import OrchestrationResult, OrchestrationStatus, StateCreate, StateType


def propose(flow_run_id: UUID, state: StateCreate, *, force: bool = False) -> Steps[State]:
    """The state the run is in after the proposal; waits as long as the server says.

    Raises `RunAborted` when the server tells the run to stop.
    """
    attempt = session().attempts.get(flow_run_id)
    headers = None if attempt is None else {ATTEMPT_HEADER: str(attempt)}
    while True:
        answer: OrchestrationResult = yield Call(
            set_flow_run_state, SetState(state=state, force=force), path={"id": flow_run_id}, headers=headers
        )
        if answer.status is OrchestrationStatus.WAIT:
            yield Sleep(answer.details.delay_seconds or 0)
        elif answer.status is OrchestrationStatus.ABORT:
            raise RunAborted(answer.details.reason)
        elif _too_early(state, answer):
            yield from _until_due(answer)
        elif answer.state is not None:
            return from_wire(answer.state)
        else:
            return from_wire((yield Call(read_flow_run, path={"id": flow_run_id})).state)


def _too_early(proposed: StateCreate, answer: OrchestrationResult) -> bool:
    """Whether Running was put off: the run is asked for again when its time has come."""
    return (
        proposed.type is StateType.RUNNING
        and answer.status is OrchestrationStatus.REJECT
        and answer.state is not None
        and answer.state.type is StateType.SCHEDULED
    )


def _until_due(answer: OrchestrationResult) -> Steps[None]:
    from penstock.clock import utc_now

    when = answer.state.state_details.scheduled_time if answer.state else None
    yield Sleep(max(1.0, (when - utc_now()).total_seconds()) if when else 1.0)
