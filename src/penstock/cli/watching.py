"""Following a run to its end."""

from __future__ import annotations

import time
from uuid import UUID

from penstock.cli.connect import find
from penstock.cli.console import Failure, note, state
from penstock.client.client import Client
from penstock.wire import flow_runs
from penstock.wire.flow_runs import FlowRun
from penstock.wire.states import StateType

FINAL = {StateType.COMPLETED, StateType.FAILED, StateType.CRASHED, StateType.CANCELLED}
FIRST_PAUSE = 0.05


def watch(client: Client, run_id: UUID, timeout: float | None = None, interval: float = 0.5) -> FlowRun:
    """Waits until the run has ended, telling each state on the way. Raises Failure when the time is up.

    Looks often at first, since many runs are short, and then every `interval` seconds.
    """
    pause = min(FIRST_PAUSE, interval)
    deadline = time.monotonic() + timeout if timeout else None
    shown = None
    while True:
        run = find(client, flow_runs.read_flow_run, f"Flow run {str(run_id)!r} not found.", id=run_id)
        if run.state_id != shown:
            shown = run.state_id
            message = run.state.message if run.state and run.state.message else ""
            note(f"{run.name}: {state(run.state_type, run.state_name)} {message}".rstrip())
        if run.state_type in FINAL:
            return run
        if deadline and time.monotonic() > deadline:
            raise Failure(f"The run has not ended after {timeout:g} s; it is {run.state_name}.")
        time.sleep(pause)
        pause = min(pause * 1.5, interval)


def judge(run: FlowRun) -> str:
    """The closing line for a run that completed. Raises Failure for any other end."""
    if run.state_type != StateType.COMPLETED:
        raise Failure(f"The flow run ended in state {run.state_name!r}.")
    return f"The flow run ended in state {run.state_name!r}."
