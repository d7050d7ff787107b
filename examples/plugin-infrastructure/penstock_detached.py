"""Runs each job in a shell that is detached from its worker, as `nohup` would, in a folder of its own.

A job's folder holds what the next worker needs to know of it: `output`, `pid`, the signal that was `asked` of it, and,
once it has ended, its `code`. As long as any of its processes lives, a lock on `alive` is held, so that nobody is
misled by a process of the same number.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Annotated, ClassVar

import msgspec
from msgspec import Meta

from penstock.errors import InfrastructureFailed
from penstock.infra.protocol import Exit, Found, Job, Started
from penstock.infra.templates import fill

LOOK_SECONDS = 0.1
TAIL = 4096
SHELL = '"$@"; echo $? > code.new; mv code.new code'


class DetachedVariables(msgspec.Struct, frozen=True, kw_only=True):
    """What a deployment may set; the form of a pool is made of this."""

    name: str | None = None
    env: Annotated[dict[str, str | None] | None, Meta(title="Environment Variables")] = None
    labels: Annotated[dict[str, str] | None, Meta(title="Labels")] = None
    command: Annotated[str | None, Meta(title="Command", description="Run instead of the flow's own start.")] = None
    jobs_folder: Annotated[
        str, Meta(title="Jobs Folder", description="Where the folders of the jobs are, on the worker's machine.")
    ] = "~/.penstock-detached"
    niceness: Annotated[int, Meta(title="Niceness", ge=0, le=19, description="19 lets all others go first.")] = 0


class Detached:
    """The driver of kind `detached`. A handle is the path of the job's folder."""

    kind: ClassVar[str] = "detached"
    Variables: ClassVar[type[msgspec.Struct]] = DetachedVariables

    def __init__(self) -> None:
        self._jobs: dict[str, subprocess.Popen[bytes] | None] = {}

    async def open(self) -> None:
        """There is nothing to get ready."""

    async def start(self, job: Job) -> Started:
        wanted = fill(DetachedVariables, job.configuration)
        folder = _folder(job, wanted)
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            raise InfrastructureFailed(f"Job {job.identity} was started before; it is not started twice.") from None
        except OSError as error:
            raise InfrastructureFailed(f"The job's folder {folder} can't be made: {error.strerror}.") from error
        process = _spawn(folder, job, wanted)
        (folder / "pid").write_text(str(process.pid))
        self._jobs[str(folder)] = process
        return Started(str(folder), str(process.pid))

    async def find(self, job: Job) -> Started | None:
        folder = _folder(job, fill(DetachedVariables, job.configuration))
        if not (folder / "pid").exists():
            return None
        self._jobs.setdefault(str(folder), None)
        return Started(str(folder), (folder / "pid").read_text())

    async def wait(self, handle: str) -> Exit:
        folder = self._known(handle)
        while _is_alive(folder):  # noqa: ASYNC110 - who is another worker's child can only be looked at
            await asyncio.sleep(LOOK_SECONDS)
        self._reap(handle)
        output = (folder / "output").read_bytes()[-TAIL:].decode(errors="replace")
        if (folder / "code").exists():
            code = int((folder / "code").read_text())
            return Exit(128 - code if code > 128 else code, output)
        if (folder / "asked").exists():
            return Exit(-int((folder / "asked").read_text()), output)
        return Exit(None, output, reason="The shell of the job is gone and wrote down no exit code.", lost=True)

    async def logs(self, handle: str) -> AsyncIterator[bytes]:
        folder = self._known(handle)
        with (folder / "output").open("rb") as output:
            while _is_alive(folder):
                if piece := output.read():
                    yield piece
                await asyncio.sleep(LOOK_SECONDS)
            yield output.read()

    async def stop(self, handle: str, grace: float) -> None:
        folder = Path(handle)
        if handle not in self._jobs:
            return
        loop = asyncio.get_running_loop()
        over_at = loop.time() + grace
        if grace:
            _signal(folder, signal.SIGTERM)
        while _is_alive(folder):
            if loop.time() >= over_at:
                _signal(folder, signal.SIGKILL)
            await asyncio.sleep(LOOK_SECONDS)

    async def follow_up(self, handle: str, grace: float) -> None:
        """A job leaves nothing to be run in its place."""

    async def reconcile(self, scope: str) -> list[Found]:
        """None: the server knows whose runs are left, and `find` takes their jobs in hand."""
        return []

    async def forget(self, handle: str) -> None:
        if handle in self._jobs:
            self._reap(handle)
            del self._jobs[handle]
            shutil.rmtree(handle, ignore_errors=True)

    async def close(self) -> None:
        self._jobs.clear()

    def _known(self, handle: str) -> Path:
        if handle not in self._jobs:
            raise InfrastructureFailed(f"Job {handle} is not known here.")
        return Path(handle)

    def _reap(self, handle: str) -> None:
        """Lets the system forget the ended shell, where it is a child of this process."""
        if process := self._jobs[handle]:
            process.wait()


def _folder(job: Job, wanted: DetachedVariables) -> Path:
    """Named after run and attempt, so that the file system itself refuses a second one."""
    return Path(wanted.jobs_folder).expanduser() / job.identity


def _spawn(folder: Path, job: Job, wanted: DetachedVariables) -> subprocess.Popen[bytes]:
    command = shlex.split(wanted.command) if wanted.command else job.command or []
    path = f"{Path(sys.executable).parent}:{os.environ.get('PATH', os.defpath)}"
    with (folder / "output").open("wb") as output, (folder / "alive").open("wb") as alive:
        fcntl.flock(alive, fcntl.LOCK_EX)
        return subprocess.Popen(
            ["nice", "-n", str(wanted.niceness), "sh", "-c", SHELL, "sh", *command],
            cwd=folder,
            env={**os.environ, "PATH": path, **job.env},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            pass_fds=[alive.fileno()],
        )


def _is_alive(folder: Path) -> bool:
    if (folder / "code").exists() or not (folder / "alive").exists():
        return False
    with (folder / "alive").open("rb") as alive:
        try:
            fcntl.flock(alive, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _signal(folder: Path, number: signal.Signals) -> None:
    """To the shell and all that it has started; the shell dies of it, so the signal is what there is to tell."""
    (folder / "asked").write_text(str(int(number)))
    with suppress(ProcessLookupError):
        os.killpg(int((folder / "pid").read_text()), number)
