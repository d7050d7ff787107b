"""Jobs that a cloud runs: watched by asking again and again, whatever happens to a single question.

A cloud's driver says what one of its jobs is (`RemoteJob`); everything that is the same for all clouds is here.
Only what the cloud says ends a job: a question that fails is asked again, ever more slowly.
"""

from __future__ import annotations

import asyncio
import logging
import random
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import ClassVar, Protocol, TypeVar

import msgspec

from penstock.errors import InfrastructureBusy, InfrastructureFailed
from penstock.infra.protocol import Exit, Found, Job, Started

T = TypeVar("T")

FORCED = -9
GONE_AFTER_LOOKS = 2
"""A cloud may not show at once what it has just made: one look that finds nothing proves nothing."""

log = logging.getLogger("penstock.infra")


class Passing(Exception):
    """Trouble that passes: throttled, failing or unreachable. What was asked for may or may not have been done."""


class Absent(Exception):
    """The cloud knows nothing of that name."""


class AlreadyThere(Exception):
    """The cloud has something of that name already."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How patiently a cloud is asked: seconds before the next question, and how often a start is tried."""

    first: float = 0.5
    longest: float = 30.0
    attempts: int = 6

    def waits(self, longest: float | None = None) -> Iterator[float]:
        """Growing, without end, and scattered, so that many hosts do not ask at the same moment."""
        wait = self.first
        while True:
            yield wait * random.uniform(0.7, 1.3)
            wait = min(wait * 1.6, longest or self.longest)


class RemoteJob(Protocol):
    """One job in a cloud. Calls may raise `Passing`, `Absent`, or `InfrastructureFailed` in the cloud's words."""

    pid: str
    """What the API shows; known once the job was created or found."""
    poll_seconds: float
    """How often to look, at most this long between two looks."""

    async def create(self) -> None:
        """Makes the job under a name of its identity; `AlreadyThere` when it is another start's."""
        ...

    async def begin(self) -> None:
        """Sets the created job going; a second call finds it going."""
        ...

    async def exists(self) -> bool:
        """Whether a job of this identity was created, by whomever."""
        ...

    async def look(self) -> Exit | None:
        """How it ended, or None while it has not."""
        ...

    async def cancel(self) -> None:
        """Asks it to end."""
        ...

    async def remove(self) -> None:
        """Deletes it, running or not."""
        ...

    async def tidy(self) -> None:
        """Deletes what is left of an ended job, where that is wanted."""
        ...

    def output(self, ended: asyncio.Future[Exit]) -> AsyncIterator[bytes]:
        """Its output from the beginning, until it has ended."""
        ...


class PolledInfrastructure(ABC):
    """A driver whose jobs are watched by polling: only `attach` is left to say.

    A base class, against the house's habit: eleven methods of four drivers would only hand on to the same object.
    """

    kind: ClassVar[str]
    Variables: ClassVar[type[msgspec.Struct]]

    def __init__(self, pace: Pace | None = None) -> None:
        self.pace = pace or Pace()
        self._watched: dict[str, Watched] = {}

    @abstractmethod
    async def attach(self, job: Job) -> RemoteJob:
        """The job in the cloud, not created yet. `InfrastructureFailed` says what in its configuration is wrong."""

    async def open(self) -> None:  # noqa: B027 (nothing to do is right for every cloud)
        """Clients are made with the credentials of each job."""

    async def start(self, job: Job) -> Started:
        if job.identity in self._watched:
            raise _twice(job.identity)
        remote = await self.attach(job)
        try:
            await self._patiently(remote.create)
        except AlreadyThere:
            raise _twice(job.identity) from None
        try:
            await self._patiently(remote.begin)
        except (InfrastructureFailed, Absent):
            await self._drop(remote)
            raise
        return self._watch(job, remote)

    async def find(self, job: Job) -> Started | None:
        if job.identity in self._watched:
            return Started(job.identity, self._watched[job.identity].remote.pid)
        remote = await self.attach(job)
        if not await self._patiently(remote.exists):
            return None
        await self._patiently(remote.begin)
        return self._watch(job, remote)

    async def wait(self, handle: str) -> Exit:
        return await asyncio.shield(self._known(handle).ended)

    async def logs(self, handle: str) -> AsyncIterator[bytes]:
        watched = self._known(handle)
        async for piece in watched.remote.output(watched.ended):
            yield piece
        await asyncio.wait({watched.ended})

    async def stop(self, handle: str, grace: float) -> None:
        if watched := self._watched.get(handle):
            await watched.stop(grace)

    async def follow_up(self, handle: str, grace: float) -> None:  # noqa: B027 (the same)
        """What a cloud's job leaves behind cannot be run on the host's machine."""

    async def reconcile(self, scope: str) -> list[Found]:
        return []

    async def forget(self, handle: str) -> None:
        if watched := self._watched.pop(handle, None):
            watched.close()
            with suppress(Absent, InfrastructureFailed):
                await self._patiently(watched.remote.tidy)

    async def close(self) -> None:
        for watched in self._watched.values():
            watched.close()
        self._watched.clear()

    def _watch(self, job: Job, remote: RemoteJob) -> Started:
        self._watched[job.identity] = Watched(job.identity, remote, self.pace)
        return Started(job.identity, remote.pid)

    def _known(self, handle: str) -> Watched:
        if handle not in self._watched:
            raise InfrastructureFailed(f"Job {handle} is not known here.")
        return self._watched[handle]

    async def _patiently(self, ask: Callable[[], Awaitable[T]]) -> T:
        return await patiently(ask, self.pace)

    async def _drop(self, remote: RemoteJob) -> None:
        try:
            await self._patiently(remote.remove)
        except Absent:
            return
        except InfrastructureFailed as error:
            log.warning("what is left of a failed start could not be removed: %s", error.message)


