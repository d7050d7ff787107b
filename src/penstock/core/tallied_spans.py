"""Which part of a history is known by tallies, and which is still to be counted row by row.

An hour is known as a whole and in steps, each with a tally. One serves a chart when it lies whole in one bar: steps
serve where a bar's edge cuts through an hour, and what is left is counted from the rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

HOUR = 3_600_000_000
"""All times are microseconds since 1970."""
STEP = 60_000_000
"""What an hour is divided into."""
BEFORE_ALL, AFTER_ALL = -(2**62), 2**62

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


@dataclass(frozen=True, slots=True)
class Division:
    """Spans by what tells of them: tallies of hours, tallies of steps, or the rows; each in order."""

    hours: list[Span]
    steps: list[Span]
    rest: list[Span]


def one_bar(low: int | None, high: int | None) -> Bars:
    """All from a moment to before another, where there are such; for a sum rather than a chart."""
    low, high = BEFORE_ALL if low is None else low, AFTER_ALL if high is None else high
    return Bars(low, max(high - low, 1), low, max(high, low))


def divided(bars: Bars, hours: Iterable[int], *, by_steps: bool) -> Division:
    """What the known hours serve; `by_steps` says that their steps are known too."""
    whole: list[Span] = []
    parts: list[Span] = []
    for hour in sorted(hours):
        if bars.hold(hour, HOUR):
            whole.append((hour, hour + HOUR))
        elif by_steps:
            parts += [(begins, begins + STEP) for begins in range(hour, hour + HOUR, STEP) if bars.hold(begins, STEP)]
    return Division(_joined(whole), _joined(parts), list(_between(bars, _joined(sorted(whole + parts)))))


def _between(bars: Bars, known: Iterable[Span]) -> Iterator[Span]:
    at = bars.low
    for begins, ends in known:
        if at < begins:
            yield at, begins
        at = ends
    if at < bars.high:
        yield at, bars.high


def _joined(spans: Iterable[Span]) -> list[Span]:
    found: list[Span] = []
    for begins, ends in spans:
        if found and found[-1][1] == begins:
            found[-1] = (found[-1][0], ends)
        else:
            found.append((begins, ends))
    return found
