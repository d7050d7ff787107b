"""Sees containers end: told by the engine's events at once, and by looking now and then, for when none came.

An event says only that it is time to look; what the engine shows of a container decides. A connection that is lost
ends nothing: the engine is asked again until it answers.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Iterable
from typing import Any

from penstock.infra.docker.container import IDENTITY
from penstock.infra.docker.engine import FAULTS, Engine, NotFound, said

LOOK_SECONDS = 30.0
FIRST_WAIT, LONGEST_WAIT = 0.5, 15.0
FILTERS = {"type": "container", "event": ["die", "destroy"], "label": IDENTITY}
ENDED = ("exited", "dead")

log = logging.getLogger("penstock.docker")


class Watch:
    """The containers in this host's hands, each with the future of how it ended: what `inspect` shows, None if gone."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._ends: dict[str, asyncio.Future[dict[str, Any] | None]] = {}
        self._heard: asyncio.Queue[str | None] = asyncio.Queue()
        self._tasks: list[asyncio.Task[None]] = []
        self._closed = threading.Event()
        self._stream: Any = None

    def open(self) -> None:
        """Begins to listen."""
        loop = asyncio.get_running_loop()
        threading.Thread(target=self._listen, args=(loop,), name="docker-events", daemon=True).start()
        self._tasks = [asyncio.create_task(self._look_on()), asyncio.create_task(self._look_now_and_then())]

    def end_of(self, container: str) -> asyncio.Future[dict[str, Any] | None]:
        """The future of a container, which is watched from now on."""
        if container not in self._ends:
            self._ends[container] = asyncio.get_running_loop().create_future()
            self._heard.put_nowait(container)
        return self._ends[container]

    def drop(self, container: str) -> None:
        """It is watched no longer."""
        if future := self._ends.pop(container, None):
            future.cancel()

    def close(self) -> None:
        """Ends the listening."""
        self._closed.set()
        for task in self._tasks:
            task.cancel()
        if self._stream is not None:
            self._stream.close()

    async def _look_on(self) -> None:
        wait = FIRST_WAIT
        while True:
            container = await self._heard.get()
            try:
                for one in [container] if container else self._open_ends():
                    await self._look(one)
                wait = FIRST_WAIT
            except FAULTS as error:
                log.warning("the Docker engine does not answer, asking again in %.1f s: %s", wait, said(error))
                await asyncio.sleep(wait)
                wait = min(wait * 2, LONGEST_WAIT)
                self._heard.put_nowait(None)

    async def _look_now_and_then(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            self._heard.put_nowait(None)

    def _open_ends(self) -> Iterable[str]:
        return [container for container, future in self._ends.items() if not future.done()]

    async def _look(self, container: str) -> None:
        future = self._ends.get(container)
        if future is None or future.done():
            return
        try:
            shown = await self._engine.call(self._engine.client.api.inspect_container, container)
        except NotFound:
            shown = None
        if not future.done() and (shown is None or shown["State"]["Status"] in ENDED):
            future.set_result(shown)

    def _listen(self, loop: asyncio.AbstractEventLoop) -> None:
        wait = FIRST_WAIT
        while not self._closed.is_set():
            try:
                self._stream = self._engine.client.api.events(filters=FILTERS, decode=True)
                loop.call_soon_threadsafe(self._heard.put_nowait, None)  # what ended while nobody listened
                for event in self._stream:
                    wait = FIRST_WAIT
                    loop.call_soon_threadsafe(self._heard.put_nowait, event["Actor"]["ID"])
            except RuntimeError:
                return  # the loop is closed
            except Exception as error:  # of whatever sort: the connection is made again
                log.debug("the Docker engine's events were cut off: %s", error)
            self._closed.wait(wait)
            wait = min(wait * 2, LONGEST_WAIT)
