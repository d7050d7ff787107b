"""Two servers on one database and three workers: one of each is killed, and every run is done once all the same."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.conftest import QUICK
from tests.faults.plant import Plant, runnings
from tests.live.api import eventually
from tests.live.postgres import Postgres
from tests.live.programs import penstock
from tests.live.servers import Server

COUNT = 60


@pytest.fixture
def replicas(postgres: Postgres, tmp_path: Path) -> Iterator[list[Server]]:
    """Two server processes on one PostgreSQL."""
    url = postgres.database()
    homes = [tmp_path / "first", tmp_path / "second"]
    for home in homes:
        home.mkdir()
    servers = [Server(penstock(), home, url, QUICK).start() for home in homes]
    yield servers
    for server in servers:
        server.stop()


def test_runs_are_done_once_when_a_server_and_a_worker_are_killed(replicas: list[Server], tmp_path: Path) -> None:
    first, second = replicas
    plant = Plant(second, tmp_path / "plant", more={"on_infrastructure_loss": "reschedule"})
    try:
        runs = [plant.run(seconds=0.2) for _ in range(COUNT)]
        workers = [plant.worker(lease=8, server=server) for server in (first, second, second)]
        eventually(lambda: len(plant.executions()) >= COUNT // 5, 120, "a fifth of the runs has begun", every=0.02)
        first.kill()
        workers[1].kill()
        began = time.monotonic()
        first.start()
        how = plant.ended(runs, 120)
        executions = plant.executions()
        print(f"{COUNT} runs, 2 servers, 3 workers, one of each killed: {dict(how)}, {time.monotonic() - began:.1f} s")
        wrong = [
            (run, executions[run], names)
            for run in runs
            if executions[run] != 1 and executions[run] != runnings(names := second.api.state_names(run))
        ]
        assert not wrong, wrong[:5]
        assert how["COMPLETED"] == COUNT, how
        assert plant.slots() == 0
    finally:
        plant.close()
