"""What became of each part of an upgrade, told as soon as it is known."""

from __future__ import annotations

import asyncio
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


async def as_they_end(works: Iterable[Callable[[], Awaitable[T]]]) -> AsyncIterator[T]:
    """The result of each piece of work as soon as it is there. Whoever stops listening cancels what is left."""
    tasks = [asyncio.ensure_future(work()) for work in works]
    try:
        for ended in asyncio.as_completed(tasks):
            yield await ended
    finally:
        for task in tasks:
            task.cancel()
