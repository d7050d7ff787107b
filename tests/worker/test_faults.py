"""What is lost, doubled or stuck when workers and servers are killed: nothing."""

from __future__ import annotations

import collections
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live.api import FINAL, PATIENT, eventually
from tests.live.programs import penstock
from tests.live.servers import running
from tests.worker.bench import POOL, Bench


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """A bench on a server of its own, which may be killed."""
    with running(penstock(), tmp_path / "server") as server:
        bench = Bench(server, tmp_path / "bench")
        try:
            yield bench
        finally:
            bench.close()


def test_a_run_whose_worker_died_before_its_start_is_offered_again(bench: Bench) -> None:
    run = bench.run("quick")
    claim = {"worker_name": "dead", "lease_seconds": 5.0, "limit": 1}
    [taken] = bench.post(f"/penstock/work_pools/{POOL}/claim", claim)
    assert (taken["flow_run"]["id"], bench.read(run)["state_type"]) == (run, "PENDING")
    bench.worker()
    assert bench.ended(run)["state_type"] == "COMPLETED"
    assert bench.api.state_names(run) == ["Scheduled", "Pending", "Scheduled", "Pending", "Running", "Completed"]


def test_a_job_that_never_began_is_given_back_at_once(bench: Bench) -> None:
    run = bench.run("quick")
    [taken] = bench.post(
        f"/penstock/work_pools/{POOL}/claim", {"worker_name": "dead", "lease_seconds": 600, "limit": 1}
    )
    folder = bench.folder / "home" / "jobs" / f"{run}-{taken['attempt']}"
    folder.mkdir(parents=True)
    note = f'{{"scope":"{POOL}","run_id":"{run}","attempt":{taken["attempt"]},"worker":"dead","show":true}}'
    (folder / "job.json").write_text(note)
    bench.worker()
    assert bench.ended(run)["state_type"] == "COMPLETED"
    assert "AwaitingRetry" in bench.api.state_names(run)


def test_a_run_goes_on_while_its_server_is_down(bench: Bench) -> None:
    bench.worker()
    run = bench.run("waiting", {"folder": str(bench.folder)})
    bench.began()
    bench.server.kill()
    bench.go()
    eventually(lambda: "no runs could be claimed" in bench.log(), 20, "the worker misses the server")
    bench.server.start()
    assert bench.ended(run)["state_type"] == "COMPLETED"
    assert bench.ended(bench.run("quick"), PATIENT)["state_type"] == "COMPLETED"


def test_every_run_is_executed_once_while_workers_are_killed(bench: Bench) -> None:
    deployment = bench.deploy("marked")
    body = {"state": {"type": "SCHEDULED"}, "parameters": {"folder": str(bench.folder)}}
    runs = [bench.post(f"/deployments/{deployment}/create_flow_run", body)["id"] for _ in range(60)]
    workers = [bench.worker(limit=5, env={"PENSTOCK_WORKER_LEASE_SECONDS": "10"}) for _ in range(3)]
    eventually(lambda: (bench.folder / "marks").exists(), 30, "the first run has run")
    workers[0].kill()
    workers[0].wait()
    bench.worker(limit=5)
    states = eventually(lambda: ended(bench, runs), 90, "all runs have ended")
    assert states == {"COMPLETED": 60}
    marks = (bench.folder / "marks").read_text().split()
    assert len(marks) == 60


def ended(bench: Bench, runs: list[str]) -> dict[str, int]:
    """How many runs ended in which state, once all have."""
    rows = bench.api.runs(id={"any_": runs})
    states = collections.Counter(row["state_type"] for row in rows)
    return dict(states) if set(states) <= FINAL else {}


def test_an_idle_worker_takes_a_run_at_once(bench: Bench) -> None:
    bench.worker()
    bench.ended(bench.run("quick"))
    began = time.monotonic()
    bench.ended(bench.run("quick"))
    assert time.monotonic() - began < 5, "far below any polling interval"
