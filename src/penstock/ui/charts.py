"""Charts as numbers: where each bar is. The templates draw them as SVG; colours come from the style sheet."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from penstock.clock import to_micros
from penstock.ui.wording import TONES, seconds, tone
from penstock.wire.flow_runs import FlowRun, HistoryInterval, HistoryState

HEIGHT = 100.0
WIDTH = 1000.0
ORDER = (
    "completed",
    "running",
    "pending",
    "scheduled",
    "late",
    "paused",
    "cancelling",
    "cancelled",
    "crashed",
    "failed",
)
"""From the foot of a bar to its top: what went well carries what did not."""
SLENDEREST = 3.0
SHORTEST = 0.01
MARKS = (0.01, 0.1, 1, 10, 60, 600, 3600, 6 * 3600, 86_400, 7 * 86_400)
"""Lengths that the scatter's scale names, in seconds."""


@dataclass(frozen=True, slots=True)
class Part:
    """One colour of a bar."""

    tone: str
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class Bar:
    """One interval."""

    x: float
    width: float
    title: str
    parts: list[Part]
    begin: int
    end: int
    """Its interval, in microseconds since 1970."""


@dataclass(frozen=True, slots=True)
class Histogram:
    """Bars side by side; `totals` are tone, word and count over all of them, `most` the runs of the fullest bar."""

    start: datetime
    end: datetime
    bars: list[Bar]
    totals: list[tuple[str, str, int]]
    most: int = 0
    width: float = WIDTH
    height: float = HEIGHT
    top: float = SLENDEREST * 3
    """How far the fullest bar stays below the upper edge."""

    @property
    def step(self) -> float:
        """The seconds of one bar."""
        return (self.end - self.start).total_seconds() / len(self.bars)

    @property
    def count(self) -> int:
        """All runs of the chart."""
        return sum(count for _, _, count in self.totals)

    def of(self, *tones: str) -> int:
        """Runs of these tones."""
        return sum(count for tone, _, count in self.totals if tone in tones)


@dataclass(frozen=True, slots=True)
class Spot:
    """One run in the scatter: hundredths of the width and of the height, from the top left."""

    run: FlowRun
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Scatter:
    """How long runs took over when they began; `marks` are places and words of the scale, which is logarithmic."""

    start: datetime
    end: datetime
    spots: list[Spot]
    marks: list[tuple[float, str]]
    totals: list[tuple[str, str, int]]


def histogram(intervals: Sequence[HistoryInterval]) -> Histogram:
    """The bars of a history, the fullest as high as the chart."""
    counts = [_by_tone(interval.states) for interval in intervals]
    most = max((count.total() for count in counts), default=0)
    step = WIDTH / max(len(intervals), 1)
    bars = [
        Bar(
            round(index * step + step * 0.1, 2),
            round(step * 0.8, 2),
            _title(interval, count),
            _parts(count, most or 1),
            to_micros(interval.interval_start),
            to_micros(interval.interval_end),
        )
        for index, (interval, count) in enumerate(zip(intervals, counts, strict=True))
    ]
    totals = _totals(sum(counts, Counter[str]()))
    return Histogram(intervals[0].interval_start, intervals[-1].interval_end, bars, totals, most)


def scatter(runs: Sequence[FlowRun], start: datetime, end: datetime, now: datetime) -> Scatter:
    """The runs that began, each at its length; one that runs still is as long as it has been running."""
    lengths = [(run, run.start_time, _length(run, run.start_time, now)) for run in runs if run.start_time]
    shortest = min((length for _, _, length in lengths), default=1.0)
    longest = max((length for _, _, length in lengths), default=60.0)
    low, high = math.log10(shortest) - 0.15, math.log10(longest) + 0.15

    def height(length: float) -> float:
        return round((high - math.log10(length)) / (high - low) * 100, 2)

    whole = (end - start) / timedelta(seconds=1)
    spots = [
        Spot(run, round(min(max((begun - start).total_seconds() / whole * 100, 0), 100), 2), height(length))
        for run, begun, length in lengths
    ]
    marks = [(height(mark), seconds(mark, short=True)) for mark in MARKS if low < math.log10(mark) < high]
    totals = _totals(Counter(tone(run) for run, _, _ in lengths))
    return Scatter(start, end, spots, marks if len(marks) < 7 else marks[::2], totals)


def _length(run: FlowRun, begun: datetime, now: datetime) -> float:
    """In seconds; what took no time is as long as the least that is drawn."""
    return max(((run.end_time or now) - begun).total_seconds(), SHORTEST)


def _totals(every: Counter[str]) -> list[tuple[str, str, int]]:
    return [(word, word.capitalize(), every[word]) for word in ORDER if every[word]]


def _by_tone(states: Sequence[HistoryState]) -> Counter[str]:
    found: Counter[str] = Counter()
    for state in states:
        found[TONES.get(state.state_name, state.state_type.lower())] += state.count_runs
    return found


def _parts(count: Counter[str], most: int) -> list[Part]:
    """From the foot up; the least of a bad kind stays visible."""
    parts, foot = [], HEIGHT
    for word in ORDER:
        if count[word]:
            height = max(count[word] / most * (HEIGHT - SLENDEREST * 3), SLENDEREST)
            foot -= height
            parts.append(Part(word, round(foot, 2), round(height, 2)))
    return parts


def _title(interval: HistoryInterval, count: Counter[str]) -> str:
    words = ", ".join(f"{count[tone]} {tone}" for tone in ORDER if count[tone]) or "no runs"
    return f"{interval.interval_start:%Y-%m-%d %H:%M} UTC: {words}"
