"""A worker is frozen for longer than its lease: what it was given is another's then, and it changes nothing."""

from __future__ import annotations

import os
import signal
from collections import Counter

import pytest

from tests.faults.plant import Plant
from tests.faults.test_strands import gone
from tests.live.api import eventually
from tests.live.servers import end

AGAIN = ["Scheduled", "Pending", "Scheduled", "Pending", "Running", "Completed"]


@pytest.fixture
def dialect() -> str:
    """One database is enough for what a worker does."""
    return "sqlite"


def test_frozen_worker_that_wakes_up_runs_nothing_that_was_given_away(plant: Plant) -> None:
    """It is frozen with a claim on its way, whose answer waits in its socket until the run is in other hands.

    The jobs that it had forked are not frozen: one keeps its run by itself, one that is cancelled ends by itself.
    """
    kept, cancelled = plant.run(seconds=7), plant.run(seconds=60)
    frozen = plant.worker(lease=5)
    eventually(lambda: len(plant.executions()) == 2, 60, "both runs are in their code", every=0.02)
    os.kill(frozen.pid, signal.SIGSTOP)
    try:
        given = plant.run(seconds=1.5)
        plant.reaches(given, "PENDING")
        plant.server.api.post(f"/flow_runs/{cancelled}/set_state", {"state": {"type": "CANCELLING"}})
        other = plant.worker(lease=5)
        plant.reaches(given, "RUNNING")
        eventually(lambda: gone(plant.pids(cancelled)[0]), 30, "the cancelled job has ended")
    finally:
        os.kill(frozen.pid, signal.SIGCONT)
    assert plant.ended([kept, given, cancelled], 60) == Counter({"COMPLETED": 2, "CANCELLED": 1})
    end(other)
    after = plant.run()
    plant.reaches(after, "COMPLETED")  # by the one that was frozen
    assert plant.executions() == Counter({kept: 1, cancelled: 1, given: 1, after: 1})
    assert plant.server.api.state_names(given) == AGAIN
    assert plant.slots() == 0
