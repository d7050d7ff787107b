"""`flow-run execute`: one run in a job that was made for it, and what SIGTERM does to it."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.live.api import PATIENT, eventually
from tests.live.programs import ROOT, penstock
from tests.live.servers import end
from tests.worker.bench import Bench

PROGRAM = "import sys; from penstock.worker.execute import execute; from penstock.settings import load; \
sys.exit(execute(None, load()))"


class Container:
    """Starts `flow-run execute` as a container would: with the run in the environment."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.processes: list[subprocess.Popen[str]] = []

    def start(self, run: str, **env: str) -> subprocess.Popen[str]:
        self.bench.post(f"/flow_runs/{run}/set_state", {"state": {"type": "PENDING"}})
        settings = {"PREFECT__FLOW_RUN_ID": run, "PYTHONPATH": str(ROOT), **env}
        environment = penstock().environment(self.bench.folder / "home", self.bench.server.url, settings)
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM],
            env=environment,
            cwd=self.bench.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.processes.append(process)
        return process


@pytest.fixture
def container(bench: Bench) -> Iterator[Container]:
    container = Container(bench)
    yield container
    bench.go()
    for process in container.processes:
        end(process, 5)  # type: ignore[arg-type]  # text or bytes is all the same to it


def test_a_run_is_carried_out_and_shown(bench: Bench, container: Container) -> None:
    run = bench.run("quick")
    process = container.start(run)
    output, _ = process.communicate(timeout=PATIENT)
    assert process.returncode == 0, output
    assert bench.read(run)["state_type"] == "COMPLETED"
    assert "hello from the flow" in output
    assert "Watching on" not in output


def test_a_failed_run_is_no_failure_of_the_job(bench: Bench, container: Container) -> None:
    run = bench.run("failing")
    assert container.start(run).wait(PATIENT) == 0
    assert bench.read(run)["state_type"] == "FAILED"


def test_a_run_that_can_not_begin_fails_the_job(bench: Bench, container: Container) -> None:
    run = bench.run("quick", entrypoint="nowhere.py:quick")
    assert container.start(run).wait(PATIENT) == 1
    state = bench.read(run)["state"]
    assert (state["type"], "nowhere.py" in state["message"]) == ("CRASHED", True)


def test_a_cancelled_run_ends_inside(bench: Bench, container: Container) -> None:
    run = bench.run("waiting", {"folder": str(bench.folder)})
    process = container.start(run)
    bench.began()
    bench.cancel(run)
    assert bench.ended(run)["state_type"] == "CANCELLED"
    process.wait(PATIENT)


def test_a_run_that_is_to_be_cancelled_is_not_begun(bench: Bench, container: Container) -> None:
    run = bench.run("quick")
    bench.post(f"/flow_runs/{run}/set_state", {"state": {"type": "RUNNING"}})
    bench.cancel(run)
    assert container.start(run).wait(PATIENT) == 0
    assert bench.read(run)["state_type"] == "CANCELLED"


@pytest.mark.parametrize(
    ("behaviour", "state", "code"),
    [("", "CRASHED", 1), ("reschedule", "SCHEDULED", 0), ("relinquish", "RUNNING", 1)],
)
def test_sigterm(bench: Bench, container: Container, behaviour: str, state: str, code: int) -> None:
    env = {"PREFECT_FLOW_RUN_EXECUTE_SIGTERM_BEHAVIOR": behaviour} if behaviour else {}
    run = bench.run("waiting", {"folder": str(bench.folder)})
    process = container.start(run, **env)
    bench.began()
    process.send_signal(signal.SIGTERM)
    assert process.wait(40) == code
    assert bench.read(run)["state_type"] == state
    if state == "SCHEDULED":
        assert bench.read(run)["state_name"] == "AwaitingRetry"


def test_an_unknown_behaviour_is_refused(bench: Bench, container: Container) -> None:
    run = bench.run("quick")
    process = container.start(run, PENSTOCK_FLOW_RUN_EXECUTE_SIGTERM_BEHAVIOR="explode")
    output, _ = process.communicate(timeout=PATIENT)
    assert process.returncode == 1
    assert "it can be crash, reschedule, relinquish" in output
    assert eventually(lambda: bench.read(run)["state_type"], 5, "it is pending") == "PENDING"
