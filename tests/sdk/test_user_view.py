"""What a user sees of runs: names, lines of the log, dependencies, tracebacks, values of calls."""

from __future__ import annotations

import logging
import traceback
import weakref
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import msgspec
import pytest

from penstock import flow, get_run_logger, runtime, tags, task
from penstock import settings as configuration
from penstock.blocks.system import Secret
from penstock.client.client import Client
from penstock.concurrency.sync import concurrency
from penstock.context import FlowRunContext, TaskRunContext, get_run_context
from penstock.errors import TemplateInvalid
from penstock.exceptions import MissingContextError
from penstock.logging import disable_run_logger
from penstock.sdk.loggers import ApiHandler
from penstock.sdk.session import Session
from penstock.settings import Settings
from penstock.states import State
from penstock.wire import logs
from penstock.wire.flow_runs import FlowRun
from penstock.wire.model import Criteria
from penstock.wire.task_runs import TaskRun

TasksOf = Callable[[str], dict[str, TaskRun]]
RunNamed = Callable[[str], FlowRun]
PENSTOCK = "/penstock/"


@pytest.fixture
def lines_of(api: Client, opened: Session, run_named: RunNamed) -> Callable[[str], list[tuple[int, str]]]:
    """Level and text of each line in the log of a flow run and its tasks."""

    def find(name: str) -> list[tuple[int, str]]:
        opened.flush()
        of_run = {"flow_run_id": {"any_": [str(run_named(name).id)]}}
        return [(line.level, line.message) for line in api.call(logs.filter_logs, Criteria(logs=of_run))]

    return find


def test_a_name_function_may_ask_about_its_run(api: Client, run_named: RunNamed) -> None:
    @flow(flow_run_name=lambda: f"{runtime.flow_run.flow_name}-{runtime.flow_run.parameters['n']}-asked")
    def asked(n: int) -> str:
        return str(runtime.flow_run.name)

    assert asked(3) == "asked-3-asked"
    assert run_named("asked-3-asked").state_name == "Completed"


@task
def extract() -> str:
    return "a text"


@task
def extract_all() -> list[float]:
    return [1.5, 2.5]


@task
def long() -> str:
    return "x" * 100_000


@task
def many() -> list[int]:
    return list(range(1000, 21_000))


@task
def use(_: object) -> None:
    """Uses a value."""


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("text", lambda: use(extract())),
        ("inside", lambda: use([extract(), 1])),
        ("item", lambda: use(extract_all()[0])),
        ("long", lambda: use(long())),
        ("many", lambda: use(many())),
    ],
)
def test_plain_values_show_where_they_came_from(
    api: Client, tasks_of: TasksOf, name: str, call: Callable[[], None]
) -> None:
    @flow(flow_run_name=f"traced-{name}")
    def traced() -> None:
        call()

    traced()
    (inputs,) = tasks_of(f"traced-{name}")["use"].task_inputs.values()
    assert [found["input_type"] for found in inputs] == ["task_run"]


def test_tasks_in_tasks_show_what_they_are_inside_of(api: Client, tasks_of: TasksOf) -> None:
    @task
    def outer(last: int, first: str = "x") -> None:
        use(first)

    @flow(flow_run_name="task-in-task")
    def nests() -> None:
        outer(last=1)

    nests()
    runs = tasks_of("task-in-task")
    assert runs["use"].task_inputs["__parents__"] == [{"input_type": "task_run", "id": str(runs["outer"].id)}]
    assert list(runs["outer"].task_inputs) == ["last", "first"]


def test_values_that_python_shares_show_no_origin(api: Client, tasks_of: TasksOf) -> None:
    @task
    def one() -> int:
        return 1

    @flow(flow_run_name="shared")
    def shared() -> None:
        one()
        use(1)

    shared()
    assert list(tasks_of("shared")["use"].task_inputs.values()) == [[]]


def test_a_subflow_shows_with_tags_inputs_and_count(api: Client, tasks_of: TasksOf) -> None:
    @flow
    def child(text: str) -> str:
        use(text)
        return text + " more"

    @flow(flow_run_name="shows-subflow")
    def parent() -> None:
        with tags("night"):
            use(child(extract()))

    parent()
    runs = tasks_of("shows-subflow")
    tracking = runs["child"]
    assert [found["id"] for found in runs["use"].task_inputs["_"]] == [str(tracking.id)]
    assert (tracking.run_count, tracking.tags) == (1, ["night"])
    assert [found["input_type"] for found in tracking.task_inputs["text"]] == ["task_run"]


def test_states_that_a_flow_returns_are_what_its_call_gives(api: Client) -> None:
    @task
    def broken() -> None:
        raise ValueError("broken")

    @flow
    def several() -> tuple[State, State]:
        return extract(return_state=True), broken(return_state=True)

    first, second = several()
    assert (first.name, second.name) == ("Completed", "Failed")
    state = several(return_state=True)
    assert state.message == "1/2 states failed."
    assert [one.name for one in state.result(raise_on_failure=False)] == ["Completed", "Failed"]
    with pytest.raises(ValueError, match="broken"):
        state.result()


