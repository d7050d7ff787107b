"""A real Prefect 3.8.8 worker dies between taking a run and starting it: another does it. A slow one keeps its run.

Takes longer than the two minutes for which such a worker is waited for, so only the full tests do it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.plant import Plant, runnings
from tests.live.api import eventually
from tests.live.programs import prefect
from tests.live.servers import Server

SLOW = {"command": "sh -c 'sleep 140; exec prefect flow-run execute'"}
"""A start that takes longer than a claim lasts without a heartbeat."""


@pytest.fixture
def field(server: Server, tmp_path: Path, full: bool) -> Iterator[Plant]:
    """A plant whose flow and workers are the real Prefect's."""
    prefect()
    if not full:
        pytest.skip("takes more than two minutes; ask for it with PENSTOCK_TEST_FULL=1")
    plant = Plant(server, tmp_path / "plant", sdk="prefect")
    yield plant
    plant.close()


def worker(plant: Plant) -> subprocess.Popen[bytes]:
    """A started Prefect worker with its jobs in one process group of its own."""
    program, number = prefect(), len(plant.workers)
    home = plant.folder / f"home{number}"
    environment = program.environment(home, plant.server.url)
    environment["PATH"] = f"{Path(program.python).parent}:{environment['PATH']}"
    with plant.log(number).open("ab") as output:
        started = subprocess.Popen(
            [program.command, "worker", "start", "--pool", plant.pool, "--type", "process", "--name", f"w{number}"],
            env=environment,
            cwd=plant.folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    plant.workers.append(started)
    return started


def test_run_of_a_dead_worker_is_done_by_another_and_that_of_a_slow_one_is_not(field: Plant) -> None:
    lost = field.run()
    first = worker(field)
    field.reaches(lost, "PENDING")
    os.killpg(first.pid, signal.SIGKILL)
    began = time.monotonic()
    assert field.state(lost)["type"] == "PENDING"
    slow = field.run(job_variables=SLOW)
    worker(field)
    assert field.ended([lost, slow], 300) == Counter({"COMPLETED": 2})
    print(f"Prefect worker killed between Pending and start: both ended {time.monotonic() - began:.1f} s later")
    assert field.executions() == Counter({lost: 1, slow: 1})
    names = field.server.api.state_names(slow)
    assert (names.count("Pending"), runnings(names)) == (1, 1), names
    assert field.server.api.state_names(lost).count("Pending") == 2


def test_its_run_is_taken_back_when_nobody_is_left(field: Plant) -> None:
    run = field.run()
    first = worker(field)
    field.reaches(run, "PENDING")
    os.killpg(first.pid, signal.SIGKILL)
    began = time.monotonic()
    eventually(lambda: field.state(run)["type"] == "SCHEDULED", 180, "the run is offered again")
    print(f"offered again {time.monotonic() - began:.1f} s after its Prefect worker was killed")
    assert field.slots() == 0
