"""What became of each part of an upgrade, told as soon as it is known."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

T = TypeVar("T")


class Part(StrEnum):
    """What an outcome is about."""

    POOL = "work pool"
    QUEUE = "work queue"
    BLOCK = "block"
    DEPLOYMENT = "deployment"


class Did(StrEnum):
    """What became of it."""

    MADE = "made"
    CHANGED = "changed"
    THERE = "there already"
    WAITING = "waiting for a worker"
    UPGRADED = "upgraded"
    ROLLED_BACK = "rolled back"
    BLOCKED = "blocked"
    FAILED = "failed"
    LEFT = "left by its last deployment"


@dataclass(frozen=True, slots=True)
class Outcome:
    """One part with what became of it; `name` as commands name it."""

    part: Part
    name: str
    did: Did
    reason: str | None = None
    """Why it failed or is blocked."""
    moved_runs: int = 0

    @property
    def failed(self) -> bool:
        return self.did is Did.FAILED

    @property
    def command(self) -> str | None:
        """What somebody may do about it, as a command."""
        if self.did is Did.LEFT:
            return f"penstock work-pool delete {shlex.quote(self.name)}"
        return f"penstock worker start --pool {shlex.quote(self.name)}" if self.did is Did.WAITING else None

    @property
    def sentence(self) -> str:
        """What became of it, without the full stop, which may come behind the command."""
        name = self.name if self.part is Part.DEPLOYMENT else f"The {self.part} {self.name!r}"
        if self.did is Did.LEFT:
            return f"{name} has no deployments any more. It is kept for a rollback; delete it once that is not wanted"
        if self.did is Did.WAITING:
            return f"{name} waits for a worker"
        if self.did in (Did.FAILED, Did.BLOCKED):
            return f"{name} {_VERBS[self.did]}: {(self.reason or '').rstrip('.')}"
        runs = "1 run" if self.moved_runs == 1 else f"{self.moved_runs} runs"
        along = f"; {runs} went along" if self.moved_runs else ""
        return f"{name} {_VERBS[self.did]}{along}"


_VERBS = {
    Did.MADE: "is made",
    Did.CHANGED: "is changed",
    Did.THERE: "is there already",
    Did.UPGRADED: "is upgraded",
    Did.ROLLED_BACK: "is rolled back",
    Did.BLOCKED: "is blocked",
    Did.FAILED: "failed",
}


async def as_they_end(works: Iterable[Callable[[], Awaitable[T]]]) -> AsyncIterator[T]:
    """The result of each piece of work as soon as it is there. Whoever stops listening cancels what is left."""
    tasks = [asyncio.ensure_future(work()) for work in works]
    try:
        for ended in asyncio.as_completed(tasks):
            yield await ended
    finally:
        for task in tasks:
            task.cancel()


async def merged(streams: Iterable[AsyncIterator[T]]) -> AsyncIterator[T]:
    """What comes of several streams, as it comes. Whoever stops listening ends those that have not ended."""
    news: asyncio.Queue[tuple[T] | None] = asyncio.Queue()

    async def follow(stream: AsyncIterator[T]) -> None:
        try:
            async for one in stream:
                news.put_nowait((one,))
        finally:
            news.put_nowait(None)

    tasks = [asyncio.create_task(follow(stream)) for stream in streams]
    try:
        for _ in tasks:
            while (came := await news.get()) is not None:
                yield came[0]
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
