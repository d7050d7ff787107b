"""Which part of a history is known by the step, and which is still to be counted run by run.

A step is known when its hour is. It serves a chart when it lies whole in one bar: those that a bar's edge cuts through,
and all that is not known, are counted from the runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

HOUR = 3_600_000_000
"""All times are microseconds since 1970."""

Span = tuple[int, int]
"""From a moment to before another."""


@dataclass(frozen=True, slots=True)
class Bars:
    """The bars of a chart: from `first` on, each `step` long; only what is from `low` to before `high` is shown."""

    first: int
    step: int
    low: int
    high: int

    def hold(self, begins: int, length: int) -> bool:
        """Whether a stretch lies whole in one bar, and in what is shown."""
        whole = self.low <= begins and begins + length <= self.high
        return whole and (begins - self.first) // self.step == (begins + length - 1 - self.first) // self.step


def split(bars: Bars, hours: Iterable[int], length: int) -> tuple[list[Span], list[Span]]:
    """The spans that the steps of the known hours serve, and the others; both in order. `length` divides an hour."""
    known = _joined(_served(bars, hours, length))
    rest, at = [], bars.low
    for begins, ends in known:
        if at < begins:
            rest.append((at, begins))
        at = ends
    if at < bars.high:
        rest.append((at, bars.high))
    return known, rest


def _served(bars: Bars, hours: Iterable[int], length: int) -> Iterator[Span]:
    for hour in sorted(hours):
        if bars.hold(hour, HOUR):
            yield hour, hour + HOUR
        elif length < HOUR:
            for begins in range(hour, hour + HOUR, length):
                if bars.hold(begins, length):
                    yield begins, begins + length


def _joined(spans: Iterable[Span]) -> list[Span]:
    found: list[Span] = []
    for begins, ends in spans:
        if found and found[-1][1] == begins:
            found[-1] = (found[-1][0], ends)
        else:
            found.append((begins, ends))
    return found
