"""Starting runs of deployments from code."""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from penstock.core.parameters import as_json
from penstock.errors import InvalidRequest
from penstock.sdk.context import current_tags, flow_context
from penstock.sdk.effects import Call, Sleep, Steps, dual
from penstock.sdk.states import TERMINAL, Scheduled, to_wire
from penstock.sdk.subflows import track_as
from penstock.wire import deployments as wire
from penstock.wire.flow_runs import FlowRun, read_flow_run


@dual
def run_deployment(
    name: str | UUID,
    parameters: dict[str, Any] | None = None,
    scheduled_time: datetime | None = None,
    flow_run_name: str | None = None,
    timeout: float | None = None,
    poll_interval: float = 5.0,
    tags: Iterable[str] | None = None,
    idempotency_key: str | None = None,
    work_queue_name: str | None = None,
    as_subflow: bool = True,
    job_variables: dict[str, Any] | None = None,
) -> Steps[FlowRun]:
    """Makes a run of a deployment (`flow/deployment` or its id) and waits for its end.

    `timeout` bounds the wait: 0 does not wait at all. Inside a flow the run shows as its subflow. Raises
    `NotFound` for an unknown deployment.
    """
    found = yield from _find(name)
    parent = flow_context.get()
    tracking = None
    if parent is not None and as_subflow:
        tracking = (yield from track_as(parent, f"run_deployment.{found.name}", found.name, {})).id
    every = set(tags or ()) | current_tags.get() | (parent.tags if parent else frozenset())
    body = wire.DeploymentFlowRunCreate(
        state=to_wire(Scheduled(scheduled_time)),
        name=flow_run_name,
        parameters={name: as_json(value) for name, value in (parameters or {}).items()},
        tags=sorted(every),
        idempotency_key=idempotency_key,
        work_queue_name=work_queue_name,
        parent_task_run_id=tracking,
        job_variables=job_variables,
    )
    run: FlowRun = yield Call(wire.create_run_of_deployment, body, path={"id": found.id})
    return (yield from _until_final(run, timeout, poll_interval))


arun_deployment = run_deployment.aio


def _find(name: str | UUID) -> Steps[Any]:
    if isinstance(name, UUID):
        return (yield Call(wire.read_deployment, path={"id": name}))
    flow, slash, deployment = name.partition("/")
    if not slash:
        try:
            return (yield Call(wire.read_deployment, path={"id": UUID(name)}))
        except ValueError:
            raise InvalidRequest(f"{name!r} names no deployment: write flow/deployment, or its id.") from None
    path = {"flow_name": flow, "deployment_name": deployment}
    return (yield Call(wire.read_deployment_by_name, path=path))


def _until_final(run: FlowRun, timeout: float | None, poll_interval: float) -> Steps[FlowRun]:
    """Looks often at first, as many runs are short."""
    until = None if timeout is None else time.monotonic() + timeout
    wait = min(0.1, poll_interval)
    while run.state_type not in TERMINAL and (until is None or time.monotonic() < until):
        yield Sleep(wait if until is None else min(wait, max(0.0, until - time.monotonic())))
        wait = min(wait * 1.5, poll_interval)
        run = yield Call(read_flow_run, path={"id": run.id})
    return run
