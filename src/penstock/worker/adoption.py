"""Runs whose job runs elsewhere and has lost its host: how the next host comes by them.

A Penstock server knows who watches over which run, and gives those of a silent host to whoever asks first. A Prefect
server does not: there a worker looks for the runs that an earlier process of its own name has left.
"""

from __future__ import annotations

from typing import Any, Protocol
from uuid import UUID

from msgspec import structs

from penstock.client.client import AsyncClient
from penstock.errors import PenstockError
from penstock.wire import deployments, dispatch, flow_runs, flows, work_pools
from penstock.wire.dispatch import Adoption, Farewell
from penstock.wire.flow_runs import FlowRun
from penstock.wire.model import Criteria
from penstock.worker.facts import RunFacts, Taken

UNENDED = ["PENDING", "RUNNING", "CANCELLING"]


class Adoptions(Protocol):
    """Where a host gets the runs of hosts that are gone."""

    async def take(self) -> list[Taken]:
        """Runs that are this host's to watch over now."""
        ...

    async def leave(self) -> None:
        """Lets others take over at once what this host watches over; called when it ends."""
        ...


class PenstockAdoptions:
    """Asks the server, which gives each run to one host."""

    def __init__(self, client: AsyncClient, pool: str, worker: str, host: UUID, seconds: float) -> None:
        self._client = client
        self._pool = pool
        self._wish = Adoption(worker_name=worker, host=host, lease_seconds=seconds)

    async def take(self) -> list[Taken]:
        claims = await self._client.call(dispatch.adopt_runs, self._wish, name=self._pool)
        return [Taken.by_claim(claim, claim.holder or self._wish.worker_name) for claim in claims]

    async def leave(self) -> None:
        await self._client.call(dispatch.end_watches, Farewell(host=self._wish.host))


class PrefectAdoptions:
    """Looks once, at the start, for what an earlier process of the same name has left."""

    def __init__(self, client: AsyncClient, pool: str, worker: str) -> None:
        self._client = client
        self._pool = pool
        self._worker = worker
        self._looked = False

    async def take(self) -> list[Taken]:
        if self._looked:
            return []
        states: dict[str, Any] = {"state": {"type": {"any_": UNENDED}}}
        criteria = Criteria(flow_runs=states, work_pools={"name": {"any_": [self._pool]}})
        found = await self._client.call(flow_runs.filter_flow_runs, criteria)
        own = [run for run in found if run.labels.get("prefect.worker.name") == self._worker]
        if not own:
            self._looked = True
            return []
        pool = await self._client.call(work_pools.read_work_pool, name=self._pool)
        taken = [Taken(await self._facts(run), pool) for run in own]
        self._looked = True
        return taken

    async def leave(self) -> None:
        """The server knows of no hosts."""

    async def _facts(self, run: FlowRun) -> RunFacts:
        flow = await self._client.call(flows.read_flow, id=run.flow_id)
        deployment = None
        if run.deployment_id:
            try:
                deployment = await self._client.call(deployments.read_deployment, id=run.deployment_id)
            except PenstockError:
                deployment = None  # deleted since; its job may still be found by its identity
        began = structs.replace(run, run_count=max(run.run_count - 1, 0)) if run.start_time else run
        return RunFacts(flow_run=began, flow=flow, deployment=deployment)  # as it was when its job was named
