"""Tasks in flows: what is recorded, retried, timed out, named, logged."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from penstock import flow, get_run_logger, runtime, tags, task
from penstock.client.client import Client
from penstock.sdk.retrying import delay
from penstock.sdk.session import Session
from penstock.sdk.states import Failed, State
from penstock.tasks import exponential_backoff
from penstock.wire import limits, logs
from penstock.wire.flow_runs import FlowRun
from penstock.wire.model import Criteria
from penstock.wire.states import StateType
from penstock.wire.task_runs import TaskRun, read_task_run_states

TasksOf = Callable[[str], dict[str, TaskRun]]
RunNamed = Callable[[str], FlowRun]


def test_a_called_task_gives_its_value_and_is_recorded(api: Client, tasks_of: TasksOf) -> None:
    @task
    def add(x: int, y: int = 2) -> int:
        return x + y

    @flow(flow_run_name="called")
    def total() -> int:
        return add(1) + add(x=3, y=4)

    assert total() == 10
    assert tasks_of("called")["add"].state_type is StateType.COMPLETED


def test_a_failing_task_raises_its_own_exception(api: Client, tasks_of: TasksOf) -> None:
    @task
    def broken() -> None:
        raise KeyError("k")

    @flow(flow_run_name="raises")
    def failing() -> None:
        broken()

    with pytest.raises(KeyError):
        failing()
    run = tasks_of("raises")["broken"]
    assert run.state is not None
    assert run.state.message == "The task raised KeyError: 'k'"


def test_retries_go_through_awaiting_retry_and_retrying(api: Client, tasks_of: TasksOf) -> None:
    seen: list[int] = []

    @task(retries=2, retry_delay_seconds=[0.01, 0])
    def flaky() -> int:
        seen.append(runtime.task_run.run_count)
        if len(seen) < 3:
            raise ValueError
        return 1

    @flow(flow_run_name="retried")
    def retried() -> int:
        return flaky()

    assert retried() == 1
    assert seen == [1, 2, 3]
    run = tasks_of("retried")["flaky"]
    states = api.call(read_task_run_states, query={"task_run_id": run.id})
    assert [state.name for state in states] == [
        "Pending", "Running", "AwaitingRetry", "Retrying", "Retrying", "Completed"
    ]  # fmt: skip
    assert run.run_count == 3


@pytest.mark.parametrize(
    ("chosen", "waits"),
    [
        (1, [1, 1, 1]),
        ([1, 5], [1, 5, 5]),
        ([], [0, 0, 0]),
        (exponential_backoff(2), [2, 4, 8]),
        (lambda n: [n], [3] * 3),
    ],
)
def test_waits_between_tries(chosen: Any, waits: list[float]) -> None:
    assert [delay(chosen, retries=3, run_count=count, jitter=None) for count in (1, 2, 3)] == waits
    assert waits[0] <= delay(chosen, retries=3, run_count=1, jitter=0.5) <= waits[0] * 1.5


def test_a_condition_may_forbid_the_retry(api: Client) -> None:
    tries: list[int] = []

    @task(retries=5, retry_condition_fn=lambda task, run, state: isinstance(state.data, OSError))
    def picky() -> None:
        tries.append(1)
        raise ValueError

    @flow
    def one() -> State:
        return picky(return_state=True)

    assert one(return_state=True).is_failed()
    assert len(tries) == 1


@pytest.mark.parametrize("submitted", [False, True])
def test_a_time_limit_ends_the_function(api: Client, submitted: bool) -> None:
    @task(timeout_seconds=0.05)
    def slow() -> None:
        until = time.monotonic() + 10
        while time.monotonic() < until:
            time.sleep(0.001)

    @flow
    def waits() -> str:
        if not submitted:
            return slow(return_state=True).name
        future = slow.submit()
        future.wait()
        return future.state.name

    begun = time.monotonic()
    assert waits() == "TimedOut"
    assert time.monotonic() - begun < 5


async def test_async_tasks_are_awaited_retried_and_timed_out(api: Client) -> None:
    @task(timeout_seconds=0.05)
    async def waits() -> None:
        await asyncio.Event().wait()

    @task
    async def double(x: int) -> int:
        return x * 2

    @flow
    async def both() -> tuple[int, str]:
        state = await waits(return_state=True)
        return await double(4), state.name

    assert await both() == (8, "TimedOut")


def test_runs_are_named_by_template_and_function(api: Client, tasks_of: TasksOf) -> None:
    names: list[str] = []

    @task(task_run_name="load {table}")
    def load(table: str) -> None:
        names.append(runtime.task_run.name)

    @task(task_run_name=lambda: "chosen")
    def other() -> None:
        names.append(runtime.task_run.name)

    @flow
    def named() -> None:
        load("users")
        other()

    named()
    assert names == ["load users", "chosen"]


def test_hooks_get_the_task_its_run_and_the_state(api: Client) -> None:
    told: list[tuple[str, str]] = []

    def note(what: Any, run: Any, state: State) -> None:
        told.append((what.name, state.name))

    def breaks(what: Any, run: Any, state: State) -> None:
        raise RuntimeError("a hook may fail")

    @task(on_running=[note], on_completion=[breaks, note])
    def good() -> None: ...

    @task(on_failure=[note], retries=1)
    def bad() -> None:
        raise ValueError

    @flow
    def hooked() -> None:
        good()
        bad(return_state=True)

    hooked()
    assert told == [("good", "Running"), ("good", "Completed"), ("bad", "Failed")]


def test_logs_and_prints_are_shipped_with_their_run(api: Client, opened: Session, tasks_of: TasksOf) -> None:
    @task(log_prints=True)
    def speaks() -> None:
        print("printed", 1)
        get_run_logger().warning("logged %s", 2)

    @flow(flow_run_name="spoken")
    def speaking() -> None:
        print("not logged")
        speaks()

    speaking()
    run = tasks_of("spoken")["speaks"]
    lines = api.call(logs.filter_logs, Criteria(logs={"task_run_id": {"any_": [str(run.id)]}}))
    said = [(line.message, line.level) for line in lines]
    assert said == [("printed 1", 20), ("logged 2", 30), ("The run ends as Completed().", 20)]
    assert lines[0].flow_run_id == run.flow_run_id


def test_tags_come_from_the_task_and_the_block_around(api: Client, tasks_of: TasksOf) -> None:
    @task(tags=["own"])
    def tagged() -> None: ...

    @flow(flow_run_name="tagged")
    def tagging() -> None:
        with tags("around"):
            tagged()

    tagging()
    assert sorted(tasks_of("tagged")["tagged"].tags) == ["around", "own"]


def test_a_tag_limit_lets_only_so_many_run_at_once(api: Client) -> None:
    api.call(limits.create_tag_limit, limits.TagLimitCreate(tag="narrow", concurrency_limit=1))
    running, most = 0, 0
    guard = threading.Lock()

    @task(tags=["narrow"])
    def one() -> None:
        nonlocal running, most
        with guard:
            running += 1
            most = max(most, running)
        time.sleep(0.02)
        with guard:
            running -= 1

    @flow
    def three() -> None:
        for future in [one.submit() for _ in range(3)]:
            future.result()

    three()
    assert most == 1
    found = api.call(limits.read_tag_limit_by_tag, tag="narrow")
    assert found.active_slots == []


def test_a_returned_state_is_the_state(api: Client) -> None:
    @task
    def says() -> Any:
        return Failed("no luck")

    @flow
    def asks() -> State:
        state: State = says(return_state=True)
        return state

    assert asks(return_state=True).message == "no luck"


def test_options_are_changed_on_a_copy(api: Client) -> None:
    @task(name="first", retries=3)
    def first() -> int:
        return 1

    second = first.with_options(name="second")
    assert (first.name, second.name, second.retries, second.fn()) == ("first", "second", 3, 1)
