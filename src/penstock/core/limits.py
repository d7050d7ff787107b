"""Concurrency limits: how many slots are used, and when it is worth asking again.

A limit without decay counts its live leases and what was taken without a lease. A limit with decay is a
rate limit: what was taken drains away by itself, `slot_decay_per_second` at a time (Prefect API 0.8.4).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from math import floor
from uuid import UUID

from penstock.errors import InvalidRequest

SHORTEST_WAIT = 0.1
TAG_PREFIX = "tag:"
DEPLOYMENT_PREFIX = "deployment:"
"""How the names begin of the limits on task runs with a tag, and on runs of a deployment."""

NOTHING_HELD = UUID("00000000-0000-8000-8000-000000000000")
"""The lease on no slot at all, for names that have no limit: it can be renewed and given back for ever."""


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit as it stands: `taken` without a lease up to `taken_at`, `leased` by live leases."""

    id: UUID
    name: str
    limit: int
    active: bool
    taken: float
    taken_at: datetime
    leased: int
    denied: int = 0
    decay: float = 0.0
    occupancy: float = 2.0
    """Mean seconds for which a slot is held."""

    def used(self, now: datetime) -> int:
        """Slots in use now."""
        drained = floor(self.decay * max(0.0, (now - self.taken_at).total_seconds()))
        taken = max(0, floor(self.taken) - drained)
        return taken if self.decay else taken + self.leased

    def has_room(self, slots: int, now: datetime) -> bool:
        """Whether so many more may be taken; an inactive limit limits nothing."""
        return not self.active or self.used(now) + slots <= self.limit


def check(limits: list[Limit], slots: int, mode: str) -> None:
    """Refuses what can never succeed: more slots than a limit has, or a rate of a limit that does not decay."""
    if mode not in ("concurrency", "rate_limit"):
        raise InvalidRequest(f"mode is 'concurrency' or 'rate_limit', not {mode!r}", loc=("body", "mode"))
    for limit in limits:
        if limit.active and slots > limit.limit:
            raise InvalidRequest(f"{slots} slots can never be free: {limit.name!r} has {limit.limit}.")
        if mode == "rate_limit" and limit.active and limit.decay <= 0:
            raise InvalidRequest("A rate needs a limit whose slots decay: set slot_decay_per_second.")


def wait(limit: Limit, slots: int, jitter: float, longest: float) -> float:
    """Seconds until a slot is likely free, `longest` at most; `jitter` from 0 to 1 spreads the askers.

    The mean time between two releases, so that a free slot is not left idle for long; Prefect's server
    adds all those denied before, which leaves slots idle under load.
    """
    expected = slots / limit.decay if limit.decay else limit.occupancy * slots / max(1, limit.limit)
    return min(max(expected * (0.7 + 0.6 * jitter), SHORTEST_WAIT), max(longest, SHORTEST_WAIT))


def new_occupancy(limit: Limit, held_for: float) -> float:
    """The mean after one more holder: a moving average over about as many as there are slots."""
    weight = 1 / max(2, limit.limit)
    return limit.occupancy * (1 - weight) + held_for * weight
