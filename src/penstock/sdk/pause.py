"""Pausing, suspending and resuming flow runs, with or without an input to wait for."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any
from uuid import UUID

from penstock.clock import utc_now
from penstock.errors import PenstockError, RunAborted
from penstock.ids import new_id
from penstock.sdk.context import current_flow, flow_context
from penstock.sdk.effects import Call, Sleep, Steps, dual
from penstock.sdk.loggers import flow_logger
from penstock.sdk.orchestration import propose
from penstock.sdk.run_inputs import answer_of, keyset_of, save_schema
from penstock.sdk.states import Paused, State, to_wire
from penstock.wire.flow_runs import Resume, read_flow_run
from penstock.wire.flow_runs import resume_flow_run as resume_endpoint

DEFAULT_TIMEOUT = 3600.0


class SuspendedRun(BaseException):
    """Ends the process of a suspended run; not an Exception, so that user code does not catch it."""

    def __init__(self, state: State) -> None:
        super().__init__("The flow run is suspended.")
        self.state = state


class PauseTimedOut(PenstockError):
    """Nobody resumed the run in time."""

    code = "pause_timed_out"


class NotPausable(PenstockError):
    """The flow run can't be paused now."""

    code = "not_pausable"


@dual
def pause_flow_run(
    wait_for_input: Any = None,
    timeout: float = DEFAULT_TIMEOUT,
    poll_interval: float = 10.0,
    key: str | None = None,
) -> Steps[Any]:
    """Pauses the run that runs here until somebody resumes it; its process stays.

    With `wait_for_input` (a type) it gives what the one who resumes has entered, as that type. Raises
    `PauseTimedOut` when nobody does in time.
    """
    context = current_flow()
    key = key or str(context.count("pause") + 1)
    keyset = keyset_of("paused", key) if wait_for_input is not None else None
    until = utc_now() + timedelta(seconds=timeout)
    state = yield from propose(context.run.id, to_wire(Paused(timeout=until, key=key, keyset=keyset)))
    if state.is_running():
        return None
    if not state.is_paused():
        raise NotPausable(f"The flow run can't be paused: it is {state.name}.")
    if keyset is not None:
        yield from save_schema(context.run.id, keyset, wait_for_input)
    log = flow_logger(context)
    log.info("The run is paused until somebody resumes it, at most %g s.", timeout)
    yield from _until_resumed(context.run.id, time.monotonic() + timeout, poll_interval)
    log.info("The run goes on.")
    return (yield from answer_of(context.run.id, keyset, wait_for_input)) if keyset is not None else None


def _until_resumed(flow_run_id: UUID, end: float, poll_interval: float) -> Steps[None]:
    """Looks at the run until it runs again; often at first, as people answer quickly when they do."""
    wait = min(0.1, poll_interval)
    while time.monotonic() < end:
        yield Sleep(min(wait, max(0.0, end - time.monotonic())))
        wait = min(wait * 1.5, poll_interval)
        run = yield Call(read_flow_run, path={"id": flow_run_id})
        if run.state_type == "RUNNING":
            return
        if run.state_type != "PAUSED":
            if time.monotonic() > end - 1:
                raise PauseTimedOut()  # the server has noticed first
            raise RunAborted(f"The flow run was paused and is now {run.state_name}.")
    raise PauseTimedOut()


@dual
def suspend_flow_run(
    wait_for_input: Any = None,
    flow_run_id: UUID | None = None,
    timeout: float | None = DEFAULT_TIMEOUT,
    key: str | None = None,
) -> Steps[Any]:
    """Pauses a run of a deployment and ends its process; resuming starts it again from the beginning.

    In that second process the same call gives what was entered (`wait_for_input`), or goes on.
    """
    context = flow_context.get()
    here = context is not None and flow_run_id in (None, context.run.id)
    run_id = flow_run_id or current_flow().run.id
    key = key or (str(context.count("suspend") + 1) if context and here else new_id().hex)
    keyset = keyset_of("suspended", key) if wait_for_input is not None else None
    if keyset is not None and here:
        answer = yield from answer_of(run_id, keyset, wait_for_input, missing=None)
        if answer is not None:
            return answer
    until = utc_now() + timedelta(seconds=timeout) if timeout is not None else None
    state = yield from propose(run_id, to_wire(Paused(timeout=until, reschedule=True, key=key, keyset=keyset)))
    if state.is_running():
        return None
    if not state.is_paused():
        raise NotPausable(f"The flow run can't be suspended: it is {state.name}.")
    if keyset is not None:
        yield from save_schema(run_id, keyset, wait_for_input)
    if context is not None and here:
        flow_logger(context).info("The run is suspended until somebody resumes it; its process ends.")
        raise SuspendedRun(state)
    return None


@dual
def resume_flow_run(flow_run_id: UUID | str, run_input: dict[str, Any] | None = None) -> Steps[None]:
    """Lets a paused or suspended run go on. Raises `RunAborted` when the server will not."""
    answer = yield Call(resume_endpoint, Resume(run_input=run_input), path={"id": flow_run_id})
    if answer.status != "ACCEPT":
        raise RunAborted(answer.details.reason or f"The flow run was not resumed: {answer.status}.")


apause_flow_run = pause_flow_run.aio
asuspend_flow_run = suspend_flow_run.aio
aresume_flow_run = resume_flow_run.aio
