"""A real server inside the test process, and the settings that lead flows to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from penstock import settings as configuration
from penstock.client.client import Client
from penstock.sdk.session import Session, session
from penstock.wire import flow_runs, task_runs
from penstock.wire.flow_runs import FlowRun
from penstock.wire.model import Criteria
from penstock.wire.task_runs import TaskRun


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> configuration.Settings:
    """The settings of somebody without a server: one starts inside this process."""
    return configuration.load(environ={"PENSTOCK_HOME": str(tmp_path_factory.mktemp("home"))})


@pytest.fixture(scope="module")
def opened(home: configuration.Settings) -> Iterator[Session]:
    with configuration.using(home):
        found = session()
    yield found
    found.close()


@pytest.fixture
def api(home: configuration.Settings, opened: Session) -> Iterator[Client]:
    """The client of that server; flows called in the test run on it."""
    with configuration.using(home):
        yield opened.client


@pytest.fixture
def run_named(api: Client) -> Callable[[str], FlowRun]:
    """The flow run of a name."""

    def find(name: str) -> FlowRun:
        (found,) = api.call(flow_runs.filter_flow_runs, Criteria(flow_runs={"name": {"any_": [name]}}))
        return found

    return find


@pytest.fixture
def tasks_of(api: Client, opened: Session) -> Callable[[str], dict[str, TaskRun]]:
    """The task runs of a flow run, by the name of their task, once the server has recorded them."""

    def find(name: str) -> dict[str, TaskRun]:
        opened.flush()  # the server answers a batch of events once it has written them
        found = api.call(task_runs.filter_task_runs, Criteria(flow_runs={"name": {"any_": [name]}}))
        return {run.name.rpartition("-")[0]: run for run in found}

    return find
