"""The server or its database goes away while three workers are at work: every run is done once, none is left."""

from __future__ import annotations

import time
from collections import Counter

import pytest

from tests.faults.plant import Plant, runnings
from tests.live.api import eventually
from tests.live.postgres import Postgres


def at_work(plant: Plant, count: int) -> list[str]:
    """Runs of which a fifth has begun, on three workers."""
    runs = [plant.run(seconds=0.2) for _ in range(count)]
    for _ in range(3):
        plant.worker()
    eventually(lambda: len(plant.executions()) >= count // 5, 120, "a fifth of the runs has begun", every=0.02)
    return runs


def check(plant: Plant, runs: list[str], what: str, full: bool) -> None:
    """All runs end, each was executed once for each attempt that its states tell of, and no slot is left."""
    began = time.monotonic()
    how = plant.ended(runs, 600 if full else 180)
    executions = plant.executions()
    print(f"{what}, {len(runs)} runs, 3 workers: {dict(how)}, {time.monotonic() - began:.1f} s later;", end=" ")
    print(f"executions per run: {dict(Counter(executions.values()))}; used slots at the end: {plant.slots()}")
    wrong = [
        (run, executions[run], names)
        for run in runs
        if executions[run] != 1 and executions[run] != runnings(names := plant.server.api.state_names(run))
    ]
    assert not wrong, wrong[:5]
    assert how["COMPLETED"] == len(runs), how
    assert plant.slots() == 0


def test_runs_are_done_once_when_the_server_is_killed(plant: Plant, full: bool) -> None:
    runs = at_work(plant, 500 if full else 60)
    plant.server.kill()
    plant.server.start()
    check(plant, runs, "server killed", full)


def test_runs_are_done_once_when_postgres_restarts(
    plant: Plant, full: bool, dialect: str, request: pytest.FixtureRequest
) -> None:
    if dialect == "sqlite":
        pytest.skip("there is no PostgreSQL behind this server")
    postgres: Postgres = request.getfixturevalue("postgres")
    runs = at_work(plant, 500 if full else 60)
    postgres.stop("immediate")
    postgres.start()
    check(plant, runs, "PostgreSQL restarted", full)
