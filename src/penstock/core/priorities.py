"""Priorities of a pool's work queues: unique, 1 first, and never renumbered more than needed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

K = TypeVar("K")


def lowest_free(taken: Mapping[K, int]) -> int:
    """The priority of a queue that asked for none: the first number nobody has."""
    used = set(taken.values())
    return next(number for number in range(1, len(used) + 2) if number not in used)


def make_room(taken: Mapping[K, int], wanted: int) -> dict[K, int]:
    """The new priorities of those that must step down by one so that `wanted` is free."""
    owner = {priority: key for key, priority in taken.items()}
    moved: dict[K, int] = {}
    place = wanted
    while place in owner:
        moved[owner[place]] = place + 1
        place += 1
    return moved
