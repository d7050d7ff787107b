"""Which queues an agent serves: those it was told, and those whose names begin as it was told."""

from __future__ import annotations

import logging
from contextlib import suppress

from penstock.agent.options import AgentOptions
from penstock.client.client import AsyncClient
from penstock.clock import Clock
from penstock.core.pool_types import AGENT_POOL, AGENT_TYPE
from penstock.errors import BadRequest, Conflict, NotFound
from penstock.wire import work_queues
from penstock.wire.model import Criteria
from penstock.wire.work_pools import WorkPool
from penstock.wire.work_queues import WorkQueueCreate
from penstock.worker import pool
from penstock.worker.claim import Claims
from penstock.worker.facts import Taken

LOOK_SECONDS = 10.0
"""How often queues are looked for while there is none to serve."""

log = logging.getLogger("penstock.agent")


class Queues:
    """The names of the queues that are served now, in one list that claims share."""

    def __init__(self, client: AsyncClient, options: AgentOptions) -> None:
        self._client = client
        self._options = options
        self.names: list[str] = list(options.queues)

    async def prepare(self) -> WorkPool:
        """The pool, with the queues that were named; `BadRequest` for a pool that agents don't serve."""
        options, client = self._options, self._client
        if options.pool is None:
            for name in options.queues or ["default"]:
                await self._ensure_global(name)
        found = await pool.read_pool(client, options.place)
        if found is None:
            raise BadRequest(
                f"There is no work pool {options.place!r}. Make it with: penstock work-pool create {options.place}"
                f" --type {AGENT_TYPE}"
            )
        if found.type != AGENT_TYPE:
            raise BadRequest(
                f"Work pool {found.name!r} is of type {found.type!r}: its runs are started by workers, not by agents."
                f" Start one with: penstock worker start --pool {found.name}"
            )
        if options.pool is not None:
            await pool.ensure_queues(client, found.name, options.queues)
        return found

    async def refresh(self) -> None:
        """Looks for queues whose names begin as wanted."""
        if not self._options.prefixes:
            return
        wanted = {"name": {"startswith_": self._options.prefixes}}
        found = await self._client.call(
            work_queues.filter_pool_queues, Criteria(work_queues=wanted), work_pool_name=self._options.place
        )
        names = sorted({one.name for one in found})
        if new := [name for name in names if name not in self.names]:
            log.info("found work queues that match: %s", ", ".join(new))
        self.names[:] = names

    @property
    def are_none(self) -> bool:
        """Whether nothing is to be served now; no name at all would mean every queue."""
        return bool(self._options.prefixes) and not self.names

    async def _ensure_global(self, name: str) -> None:
        try:
            await self._client.call(work_queues.read_work_queue_by_name, name=name)
        except NotFound:
            with suppress(Conflict):
                await self._client.call(work_queues.create_work_queue, WorkQueueCreate(name=name))
                log.info("work queue %r of %r did not exist, and was created", name, AGENT_POOL)


class QueueClaims:
    """Claims of the queues that there are now."""

    def __init__(self, claims: Claims, queues: Queues, clock: Clock) -> None:
        self._claims = claims
        self._queues = queues
        self._clock = clock
        self._looked = False
        self.may_be_left = claims.may_be_left

    async def pause(self) -> None:
        await self._claims.pause()
        if self._queues.are_none and self._looked:
            await self._clock.sleep(LOOK_SECONDS)

    async def claim(self, room: int, *, wait: bool) -> list[Taken]:
        await self._queues.refresh()
        self._looked = True
        return [] if self._queues.are_none else await self._claims.claim(room, wait=wait)
