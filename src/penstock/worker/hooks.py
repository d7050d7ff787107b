"""Hooks of runs that are gone: `on_crashed` and `on_cancellation`, called where the run was, once it has ended.

The run's process leaves word of them as it begins; who hosts the job has them called when the run's last
state is known. They get the flow, the run and its state, as other hooks do.
"""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from penstock import settings as configuration
from penstock.infra.process.folder import VARIABLE, FollowUp, JobFolder
from penstock.sdk.effects import drive
from penstock.sdk.entrypoints import load_flow
from penstock.sdk.flow import Flow
from penstock.sdk.hooks import call_hooks
from penstock.sdk.session import session
from penstock.sdk.states import from_wire
from penstock.wire import flow_runs
from penstock.wire.states import StateType
from penstock.worker.facts import RunFacts

HOOKS = {StateType.CRASHED: "on_crashed", StateType.CANCELLED: "on_cancellation"}
ENTRY = "penstock.worker.hooks:main"


def leave_word(flow: Flow[..., object]) -> None:
    """Has the flow's hooks called after the end, should it come to that."""
    folder = os.environ.get(VARIABLE)
    if folder and any(flow.hooks(name) for name in HOOKS.values()):
        JobFolder(Path(folder)).leave_follow_up(FollowUp(ENTRY, str(Path.cwd())))


def main(payload: bytes) -> int:
    """Calls the hooks for the state that the run ended in."""
    facts = msgspec.json.decode(payload, type=RunFacts)
    configuration.forget()
    way = session()
    run = way.client.call(flow_runs.read_flow_run, id=facts.flow_run.id)
    name = HOOKS.get(run.state_type) if run.state_type else None
    if name and run.state and facts.deployment and facts.deployment.entrypoint:
        flow = load_flow(facts.deployment.entrypoint)
        drive(call_hooks(flow.hooks(name), flow, run, from_wire(run.state)))
        way.flush()
    return 0
