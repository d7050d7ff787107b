"""Modal's control plane on this machine, by Modal's own protocol, as far as sandboxes go.

Sandboxes end as their image says: `exit-3`, `stays`, `slow` (runs into its time limit), `missing` (can't be built).
A command that begins with `say` is printed.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from grpclib import GRPCError, Status
from grpclib.server import Server, Stream
from modal_proto import api_grpc, api_pb2

from tests.live.servers import free_port

TOKEN_ID, TOKEN_SECRET = "ak-1", "as-1"
Results = api_pb2.GenericResult


@dataclass
class Box:
    """One sandbox."""

    definition: Any
    tags: dict[str, str]
    image: str
    waits: int = 0
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    terminated: bool = False

    def result(self) -> Any:
        """How it ended; None while it has not."""
        self.waits += 1
        if self.terminated:
            return Results(status=Results.GENERIC_STATUS_TERMINATED)
        if self.waits < 2 or self.image == "stays":
            return None
        self.ended.set()
        if self.image == "slow":
            return Results(status=Results.GENERIC_STATUS_TIMEOUT)
        code = int(self.image.removeprefix("exit-"))
        good = Results.GENERIC_STATUS_SUCCESS if code == 0 else Results.GENERIC_STATUS_FAILURE
        return Results(status=good, exitcode=code)

    def text(self) -> str:
        words = list(self.definition.entrypoint_args)
        return " ".join(words[1:]) if words[:1] == ["say"] else ""


class ModalDouble(api_grpc.ModalClientBase):
    """Calls that sandboxes need; every other call fails the test that makes it."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.faults: list[tuple[str, Status]] = []
        self.images: dict[str, str] = {}
        self.secrets: dict[str, dict[str, str]] = {}
        self.boxes: dict[str, Box] = {}

    async def ClientHello(self, stream: Stream[Any, Any]) -> None:
        await self._begin("ClientHello", stream)
        await stream.send_message(api_pb2.ClientHelloResponse())

    async def AuthTokenGet(self, stream: Stream[Any, Any]) -> None:
        await self._begin("AuthTokenGet", stream)
        await stream.send_message(api_pb2.AuthTokenGetResponse(token="e30.eyJleHAiOjk5OTk5OTk5OTl9.x"))

    async def AppGetOrCreate(self, stream: Stream[Any, Any]) -> None:
        asked = await self._begin("AppGetOrCreate", stream)
        await stream.send_message(api_pb2.AppGetOrCreateResponse(app_id=f"ap-{asked.app_name}"))

    async def EnvironmentGetOrCreate(self, stream: Stream[Any, Any]) -> None:
        await self._begin("EnvironmentGetOrCreate", stream)
        settings = api_pb2.EnvironmentSettings(image_builder_version="2025.06")
        metadata = api_pb2.EnvironmentMetadata(name="main", settings=settings)
        await stream.send_message(api_pb2.EnvironmentGetOrCreateResponse(environment_id="en-1", metadata=metadata))

    async def ImageGetOrCreate(self, stream: Stream[Any, Any]) -> None:
        asked = await self._begin("ImageGetOrCreate", stream)
        [name] = re.findall(r"FROM (\S+)", "\n".join(asked.image.dockerfile_commands)) or ["?"]
        key = f"im-{len(self.images)}"
        self.images[key] = name
        await stream.send_message(api_pb2.ImageGetOrCreateResponse(image_id=key))

    async def ImageJoinStreaming(self, stream: Stream[Any, Any]) -> None:
        asked = await self._begin("ImageJoinStreaming", stream)
        missing = self.images[asked.image_id] == "missing"
        status = Results.GENERIC_STATUS_FAILURE if missing else Results.GENERIC_STATUS_SUCCESS
        result = Results(status=status, exception="manifest for missing not found" if missing else "")
        await stream.send_message(api_pb2.ImageJoinStreamingResponse(result=result))

    async def SecretGetOrCreate(self, stream: Stream[Any, Any]) -> None:
        asked = await self._begin("SecretGetOrCreate", stream)
        key = f"st-{len(self.secrets)}"
        self.secrets[key] = dict(asked.env_dict) or {"name": asked.deployment_name}
        await stream.send_message(api_pb2.SecretGetOrCreateResponse(secret_id=key))

    async def SandboxCreate(self, stream: Stream[Any, Any]) -> None:
        asked = await self._begin("SandboxCreate", stream)
        name = asked.definition.name
        if any(box.definition.name == name and not box.ended.is_set() for box in self.boxes.values()):
            raise GRPCError(Status.ALREADY_EXISTS, f"Sandbox with name {name!r} already exists.")
        key = f"sb-{len(self.boxes):022d}"
        tags = {tag.tag_name: tag.tag_value for tag in asked.tags}
        self.boxes[key] = Box(asked.definition, tags, self.images[asked.definition.image_id])
        await stream.send_message(api_pb2.SandboxCreateResponse(sandbox_id=key))

    async def SandboxGetTaskId(self, stream: Stream[Any, Any]) -> None:
        asked = await self._begin("SandboxGetTaskId", stream)
        await stream.send_message(api_pb2.SandboxGetTaskIdResponse(task_id=f"ta-{asked.sandbox_id}"))

    async def SandboxGetFromName(self, stream: Stream[Any, Any]) -> None:
        asked = await self._begin("SandboxGetFromName", stream)
        for key, box in self.boxes.items():
            if box.definition.name == asked.sandbox_name and not box.ended.is_set():
                return await stream.send_message(api_pb2.SandboxGetFromNameResponse(sandbox_id=key))
        raise GRPCError(Status.NOT_FOUND, f"Sandbox {asked.sandbox_name!r} not found.")

    async def SandboxTagsGet(self, stream: Stream[Any, Any]) -> None:
        asked = await self._begin("SandboxTagsGet", stream)
        tags = self.boxes[asked.sandbox_id].tags.items()
        found = [api_pb2.SandboxTag(tag_name=name, tag_value=value) for name, value in tags]
        await stream.send_message(api_pb2.SandboxTagsGetResponse(tags=found))

    async def SandboxWait(self, stream: Stream[Any, Any]) -> None:
        asked = await self._begin("SandboxWait", stream)
        await stream.send_message(api_pb2.SandboxWaitResponse(result=self.boxes[asked.sandbox_id].result()))

    async def SandboxTerminate(self, stream: Stream[Any, Any]) -> None:
        asked = await self._begin("SandboxTerminate", stream)
        box = self.boxes[asked.sandbox_id]
        box.terminated = True
        box.ended.set()
        await stream.send_message(api_pb2.SandboxTerminateResponse())

    async def SandboxGetLogs(self, stream: Stream[Any, Any]) -> None:
        asked = await self._begin("SandboxGetLogs", stream)
        box = self.boxes[asked.sandbox_id]
        if asked.file_descriptor == api_pb2.FILE_DESCRIPTOR_STDOUT and box.text():
            items = [api_pb2.TaskLogs(data=box.text(), file_descriptor=asked.file_descriptor)]
            await stream.send_message(api_pb2.TaskLogsBatch(entry_id="1", items=items))
        await box.ended.wait()
        await stream.send_message(api_pb2.TaskLogsBatch(entry_id="2", eof=True))

    async def _begin(self, call: str, stream: Stream[Any, Any]) -> Any:
        asked = await stream.recv_message()
        self.calls.append(call)
        metadata: Any = stream.metadata or {}
        if (metadata.get("x-modal-token-id"), metadata.get("x-modal-token-secret")) != (TOKEN_ID, TOKEN_SECRET):
            raise GRPCError(Status.UNAUTHENTICATED, "Token ID is malformed")
        for fault in self.faults:
            if fault[0] == call:
                self.faults.remove(fault)
                raise GRPCError(fault[1], "scripted failure")
        return asked


def _refusing(call: str) -> Any:
    async def refuse(self: ModalDouble, stream: Stream[Any, Any]) -> None:
        self.calls.append(call)
        raise GRPCError(Status.UNIMPLEMENTED, f"the double does not know {call}")

    return refuse


def _all(names: Iterator[str]) -> type[ModalDouble]:
    return type("WholeModalDouble", (ModalDouble,), {name: _refusing(name) for name in names})


WholeModalDouble = _all(iter(ModalDouble.__abstractmethods__))


@asynccontextmanager
async def served() -> AsyncIterator[tuple[ModalDouble, str]]:
    """The double and its address, on this loop."""
    double = WholeModalDouble()
    server = Server([double])
    port = free_port()
    await server.start("127.0.0.1", port)
    try:
        yield double, f"http://127.0.0.1:{port}"
    finally:
        server.close()
        await server.wait_closed()
