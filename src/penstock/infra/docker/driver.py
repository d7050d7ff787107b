"""Runs jobs as containers of a Docker engine."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, ClassVar

import msgspec

from penstock.errors import InfrastructureFailed
from penstock.infra.docker import output
from penstock.infra.docker.container import IDENTITY, DockerConfiguration, DockerVariables, name_of, read, settings
from penstock.infra.docker.engine import FAULTS, Engine, auth_of, has_image, pull, refusal, said, status_of
from penstock.infra.docker.watch import Watch
from penstock.infra.protocol import Exit, Found, Job, Started

RETRY_SECONDS = 0.5
SIGNAL_CODES = range(129, 129 + 64)
GONE = "The container is gone: it was removed while nobody had seen it end."


@dataclass(slots=True)
class Tracked:
    """A container in this host's hands."""

    ended: asyncio.Future[dict[str, Any] | None]
    auto_remove: bool
    end: Exit | None = None


class DockerInfrastructure:
    """The driver of kind `docker`. A handle is the container's id.

    The container's name is made of the job's identity, so that the engine itself refuses a second one. A container
    that is to be removed is removed by `forget`, not by the engine, which would take its exit code and output along.
    """

    kind: ClassVar[str] = "docker"
    Variables: ClassVar[type[msgspec.Struct]] = DockerVariables

    def __init__(self) -> None:
        self._engine = Engine()
        self._watch = Watch(self._engine)
        self._jobs: dict[str, Tracked] = {}

    async def open(self) -> None:
        await self._engine.open()
        self._watch.open()

    async def start(self, job: Job) -> Started:
        wanted = read(job.configuration)
        if not wanted.image:
            raise InfrastructureFailed(
                "No image is named: set the job variable 'image' of the deployment or the pool to one "
                "in which Penstock is installed."
            )
        if await self._container(job) is not None:
            raise InfrastructureFailed(_twice(job))
        await self._engine.call(self._provide, wanted)
        container = await self._engine.call(self._create, job, wanted)
        return self._track(container, wanted)

    async def find(self, job: Job) -> Started | None:
        """One that was created and not started, since its host died in between, is started."""
        wanted = read(job.configuration)
        container = await self._container(job)
        if container is None:
            return None
        if container.status == "created":
            await self._engine.call(_begin, container, wanted)
        return self._track(container, wanted)

    async def wait(self, handle: str) -> Exit:
        tracked = self._find(handle)
        shown = await asyncio.shield(tracked.ended)
        if tracked.end is None:
            tracked.end = await self._exit(handle, shown)
        return tracked.end

    async def logs(self, handle: str) -> AsyncIterator[bytes]:
        tracked = self._find(handle)
        seen = 0
        while True:
            follow = output.Follow(self._engine, handle, seen)
            over = tracked.ended.done()
            async for piece in follow.pieces():
                seen += len(piece)
                yield piece
            await asyncio.wait([tracked.ended], timeout=RETRY_SECONDS)
            if over or (tracked.ended.done() and not follow.was_cut):
                return

    async def stop(self, handle: str, grace: float) -> None:
        """Asks with the image's own stop signal, SIGTERM by default."""
        tracked = self._jobs.get(handle)
        if tracked is None:
            return
        if not tracked.ended.done() and grace > 0:
            await self._signal(handle, None)
            await asyncio.wait([tracked.ended], timeout=grace)
        while not tracked.ended.done():
            await self._signal(handle, "SIGKILL")
            await asyncio.wait([tracked.ended], timeout=5)

    async def follow_up(self, handle: str, grace: float) -> None:
        """A container leaves nothing to be run: `flow-run execute` inside it does all there is."""

    async def reconcile(self, scope: str) -> list[Found]:
        """None: the server knows whose runs are left, and `find` takes their containers in hand."""
        return []

    async def forget(self, handle: str) -> None:
        tracked = self._jobs.pop(handle, None)
        if tracked is None:
            return
        self._watch.drop(handle)
        if tracked.auto_remove:
            with suppress(*FAULTS):  # it is gone, or the engine is
                await self._engine.call(self._engine.client.api.remove_container, handle, v=True, force=True)

    async def close(self) -> None:
        self._watch.close()
        self._engine.close()

    def _find(self, handle: str) -> Tracked:
        if handle not in self._jobs:
            raise InfrastructureFailed(f"Job {handle} is not known here.")
        return self._jobs[handle]

    def _track(self, container: Any, wanted: DockerConfiguration) -> Started:
        if container.id not in self._jobs:
            self._jobs[container.id] = Tracked(self._watch.end_of(container.id), wanted.auto_remove)
        return Started(container.id, f"{self._engine.client.api.base_url}:{container.id}")

    async def _container(self, job: Job) -> Any | None:
        try:
            found = await self._engine.call(self._engine.client.containers.get, name_of(job.identity))
        except FAULTS as error:
            if status_of(error) == 404:
                return None
            raise refusal(error, f"The Docker engine could not be asked for the job: {said(error)}.") from error
        return found if found.labels.get(IDENTITY) == job.identity else None

    def _provide(self, wanted: DockerConfiguration) -> None:
        """Pulls the image where the policy asks for it."""
        image, policy = str(wanted.image), wanted.image_pull_policy
        name, _, digest = image.partition("@")
        tag = name.rpartition("/")[2].partition(":")[2]
        policy = policy or ("IfNotPresent" if digest or tag not in ("", "latest") else "Always")
        if policy == "Never" or (policy == "IfNotPresent" and has_image(self._engine.client, image)):
            return
        credentials = wanted.registry_credentials
        try:
            pull(self._engine.client, image, auth_of(msgspec.to_builtins(credentials)) if credentials else None)
        except InfrastructureFailed as error:
            is_here = has_image(self._engine.client, image)
            if policy == "IfPossible" and is_here:
                return
            if not is_here:
                raise
            others = "The engine has an image of this name: image_pull_policy IfNotPresent would use it."
            raise InfrastructureFailed(f"{error.message} {others}") from error

    def _create(self, job: Job, wanted: DockerConfiguration) -> Any:
        """A container that runs, or none."""
        arguments = settings(job, wanted, shares_host=self._engine.shares_host)
        try:
            container = self._engine.client.containers.create(**arguments)
        except (*FAULTS, TypeError, ValueError) as error:
            if status_of(error) == 409:
                raise InfrastructureFailed(_twice(job)) from error
            raise refusal(error, f"The container could not be created: {_uncreated(error, wanted)}") from error
        try:
            for network in (wanted.networks or ())[1:]:
                self._engine.client.networks.get(network).connect(container)
            _begin(container, wanted)
        except (*FAULTS, InfrastructureFailed) as error:
            with suppress(*FAULTS):
                container.remove(force=True)
            if isinstance(error, InfrastructureFailed):
                raise
            raise refusal(error, f"The container could not be started: {said(error)}.") from error
        return container

    async def _signal(self, handle: str, name: str | None) -> None:
        """Sends a signal, the container's own one by default; what is not running or gone needs none."""
        try:
            if name is None:
                shown = await self._engine.call(self._engine.client.api.inspect_container, handle)
                name = shown["Config"].get("StopSignal") or "SIGTERM"
            await self._engine.call(self._engine.client.api.kill, handle, name)
        except FAULTS as error:
            if status_of(error) not in (404, 409):
                raise InfrastructureFailed(f"The container could not be stopped: {said(error)}.") from error

    async def _exit(self, handle: str, shown: dict[str, Any] | None) -> Exit:
        if shown is None:
            return Exit(None, reason=GONE)
        state, limit = shown["State"], shown["HostConfig"].get("Memory") or 0
        code = int(state["ExitCode"])
        if code in SIGNAL_CODES and code - 128 in set(signal.Signals):
            code = 128 - code
        reason = str(state.get("Error") or "")
        if state.get("OOMKilled"):
            most = f"its limit of {limit / (1 << 20):.0f} MiB" if limit else "the memory of its machine"
            reason = f"The container ran out of memory: it needed more than {most}."
        return Exit(code, await output.tail(self._engine, handle), reason=reason)


def _begin(container: Any, wanted: DockerConfiguration) -> None:
    """Starts a container; one that runs is left as it is."""
    try:
        container.start()
    except FAULTS as error:
        words = said(error)
        if "executable file not found" in words or "no such file or directory" in words.lower():
            words += (
                f". The image {wanted.image!r} lacks the program: install Penstock in it, or set the job variable "
                "'command' to what the image has"
            )
        raise refusal(error, f"The container could not be started: {words}.") from error


def _twice(job: Job) -> str:
    return f"Job {job.identity} was started before; it is not started twice."


def _uncreated(error: BaseException, wanted: DockerConfiguration) -> str:
    if status_of(error) == 404 and "image" in said(error).lower():
        return f"the engine has no image {wanted.image!r}, and image_pull_policy is {wanted.image_pull_policy}."
    return f"{said(error)}."
