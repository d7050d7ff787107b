"""A pool that a worker makes has the template of its type, body of the job and all."""

from __future__ import annotations

from pathlib import Path

from penstock.assemble import embedded
from penstock.client.client import AsyncClient, Client
from penstock.client.open import manners
from penstock.infra.cloud_run import CloudRun, CloudRunV1
from penstock.infra.dummy import DummyInfrastructure
from penstock.worker.pool import ensure_pool
from tests.server.conftest import settings_in


async def test_a_pool_made_by_a_worker_has_its_types_template(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    async with AsyncClient(Client(embedded(settings), manners(settings))) as client:
        made = [await ensure_pool(client, one.kind, one, None, create=True) for one in (CloudRun(), CloudRunV1())]
        assert [pool.type for pool in made] == ["cloud-run-v2", "cloud-run"]
        assert all("job_body" in pool.base_job_template["job_configuration"] for pool in made)
        dummy = await ensure_pool(client, "d", DummyInfrastructure(), None, create=True)
        assert "exit_code" in dummy.base_job_template["variables"]["properties"]
