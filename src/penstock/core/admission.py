"""Who may be claimed: how many runs a queue may still hand out.

The order is the queues' priority, then the time a run is due. Limits of a pool and its queues only
hold back what is handed out; a deployment's limit is a slot that a run takes (see `transitions`).
Facts: Prefect API 0.8.4.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

MOST_PER_QUEUE = 1000
"""What a queue without a limit hands out at once."""


@dataclass(frozen=True, slots=True)
class QueueLoad:
    """A queue as it stands: `active` are its runs in PENDING and RUNNING."""

    id: str
    priority: int
    is_paused: bool
    limit: int | None
    active: int

    @property
    def room(self) -> int:
        """How many more runs it takes."""
        if self.is_paused:
            return 0
        return MOST_PER_QUEUE if self.limit is None else max(0, self.limit - self.active)


@dataclass(frozen=True, slots=True)
class PoolLoad:
    """A pool as it stands; `queues` are all of its queues, asked for or not."""

    id: str
    is_paused: bool
    limit: int | None
    queues: tuple[QueueLoad, ...]

    @property
    def is_limited(self) -> bool:
        """Whether what is active counts, so that two claims must not look at the same time."""
        return self.limit is not None or any(queue.limit is not None for queue in self.queues)

    def room(self, wanted: int) -> int:
        """How many of the wanted runs the pool takes."""
        if self.is_paused:
            return 0
        if self.limit is None:
            return wanted
        return max(0, min(wanted, self.limit - sum(queue.active for queue in self.queues)))


def in_turn(pool: PoolLoad, names: Iterable[str] | None) -> Iterator[QueueLoad]:
    """The queues to take runs from (those with these ids, or all), the most important first."""
    wanted = None if names is None else set(names)
    for queue in sorted(pool.queues, key=lambda queue: (queue.priority, queue.id)):
        if queue.room and (wanted is None or queue.id in wanted):
            yield queue
