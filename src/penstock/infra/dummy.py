"""A driver that only pretends, by a script: for tests of what hosts drivers, and for trying a pool out.

The job's configuration says what happens: `start_seconds`, `run_seconds`, `exit_code`, `output`,
`refuse` (the start fails with this message), `busy` (so many starts fail for now), `lost` (what it ran on is
taken from it), `vanish` (the job is gone with nobody knowing how it ended).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any, ClassVar

import msgspec
from msgspec import Meta

from penstock.errors import InfrastructureBusy, InfrastructureFailed
from penstock.infra.protocol import Exit, Found, Job, Started
from penstock.infra.templates import fill

TERMINATED = -15


class DummyVariables(msgspec.Struct, frozen=True, kw_only=True):
    """The script of one job."""

    name: str | None = None
    env: dict[str, str | None] | None = None
    labels: dict[str, str] | None = None
    command: str | None = None
    start_seconds: Annotated[float, Meta(description="How long the start takes.")] = 0.0
    run_seconds: Annotated[float, Meta(description="How long the job runs.")] = 0.0
    exit_code: Annotated[int, Meta(description="How the job ends.")] = 0
    output: Annotated[str, Meta(description="What the job prints.")] = ""
    refuse: Annotated[str | None, Meta(description="Why the start fails.")] = None
    busy: Annotated[int, Meta(description="How many starts fail for now, before one does not.")] = 0
    vanish: Annotated[bool, Meta(description="The job is gone and nothing says how it ended.")] = False
    lost: Annotated[str | None, Meta(description="How what the job ran on was taken from it.")] = None


class DummyInfrastructure:
    """The driver of kind `dummy`. Jobs of one `world` outlive the driver, as real ones would."""

    kind: ClassVar[str] = "dummy"
    Variables: ClassVar[type[msgspec.Struct]] = DummyVariables

    def __init__(self, world: dict[str, DummyJob] | None = None) -> None:
        self.world = {} if world is None else world
        self._hosted: set[str] = set()
        self._tries: dict[str, int] = {}

    async def open(self) -> None:
        """There is nothing to get ready."""

    async def start(self, job: Job) -> Started:
        script = fill(DummyVariables, job.configuration)
        if job.identity in self.world:
            raise InfrastructureFailed(f"Job {job.identity} was started before; it is not started twice.")
        tries = self._tries[job.identity] = self._tries.get(job.identity, 0) + 1
        if tries <= script.busy:
            raise InfrastructureBusy(f"Too many requests: try {tries} was turned away.")
        started = self.world[job.identity] = DummyJob(job, script)
        self._hosted.add(job.identity)
        started.hosted = True
        await asyncio.sleep(script.start_seconds)
        if script.refuse is not None:
            await self.forget(job.identity)
            raise InfrastructureFailed(script.refuse)
        started.run()
        return Started(job.identity, started.pid)

    async def find(self, job: Job) -> Started | None:
        if (found := self.world.get(job.identity)) is None:
            return None
        found.hosted = True
        self._hosted.add(job.identity)
        return Started(job.identity, found.pid)

    async def wait(self, handle: str) -> Exit:
        job = self._find(handle)
        code = await asyncio.shield(job.ended)
        return Exit(code, job.script.output, reason=job.script.lost or "", lost=job.script.lost is not None)

    async def logs(self, handle: str) -> AsyncIterator[bytes]:
        job = self._find(handle)
        if job.script.output:
            yield job.script.output.encode()
        await asyncio.shield(job.ended)

    async def stop(self, handle: str, grace: float) -> None:
        if job := self.world.get(handle):
            job.end(TERMINATED)

    async def follow_up(self, handle: str, grace: float) -> None:
        """A pretended job leaves nothing."""

    async def reconcile(self, scope: str) -> list[Found]:
        left = [job for job in self.world.values() if not job.hosted and job.job.note.get("scope") == scope]
        for job in left:
            job.hosted = True
            self._hosted.add(job.job.identity)
        return [Found(job.job.identity, job.pid, job.job.note) for job in left]

    async def forget(self, handle: str) -> None:
        self._hosted.discard(handle)
        if job := self.world.pop(handle, None):
            job.end(None)

    async def close(self) -> None:
        for handle in self._hosted & set(self.world):
            self.world[handle].hosted = False
        self._hosted.clear()

    def _find(self, handle: str) -> DummyJob:
        if handle not in self.world:
            raise InfrastructureFailed(f"Job {handle} is not known here.")
        return self.world[handle]


class DummyJob:
    """A job that is only a timer."""

    def __init__(self, job: Job, script: DummyVariables) -> None:
        self.job = job
        self.script = script
        self.pid = f"dummy:{job.identity}"
        self.hosted = False
        self.begun = False
        self.ended: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()

    def run(self) -> None:
        self.begun = True
        code: Any = None if self.script.vanish else self.script.exit_code
        asyncio.get_running_loop().call_later(self.script.run_seconds, self.end, code)

    def end(self, code: int | None) -> None:
        if not self.ended.done():
            self.ended.set_result(code)
