"""Runs the services beside the API: each looks at what should be, compares it with what is, and acts.

A pass that fails is logged and tried again with growing waits. A loop that ended, or whose pass hangs,
is a problem that `/health` and `/ready` report.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from penstock.errors import Unavailable
from penstock.server.broadcast import Broadcast
from penstock.settings import Settings
from penstock.store.database import Database

FIRST_PAUSE = 0.5
LONGEST_PAUSE = 30.0
PASS_WITHIN = 120.0
"""Seconds after which a pass is said to hang."""

_log = logging.getLogger("penstock.server.loops")


@dataclass(frozen=True, slots=True)
class Report:
    """What a pass did, and in how many seconds the next one is wanted at the latest, if before its time."""

    did: int = 0
    again_in: float | None = None


@dataclass(frozen=True, slots=True)
class Tools:
    """What a pass works with."""

    store: Database
    hub: Broadcast
    settings: Settings


Pass = Callable[[Tools, datetime], Awaitable[Report]]


@dataclass(frozen=True, slots=True)
class Service:
    """One loop: its name, the seconds between passes, the pass, the wake-ups that bring one at once, and its end."""

    name: str
    seconds: float
    run_once: Pass
    wakes_on: str | None = None
    close: Callable[[], Awaitable[None]] | None = None


class Loop:
    """One service at work. `nudge` asks for a pass now; `passed` lets a test wait for passes."""

    def __init__(self, service: Service, tools: Tools, clock: Callable[[], datetime]) -> None:
        self.service = service
        self.passes = 0
        self.failures = 0
        self._tools = tools
        self._clock = clock
        self._nudged = asyncio.Event()
        self._turned = asyncio.Event()
        self._began: float | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begins with a pass at once."""
        if self.service.wakes_on:
            self._tools.hub.when(self.service.wakes_on, self.nudge)
        self._task = asyncio.create_task(self._run(), name=self.service.name)

    async def stop(self) -> None:
        """Ends it; a pass under way is given up, which undoes its open transaction."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
            if self.service.close is not None:
                await self.service.close()

    def nudge(self) -> None:
        """Asks for a pass now rather than in its time."""
        self._nudged.set()

    async def passed(self, passes: int = 1) -> None:
        """Returns when so many more passes are over, failed ones too."""
        target = self.passes + passes
        while self.passes < target:
            self._turned.clear()
            await self._turned.wait()

    @property
    def problem(self) -> str | None:
        """What is wrong with it, or None."""
        if self._task is not None and self._task.done():
            return f"the service {self.service.name} has died"
        if self._began is not None and time.monotonic() - self._began > PASS_WITHIN:
            return f"the service {self.service.name} hangs"
        return None

    async def _run(self) -> None:
        while True:
            self._nudged.clear()
            wait = await self._turn()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait):  # `wait_for` may swallow the stop in Python 3.11
                    await self._nudged.wait()

    async def _turn(self) -> float:
        """One pass; the seconds until the next."""
        self._began = time.monotonic()
        try:
            report = await self.service.run_once(self._tools, self._clock())
        except Exception as error:
            self._say(error)
            self.failures += 1
            return float(min(FIRST_PAUSE * 2 ** (self.failures - 1), LONGEST_PAUSE))
        else:
            self.failures = 0
            if report.again_in is None:
                return self.service.seconds
            return min(max(report.again_in, 0.0), self.service.seconds)
        finally:
            self._began = None
            self.passes += 1
            self._turned.set()

    def _say(self, error: Exception) -> None:
        """A database that is away is expected to come back and needs no traceback."""
        if isinstance(error, Unavailable):
            _log.warning("a service waits for the database", extra={"service": self.service.name, "reason": str(error)})
        else:
            _log.error("a pass failed", extra={"service": self.service.name}, exc_info=error)


class Loops:
    """All services of one server."""

    def __init__(self, services: list[Service], tools: Tools, clock: Callable[[], datetime]) -> None:
        self.tools = tools
        self.loops = {service.name: Loop(service, tools, clock) for service in services}

    def start(self) -> None:
        """Starts them all."""
        for loop in self.loops.values():
            loop.start()

    async def stop(self) -> None:
        """Ends them all."""
        await asyncio.gather(*(loop.stop() for loop in self.loops.values()))

    @property
    def problems(self) -> list[str]:
        """What is wrong with which of them."""
        return [loop.problem for loop in self.loops.values() if loop.problem]