def test_the_log_tells_of_retries_and_ends(api: Client, lines_of: Callable[[str], list[tuple[int, str]]]) -> None:
    tries: list[int] = []

    @task(retries=1)
    def unsteady() -> None:
        tries.append(1)
        if len(tries) == 1:
            raise ValueError("not yet")

    @flow(flow_run_name="log-of-retries")
    def runs() -> None:
        unsteady()

    runs()
    told = lines_of("log-of-retries")
    assert (20, "The task raised ValueError: not yet. Retry 1 of 1 comes in 0 s.") in told
    assert (20, "The run ends as Completed().") in told
    assert not [line for level, line in told if "Traceback" in line or level >= 40]


def test_tracebacks_hold_the_users_lines(api: Client, lines_of: Callable[[str], list[tuple[int, str]]]) -> None:
    @task
    def divide(by: int) -> float:
        return 1 / by

    @flow(flow_run_name="short-traceback")
    def outer() -> float:
        return divide(0)

    with pytest.raises(ZeroDivisionError) as caught:
        outer()
    names = [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]
    assert names[-2:] == ["outer", "divide"]
    assert len(names) <= 5
    told = [line for _, line in lines_of("short-traceback") if "Traceback" in line]
    assert len(told) == 2
    assert not any(PENSTOCK in line.replace("/tests/", "") and "src/penstock/" in line for line in told)


def test_a_missing_block_is_a_value_error(api: Client) -> None:
    with pytest.raises(ValueError, match="no secret block 'never-saved'"):
        Secret.load("never-saved")


def test_a_limit_that_does_not_exist_is_spoken_of(
    api: Client, lines_of: Callable[[str], list[tuple[int, str]]]
) -> None:
    @flow(flow_run_name="no-limit")
    def unlimited() -> None:
        with concurrency("nowhere"):
            get_run_logger().info("inside")

    unlimited()
    assert (30, "There is no concurrency limit named nowhere.") in lines_of("no-limit")


def test_the_context_tells_what_runs(api: Client) -> None:
    seen: list[Any] = []

    @task
    def look() -> None:
        here = get_run_context()
        assert isinstance(here, TaskRunContext)
        seen.append((here.task_run.name, here.flow_run_id))

    @flow
    def looks() -> None:
        look()
        here = FlowRunContext.get()
        assert here is not None
        seen.append(here.flow_run.id)

    looks()
    assert seen[0][1] == seen[1]
    assert FlowRunContext.get() is None
    with pytest.raises(MissingContextError):
        get_run_context()


def test_a_function_that_logs_can_be_tested_without_a_run() -> None:
    @task
    def speaks() -> str:
        get_run_logger().info("unheard")
        return "spoken"

    with disable_run_logger():
        assert speaks.fn() == "spoken"


@pytest.mark.parametrize(
    ("wanted", "outcome"),
    [
        ("warn", lambda: pytest.warns(UserWarning, match="belongs to no run")),
        ("error", lambda: pytest.raises(MissingContextError)),
        ("ignore", nullcontext),
    ],
)
def test_a_line_of_no_run_is_dealt_with_as_the_settings_say(
    home: Settings, wanted: str, outcome: Callable[[], AbstractContextManager[Any]]
) -> None:
    to_api = msgspec.structs.replace(home.logging.to_api, when_missing_flow=wanted)
    chosen = msgspec.structs.replace(home.logging, to_api=to_api)
    handler, record = ApiHandler(), logging.makeLogRecord({"msg": "lost", "name": "prefect.flow_runs"})
    with configuration.using(msgspec.structs.replace(home, logging=chosen)), outcome():
        handler.emit(record)


class Large:
    """A value that says when it is gone."""


def test_a_value_goes_with_its_last_use_in_the_flow(api: Client) -> None:
    @task
    def make() -> Large:
        return Large()

    gone: list[bool] = []

    @flow
    def uses() -> None:
        value: Large | None = make()
        held = weakref.ref(value)
        value = None
        gone.append(held() is None)

    uses()
    assert gone == [True]


def test_a_run_that_can_not_be_named_fails(api: Client, tasks_of: TasksOf) -> None:
    @task(task_run_name="{nothing}")
    def unnamed(x: int) -> int:
        return x

    @flow(flow_run_name="with-unnamed")
    def calls() -> None:
        unnamed(1)

    with pytest.raises(TemplateInvalid, match="nothing"):
        calls()
    assert tasks_of("with-unnamed")["unnamed"].state_name == "Failed"

    @flow(flow_run_name=lambda: 1 / 0)  # type: ignore[arg-type,return-value]  # that is the test
    def nameless() -> None:
        """Never runs."""

    state: State = nameless(return_state=True)
    assert (state.name, state.message) == ("Failed", "The flow run can't be named: division by zero")
