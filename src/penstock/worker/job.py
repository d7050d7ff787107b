"""What a run's own process does: fetch the code, import the flow, carry the run out, report all of it.

It is forked from a parent that has this module imported, or is a fresh interpreter; either way `main` is
entered with the facts the worker has, in the environment and folder of the job. Exit code 0 says that the
run's state was reported; anything else is explained by whoever watches.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import traceback
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import msgspec

from penstock import settings as configuration
from penstock.clock import utc_now
from penstock.errors import FlowNotFound, PenstockError, RunAborted
from penstock.infra.process.folder import VARIABLE, JobFolder
from penstock.sdk.entrypoints import load_flow
from penstock.sdk.flow import Flow
from penstock.sdk.flow_engine import FlowCall
from penstock.sdk.session import Session, session
from penstock.worker.code import fetch_code, pull_event
from penstock.worker.facts import RunFacts
from penstock.worker.hooks import leave_word
from penstock.worker.own_lease import keep_own_lease
from penstock.worker.run_logs import LOGGER

UNREPORTED = 1
TERMINATED = 128 + signal.SIGTERM
ENTRYPOINT = "PREFECT__FLOW_ENTRYPOINT"
RETRIES = 20
"""About seven minutes without a server."""
HOOKS_HERE = frozenset({"on_completion", "on_failure"})
"""The others are called once this process is gone: see `hooks`."""


class Terminated(SystemExit):
    """The job was told to end."""


def main(payload: bytes) -> int:
    """Carries a run out; the exit code."""
    facts = msgspec.json.decode(payload, type=RunFacts)
    configuration.forget()
    signal.signal(signal.SIGTERM, _terminate)
    try:
        return _run(facts, session())
    except Terminated:
        return TERMINATED
    except RunAborted as aborted:
        print(f"The run is not carried out: {aborted.message}")
        return 0
    except Exception as error:
        _tell(facts, error)
        return UNREPORTED


def _terminate(number: int, frame: FrameType | None) -> None:
    raise Terminated(TERMINATED)


def _run(facts: RunFacts, way: Session) -> int:
    def told(name: str, inputs: Mapping[str, Any], error: PenstockError | None) -> None:
        event = pull_event(facts, name, inputs, error)
        way.events.put(lambda: event)

    # A run has more patience than a command: what it has done is lost if its end can't be told.
    way.client.manners = replace(way.client.manners, max_retries=RETRIES)
    if facts.attempt is not None:
        way.attempts[facts.flow_run.id] = facts.attempt
    keep_own_lease(way.client, facts)
    asyncio.run(fetch_code(way.async_client, facts, told))
    flow = _load(facts)
    leave_word(flow)
    call = FlowCall(flow, facts.flow_run.parameters, run=facts.flow_run, deployment=facts.deployment, hooks=HOOKS_HERE)
    state = asyncio.run(call.arun_here(return_state=True)) if flow.isasync else call.run_here(return_state=True)
    if state.is_final() and VARIABLE in os.environ:
        JobFolder(Path(os.environ[VARIABLE])).leave_word()
    return 0


def _load(facts: RunFacts) -> Flow[..., Any]:
    """The flow, now that its code is here; the variable says so to Prefect's engine and to whoever looks for it."""
    entrypoint = facts.deployment.entrypoint if facts.deployment else os.environ.get(ENTRYPOINT)
    if not entrypoint:
        raise FlowNotFound("The run's deployment has no entrypoint.")
    os.environ[ENTRYPOINT] = entrypoint
    found = load_flow(entrypoint)
    if not isinstance(found, Flow):
        _become_prefect()
    return found


def _become_prefect() -> NoReturn:
    """The flow was written with Prefect's own package: its engine carries the run out, in this very process."""
    sys.stdout.flush()
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    os.execve(sys.executable, [sys.executable, "-m", "prefect.engine"], env)


def _tell(facts: RunFacts, error: Exception) -> None:
    """Shows why the run never came to its flow: in the output, which the worker reads, and in the run's log."""
    words = error.message if isinstance(error, PenstockError) else "".join(traceback.format_exception(error))
    print(words, file=sys.stderr)
    try:
        way = session()
        line = {"name": LOGGER, "level": logging.ERROR, "message": words, "timestamp": utc_now()}
        way.logs.put({**line, "flow_run_id": facts.flow_run.id})
        way.flush()
    except PenstockError as failed:
        print(failed.message, file=sys.stderr)
