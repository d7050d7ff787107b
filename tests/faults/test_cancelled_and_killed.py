"""Runs that are cancelled, or lost, as the worker, the server or both are killed: each ends as was asked for."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import DIALECTS
from tests.faults.plant import Plant
from tests.faults.test_strands import family, gone, signal_all
from tests.live.api import eventually
from tests.live.servers import Server

FULL = os.environ.get("PENSTOCK_TEST_FULL", "") not in ("", "0")
VICTIMS = ("worker", "server", "worker and server") if FULL else ("worker and server",)
LEASE = 5
GRACE = 3
REASONS = ("The run's process or container was lost.", "No sign of life from 'worker-0'")
"""By whom the loss is seen first: the next worker on the machine, or the server."""
SLOW_START = {"penstock.steps.run_shell_script": {"script": "sleep 60"}}
DEAF = "\nimport signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"


@pytest.fixture(params=DIALECTS if FULL else DIALECTS[:1])
def dialect(request: pytest.FixtureRequest) -> str:
    """One database is enough for what hosts do, unless everything was asked for."""
    return str(request.param)


@pytest.fixture
def plant(server: Server, tmp_path: Path) -> Iterator[Plant]:
    """As usual, with a short grace for cancelled runs."""
    made = Plant(server, tmp_path / "plant", more={"cancellation_grace_seconds": GRACE})
    yield made
    made.close()


def another(plant: Plant, name: str, **different: object) -> str:
    """A deployment like the plant's that differs in something; its id."""
    api = plant.server.api
    known = api.get(f"/deployments/{plant.deployment}")
    same = ("flow_id", "work_pool_name", "entrypoint", "pull_steps", "cancellation_grace_seconds")
    body = {**{key: known[key] for key in same}, "name": name, **different}
    return str(api.post("/deployments/", body)["id"])


def run_of(plant: Plant, deployment: str, seconds: float) -> str:
    body = {"parameters": {"seconds": seconds}, "state": {"type": "SCHEDULED"}}
    return str(plant.server.api.post(f"/deployments/{deployment}/create_flow_run", body)["id"])


@pytest.mark.parametrize("victims", VICTIMS)
def test_cancelled_run_ends_cancelled_and_a_lost_one_as_its_deployment_says(plant: Plant, victims: str) -> None:
    """Cancelled: one in its code, one that does not hear SIGTERM, one whose job is being started.

    Lost: two whose processes are killed with the worker's, so that nobody knows how they ended.
    """
    (plant.folder / "deaf.py").write_text((plant.folder / "marked.py").read_text() + DEAF)
    deaf = another(plant, "deaf", entrypoint="deaf.py:marked")
    starting = another(plant, "starting", pull_steps=[SLOW_START])
    again = another(plant, "again", on_infrastructure_loss="reschedule")
    worker = plant.worker(lease=LEASE)
    cancelled = [plant.run(seconds=60), run_of(plant, deaf, 60), run_of(plant, starting, 0)]
    lost = [run_of(plant, again, 2), plant.run(seconds=60)] if "worker" in victims else []
    eventually(lambda: len(plant.executions()) == 2 + len(lost), 60, "runs are in their code", every=0.02)
    pids = [plant.pids(cancelled[0])[0], plant.pids(cancelled[1])[0], started(plant, cancelled[2])]
    assert plant.state(cancelled[2])["type"] == "PENDING"
    for run in cancelled:
        plant.server.api.post(f"/flow_runs/{run}/set_state", {"state": {"type": "CANCELLING"}})
    began = time.monotonic()
    if "worker" in victims:
        signal_all(sorted(set(family(worker.pid)) - set(pids)), signal.SIGKILL)
    if "server" in victims:
        plant.server.kill()
        plant.server.start()
    if "worker" in victims:
        plant.worker_again(0, lease=LEASE)
    assert plant.ended(cancelled, GRACE + 2 * LEASE + 20) == Counter({"CANCELLED": 3})
    eventually(lambda: all(gone(pid) for pid in pids), GRACE + 10, "no process is left")
    print(f"cancelled, {victims} killed: all Cancelled and gone after {time.monotonic() - began:.1f} s")
    assert_lost(plant, lost)
    assert plant.executions() == Counter([*cancelled[:2], *lost, *lost[:1]])
    assert plant.slots() == 0


def assert_lost(plant: Plant, lost: list[str]) -> None:
    """The first is done once more; the second is Crashed, and says why."""
    if not lost:
        return
    rescheduled, failed = lost
    assert plant.ended(lost, 60) == Counter({"COMPLETED": 1, "CRASHED": 1})
    assert plant.state(failed)["message"].startswith(REASONS), plant.state(failed)
    names = plant.server.api.state_names(rescheduled)
    assert names == ["Scheduled", "Pending", "Running", "AwaitingRetry", "Pending", "Running", "Completed"]


def started(plant: Plant, run: str) -> int:
    """The process of a run's job, once the API knows it."""
    api = plant.server.api
    return int(eventually(lambda: api.get(f"/flow_runs/{run}")["infrastructure_pid"], 30, "the job is started"))
