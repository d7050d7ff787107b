"""Modal: each job of a run is a sandbox, named after the run and the attempt, in one app of Modal.

Modal refuses a second sandbox of a name while the first runs. Of one that has ended it keeps no name, so an ended job
of an earlier host is not found; the server knows how its run ended, or takes it for lost.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from typing import Annotated, Any, ClassVar

import modal
import msgspec
from modal import exception
from msgspec import Meta

from penstock.errors import InfrastructureFailed
from penstock.ids import new_id
from penstock.infra import cloud_names
from penstock.infra.polling import Absent, AlreadyThere, Pace, Passing, PolledInfrastructure, RemoteJob, growing
from penstock.infra.protocol import Exit, Job
from penstock.infra.templates import fill

LONGEST_NAME = 63
LONGEST_RUN = 86_400
POLL_SECONDS = 5.0
LAST_LETTERS = 4000
MARK = "penstock-start"
"""Tag: which start made the sandbox, so that a start whose answer was lost knows its own again."""
OUTPUT_SECONDS = 10.0
"""How long the rest of an ended job's output is waited for."""
TERMINATED = -15
PASSING = (
    exception.ConnectionError,
    exception.InternalError,
    exception.ServiceError,
    exception.ResourceExhaustedError,
    TimeoutError,
    OSError,
)

log = logging.getLogger("penstock.infra")


class ModalVariables(msgspec.Struct, frozen=True, kw_only=True):
    """A pool of type `modal` or `modal:push`. Prefect publishes no template of its own for it: this one is ours."""

    modal_credentials: Annotated[dict[str, Any], Meta(title="Modal Credentials")]
    name: Annotated[str | None, Meta(title="Name")] = None
    env: Annotated[dict[str, str] | None, Meta(title="Environment Variables")] = None
    labels: Annotated[dict[str, str] | None, Meta(title="Labels")] = None
    command: Annotated[str | None, Meta(title="Command")] = None
    image: Annotated[str, Meta(title="Image")] = "prefecthq/prefect:3-latest"
    cpu: Annotated[float | None, Meta(title="CPU", description="Cores, such as 0.5.")] = None
    memory: Annotated[int | None, Meta(title="Memory", description="MiB.")] = None
    gpu: Annotated[str | None, Meta(title="GPU", description="Kind and number, such as A100:2.")] = None
    timeout: Annotated[int, Meta(title="Timeout", description="Seconds; at most a day.", gt=0, le=LONGEST_RUN)] = 86_400
    secrets: Annotated[list[str] | None, Meta(title="Secrets", description="Names of secrets in Modal.")] = None
    region: Annotated[str | None, Meta(title="Region")] = None
    app: Annotated[str, Meta(title="App", description="The app of Modal that the jobs belong to.")] = "penstock"
    stream_output: Annotated[bool, Meta(title="Stream Output")] = True


class ModalInfrastructure(PolledInfrastructure):
    """Starts, watches and stops sandboxes. Where Modal is, its client reads from `MODAL_SERVER_URL`."""

    kind: ClassVar[str] = "modal"
    Variables: ClassVar[type[msgspec.Struct]] = ModalVariables

    def __init__(self, pace: Pace | None = None) -> None:
        super().__init__(pace)
        self._clients: dict[tuple[str, str], modal.Client] = {}

    async def attach(self, job: Job) -> RemoteJob:
        wanted = fill(ModalVariables, job.configuration)
        client = await self._client(wanted.modal_credentials)
        return Sandbox(client, wanted, job, self.pace)

    async def close(self) -> None:
        await super().close()
        for client in self._clients.values():
            await client.close.aio()
        self._clients.clear()

    async def _client(self, block: Mapping[str, Any]) -> modal.Client:
        pair = str(block.get("token_id") or ""), str(block.get("token_secret") or "")
        if not all(pair):
            raise InfrastructureFailed("The modal-credentials block needs `token_id` and `token_secret`.")
        if pair not in self._clients:
            self._clients[pair] = await _asked(modal.Client.from_credentials.aio(*pair))
        return self._clients[pair]


