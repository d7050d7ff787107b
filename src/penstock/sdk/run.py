"""The inside of a job: one flow run of a deployment, from its entrypoint to its end state.

    job = fetch(flow_run_id)      # or a Job made from what a claim has brought along
    exit_code = run_flow_run(job)

Pull steps have run before and the working folder is theirs. The exit code is 0 when the run ended in any
state that was reported, or was told to stop; 1 when it could not be begun: the one who watches the job
then says so.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any
from uuid import UUID

from penstock.errors import FlowNotFound, PenstockError, RunAborted
from penstock.sdk.effects import adrive, drive
from penstock.sdk.entrypoints import load_object
from penstock.sdk.flow import Flow
from penstock.sdk.flow_engine import END_HOOKS, FlowCall
from penstock.sdk.loggers import FLOW_RUNS, RunLogger, prepare
from penstock.sdk.session import Session, session
from penstock.wire.deployments import Deployment, read_deployment
from penstock.wire.dispatch import ATTEMPT_HEADER
from penstock.wire.flow_runs import FlowRun, read_flow_run

WATCHED_HOOKS = frozenset({"on_crashed", "on_cancellation"})
"""Hooks that the one who watches the job calls instead, as it still lives when the job does not."""


class Terminated(SystemExit):
    """The job was told to end (SIGTERM)."""


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be run. `watched` says that somebody else calls the hooks of crashes and cancellations."""

    flow_run: FlowRun
    deployment: Deployment | None = None
    entrypoint: str | None = None
    attempt: int | None = None
    watched: bool = True


def fetch(flow_run_id: UUID) -> Job:
    """The job of a run, read from the server. Raises `NotFound`."""
    client = session().client
    run = client.call(read_flow_run, id=flow_run_id)
    deployment = client.call(read_deployment, id=run.deployment_id) if run.deployment_id else None
    return Job(run, deployment)


def run_flow_run(job: Job, folder: Path | None = None) -> int:
    """Runs it in this process and gives the exit code."""
    here = session()
    if job.attempt is not None:
        here.client.say(ATTEMPT_HEADER, str(job.attempt))
    log = _logger(here, job.flow_run)
    try:
        found = load_object(_entrypoint(job), folder)
    except FlowNotFound as error:
        log.error("%s\n%s", error, "".join(traceback.format_exception(error.__cause__)) if error.__cause__ else "")
        here.flush()
        return 1
    if _is_foreign(found):
        return _hand_over(job)
    return _run(job, found if isinstance(found, Flow) else Flow(found), log)


def _entrypoint(job: Job) -> str:
    entrypoint = job.entrypoint or (job.deployment.entrypoint if job.deployment else None)
    if not entrypoint:
        raise FlowNotFound(f"The deployment of flow run {job.flow_run.name!r} names no entrypoint.")
    return entrypoint


def _run(job: Job, flow: Flow[..., Any], log: logging.LoggerAdapter[logging.Logger]) -> int:
    hooks = frozenset(END_HOOKS.values()) - (WATCHED_HOOKS if job.watched else frozenset())
    call = FlowCall(flow, _parameters(flow, job.flow_run), run=job.flow_run, deployment=job.deployment, hooks=hooks)
    try:
        with _ended_by_signal():
            if flow.isasync:
                asyncio.run(adrive(call.steps()))
            else:
                drive(call.steps())
    except RunAborted as error:
        log.info("Stopped: %s", error)
    except (SystemExit, KeyboardInterrupt, asyncio.CancelledError) as error:
        log.error("Ended by %s", type(error).__name__)
    except PenstockError as error:
        log.error("%s", error)
        return 1
    finally:
        session().flush()
    return 0


def _parameters(flow: Flow[..., Any], run: FlowRun) -> dict[str, Any]:
    """The run's parameters over the function's defaults; unknown and missing ones show when they are checked."""
    try:
        return flow.binder.bind((), run.parameters)
    except TypeError:
        return dict(run.parameters)


@contextmanager
def _ended_by_signal() -> Iterator[None]:
    """SIGTERM ends the run as an exit of the program would: what is open is closed, the crash is reported."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(number: int, _: FrameType | None) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # once; a second one may not cut the report short
        raise Terminated(128 + number)

    former = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, former)


def _logger(here: Session, run: FlowRun) -> logging.LoggerAdapter[logging.Logger]:
    prepare()
    extra = {
        "flow_run_id": str(run.id),
        "flow_run_name": run.name,
        "session": here,
        "said_by": f"Flow run {run.name!r}",
    }
    return RunLogger(logging.getLogger(FLOW_RUNS), extra)


def _is_foreign(found: Any) -> bool:
    """Whether the entrypoint is a flow of the real Prefect, which has an engine of its own."""
    return type(found).__module__.partition(".")[0] == "prefect"


def _hand_over(job: Job) -> int:
    """Becomes Prefect's engine, in the same process and folder; its exit code is the job's."""
    environment = {
        **os.environ,
        "PREFECT__FLOW_RUN_ID": str(job.flow_run.id),
        "PREFECT__FLOW_ENTRYPOINT": _entrypoint(job),
    }
    sys.stdout.flush()
    os.execve(sys.executable, [sys.executable, "-m", "prefect.engine"], environment)
