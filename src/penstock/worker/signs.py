"""A worker's signs of life: it says how it stands, and hears what is wanted of it."""

from __future__ import annotations

import asyncio
import logging
import os
import random
import socket
from contextlib import suppress

from penstock import __version__
from penstock.client.client import AsyncClient
from penstock.errors import PenstockError
from penstock.settings import Settings
from penstock.wire.pool_workers import Wish, WorkerAbout, WorkerSign
from penstock.worker import pool
from penstock.worker.host import Host
from penstock.worker.options import WorkerOptions

log = logging.getLogger("penstock.worker")


class Signs:
    """Gives a sign of life every so often, and at once when told to `hurry`. A Prefect server wants nothing."""

    def __init__(
        self,
        client: AsyncClient,
        options: WorkerOptions,
        name: str,
        settings: Settings,
        host: Host,
        *,
        penstock: bool,
    ) -> None:
        self._client = client
        self._options = options
        self._name = name
        self._seconds = settings.worker.heartbeat_seconds
        self._host = host
        self._penstock = penstock
        self._hurry = asyncio.Event()

    def hurry(self) -> None:
        """Asks for the next sign now: something may be wanted."""
        self._hurry.set()

    async def end(self) -> None:
        """The last one: the worker is gone from now on. A Prefect server sees that by itself."""
        if self._penstock:
            with suppress(PenstockError):
                await self.give(ends=True)

    async def give(self, *, begins: bool = False, ends: bool = False) -> None:
        """One sign; a worker that is to drain does. Raises what the client raises."""
        if not self._penstock:
            await pool.beat(self._client, self._options.pool, self._name, self._seconds)
            return
        sent = WorkerSign(
            name=self._name,
            heartbeat_interval_seconds=int(self._seconds),
            about=self._about(),
            begins=begins,
            ends=ends,
        )
        if await pool.sign(self._client, self._options.pool, sent) is Wish.DRAIN and not self._host.is_stopping:
            log.info("worker %r was told to drain", self._name)
            self._host.stop()

    async def go_on(self) -> None:
        """Gives signs until cancelled; one that can't be given is said and tried again in its time."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._seconds * random.uniform(0.7, 1.0)):
                    await self._hurry.wait()
            self._hurry.clear()
            try:
                await self.give()
            except PenstockError as error:
                log.warning("no sign of life could be given: %s", error.message)

    def _about(self) -> WorkerAbout:
        return WorkerAbout(
            version=__version__,
            host=socket.gethostname(),
            pid=os.getpid(),
            capacity=self._options.limit,
            running=self._host.running,
            draining=self._host.is_stopping,
            work_queues=self._options.queues,
            labels=self._options.labels,
        )
