"""Submitted tasks: order, dependencies, maps, runners."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any

import pytest

from penstock import allow_failure, flow, task, unmapped
from penstock.client.client import Client
from penstock.errors import BadRequest
from penstock.sdk.futures import PrefectFuture, as_completed, wait
from penstock.sdk.runners.inline import InlineTaskRunner
from penstock.sdk.runners.processes import ProcessPoolTaskRunner
from penstock.sdk.runners.protocol import TaskRunner
from penstock.sdk.runners.threads import ThreadPoolTaskRunner
from penstock.wire.task_runs import TaskRun

TasksOf = Callable[[str], dict[str, TaskRun]]


@task
def where(x: int) -> tuple[int, int]:
    return x * 2, os.getpid()


@task
def double(x: int) -> int:
    return x * 2


@task
def total(*xs: int, extra: int = 0) -> int:
    return sum(xs) + extra


@task
def broken() -> int:
    raise ValueError("broken")


@pytest.mark.parametrize("runner", [ThreadPoolTaskRunner(2), InlineTaskRunner()], ids=["threads", "inline"])
def test_every_runner_settles_its_futures(api: Client, runner: TaskRunner) -> None:
    @flow(task_runner=runner)
    def doubled() -> list[int]:
        return [future.result() for future in [double.submit(n) for n in range(5)]]

    assert doubled() == [0, 2, 4, 6, 8]


def test_processes_run_the_function_elsewhere(api: Client) -> None:
    @flow(task_runner=ProcessPoolTaskRunner(1))
    def elsewhere() -> tuple[int, int]:
        return where.submit(2).result()

    value, pid = elsewhere()
    assert value == 4
    assert pid != os.getpid()


def test_values_of_futures_are_put_in_their_place(api: Client, tasks_of: TasksOf) -> None:
    @flow(flow_run_name="wired")
    def wired() -> int:
        first = double.submit(1)
        return total.submit(first, 1, extra=first, wait_for=[first]).result()

    assert wired() == 5
    inputs = tasks_of("wired")["total"].task_inputs
    assert [kind["input_type"] for kind in inputs["extra"]] == ["task_run"]
    assert inputs["wait_for"] == inputs["extra"]


def test_a_failed_dependency_keeps_the_run_from_starting(api: Client) -> None:
    @flow
    def stuck() -> tuple[str, str]:
        future = double.submit(broken.submit())
        future.wait()
        return future.state.name, str(future.state.message)

    name, message = stuck()
    assert name == "NotReady"
    assert "did not complete" in message


def test_a_failure_that_is_allowed_is_handed_on(api: Client) -> None:
    @task
    def tells(error: object) -> str:
        return type(error).__name__

    @flow
    def allowed() -> str:
        return tells.submit(allow_failure(broken.submit())).result()

    assert allowed() == "ValueError"


def test_map_runs_once_for_each_item(api: Client) -> None:
    @task
    def both(x: int, y: int, more: list[int]) -> int:
        return x + y + sum(more)

    @flow
    def mapped() -> list[int]:
        return both.map([1, 2], double.map([1, 2]), unmapped([10])).result()

    assert mapped() == [13, 16]


def test_map_refuses_what_does_not_fit(api: Client) -> None:
    @flow
    def uneven() -> None:
        total.map([1], extra=[1, 2])

    @flow
    def nothing() -> None:
        double.map(1)

    with pytest.raises(BadRequest, match="different lengths"):
        uneven()
    with pytest.raises(BadRequest, match="nothing to iterate"):
        nothing()


def test_futures_are_waited_for_together_or_as_they_end(api: Client) -> None:
    gate = threading.Event()

    @task
    def late() -> str:
        gate.wait(10)
        return "late"

    @flow
    def ordered() -> list[str]:
        futures: list[PrefectFuture[Any]] = [late.submit(), double.submit(1)]
        seen = []
        for future in as_completed(futures):
            seen.append(str(future.result()))
            gate.set()
        assert wait(futures).not_done == set()
        return seen

    assert ordered() == ["2", "late"]


def test_a_callback_is_called_once_whenever_it_comes(api: Client) -> None:
    told: list[PrefectFuture[int]] = []

    @flow
    def calls_back() -> None:
        future = double.submit(1)
        future.add_done_callback(told.append)
        future.wait()
        future.add_done_callback(told.append)

    calls_back()
    assert len(told) == 2


def test_submitting_needs_a_flow() -> None:
    with pytest.raises(BadRequest, match="needs a flow"):
        double.submit(1)


def test_what_has_not_begun_is_dropped_when_the_flow_fails(api: Client) -> None:
    gate, begun = threading.Event(), threading.Event()
    futures: list[PrefectFuture[Any]] = []

    @task
    def waits() -> None:
        begun.set()
        gate.wait(10)

    @flow(task_runner=ThreadPoolTaskRunner(1))
    def fails() -> None:
        futures.extend([waits.submit(), waits.submit()])
        begun.wait(10)
        threading.Timer(0.05, gate.set).start()
        raise ValueError

    assert fails(return_state=True).is_failed()
    assert [future.state.name for future in futures] == ["Completed", "Cancelled"]


def test_tasks_may_wait_for_tasks_of_their_own(api: Client) -> None:
    @task
    def outer(x: int) -> int:
        return double.submit(x).result()

    @flow
    def nested() -> int:
        return sum(outer.map(range(100)).result())

    assert nested() == 9900
