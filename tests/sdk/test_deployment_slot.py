"""The slot of a deployment's concurrency limit: renewed while the run goes on, fatal to lose."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import pytest

from penstock import flow
from penstock.client.client import Client, Manners
from penstock.errors import ServerUnreachable
from penstock.ids import new_id
from penstock.sdk import leases
from penstock.sdk.deployment_slot import LOST
from penstock.sdk.effects import drive
from penstock.sdk.flow import Flow
from penstock.sdk.flow_engine import FlowCall
from penstock.sdk.orchestration import propose
from penstock.sdk.states import CrashedRun, Pending, to_wire
from penstock.wire import deployments, flow_runs, flows, limits
from penstock.wire.deployments import DeploymentCreate, DeploymentFlowRunCreate
from penstock.wire.flow_runs import FlowRun
from penstock.wire.flows import FlowCreate
from penstock.wire.states import StateType


def claimed(api: Client, what: Flow[..., Any]) -> FlowRun:
    """A run of a deployment of this flow with a limit of 1, which it holds."""
    made = api.call(
        deployments.create_deployment,
        DeploymentCreate(
            name="limited",
            flow_id=api.call(flows.create_flow, FlowCreate(name=what.name)).id,
            concurrency_limit=1,
        ),
    )
    run = api.call(deployments.create_run_of_deployment, DeploymentFlowRunCreate(), id=made.id)
    pending = drive(propose(run.id, to_wire(Pending())))
    assert pending.details["deployment_concurrency_lease_id"]
    return run


def give_away(api: Client) -> None:
    """The server gives the slot to somebody else, and the process asks for it again in vain."""
    (lease,) = leases.held()
    api.call(limits.decrement_with_lease, limits.LeaseReturn(lease_id=lease.id))
    for _ in range(leases.PATIENCE):
        leases._renew(lease)


def test_the_slot_is_renewed_while_the_run_goes_on(api: Client) -> None:
    held: list[int] = []

    @flow(name="limited-flow")
    def limited() -> None:
        held.append(len(leases.held()))

    FlowCall(limited, {}, run=claimed(api, limited)).run_here(return_state=True)
    assert held == [1]
    assert leases.held() == []


def test_a_lost_slot_stops_a_run_that_sleeps(api: Client) -> None:
    @flow(name="sleeps")
    def sleeps() -> None:
        threading.Thread(target=give_away, args=(api,)).start()
        time.sleep(30)  # what a run does whose slot is lost

    run = claimed(api, sleeps)
    with pytest.raises(CrashedRun, match="was lost"):
        FlowCall(sleeps, {}, run=run).run_here(return_state=False)
    ended = api.call(flow_runs.read_flow_run, id=run.id)
    assert ended.state is not None
    assert (ended.state_type, ended.state.message) == (StateType.CRASHED, LOST)


async def test_a_lost_slot_stops_a_run_that_awaits(api: Client) -> None:
    @flow(name="awaits")
    async def awaits() -> None:
        threading.Thread(target=give_away, args=(api,)).start()
        await asyncio.sleep(30)

    run = claimed(api, awaits)
    with pytest.raises(CrashedRun, match="was lost"):
        await FlowCall(awaits, {}, run=run).arun_here(return_state=False)


def test_a_server_out_of_reach_takes_no_slot(api: Client) -> None:
    class Away:
        base_url = "http://away"

        def request(self, *_: object) -> object:
            raise ServerUnreachable("away")

        def close(self) -> None:
            """Nothing is open."""

    away = Client(Away(), Manners(max_retries=0))  # type: ignore[arg-type]  # it answers nothing at all
    lease = leases.Lease(new_id(), 60.0, away, ["a limit"])
    for _ in range(10 * leases.PATIENCE):
        leases._renew(lease)
    assert not lease.lost.is_set()
