"""Pauses, answers to them, and inputs that runs get."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable
from typing import Any

import pytest

from penstock import apause_flow_run, flow, pause_flow_run, resume_flow_run, runtime, suspend_flow_run
from penstock.client.client import Client
from penstock.errors import RunAborted
from penstock.sdk.flow_engine import FlowCall
from penstock.sdk.pause import PauseTimedOut
from penstock.sdk.run_inputs import RunInput, asend_input, receive_input, send_input
from penstock.wire import deployments, flow_runs, flows
from penstock.wire.deployments import DeploymentCreate, DeploymentFlowRunCreate
from penstock.wire.flows import FlowCreate
from penstock.wire.model import Criteria
from penstock.wire.states import StateType


class Age(RunInput):
    age: int = 3


def beside(work: Callable[[], None]) -> threading.Thread:
    """Runs this in a thread, with the settings of the test."""
    thread = threading.Thread(target=contextvars.copy_context().run, args=(work,))
    thread.start()
    return thread


def resume_when_paused(api: Client, run_id: str, answers: list[dict[str, Any] | None], refused: list[str]) -> None:
    """Waits for the pause, then tries each answer."""
    while api.call(flow_runs.read_flow_run, id=run_id).state_type is not StateType.PAUSED:
        threading.Event().wait(0.01)
    for answer in answers:
        try:
            resume_flow_run(run_id, answer)
        except RunAborted as error:
            refused.append(str(error))


def test_a_paused_run_goes_on_when_it_is_resumed(api: Client) -> None:
    @flow
    def pausing() -> str:
        run_id = runtime.flow_run.id
        thread = beside(lambda: resume_when_paused(api, run_id, [None], []))
        pause_flow_run(timeout=20)
        thread.join()
        return "went on"

    assert pausing() == "went on"


def test_what_is_entered_must_fit_and_is_given_as_its_type(api: Client) -> None:
    refused: list[str] = []

    @flow
    def asking() -> Age:
        run_id = runtime.flow_run.id
        thread = beside(lambda: resume_when_paused(api, run_id, [{"age": "old"}, {"age": 42}], refused))
        answer: Age = pause_flow_run(wait_for_input=Age, timeout=20)
        thread.join()
        return answer

    assert asking() == Age(age=42)
    assert len(refused) == 1
    assert "age" in refused[0]


def test_a_pause_that_nobody_ends_fails_the_run(api: Client) -> None:
    @flow
    def forgotten() -> None:
        pause_flow_run(timeout=0.1)

    with pytest.raises(PauseTimedOut):
        forgotten()


def test_inputs_arrive_in_order_and_once(api: Client) -> None:
    @flow
    def receiving() -> list[int]:
        for age in (1, 2):
            send_input(Age(age=age), runtime.flow_run.id)
        return [found.age for found in receive_input(Age, timeout=0, poll_interval=0.01)]

    assert receiving() == [1, 2]
    assert api.call(flow_runs.count_flow_runs, Criteria()) > 0


async def test_an_async_flow_awaits_its_pause(api: Client) -> None:
    @flow
    async def pausing() -> str:
        run_id = runtime.flow_run.id
        thread = beside(lambda: resume_when_paused(api, run_id, [None], []))
        await apause_flow_run(timeout=20)
        await asend_input(Age(age=5), run_id)
        ages = [found.age async for found in receive_input(Age, timeout=0)]
        thread.join()
        return f"went on with {ages}"

    assert await pausing() == "went on with [5]"


def test_suspending_needs_a_deployment_and_ends_the_run(api: Client) -> None:
    @flow
    def local() -> None:
        suspend_flow_run()

    with pytest.raises(RunAborted):
        local()

    steps: list[str] = []

    @flow(name="suspends")
    def suspends() -> int:
        steps.append("begun")
        answer: Age = suspend_flow_run(wait_for_input=Age)
        steps.append("resumed")
        return answer.age

    flow_id = api.call(flows.create_flow, FlowCreate(name="suspends")).id
    made = api.call(deployments.create_deployment, DeploymentCreate(name="once", flow_id=flow_id))
    run = api.call(deployments.create_run_of_deployment, DeploymentFlowRunCreate(), id=made.id)
    assert FlowCall(suspends, {}, run=run).run_here(return_state=True).name == "Suspended"
    resume_flow_run(run.id, {"age": 7})
    again = api.call(flow_runs.read_flow_run, id=run.id)
    assert again.state_name == "Resuming"
    assert FlowCall(suspends, {}, run=again).run_here(return_state=False) == 7
    assert steps == ["begun", "begun", "resumed"]
