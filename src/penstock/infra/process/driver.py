"""Runs jobs as processes of this machine."""

from __future__ import annotations

import asyncio
import os
import shlex
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Annotated, ClassVar

import msgspec
from msgspec import Meta

from penstock.clock import utc_now
from penstock.errors import InfrastructureFailed
from penstock.infra.process import child, memory
from penstock.infra.process.birth import Kept
from penstock.infra.process.folder import VARIABLE, JobFolder, Process, began
from penstock.infra.process.link import Link
from penstock.infra.process.orders import Order
from penstock.infra.protocol import Exit, Found, Job, Started
from penstock.infra.templates import fill

FOLLOW_SECONDS = 0.25
LEFT_SECONDS = 86_400.0
"""After this a job that ended and has no host is cleared away, whoever it was of."""
RECORD_SECONDS, RECORD_LOOKS = 2.0, 100


class ProcessVariables(msgspec.Struct, frozen=True, kw_only=True):
    """What a deployment may set for a process."""

    name: Annotated[str | None, Meta(title="Name", description="Name of the job.")] = None
    env: Annotated[
        dict[str, str | None] | None, Meta(title="Environment Variables", description="Added to the worker's own.")
    ] = None
    labels: Annotated[dict[str, str] | None, Meta(title="Labels", description="Labels of the job.")] = None
    command: Annotated[
        str | None, Meta(title="Command", description="Run instead of the flow's own start; rarely needed.")
    ] = None
    stream_output: Annotated[
        bool, Meta(title="Stream Output", description="Show the job's output in the worker's.")
    ] = True
    working_dir: Annotated[str | None, Meta(title="Working Directory", description="Where the process begins.")] = None


class Tracked:
    """A job this driver hosts, and how it ended once it has."""

    def __init__(self, folder: JobFolder) -> None:
        self.folder = folder
        self.env: Mapping[str, str] = os.environ
        """The job's own; that of a job which was taken over is not known, and the host's has to do."""
        self.kills: int | None = None
        """How often memory had run out here when it began; not known of a job that was taken over."""
        self.pid: int | None = None
        self.ended: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()
        self.watching: asyncio.Task[None] | None = None

    def end(self, code: int | None) -> None:
        if not self.ended.done():
            self.ended.set_result(code)


