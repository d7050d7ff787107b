"""A restarted worker on a Prefect server, which knows nothing of hosts: it finds what it left by its own name."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

from penstock.client.open import open_async_client
from penstock.settings import load
from penstock.worker.adoption import PrefectAdoptions
from penstock.worker.launch import identity
from tests.worker.bench import POOL, Bench


async def test_a_worker_finds_the_runs_that_it_has_left_and_no_others(bench: Bench, tmp_path: Path) -> None:
    own, another, over = (bench.run("quick") for _ in range(3))
    for run, worker in ((own, "me"), (another, "somebody"), (over, "me")):
        bench.post(f"/flow_runs/{run}/set_state", {"state": {"type": "PENDING"}})
        bench.api.ask("PATCH", f"/flow_runs/{run}/labels", {"prefect.worker.name": worker})
    bench.post(f"/flow_runs/{own}/set_state", {"state": {"type": "RUNNING"}})
    bench.post(f"/flow_runs/{over}/set_state", {"state": {"type": "CANCELLED"}, "force": True})
    settings = load(environ={"PENSTOCK_API_URL": bench.server.url, "PENSTOCK_HOME": str(tmp_path)}, cwd=tmp_path)
    async with open_async_client(settings) as client:
        adoptions = PrefectAdoptions(client, POOL, "me")
        (taken,) = await adoptions.take()
        assert await adoptions.take() == []
    assert (taken.run_id, taken.pool and taken.pool.name) == (UUID(own), POOL)
    assert identity(taken.facts) == f"{own}-1"
