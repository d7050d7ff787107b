"""Flows: their runs, parameters, subflows, retries, ends, and what they return."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from typing import Any

import pytest

from penstock import flow, runtime, tags, task
from penstock.client.client import Client
from penstock.errors import InvalidRequest, ParameterInvalid
from penstock.sdk.states import Cancelled, CancelledRun, Completed, FailedRun, State
from penstock.wire.flow_runs import FlowRun
from penstock.wire.states import StateType
from penstock.wire.task_runs import TaskRun

TasksOf = Callable[[str], dict[str, TaskRun]]
RunNamed = Callable[[str], FlowRun]


def test_a_run_is_recorded_with_parameters_and_times(api: Client, run_named: RunNamed) -> None:
    @flow(flow_run_name="recorded-{n}")
    def recorded(n: int, name: str = "x") -> int:
        return n + 1

    assert recorded("4") == 5  # type: ignore[call-overload]  # made an int by the annotation
    run = run_named("recorded-4")
    assert run.state_type is StateType.COMPLETED
    assert run.parameters == {"n": 4, "name": "x"}
    assert run.run_count == 1
    assert run.start_time is not None
    assert run.end_time is not None


def test_invalid_parameters_fail_the_run_before_it_starts(api: Client, run_named: RunNamed) -> None:
    called: list[int] = []

    @flow(flow_run_name="invalid")
    def invalid(n: int) -> None:
        called.append(n)

    with pytest.raises(ParameterInvalid, match="n"):
        invalid("four")  # type: ignore[call-overload]  # that is the test
    run = run_named("invalid")
    assert (run.state_type, run.run_count, called) == (StateType.FAILED, 0, [])


def test_validation_can_be_left_out(api: Client) -> None:
    @flow(validate_parameters=False)
    def loose(n: int) -> Any:
        return n

    assert loose("four") == "four"  # type: ignore[call-overload]  # that is the test


async def test_an_async_flow_is_awaited(api: Client, run_named: RunNamed) -> None:
    @flow(flow_run_name="awaited")
    async def awaited() -> str:
        await asyncio.sleep(0)
        return str(runtime.flow_run.name)

    assert await awaited() == "awaited"
    assert run_named("awaited").state_type is StateType.COMPLETED


def test_a_subflow_has_a_tracking_run_in_its_parent(api: Client, run_named: RunNamed, tasks_of: TasksOf) -> None:
    @flow(flow_run_name="the-child")
    def child(x: int) -> int:
        return x * 2

    @flow(flow_run_name="the-parent")
    def parent() -> int:
        with tags("inherited"):
            return child(3)

    assert parent() == 6
    tracking = tasks_of("the-parent")["child"]
    run = run_named("the-child")
    assert run.parent_task_run_id == tracking.id
    assert tracking.state_type is StateType.COMPLETED
    assert "inherited" in run.tags


def test_a_failed_flow_is_tried_again_by_the_servers_word(api: Client, run_named: RunNamed) -> None:
    tries: list[int] = []

    @flow(flow_run_name="again", retries=1)
    def again() -> int:
        tries.append(runtime.flow_run.run_count)
        if len(tries) == 1:
            raise ValueError
        return 1

    assert again() == 1
    assert tries == [1, 2]
    assert run_named("again").run_count == 2


def test_a_time_limit_fails_the_run(api: Client) -> None:
    @flow(timeout_seconds=0.05)
    def endless() -> None:
        while True:
            pass

    assert endless(return_state=True).name == "TimedOut"


@pytest.mark.parametrize("ending", [SystemExit(3), KeyboardInterrupt()])
def test_an_ended_program_is_a_crash(api: Client, run_named: RunNamed, ending: BaseException) -> None:
    name = f"ended-by-{type(ending).__name__}"
    told: list[str] = []

    @flow(flow_run_name=name, on_crashed=[lambda flow, run, state: told.append(state.name)])
    def ended() -> None:
        raise ending

    with pytest.raises(type(ending)):
        ended()
    assert run_named(name).state_type is StateType.CRASHED
    assert told == ["Crashed"]


def test_what_is_returned_decides_the_state(api: Client) -> None:
    @task
    def fails() -> None:
        raise ValueError("in the task")

    @flow
    def returns_state() -> Any:
        return Completed("my words", name="Skipped")

    @flow
    def returns_futures() -> Any:
        return [fails.submit(), fails.submit()]

    @flow
    def returns_cancelled() -> Any:
        return Cancelled()

    skipped = returns_state(return_state=True)
    assert (skipped.name, skipped.message) == ("Skipped", "my words")
    failed = returns_futures(return_state=True)
    assert (failed.type, failed.message) == ("FAILED", "2/2 states failed.")
    with pytest.raises(ValueError, match="in the task"):
        failed.result()
    with pytest.raises(CancelledRun):
        returns_cancelled()


def test_submitted_work_ends_before_the_flow_does(api: Client, tasks_of: TasksOf) -> None:
    @task
    def left() -> int:
        return 1

    @flow(flow_run_name="leaves")
    def leaves() -> None:
        left.submit()

    leaves()
    assert tasks_of("leaves")["left"].state_type is StateType.COMPLETED


def test_hooks_follow_the_state(api: Client) -> None:
    told: list[str] = []

    def note(what: Any, run: Any, state: State) -> None:
        told.append(f"{what.name} {state.name}")

    @flow(on_running=[note], on_completion=[note])
    def good() -> None: ...

    @flow
    def bad() -> None:
        raise ValueError

    bad.on_failure(note)
    good()
    bad(return_state=True)
    assert told == ["good Running", "good Completed", "bad Failed"]


def test_a_failed_state_without_an_exception_raises_one(api: Client) -> None:
    state = State("FAILED", message="no reason")
    with pytest.raises(FailedRun, match="no reason"):
        state.result()


def test_a_name_with_a_slash_is_refused() -> None:
    with pytest.raises(InvalidRequest):

        @flow(name="a/b")
        def named() -> None: ...


def test_importing_the_package_is_light() -> None:
    import subprocess

    code = (
        "import sys; from penstock import flow, task\n"
        "print(*[m for m in sys.modules if m.split('.')[0] in ('pydantic', 'asyncpg', 'uvicorn', 'websockets',"
        " 'click', 'asyncio', 'ssl', 'pathlib', 'hashlib', 'difflib', 'logging', 'importlib.metadata')"
        " or m.startswith('penstock.server')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