class ProcessInfrastructure:
    """The driver of kind `process`; a handle is the job's identity, the name of its folder."""

    kind: ClassVar[str] = "process"
    Variables: ClassVar[type[msgspec.Struct]] = ProcessVariables

    def __init__(self, home: Path, *, preload: str = "", keeper: Kept | None = None) -> None:
        self._folders = home / "jobs"
        self._jobs: dict[str, Tracked] = {}
        self._link = Link(preload, keeper, self._on_end, self._on_keeper_lost)

    async def open(self) -> None:
        await self._link.open()

    async def start(self, job: Job) -> Started:
        wanted = fill(ProcessVariables, job.configuration)
        tracked = self._record(job)
        tracked.env, tracked.kills = job.env, memory.kills()
        try:
            tracked.pid = await self._link.begin(self._order(job, wanted, tracked.folder))
        except BaseException:
            await self.forget(job.identity)
            raise
        return Started(job.identity, str(tracked.pid))

    def _record(self, job: Job) -> Tracked:
        tracked = Tracked(JobFolder(self._folders / job.identity))
        try:
            tracked.folder.create(job.note, job.payload)
        except FileExistsError:
            raise InfrastructureFailed(f"Job {job.identity} was started before; it is not started twice.") from None
        except OSError as error:
            raise InfrastructureFailed(f"Job {job.identity} can't be written down: {error}") from error
        self._jobs[job.identity] = tracked
        return tracked

    def _order(self, job: Job, wanted: ProcessVariables, folder: JobFolder) -> Order:
        path, env = str(folder.path), {**job.env, VARIABLE: str(folder.path)}
        cwd = wanted.working_dir or path
        command = shlex.split(wanted.command) if wanted.command else job.command
        if not command and not child.can_fork(env):
            command = [sys.executable, "-P", "-m", "penstock.infra.process.child", job.entry or "", path]
        return Order(job.identity, path, cwd, env, argv=command, entry=job.entry)

    async def find(self, job: Job) -> Started | None:
        """Of this host's own jobs only: those of a host that is gone come with `reconcile`."""
        tracked = self._jobs.get(job.identity)
        return Started(job.identity, str(tracked.pid)) if tracked else None

    async def wait(self, handle: str) -> Exit:
        tracked = self._find(handle)
        code = await asyncio.shield(tracked.ended)
        reason = memory.reason(code, tracked.kills)
        return Exit(code, tracked.folder.tail(), tracked.folder.left_word(), reason=reason)

    async def logs(self, handle: str) -> AsyncIterator[bytes]:
        tracked = self._find(handle)
        with tracked.folder.output.open("rb") as file:
            while True:
                over = tracked.ended.done()
                if file.tell() > os.fstat(file.fileno()).st_size:
                    file.seek(0)  # it was too long, and began anew
                while piece := file.read(1 << 16):
                    yield piece
                if over:
                    return
                await asyncio.wait([tracked.ended], timeout=FOLLOW_SECONDS)

    async def stop(self, handle: str, grace: float) -> None:
        tracked = self._jobs.get(handle)
        if tracked is None or tracked.pid is None:
            return
        if not tracked.ended.done() and grace > 0:
            _signal_group(tracked.pid, signal.SIGTERM)
            await asyncio.wait([tracked.ended], timeout=grace)
        if not tracked.ended.done():
            _signal_group(tracked.pid, signal.SIGKILL)
            await asyncio.shield(tracked.ended)

    async def follow_up(self, handle: str, grace: float) -> None:
        tracked = self._jobs.get(handle)
        wanted = tracked.folder.follow_up() if tracked else None
        if tracked is None or wanted is None:
            return
        identity = f"{handle}-follow-up"
        following = self._jobs[identity] = Tracked(tracked.folder)
        env = {**tracked.env, VARIABLE: str(tracked.folder.path)}
        try:
            order = Order(identity, str(tracked.folder.path), wanted.cwd, env, entry=wanted.entry)
            following.pid = await self._link.begin(order)
            await asyncio.wait([following.ended], timeout=grace)
            await self.stop(identity, 0)
        finally:
            del self._jobs[identity]

    async def reconcile(self, scope: str) -> list[Found]:
        paths = sorted(self._folders.iterdir()) if self._folders.is_dir() else []
        found = []
        for path in paths:
            if path.name in self._jobs:
                continue
            if one := self._take_over(path, scope):
                found.append(one)
            elif JobFolder(path).is_left(utc_now().timestamp() - LEFT_SECONDS):
                JobFolder(path).remove()
        return found

    def _take_over(self, path: Path, scope: str) -> Found | None:
        folder = JobFolder(path)
        note = folder.note()
        if note.get("scope") != scope or not folder.hold():
            return None
        tracked = self._jobs[path.name] = Tracked(folder)
        process = folder.process()
        if process is None:
            tracked.end(None)
            return Found(path.name, None, note)
        tracked.pid = process.pid
        self._watch(tracked, process)
        return Found(path.name, str(process.pid), note)

    async def forget(self, handle: str) -> None:
        if tracked := self._jobs.pop(handle, None):
            if tracked.watching:
                tracked.watching.cancel()
            tracked.folder.remove()

    async def close(self) -> None:
        for tracked in self._jobs.values():
            if tracked.watching:
                tracked.watching.cancel()
            tracked.folder.release()
        await self._link.close()

    def _find(self, handle: str) -> Tracked:
        if handle not in self._jobs:
            raise InfrastructureFailed(f"Job {handle} is not known here.")
        return self._jobs[handle]

    def _on_end(self, identity: str, code: int) -> None:
        if tracked := self._jobs.get(identity):
            tracked.end(code)

    def _on_keeper_lost(self) -> None:
        """Nobody will say how these end; what can still be seen is that they do."""
        for tracked in self._jobs.values():
            if not tracked.ended.done() and (process := tracked.folder.process()):
                self._watch(tracked, process)

    def _watch(self, tracked: Tracked, process: Process) -> None:
        tracked.watching = asyncio.create_task(_follow(tracked, process))


async def _follow(tracked: Tracked, process: Process) -> None:
    """Waits for a process that is not a child of ours, and for what its keeper records of its end."""
    folder = tracked.folder
    if folder.exit_code() is None and began(process.pid) == process.began:
        await _gone(process.pid)
    for _ in range(RECORD_LOOKS):
        if folder.exit_code() is not None:
            break
        await asyncio.sleep(RECORD_SECONDS / RECORD_LOOKS)
    tracked.end(folder.exit_code())


async def _gone(pid: int) -> None:
    loop = asyncio.get_running_loop()
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    over = asyncio.Event()
    loop.add_reader(descriptor, over.set)
    try:
        await over.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)


def _signal_group(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)
