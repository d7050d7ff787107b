"""A real Prefect 2.20.25, client and agent, unmodified, in front of a Penstock server."""

from __future__ import annotations

import subprocess
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.live.api import FINAL, PATIENT, Api, eventually
from tests.live.programs import Shell, penstock, prefect2
from tests.live.servers import end, running

FLOWS = """
import os
import time
from prefect import flow

@flow
def hello():
    with open(os.environ["SEEN"], "a") as seen:
        seen.write(os.environ["A"] + "\\n")

@flow
def sleeper():
    time.sleep(300)
"""
SLOW = 300.0
"""Seconds after which a command hangs: each imports all of Prefect, and so does every run that it starts."""
MANY = """
import sys
from prefect.cli import app

for line in sys.argv[1:]:
    assert not app(line.split(), standalone_mode=False), line
"""
"""Several commands of the command line in one process: each of its own would take seconds to import it."""
BUILDS = (
    "hello -n by-queue -q test --override env.A=queue",
    "hello -n by-pool -p ag --override env.A=pool",
    "hello -n shared -q shared --override env.A=shared",
    "sleeper -n slow -q slow",
)


@dataclass(frozen=True)
class Old:
    """A terminal of Prefect 2, its deployments, and the server behind it."""

    shell: Shell
    api: Api
    seen: Path

    def run(self, line: str) -> str:
        """A command that must go well; gives what it printed."""
        done = self.shell.run(*line.split(), timeout=SLOW, SEEN=str(self.seen))
        assert done.returncode == 0, f"$ prefect {line}\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def due(self, name: str) -> str:
        """The id of a new run of a deployment."""
        deployment = self.api.get(f"/deployments/name/{name}")
        return str(self.api.post(f"/deployments/{deployment['id']}/create_flow_run", {})["id"])

    def state(self, run: str) -> str:
        return str(self.api.get(f"/flow_runs/{run}")["state_type"])


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Old]:
    folder = tmp_path_factory.mktemp("prefect2")
    (folder / "flows.py").write_text(FLOWS)
    with running(penstock(), folder / "server") as live:
        found = Old(live.shell(folder, prefect2(), folder / "home"), live.api, folder / "seen")
        builds = [f"deployment build flows.py:{one} -o {one.split()[2]}.yaml --skip-upload --apply" for one in BUILDS]
        made = found.shell.python("-c", MANY, "work-pool create ag --type prefect-agent", *builds, timeout=SLOW)
        assert made.returncode == 0, made.stdout + made.stderr
        yield found


def test_agents_serve_queues_and_pools_and_make_the_queues_they_ask_for(old: Old) -> None:
    first, second = old.due("hello/by-queue"), old.due("hello/by-pool")
    with ThreadPoolExecutor() as both:
        lines = ("agent start -q test --run-once", "agent start --pool ag -q default -q q1 -q q2 --run-once")
        _, pools = both.map(old.run, lines)
    assert pools.count("Created work queue") == 2
    assert old.api.get("/work_pools/ag/queues/q1")["status"] == "READY"
    for run in (first, second):
        ended = old.api.get(f"/flow_runs/{run}")
        host, _, pid = ended["infrastructure_pid"].partition(":")
        assert (ended["state_type"], bool(host), pid.isdigit()) == ("COMPLETED", True, True)
    assert Counter(old.seen.read_text().split()) == {"queue": 1, "pool": 1}


def test_two_agents_execute_each_run_once(old: Old) -> None:
    runs = [old.due("hello/shared") for _ in range(3)]
    with ThreadPoolExecutor() as both:
        said = list(both.map(old.run, ["agent start -q shared --run-once"] * 2))
    assert [old.state(run) for run in runs] == ["COMPLETED"] * 3
    assert old.seen.read_text().split().count("shared") == 3
    assert sum(text.count("Completed submission") for text in said) == 3


def test_an_agent_ends_what_is_cancelled(old: Old, tmp_path: Path) -> None:
    run = old.due("sleeper/slow")
    log = tmp_path / "agent.log"
    agent = old.shell.start("agent", "start", "-q", "slow", log=log, PREFECT_AGENT_QUERY_INTERVAL="0.5")
    try:
        eventually(lambda: old.state(run) == "RUNNING", PATIENT, "the run is started")
        old.api.post(f"/flow_runs/{run}/set_state", {"state": {"type": "CANCELLING", "name": "Cancelling"}})
        eventually(lambda: "Cancelled flow run" in log.read_text(), PATIENT, "the agent says that it has ended the run")
        assert _ended(old, run)["state_type"] == "CANCELLED", log.read_text()
    finally:
        end(agent, 5)
    assert _is_gone(old.api.get(f"/flow_runs/{run}")["infrastructure_pid"])


def _ended(old: Old, run: str) -> dict[str, Any]:
    eventually(lambda: old.state(run) in FINAL, PATIENT, "the run ends")
    return dict(old.api.get(f"/flow_runs/{run}"))


def _is_gone(place: str) -> bool:
    pid = place.partition(":")[2]
    return subprocess.run(["ps", "-p", pid], capture_output=True, check=False).returncode != 0
