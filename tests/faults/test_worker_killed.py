"""A worker dies: what it held is done by another, once."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.faults.plant import Plant, runnings
from tests.live.api import Api, eventually

LEASE = 30
"""Seconds a worker holds a run without a sign of life."""


def test_run_is_done_by_another_when_its_worker_dies_before_the_start(plant: Plant) -> None:
    run_id = plant.run()
    claim = {"worker_name": "dead", "limit": 1, "lease_seconds": 5}
    claimed = plant.server.api.post(f"/penstock/work_pools/{plant.pool}/claim", claim)
    assert [run["flow_run"]["id"] for run in claimed] == [run_id]
    assert plant.slots() == 1
    began = time.monotonic()
    plant.worker()
    assert plant.ended([run_id], 60) == Counter({"COMPLETED": 1})
    print(f"claimed and abandoned (lease 5 s): completed by another after {time.monotonic() - began:.1f} s")
    assert plant.executions() == Counter({run_id: 1})
    assert plant.slots() == 0


def test_stale_attempt_changes_nothing_when_another_has_the_run(plant: Plant) -> None:
    run_id = plant.run()
    claim = {"worker_name": "slow", "limit": 1, "lease_seconds": 5}
    old = plant.server.api.post(f"/penstock/work_pools/{plant.pool}/claim", claim)[0]
    eventually(lambda: plant.state(run_id)["type"] == "SCHEDULED", 20, "the lapsed claim is taken back")
    new = plant.server.api.post(
        f"/penstock/work_pools/{plant.pool}/claim", {**claim, "worker_name": "quick", "lease_seconds": 30}
    )[0]
    assert new["attempt"] == old["attempt"] + 1
    held = {"flow_run_id": run_id, "attempt": old["attempt"]}
    renewal = {"worker_name": "slow", "runs": [held], "lease_seconds": 30}
    assert plant.server.api.post("/penstock/leases/renew", renewal)["lost"] == [run_id]


def test_run_ends_when_its_worker_is_killed_while_it_runs(plant: Plant) -> None:
    run_id = plant.run(seconds=5)
    first = plant.worker()
    plant.reaches(run_id, "RUNNING")
    first.kill()
    began = time.monotonic()
    plant.worker()
    how = plant.ended([run_id], LEASE + 60)
    print(f"worker killed while its run ran: {dict(how)} after {time.monotonic() - began:.1f} s")
    names = plant.server.api.state_names(run_id)
    assert plant.executions()[run_id] == runnings(names) == 1 or how["CRASHED"] == 0, names
    assert plant.slots() == 0


def test_each_run_is_executed_once_when_one_of_three_workers_is_killed(plant: Plant, full: bool) -> None:
    count = 500 if full else 60
    runs = [plant.run(seconds=0.2) for _ in range(count)]
    workers = [plant.worker() for _ in range(3)]
    eventually(lambda: len(plant.executions()) >= count // 5, 120, "a fifth of the runs has begun", every=0.02)
    workers[0].kill()
    began = time.monotonic()
    how = plant.ended(runs, LEASE + (600 if full else 120))
    print(f"{count} runs, 3 workers, one killed: {dict(how)}, {time.monotonic() - began:.1f} s after the kill")
    executions = plant.executions()
    wrong = [
        (run, executions[run], names)
        for run in runs
        if executions[run] != runnings(names := plant.server.api.state_names(run)) and executions[run] != 1
    ]
    assert not wrong, wrong[:5]
    assert how["COMPLETED"] + how["CRASHED"] + how["FAILED"] == count
    assert plant.slots() == 0
    again = Counter(executions.values())
    print(f"executions per run: {dict(again)}; used slots at the end: {plant.slots()}")


def test_nothing_is_claimed_twice_when_many_ask_at_once(plant: Plant) -> None:
    runs = {plant.run() for _ in range(40)}
    claim = {"worker_name": "w", "limit": 3, "lease_seconds": 60}

    def ask(number: int) -> list[str]:
        body = {**claim, "worker_name": f"w{number}"}
        claimed = Api(plant.server.url).post(f"/penstock/work_pools/{plant.pool}/claim", body)
        return [run["flow_run"]["id"] for run in claimed]

    with ThreadPoolExecutor(8) as threads:
        taken = [run for got in threads.map(ask, range(24)) for run in got]
    assert sorted(taken) == sorted(runs)
    assert plant.slots() == 40


@pytest.fixture(autouse=True)
def last_words(plant: Plant) -> Iterator[None]:
    """Shows the end of the workers' logs beside a failure."""
    yield
    for number in range(len(plant.workers)):
        print(plant.log(number).read_text(errors="replace")[-1500:])
