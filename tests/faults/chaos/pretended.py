"""A cloud that is only pretended: jobs are small programs that outlive their worker and answer to any other one.

The driver is a plug-in of the kind `pretended`, as an outside package would bring it. Its jobs play a run: they say
Running, sleep as long as the run's parameter says, and say Completed.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import ClassVar

import msgspec

from penstock.errors import InfrastructureFailed
from penstock.infra.protocol import Exit, Found, Job, Started

WORLD = "CHAOS_WORLD"
LOOK_SECONDS = 0.1
TAKEN = 17
"""How a job ends whose identity there is already."""
PROGRAM = Path(__file__).with_name("pretended_job.py")


class Variables(msgspec.Struct, frozen=True, kw_only=True):
    """What every type of job has."""

    name: str | None = None
    env: dict[str, str | None] | None = None
    labels: dict[str, str] | None = None
    command: str | None = None


class Pretended:
    """Jobs are files of a folder, which all workers see: the identity, and in it the process."""

    kind: ClassVar[str] = "pretended"
    Variables: ClassVar[type[msgspec.Struct]] = Variables

    def __init__(self) -> None:
        self._world = Path(os.environ[WORLD])
        self._children: dict[str, subprocess.Popen[bytes]] = {}

    async def open(self) -> None:
        """The folder is there."""

    async def start(self, job: Job) -> Started:
        seconds = msgspec.json.decode(job.payload)["flow_run"]["parameters"]["seconds"]
        command = [sys.executable, "-I", "-S", str(PROGRAM), str(self._world), job.identity, str(seconds)]
        child = self._begin(command, {**job.env, WORLD: str(self._world)})
        while (pid := self._pid(job.identity)) != child.pid:
            if child.poll() == TAKEN:
                raise InfrastructureFailed(f"Job {job.identity} was started before; it is not started twice.")
            if child.poll() is not None and self._pid(job.identity) != child.pid:
                raise InfrastructureFailed(f"Job {job.identity} ended with {child.poll()}.")
            await asyncio.sleep(0.01)
        self._children[job.identity] = child
        return Started(job.identity, str(pid))

    async def find(self, job: Job) -> Started | None:
        pid = self._pid(job.identity)
        return Started(job.identity, str(pid)) if pid else None

    async def wait(self, handle: str) -> Exit:
        await self._gone(handle)
        code = self._world / f"{handle}.exit"
        return Exit(int(code.read_text()) if code.exists() else -signal.SIGKILL)

    async def logs(self, handle: str) -> AsyncIterator[bytes]:
        await self._gone(handle)
        if self._lives(handle):
            yield b"it came back"  # which makes this a generator: there is no output

    async def stop(self, handle: str, grace: float) -> None:
        self._signal(handle, signal.SIGTERM)
        await self._gone(handle, grace)
        self._signal(handle, signal.SIGKILL)

    async def follow_up(self, handle: str, grace: float) -> None:
        """Nothing is left to be run."""

    async def reconcile(self, scope: str) -> list[Found]:
        return []

    async def forget(self, handle: str) -> None:
        """Kept: the same identity is never started again."""
        self._children.pop(handle, None)

    async def close(self) -> None:
        """Jobs run on."""

    def _begin(self, command: list[str], env: dict[str, str]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(command, env=env, start_new_session=True)

    async def _gone(self, handle: str, within: float = float("inf")) -> None:
        """Nothing tells of the end of somebody else's process, so it is looked for."""
        until = time.monotonic() + within
        while self._lives(handle):
            if time.monotonic() > until:
                return
            await asyncio.sleep(LOOK_SECONDS)

    def _pid(self, identity: str) -> int:
        try:
            return int((self._world / identity).read_text())
        except FileNotFoundError:
            return 0

    def _lives(self, handle: str) -> bool:
        if child := self._children.get(handle):
            return child.poll() is None
        if not (pid := self._pid(handle)):
            return False
        with suppress(FileNotFoundError, ProcessLookupError):
            return not Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].startswith("Z")
        return False

    def _signal(self, handle: str, number: signal.Signals) -> None:
        if self._lives(handle):
            with suppress(ProcessLookupError):
                os.kill(self._pid(handle), number)
