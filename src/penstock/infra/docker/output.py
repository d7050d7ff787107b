"""A container's output, as it comes."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

from penstock.infra.docker.engine import Engine

TAIL_LINES, TAIL_CHARACTERS = 20, 4096
MOST_WAITING = 64


class Follow:
    """One reading of a container's output from its beginning, with the first `skip` bytes left out.

    `was_cut` tells after the last piece that the connection was lost before the output ended.
    """

    def __init__(self, engine: Engine, container: str, skip: int) -> None:
        self.was_cut = False
        self._engine = engine
        self._container = container
        self._skip = skip
        self._stream: Any = None
        self._closed = False
        self._pieces: asyncio.Queue[bytes | None] = asyncio.Queue(MOST_WAITING)

    async def pieces(self) -> AsyncIterator[bytes]:
        """Reads in a thread of its own: it waits for as long as the container is silent."""
        loop = asyncio.get_running_loop()
        threading.Thread(target=self._read, args=(loop,), name="docker-logs", daemon=True).start()
        try:
            while (piece := await self._pieces.get()) is not None:
                yield piece
        finally:
            self._closed = True
            while not self._pieces.empty():
                self._pieces.get_nowait()  # lets a thread that waits for room see that nobody reads
            if self._stream is not None:
                with suppress(Exception):
                    self._stream.close()

    def _read(self, loop: asyncio.AbstractEventLoop) -> None:
        try:
            logs = self._engine.client.api.logs
            self._stream = logs(self._container, stdout=True, stderr=True, stream=True, follow=True)
            for piece in self._stream:
                if self._closed:
                    return
                self._pass_on(loop, piece)
            self._engine.client.ping()  # a stream that ends looks the same when its connection was lost
        except Exception:  # of whatever sort: who reads sees what has become of the container, and reads on
            self.was_cut = True
        with suppress(RuntimeError):  # the loop is closed
            asyncio.run_coroutine_threadsafe(self._pieces.put(None), loop)

    def _pass_on(self, loop: asyncio.AbstractEventLoop, piece: bytes) -> None:
        left_out = min(self._skip, len(piece))
        self._skip -= left_out
        if left_out < len(piece):
            asyncio.run_coroutine_threadsafe(self._pieces.put(piece[left_out:]), loop).result()


async def tail(engine: Engine, container: str) -> str:
    """The last lines; empty where the engine keeps none (some logging drivers can't be read)."""
    try:
        found = await engine.call(engine.client.api.logs, container, tail=TAIL_LINES)
    except Exception:  # there may be nothing left to read, and the end is known without
        return ""
    return bytes(found).decode(errors="replace")[-TAIL_CHARACTERS:]
