"""The driver's end of the keeper: orders go out, and what comes back is handed on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

import msgspec

from penstock.errors import InfrastructureFailed
from penstock.infra.process import birth
from penstock.infra.process.birth import Kept
from penstock.infra.process.orders import Order, Report, pack, unpack


class Link:
    """A keeper process and the way to it; a keeper that died is replaced at the next order."""

    def __init__(
        self, preload: str, keeper: Kept | None, on_end: Callable[[str, int], None], on_lost: Callable[[], None]
    ) -> None:
        self._preload = preload
        self._keeper = keeper
        self._on_end = on_end
        self._on_lost = on_lost
        self._begins: dict[str, asyncio.Future[int]] = {}
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None
        self._opening = asyncio.Lock()

    async def open(self) -> asyncio.StreamWriter:
        """Starts a keeper if none is there; it answers once its imports are done."""
        async with self._opening:
            if self._writer is None:
                self._keeper = self._keeper or birth.start(self._preload)
                reader, self._writer = await asyncio.open_unix_connection(sock=self._keeper.orders)
                self._reading = asyncio.create_task(self._read(reader))
            return self._writer

    async def begin(self, order: Order) -> int:
        """Begins a process and returns its pid."""
        writer = await self.open()
        began: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._begins[order.identity] = began
        writer.write(pack(order))
        try:
            return await began
        finally:
            self._begins.pop(order.identity, None)

    async def close(self) -> None:
        """Leaves the keeper to its processes; without any it ends."""
        if self._reading:
            self._reading.cancel()
            with suppress(asyncio.CancelledError):
                await self._reading
        if self._writer:
            self._writer.close()
            self._writer = None
        elif self._keeper:
            self._keeper.dismiss()

    async def _read(self, reader: asyncio.StreamReader) -> None:
        buffer = bytearray()
        with suppress(ConnectionError):
            while received := await reader.read(1 << 16):
                buffer += received
                for message in unpack(buffer):
                    self._hear(msgspec.json.decode(message, type=Report))
        self._lose()

    def _hear(self, report: Report) -> None:
        began = self._begins.get(report.identity)
        if report.code is not None:
            self._on_end(report.identity, report.code)
        elif began is None or began.done():
            return
        elif report.error:
            began.set_exception(InfrastructureFailed(f"A process could not be begun: {report.error}"))
        else:
            began.set_result(report.pid)

    def _lose(self) -> None:
        if self._writer:
            self._writer.close()
        self._writer = self._keeper = None
        for began in self._begins.values():
            if not began.done():
                began.set_exception(InfrastructureFailed("The parent of this worker's processes ended."))
        self._on_lost()
