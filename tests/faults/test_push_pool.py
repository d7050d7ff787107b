"""A push pool on a real Docker engine, with no worker anywhere, and a server that is killed while it hosts."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.conftest import QUICK
from tests.faults.plant import Plant
from tests.live.docker import Engine
from tests.live.programs import penstock
from tests.live.servers import Server, running


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A server whose hosts' silence is noticed soon."""
    with running(penstock(), tmp_path / "server", None, {**QUICK, "PENSTOCK_SERVER_PUSH_LEASE_SECONDS": "5"}) as one:
        yield one


@pytest.fixture
def plant(server: Server, tmp_path: Path, docker_engine: Engine) -> Iterator[Plant]:
    """A push pool whose runs are containers of this machine's engine."""
    folder = tmp_path / "plant"
    variables = {
        "image": docker_engine.image,
        "image_pull_policy": "Never",
        "network_mode": "host",
        "volumes": [f"{folder}:{folder}"],
        "auto_remove": True,
    }
    made = Plant(server, folder, kind="docker:push", variables=variables)
    yield made
    made.close()


def test_a_container_is_started_by_the_server_and_found_again_after_its_death(plant: Plant) -> None:
    quick = plant.run()
    began = time.monotonic()
    plant.reaches(quick, "COMPLETED")
    print(f"docker:push, created -> COMPLETED: {time.monotonic() - began:.2f} s")
    long, cancelled = plant.run(seconds=12), plant.run(seconds=60)
    plant.reaches(long, "RUNNING")
    plant.reaches(cancelled, "RUNNING")
    plant.server.kill()
    plant.server.start()
    plant.server.api.post(f"/flow_runs/{cancelled}/set_state", {"state": {"type": "CANCELLING"}})
    plant.reaches(cancelled, "CANCELLED")
    plant.reaches(long, "COMPLETED")
    lines = plant.server.api.post("/logs/filter", {"logs": {"flow_run_id": {"any_": [long]}}})
    assert any("is watched on over" in line["message"] for line in lines), lines
    assert plant.executions() == Counter({quick: 1, long: 1, cancelled: 1})
    assert plant.server.api.post(f"/work_pools/{plant.pool}/workers/filter", {}) == []
    assert plant.slots() == 0