class Watched:
    """A job and the one task that watches it, for any number of waiters."""

    def __init__(self, handle: str, remote: RemoteJob, pace: Pace) -> None:
        self.remote = remote
        self.ended: asyncio.Future[Exit] = asyncio.get_running_loop().create_future()
        self._handle = handle
        self._pace = pace
        self._hurry = asyncio.Event()
        self._task = asyncio.create_task(self._until_ended())
        self._task.add_done_callback(self._broken)

    async def stop(self, grace: float) -> None:
        """Asks, waits, and then deletes the job."""
        if self.ended.done():
            return
        if grace > 0:
            with suppress(Absent):
                await patiently(self.remote.cancel, self._pace)
            self._hurry.set()
            await asyncio.wait({self.ended}, timeout=grace)
        if not self.ended.done():
            with suppress(Absent):
                await patiently(self.remote.remove, self._pace)
            self._end(Exit(FORCED, reason="It was ended by force, as it had not ended in time."))

    def close(self) -> None:
        """Watches no longer; those who still wait are told so."""
        self._task.cancel()
        self.ended.cancel()

    async def _until_ended(self) -> None:
        looks, trouble, missed = self._pace.waits(self.remote.poll_seconds), self._pace.waits(), 0
        while not self.ended.done():
            wait = next(looks)
            try:
                if found := await self.remote.look():
                    self._end(found)
                trouble, missed = self._pace.waits(), 0
            except Absent:
                missed += 1
                if missed >= GONE_AFTER_LOOKS:
                    self._end(Exit(None, reason="The cloud does not know the job any more: it was deleted."))
            except (Passing, InfrastructureFailed) as error:
                wait = max(wait, next(trouble))
                log.warning("job %s could not be looked at, next try in %.1f s: %s", self._handle, wait, error)
            if not self.ended.done():
                await self._pause(wait)

    async def _pause(self, seconds: float) -> None:
        """Waits; a stop that was asked for makes the next look come soon, from then on at the quickest pace."""
        if self._hurry.is_set():
            await asyncio.sleep(min(seconds, self._pace.first))
            return
        with suppress(TimeoutError):
            await asyncio.wait_for(self._hurry.wait(), seconds)

    def _broken(self, task: asyncio.Task[None]) -> None:
        """A watch that fails in a way nobody foresaw is told to those who wait, not kept from them."""
        if not task.cancelled() and (error := task.exception()) and not self.ended.done():
            self.ended.set_exception(error)

    def _end(self, found: Exit) -> None:
        if not self.ended.done():
            self.ended.set_result(found)


async def no_output() -> AsyncIterator[bytes]:
    """The output of a job whose cloud keeps it elsewhere."""
    for piece in list[bytes]():
        yield piece


async def growing(
    read: Callable[[], Awaitable[str]], ended: asyncio.Future[Exit], pace: Pace, longest: float
) -> AsyncIterator[bytes]:
    """The output of a job whose cloud gives all of it each time, piece by piece, until the job has ended."""
    seen, waits, last = "", pace.waits(longest), False
    while not last:
        last = ended.done()
        text = seen
        with suppress(Passing, Absent, InfrastructureFailed):
            text = await read()
        new = text[len(seen) :] if text.startswith(seen) else text
        seen = text
        if new:
            yield new.encode()
        if not last:
            await asyncio.wait({ended}, timeout=next(waits))


async def patiently(ask: Callable[[], Awaitable[T]], pace: Pace) -> T:
    """Asks again while the trouble passes; `InfrastructureBusy` with the last of it once the attempts are used up."""
    waits = pace.waits()
    for attempt in range(1, pace.attempts + 1):
        try:
            return await ask()
        except Passing as error:
            if attempt == pace.attempts:
                raise InfrastructureBusy(f"Given up after {attempt} attempts: {error}") from error
            log.info("asking the cloud again: %s", error)
        await asyncio.sleep(next(waits))
    raise AssertionError("a pace has at least one attempt")


def _twice(identity: str) -> InfrastructureFailed:
    return InfrastructureFailed(f"Job {identity} was started before; it is not started twice.")
