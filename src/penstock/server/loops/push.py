"""Push: sees to it that each push pool has a host in this server, which starts its runs.

What a host is, only the assembly knows: a worker without a process of its own. Every replica of a server hosts
every push pool; a run goes to one of them, as it goes to one of many workers.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from typing import Protocol
from uuid import UUID

from penstock.server.broadcast import Broadcast
from penstock.server.loops.loop import Report, Tools
from penstock.store import push_problems
from penstock.store.database import Database
from penstock.store.watches import push_pools
from penstock.wire.work_pools import WorkPool

CANCELLING = "prefect.flow-run.Cancelling"
RESOURCE = "prefect.flow-run."

log = logging.getLogger("penstock.server.loops")


class PoolHost(Protocol):
    """Starts, watches and stops the jobs of one pool's runs."""

    def start(self) -> None:
        """Begins."""
        ...

    def problem(self) -> str | None:
        """Why it has ended by itself; None while it works."""
        ...

    def drain(self) -> None:
        """Claims nothing more; ends by itself when its jobs have."""
        ...

    async def close(self) -> None:
        """Ends soon, and leaves its jobs to the other replicas, or to the next start of this server."""
        ...


class PushPools:
    """The service; it costs one look at the database at each pass while there are no push pools."""

    def __init__(self, host_of: Callable[[WorkPool], PoolHost]) -> None:
        self._host_of = host_of
        self._hosts: dict[UUID, PoolHost] = {}
        self._draining: list[PoolHost] = []
        self._failing: set[UUID] = set()

    async def run_once(self, tools: Tools, now: datetime) -> Report:
        """Begins to host what has no host, and lets go of what is no more."""
        pools = {pool.id: pool for pool in await tools.store.read(push_pools())}
        for pool_id in set(self._hosts) - set(pools):
            host = self._hosts.pop(pool_id)
            host.drain()
            self._draining.append(host)
        problems = {pool_id: self._tend(pool_id, pool) for pool_id, pool in pools.items()}
        await self._tell(tools.store, {id: problem for id, problem in problems.items() if problem}, now)
        return Report(len(pools))

    async def _tell(self, store: Database, problems: dict[UUID, str], now: datetime) -> None:
        """Says which pools can't be served, so that their status and their runs say it."""
        for pool_id, reason in problems.items():
            await store.write(push_problems.tell(pool_id, reason, now))
        if self._hosts or self._failing:
            await store.write(push_problems.forget(now, frozenset(self._failing - set(problems))))
        self._failing = set(problems)

    def _tend(self, pool_id: UUID, pool: WorkPool) -> str | None:
        """Sees to it that the pool has a host; gives why the last one has ended by itself."""
        known = self._hosts.get(pool_id)
        problem = known.problem() if known else None
        if problem:
            log.error("a push pool can't be served", extra={"pool": pool.name, "type": pool.type, "reason": problem})
        if known is None or problem:
            host = self._hosts[pool_id] = self._host_of(pool)
            host.start()
        return problem

    async def close(self) -> None:
        """Lets go of all."""
        for host in [*self._hosts.values(), *self._draining]:
            await host.close()
        self._hosts.clear()
        self._draining.clear()


async def hear_cancellations(hub: Broadcast, cancel: Callable[[UUID], None]) -> None:
    """Calls back with each run that is to be cancelled, without end; what is missed comes with the leases."""
    while not hub.stopping:
        heard = hub.subscribe_events(lambda event: event.event == CANCELLING)
        try:
            while events := await heard.next():
                for event in events:
                    cancel(UUID(event.resource["prefect.resource.id"].removeprefix(RESOURCE)))
        finally:
            hub.unsubscribe(heard)
