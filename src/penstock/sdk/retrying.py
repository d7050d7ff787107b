"""How long to wait between the tries of a task."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

MOST_WAITS = 50

Delays = float | Sequence[float] | Callable[[int], list[float]]


def exponential_backoff(backoff_factor: float) -> Callable[[int], list[float]]:
    """Waits for `retry_delay_seconds` that double: the factor, twice the factor, four times ..."""

    def waits(retries: int) -> list[float]:
        return [backoff_factor * 2**place for place in range(min(retries, MOST_WAITS))]

    return waits


def delay(chosen: Delays, *, retries: int, run_count: int, jitter: float | None) -> float:
    """Seconds before the next try: a number, one of a list (the last repeats), or what a function says."""
    if callable(chosen):
        chosen = chosen(retries)
    if isinstance(chosen, Sequence):
        seconds = float(chosen[min(run_count, len(chosen)) - 1]) if chosen else 0.0
    else:
        seconds = float(chosen)
    return seconds * (1 + random.uniform(0, jitter)) if jitter else seconds
