"""Subflows of a parent that runs again: which are taken up, which stand, which are run anew."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from penstock import flow, runtime
from penstock.client.client import Client
from penstock.sdk.flow_engine import FlowCall
from penstock.wire import flow_runs
from penstock.wire.flow_runs import FlowRun, SetState
from penstock.wire.model import Criteria
from penstock.wire.states import StateCreate, StateType
from penstock.wire.task_runs import TaskRun

TasksOf = Callable[[str], dict[str, TaskRun]]
RunNamed = Callable[[str], FlowRun]


def children_of(api: Client, tracking: TaskRun) -> list[FlowRun]:
    by_parent = {"parent_task_run_id": {"any_": [str(tracking.id)]}}
    return api.call(flow_runs.filter_flow_runs, Criteria(flow_runs=by_parent))


@pytest.mark.parametrize(("kept", "calls"), [(True, 1), (False, 2)])
def test_a_retried_parent_does_not_repeat_a_child_whose_result_was_kept(
    api: Client, tasks_of: TasksOf, kept: bool, calls: int
) -> None:
    called: list[int] = []
    name = f"retried-parent-{kept}"

    @flow(persist_result=kept)
    def child() -> int:
        called.append(1)
        return 7

    @flow(flow_run_name=name, retries=1)
    def parent() -> int:
        value = child()
        if runtime.flow_run.run_count == 1:
            raise ValueError("once")
        return value

    assert parent() == 7
    assert len(called) == calls
    assert len(children_of(api, tasks_of(name)["child"])) == calls


def test_a_retried_parent_tries_a_failed_child_anew(api: Client, tasks_of: TasksOf) -> None:
    called: list[int] = []

    @flow
    def child() -> int:
        called.append(1)
        if len(called) == 1:
            raise ValueError("once")
        return 7

    @flow(flow_run_name="tries-child-anew", retries=1)
    def parent() -> int:
        return child()

    assert parent() == 7
    tracking = tasks_of("tries-child-anew")["child"]
    assert tracking.state_type is StateType.COMPLETED
    assert len(children_of(api, tracking)) == 2


def test_each_call_in_an_attempt_has_a_child_of_its_own(api: Client, tasks_of: TasksOf) -> None:
    seen: list[Any] = []

    @flow(persist_result=True)
    def child(x: int) -> int:
        seen.append(x)
        return x

    @flow(flow_run_name="two-children", retries=1)
    def parent() -> list[int]:
        values = [child(1), child(2)]
        if runtime.flow_run.run_count == 1:
            raise ValueError("once")
        return values

    assert parent() == [1, 2]
    assert seen == [1, 2]


def test_a_parent_whose_process_died_takes_up_the_child_that_was_under_way(
    api: Client, run_named: RunNamed, tasks_of: TasksOf
) -> None:
    class Gone(BaseException):
        pass

    tries: list[str] = []

    @flow(flow_run_name="under-way")
    def child() -> str:
        tries.append(str(runtime.flow_run.id))
        return "done"

    @flow(flow_run_name="died")
    def parent() -> str:
        return child()

    parent()
    for name in ("under-way", "died"):  # as a process that was killed leaves them
        running = SetState(state=StateCreate(type=StateType.RUNNING), force=True)
        api.call(flow_runs.set_flow_run_state, running, id=run_named(name).id)
    FlowCall(parent, {}, run=run_named("died")).run_here(return_state=True)
    assert len(set(tries)) == 1
    assert len(tries) == 2
    assert run_named("under-way").state_type is StateType.COMPLETED
