"""What outside packages add is found by their entry points, and an outside worker type works from pool to run."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from penstock import flow, plugins, task
from penstock.steps.find import find
from penstock.steps.protocol import Place
from penstock.storage.blocks import open_block
from penstock.testing import harness
from tests.live.programs import ROOT, Shell, penstock
from tests.live.servers import Server, running

EXAMPLE = ROOT / "examples" / "plugin-infrastructure"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the example package is installed in, as an outside one would be."""
    folder = tmp_path_factory.mktemp("installed")
    options = ("--quiet", "--no-deps", "--no-index", "--no-build-isolation", "--target", str(folder))
    command = [sys.executable, "-m", "pip", "install", *options, str(EXAMPLE)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that knows nothing of the plug-in."""
    with running(penstock(), tmp_path_factory.mktemp("plugins") / "server") as one:
        yield one


def test_the_example_keeps_the_contract(installed: Path) -> None:
    command = [sys.executable, "-m", "pytest", "-c", str(EXAMPLE / "pyproject.toml"), "-p", "no:cacheprovider", "-q"]
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    done = subprocess.run(
        [*command, str(EXAMPLE / "tests")], env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout
    assert " passed" in done.stdout


FLOW = """
from penstock import flow

@flow(log_prints=True)
def greet():
    import os
    print("niceness", os.nice(0))
"""


@pytest.fixture
def shell(server: Server, installed: Path, tmp_path: Path) -> Shell:
    """A terminal where the plug-in is installed."""
    found = server.shell(tmp_path)
    return Shell(found.program, tmp_path / "home", found.api, tmp_path)


def test_a_pool_a_worker_and_a_run_of_an_outside_type(server: Server, installed: Path, shell: Shell) -> None:
    here = {"PYTHONPATH": str(installed)}
    made = shell.run("work-pool", "create", "nights", "--type", "detached", **here)
    assert made.returncode == 0, made.stderr
    variables = server.api.get("/work_pools/nights")["base_job_template"]["variables"]["properties"]
    assert (variables["niceness"]["maximum"], variables["niceness"]["default"]) == (19, 0)
    (shell.folder / "flows.py").write_text(FLOW)
    deployment = {
        "name": "d",
        "flow_id": server.api.post("/flows/", {"name": "greet"})["id"],
        "work_pool_name": "nights",
        "entrypoint": "flows.py:greet",
        "path": str(shell.folder),
        "job_variables": {"jobs_folder": str(shell.folder / "jobs"), "niceness": 20},
    }
    status, refused = server.api.ask("POST", "/deployments/", deployment)
    assert (status, "niceness" in str(refused)) == (422, True), refused
    deployment["job_variables"] |= {"niceness": 3}
    id = server.api.post("/deployments/", deployment)["id"]
    run = server.api.post(f"/deployments/{id}/create_flow_run", {"state": {"type": "SCHEDULED"}})["id"]
    worked = shell.run("worker", "start", "--pool", "nights", "--run-once", **here)
    ended = server.api.get(f"/flow_runs/{run}")
    assert ended["state_type"] == "COMPLETED", (ended["state"], worked.stderr)
    lines = server.api.post("/logs/filter", {"logs": {"flow_run_id": {"any_": [run]}}})
    assert "niceness 3" in [line["message"] for line in lines]
    assert not list((shell.folder / "jobs").iterdir()), "an ended job leaves nothing"


def test_an_outside_type_is_unknown_where_it_is_not_installed(shell: Shell, installed: Path) -> None:
    without = shell.run("work-pool", "create", "days", "--type", "detached")
    assert without.returncode == 1
    assert "The type of a plug-in is known where its package is installed." in without.stderr
    misspelt = shell.run("work-pool", "create", "days", "--type", "detachd", PYTHONPATH=str(installed))
    assert "Did you mean 'detached'?" in misspelt.stderr


OUTSIDE = """
from penstock.storage.local import LocalStorage
from penstock.task_runners import InlineTaskRunner

async def greet(at, *, name):
    return {"greeting": f"hello {name}"}

def open_shelf(data):
    return LocalStorage(data["folder"])

class BesideTaskRunner(InlineTaskRunner):
    used = []

    def open(self):
        self.used.append("opened")

    def duplicate(self):
        return BesideTaskRunner()
"""
ENTRY_POINTS = """
[penstock.steps]
outside.greet = outside:greet

[penstock.storages]
shelf = outside:open_shelf

[penstock.runners]
BesideTaskRunner = outside:BesideTaskRunner
"""


@pytest.fixture
def outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installed package with a step, a storage and a task runner."""
    facts = tmp_path / "outside-1.0.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: outside\nVersion: 1.0\n")
    (facts / "entry_points.txt").write_text(ENTRY_POINTS)
    (tmp_path / "outside.py").write_text(OUTSIDE)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "outside", raising=False)
    return tmp_path


async def test_a_step_of_an_outside_package_is_found_by_its_name(outside: Path) -> None:
    step = await find("outside.greet", [])
    assert await step(Place(outside), name="Ada") == {"greeting": "hello Ada"}


def test_a_storage_of_an_outside_package_reads_blocks_of_its_type(outside: Path) -> None:
    storage = open_block("shelf", {"folder": outside / "shelf"})
    storage.write("a/b", b"kept")
    assert storage.read("a/b") == b"kept"


def test_a_task_runner_of_an_outside_package_is_imported_by_its_name(outside: Path) -> None:
    from penstock import task_runners

    runner: Any = task_runners.BesideTaskRunner  # type: ignore[attr-defined]  # of the package above

    @task
    def double(number: int) -> int:
        return 2 * number

    @flow(task_runner=runner())
    def sums() -> int:
        return sum(double.map([1, 2]).result())

    with harness():
        assert sums() == 6
    assert runner.used == ["opened"]


def test_a_name_that_nobody_has_registered_is_no_name(outside: Path) -> None:
    from penstock import task_runners

    assert plugins.names(plugins.RUNNERS) == ["BesideTaskRunner"]
    assert not hasattr(task_runners, "NoTaskRunner")
