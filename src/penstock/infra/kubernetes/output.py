"""A container's output as it comes, whole, however often the connection to it breaks."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator
from concurrent.futures import wait

from penstock.errors import InfrastructureFailed
from penstock.infra.kubernetes.cluster import Stream
from penstock.infra.kubernetes.hosted import Hosted
from penstock.infra.polling import Absent, Pace, Passing

QUEUED = 1000
MARGIN_SECONDS = 60
"""How much more of the output is asked for again after a break than should be needed."""


class Follower:
    """Reads a pod's log in a thread of its own; each line has the node's time before it, by which it is known again."""

    def __init__(self, hosted: Hosted, pod: str, container: str, pace: Pace) -> None:
        self._hosted = hosted
        self._pod = pod
        self._container = container
        self._pace = pace
        self._loop = asyncio.get_running_loop()
        self._lines: asyncio.Queue[bytes | None] = asyncio.Queue(QUEUED)
        self._closed = threading.Event()
        self._stream: Stream | None = None
        self._last = b""
        self._last_at: float | None = None
        threading.Thread(target=self._run, name=f"log of {pod}", daemon=True).start()

    async def lines(self) -> AsyncIterator[bytes]:
        """Each line once, in order, until the container has ended."""
        try:
            while (line := await self._lines.get()) is not None:
                yield line
        finally:
            self.close()

    def close(self) -> None:
        """Ends the thread soon."""
        self._closed.set()
        if self._stream:
            self._stream.close()

    def _run(self) -> None:
        waits = self._pace.waits()
        while not self._closed.is_set():
            over = self._hosted.ended.done()  # asked before reading: what was written before its end is then all there
            try:
                self._read()
            except Passing:
                over = False
            except (Absent, InfrastructureFailed):
                over = True
            except RuntimeError:  # the loop that is told has ended
                return
            if over:
                break
            self._closed.wait(next(waits))
        self._tell(None)

    def _read(self) -> None:
        since = None if self._last_at is None else int(time.monotonic() - self._last_at) + MARGIN_SECONDS
        hosted = self._hosted
        self._stream = hosted.cluster.output(hosted.namespace, self._pod, self._container, since)
        for line in self._stream:
            if self._closed.is_set():
                return
            at, _, text = line.partition(b" ")
            if _moment(at) <= _moment(self._last):
                continue
            self._last, self._last_at = at, time.monotonic()
            self._tell(text + b"\n")

    def _tell(self, line: bytes | None) -> None:
        """Waits for room, so that output nobody takes is not heaped up here."""
        if self._closed.is_set() or self._loop.is_closed():
            return
        putting = asyncio.run_coroutine_threadsafe(self._lines.put(line), self._loop)
        while not self._closed.is_set() and not wait([putting], 1).done:
            continue
        putting.cancel()


def _moment(at: bytes) -> bytes:
    """A time of which earlier ones are less: the fraction of a second has as many digits as the node likes."""
    whole, _, fraction = at.rstrip(b"Z").partition(b".")
    return whole + b"." + fraction.ljust(9, b"0") if at else b""
