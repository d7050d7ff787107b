"""What hosts jobs does: claims runs and begins them, until told to stop; then lets them end."""

from __future__ import annotations

import asyncio
import logging
import random
import signal
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

from penstock.clock import Clock
from penstock.errors import BadRequest, InvalidRequest, PenstockError
from penstock.infra.protocol import Infrastructure
from penstock.names import counted
from penstock.worker.adoption import Adoptions
from penstock.worker.claim import MOST_AT_ONCE, Claims
from penstock.worker.facts import Taken
from penstock.worker.jobs import Jobs
from penstock.worker.reports import PASSING

T = TypeVar("T")

FIRST_WAIT, LONGEST_WAIT = 0.5, 10.0
ADOPT_SECONDS = 15.0
"""Seconds between looks for what is left; half of what a silent host's runs are kept for another one."""
KILL_GRACE_SECONDS = 5.0
REFUSALS = (BadRequest, InvalidRequest)
"""Answers that no second try changes: the request itself is wrong."""

log = logging.getLogger("penstock.worker")


@dataclass(frozen=True, slots=True)
class Work:
    """What there is to do once the server has answered: where runs come from, and what goes on beside."""

    driver: Infrastructure
    jobs: Jobs
    claims: Claims
    scope: str
    """Whose jobs to take over: those noted with the same."""
    beside: Sequence[Coroutine[None, None, None]] = ()
    adoptions: Adoptions | None = None
    """Where the runs of hosts that are gone come from, when their jobs are not on this machine."""
    adopt_seconds: float = ADOPT_SECONDS


async def adopt_once(work: Work, name: str) -> None:
    """Takes in hand what hosts that are gone have left. Who can't say so now is asked again later."""
    try:
        for left in await work.driver.reconcile(work.scope):
            work.jobs.adopt(left)
        if work.adoptions is None:
            return
        for taken in await work.adoptions.take():
            work.jobs.resume(taken, name)
    except PenstockError as error:
        log.warning("runs of hosts that are gone could not be looked for: %s", error.message)


async def leave(work: Work) -> None:
    """Lets others take over at once what runs on; who can't be told finds out in time."""
    if work.adoptions:
        with suppress(PenstockError):
            await work.adoptions.leave()


class Host:
    """A loop that claims. `stop` once lets running jobs end, twice ends them; `leave` leaves them to other hosts."""

    def __init__(self, name: str, clock: Clock, *, limit: int | None = None, once: bool = False) -> None:
        self.name = name
        self.turned_at = clock.now()
        """When it last had an answer, or no room."""
        self._clock = clock
        self._limit = limit
        self._once = once
        self._stopping = asyncio.Event()
        self._leaving = False
        self._refusal: PenstockError | None = None
        self._jobs: Jobs | None = None

    @property
    def is_stopping(self) -> bool:
        """Whether it claims nothing more."""
        return self._stopping.is_set()

    @property
    def running(self) -> int:
        """How many jobs it hosts."""
        return len(self._jobs.hosted) if self._jobs else 0

    def stop(self) -> None:
        """First: claim nothing more, and end when the running jobs have. Again: end the jobs too."""
        running = self.running
        if not self._stopping.is_set():
            self._stopping.set()
            if running:
                log.info(
                    "%r is draining: it waits for %s; signal again to end what runs",
                    self.name,
                    counted(running, "running job"),
                )
        elif self._jobs and running:
            log.warning("%r ends %s", self.name, counted(running, "running job"))
            self._jobs.stop_all(KILL_GRACE_SECONDS)

    def leave(self) -> None:
        """Claims nothing more, and ends without a wait for the jobs: another host will find them running."""
        self._leaving = True
        self._stopping.set()

    def stop_on_signals(self) -> None:
        """Makes SIGTERM and SIGINT do that."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.stop)

    async def run(self, begin: Callable[[], Awaitable[Work]]) -> None:
        """Works until stopped, or, once, until what was due has ended. `begin` is tried until it is answered."""
        work = await self._until_answered(begin)
        if work is None:
            return
        self._jobs = work.jobs
        await adopt_once(work, self.name)
        beside = [asyncio.create_task(one) for one in (*work.beside, self._adopt_on(work))]
        try:
            await self._claim_on(work.claims, work.jobs)
            if not self._leaving:
                await work.jobs.until_empty()
        finally:
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)
            left = bool(work.jobs.hosted)
            await work.jobs.abandon()
            if left:
                await leave(work)
            await work.driver.close()
        if self._refusal:
            raise self._refusal

    async def _adopt_on(self, work: Work) -> None:
        while True:
            await self._clock.sleep(work.adopt_seconds * random.uniform(0.7, 1.0))
            if not self._stopping.is_set():
                await adopt_once(work, self.name)

    async def _claim_on(self, claims: Claims, jobs: Jobs) -> None:
        """A server that fails is asked again, ever more slowly."""
        wait = FIRST_WAIT
        while not self._stopping.is_set():
            room = MOST_AT_ONCE if self._limit is None else self._limit - len(jobs.hosted)
            if room <= 0:
                self.turned_at = self._clock.now()
                await self._unless_stopped(jobs.until_one_ends())
                continue
            try:
                for taken in await self._claim(claims, room):
                    jobs.begin(taken, self.name)
            except REFUSALS as error:
                log.error("the server refuses to give this worker runs, so it ends: %s", error.message)
                self._refusal = error
                self._stopping.set()
                return
            except PenstockError as error:
                if self._once:
                    raise
                log.warning("no runs could be claimed, trying again in %.1f s: %s", wait, error.message)
                await self._unless_stopped(self._clock.sleep(wait * random.uniform(0.7, 1.3)))
                wait = min(wait * 2, LONGEST_WAIT)
                continue
            if wait > FIRST_WAIT:
                log.info("the server answers again")
            wait = FIRST_WAIT
            self.turned_at = self._clock.now()
            if self._once:
                return

    async def _claim(self, claims: Claims, room: int) -> list[Taken]:
        await self._unless_stopped(claims.pause())
        if self._stopping.is_set():
            return []
        claiming = claims.claim(room, wait=not self._once)
        return await (self._unless_stopped(claiming) if claims.may_be_left else claiming) or []

    async def _until_answered(self, work: Callable[[], Awaitable[T]]) -> T | None:
        """Tries until the server answers, for ever unless once; None when stopped. Refusals are raised."""
        wait = FIRST_WAIT
        while not self._stopping.is_set():
            try:
                return await self._unless_stopped(work())
            except PASSING as error:
                if self._once:
                    raise
                log.warning("the server does not answer yet, trying again in %.1f s: %s", wait, error.message)
            await self._unless_stopped(self._clock.sleep(wait))
            wait = min(wait * 2, LONGEST_WAIT)
        return None

    async def _unless_stopped(self, work: Awaitable[T]) -> T | None:
        """The work's result, or None as soon as the loop is to stop."""
        working = asyncio.ensure_future(work)
        stopping = asyncio.create_task(self._stopping.wait())
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if working.done():
            return working.result()
        working.cancel()
        with suppress(asyncio.CancelledError, PenstockError):
            await working
        return None