class Sandbox:
    """One sandbox."""

    def __init__(self, client: modal.Client, wanted: ModalVariables, job: Job, pace: Pace) -> None:
        self.pid = ""
        self.poll_seconds = min(POLL_SECONDS, pace.longest)
        self._client = client
        self._wanted = wanted
        self._job = job
        self._pace = pace
        self._name = cloud_names.resource_name(job.identity, LONGEST_NAME)
        self._mark = new_id().hex
        self._sandbox: Any = None
        self._text = ""
        self._readers: list[asyncio.Task[None]] = []
        self._cancelled = False

    async def create(self) -> None:
        try:
            self._sandbox = await self._create()
        except AlreadyThere:
            found = await self._named()
            if (await _asked(found.get_tags.aio())).get(MARK) != self._mark:
                raise
            self._sandbox = found

    async def _create(self) -> Any:
        wanted = self._wanted
        command = cloud_names.words(wanted.command, self._job.command) or []
        app = await _asked(modal.App.lookup.aio(wanted.app, client=self._client, create_if_missing=True))
        return await _asked(
            modal.Sandbox.create.aio(
                *command,
                app=app,
                name=self._name,
                tags={**cloud_names.labels(wanted.labels), MARK: self._mark},
                image=modal.Image.from_registry(wanted.image),
                secrets=[
                    modal.Secret.from_dict(dict(self._job.env)),
                    *(modal.Secret.from_name(name) for name in wanted.secrets or []),
                ],
                timeout=wanted.timeout,
                cpu=wanted.cpu,
                memory=wanted.memory,
                gpu=wanted.gpu,
                region=wanted.region,
                client=self._client,
            )
        )

    async def begin(self) -> None:
        """A sandbox begins by itself; from here on its output is read."""
        self.pid = self._sandbox.object_id
        if not self._readers:
            streams = self._sandbox.stdout, self._sandbox.stderr
            self._readers = [asyncio.create_task(self._read(stream)) for stream in streams]

    async def exists(self) -> bool:
        try:
            self._sandbox = await self._named()
        except Absent:
            return False
        return True

    async def look(self) -> Exit | None:
        code = await _asked(self._sandbox.poll.aio())
        if code is None:
            return None
        await asyncio.wait(self._readers, timeout=OUTPUT_SECONDS)
        text = self._text[-LAST_LETTERS:]
        if self._cancelled:
            return Exit(TERMINATED, text, reason="The sandbox was terminated.")
        return Exit(code, text, reason=await self._reason())

    async def cancel(self) -> None:
        self._cancelled = True
        await _asked(self._sandbox.terminate.aio())

    async def remove(self) -> None:
        await self.cancel()

    async def tidy(self) -> None:
        for reader in self._readers:
            reader.cancel()

    def output(self, ended: asyncio.Future[Exit]) -> AsyncIterator[bytes]:
        return growing(self._so_far, ended, self._pace, self.poll_seconds)

    async def _named(self) -> Any:
        return await _asked(modal.Sandbox.from_name.aio(self._wanted.app, self._name, client=self._client))

    async def _so_far(self) -> str:
        return self._text

    async def _read(self, stream: Any) -> None:
        """What can't be read is said and missed; it ends no job."""
        try:
            async for piece in stream:
                self._text += piece
        except (*PASSING, exception.Error) as error:
            log.warning("the output of %s could not be read on: %s", self._name, error)

    async def _reason(self) -> str:
        """Modal's own word for an end that was not the container's."""
        try:
            await self._sandbox.wait.aio(raise_on_termination=True)
        except exception.SandboxTimeoutError:
            return f"The sandbox ran into its time limit of {self._wanted.timeout} s."
        except exception.SandboxTerminatedError:
            return "The sandbox was terminated in Modal."
        except PASSING as error:
            return f"Modal could not be asked why: {error}"
        return ""


async def _asked(call: Any) -> Any:
    """The answer of Modal, or what its refusal means."""
    try:
        return await call
    except exception.NotFoundError as error:
        raise Absent(str(error)) from error
    except exception.AlreadyExistsError as error:
        raise AlreadyThere(str(error)) from error
    except PASSING as error:
        raise Passing(f"Modal does not do it now: {error}") from error
    except exception.Error as error:
        raise InfrastructureFailed(f"Modal refuses: {error}") from error


def own_token() -> dict[str, str]:
    """The token that Modal's own tools use here; `InfrastructureFailed` says how to get one."""
    found = {name: str(modal.config.config.get(name) or "") for name in ("token_id", "token_secret")}
    if not all(found.values()):
        raise InfrastructureFailed("No token of Modal is set on this machine. Get one with: modal token new")
    return found


async def check_token(token: Mapping[str, str]) -> None:
    """Asks Modal whether it takes the token; `InfrastructureFailed` with its words if not."""
    client = await _asked(modal.Client.from_credentials.aio(token["token_id"], token["token_secret"]))
    try:
        await _asked(modal.App.lookup.aio("penstock", client=client, create_if_missing=True))
    except Passing as error:
        raise InfrastructureFailed(str(error)) from error
    finally:
        await client.close.aio()
