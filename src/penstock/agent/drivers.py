"""All kinds of infrastructure behind one driver: an agent's runs each say by their block what they run on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import ClassVar

import msgspec

from penstock.agent.launch import HERE, KIND
from penstock.infra.process.birth import Kept
from penstock.infra.protocol import Exit, Found, Infrastructure, Job, Started
from penstock.settings import Settings
from penstock.worker.drivers import open_driver


class Nothing(msgspec.Struct):
    """An agent pool has no variables: blocks say it all."""


class Drivers:
    """Opens the driver of a kind when its first job comes; a handle begins with the kind it belongs to."""

    kind: ClassVar[str] = "prefect-agent"
    Variables: ClassVar[type[msgspec.Struct]] = Nothing

    def __init__(self, settings: Settings, keeper: Kept | None = None) -> None:
        self._settings = settings
        self._keeper = keeper
        self._open: dict[str, Infrastructure] = {}
        self._opening = asyncio.Lock()

    async def open(self) -> None:
        await self._driver(HERE)

    async def start(self, job: Job) -> Started:
        kind = str(job.note[KIND])
        return _own(kind, await (await self._driver(kind)).start(job))

    async def find(self, job: Job) -> Started | None:
        kind = str(job.note[KIND])
        found = await (await self._driver(kind)).find(job)
        return found and _own(kind, found)

    async def wait(self, handle: str) -> Exit:
        driver, inner = self._of(handle)
        return await driver.wait(inner)

    def logs(self, handle: str) -> AsyncIterator[bytes]:
        driver, inner = self._of(handle)
        return driver.logs(inner)

    async def stop(self, handle: str, grace: float) -> None:
        driver, inner = self._of(handle)
        await driver.stop(inner, grace)

    async def follow_up(self, handle: str, grace: float) -> None:
        driver, inner = self._of(handle)
        await driver.follow_up(inner, grace)

    async def reconcile(self, scope: str) -> list[Found]:
        """Jobs of earlier agents on this machine; those elsewhere are known to the server alone."""
        found = await (await self._driver(HERE)).reconcile(scope)
        return [Found(f"{HERE}|{one.handle}", one.pid, one.note) for one in found]

    async def forget(self, handle: str) -> None:
        driver, inner = self._of(handle)
        await driver.forget(inner)

    async def close(self) -> None:
        for driver in self._open.values():
            await driver.close()

    async def _driver(self, kind: str) -> Infrastructure:
        async with self._opening:
            if kind not in self._open:
                driver = open_driver(kind, self._settings, self._keeper if kind == HERE else None)
                await driver.open()
                self._open[kind] = driver
            return self._open[kind]

    def _of(self, handle: str) -> tuple[Infrastructure, str]:
        kind, _, inner = handle.partition("|")
        return self._open[kind], inner


def _own(kind: str, started: Started) -> Started:
    return Started(f"{kind}|{started.handle}", started.pid)
