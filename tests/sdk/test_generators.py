"""Flows and tasks that yield: values come as they are asked for, inside a run that lasts that long."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator

import pytest

from penstock import flow, get_run_logger, runtime, task
from penstock.client.client import Client
from penstock.sdk.context import flow_context
from penstock.wire.flow_runs import FlowRun
from penstock.wire.states import StateType
from penstock.wire.task_runs import TaskRun

TasksOf = Callable[[str], dict[str, TaskRun]]
RunNamed = Callable[[str], FlowRun]


@task
def count_to(end: int) -> Iterator[int]:
    get_run_logger().info("counting as %s", runtime.task_run.name)
    yield from range(end)


@task
async def acount_to(end: int) -> AsyncIterator[int]:
    for number in range(end):
        await asyncio.sleep(0)
        yield number


def test_a_task_yields_while_the_flow_goes_on(api: Client, tasks_of: TasksOf) -> None:
    @task
    def double(x: int) -> int:
        return 2 * x

    places: list[object] = []

    @flow(flow_run_name="yielding-task")
    def doubled() -> list[int]:
        found = []
        for number in count_to(3):
            places.append(runtime.task_run.id)
            found.append(double(number))
        return found

    assert doubled() == [0, 2, 4]
    assert places == [None] * 3
    runs = tasks_of("yielding-task")
    assert {name: run.state_type for name, run in runs.items()} == {
        "count_to": StateType.COMPLETED,
        "double": StateType.COMPLETED,
    }


def test_a_flow_yields_and_is_not_the_parent_of_what_is_done_between(api: Client, run_named: RunNamed) -> None:
    @flow(flow_run_name="yielding-flow")
    def numbers() -> Iterator[int]:
        for number in count_to(2):
            assert runtime.flow_run.name == "yielding-flow"
            yield number

    seen = []
    for number in numbers():
        assert flow_context.get() is None
        seen.append(number)
    assert seen == [0, 1]
    assert run_named("yielding-flow").state_type is StateType.COMPLETED


def test_what_a_generator_raises_fails_its_run(api: Client, run_named: RunNamed) -> None:
    @flow(flow_run_name="yields-then-fails")
    def numbers() -> Iterator[int]:
        yield 1
        raise ValueError("no more")

    got = numbers()
    assert next(got) == 1
    with pytest.raises(ValueError, match="no more"):
        next(got)
    assert run_named("yields-then-fails").state_type is StateType.FAILED


def test_who_stops_early_has_had_all_they_wanted(api: Client, run_named: RunNamed) -> None:
    closed: list[bool] = []

    @flow(flow_run_name="left-early")
    def numbers() -> Iterator[int]:
        try:
            yield from range(100)
        finally:
            closed.append(True)

    got = numbers()
    assert next(got) == 0
    got.close()  # type: ignore[attr-defined]  # an Iterator here, a generator in fact
    assert closed == [True]
    assert run_named("left-early").state_type is StateType.COMPLETED


def test_a_generator_is_tried_again_from_its_beginning(api: Client) -> None:
    tries: list[int] = []

    @task(retries=1)
    def unsteady() -> Iterator[int]:
        tries.append(1)
        yield len(tries)
        if len(tries) == 1:
            raise ValueError("once")

    @flow
    def all_of_it() -> list[int]:
        return list(unsteady())

    assert all_of_it() == [1, 2]


def test_submitted_or_asked_for_its_state_a_generator_gives_a_list(api: Client) -> None:
    @flow
    def lists() -> list[list[int]]:
        state = count_to(2, return_state=True)
        return [count_to.submit(3).result(), acount_to.submit(2).result(), state.result()]

    assert lists() == [[0, 1, 2], [0, 1], [0, 1]]


def test_async_generators_are_awaited(api: Client, tasks_of: TasksOf) -> None:
    @flow(flow_run_name="yields-async")
    async def numbers() -> AsyncIterator[int]:
        async for number in acount_to(3):
            yield number * 10

    async def collect() -> list[int]:
        return [number async for number in numbers()]

    assert asyncio.run(collect()) == [0, 10, 20]
    assert tasks_of("yields-async")["acount_to"].state_type is StateType.COMPLETED


def test_a_generator_that_takes_too_long_is_ended(api: Client) -> None:
    @task(timeout_seconds=0.1)
    async def slow() -> AsyncIterator[int]:
        yield 1
        await asyncio.sleep(30)
        yield 2

    @flow
    async def impatient() -> list[int]:
        return [number async for number in slow()]

    with pytest.raises(TimeoutError, match=r"longer than its 0\.1 s"):
        asyncio.run(impatient())
