"""Charts as numbers: where each bar is. The templates draw them as SVG; colours come from the style sheet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from penstock.ui.wording import TONES
from penstock.wire.flow_runs import HistoryInterval, HistoryState
from penstock.wire.task_runs import TaskRun

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


@dataclass(frozen=True, slots=True)
class Histogram:
    """Bars side by side; `totals` are tone, word and count over all of them."""

    start: datetime
    end: datetime
    bars: list[Bar]
    totals: list[tuple[str, str, int]]
    width: float = WIDTH
    height: float = HEIGHT

    @property
    def count(self) -> int:
        """All runs of the chart."""
        return sum(count for _, _, count in self.totals)

    def of(self, *tones: str) -> int:
        """Runs of these tones."""
        return sum(count for tone, _, count in self.totals if tone in tones)


@dataclass(frozen=True, slots=True)
class Span:
    """One task in the timeline: where it begins and how long it is, in hundredths of the whole."""

    task: TaskRun
    x: float
    width: float
    begun: bool


def histogram(intervals: Sequence[HistoryInterval]) -> Histogram:
    """The bars of a history, the fullest as high as the chart."""
    counts = [_by_tone(interval.states) for interval in intervals]
    most = max((count.total() for count in counts), default=0) or 1
    step = WIDTH / max(len(intervals), 1)
    bars = [
        Bar(index * step + step * 0.1, step * 0.8, _title(interval, count), _parts(count, most))
        for index, (interval, count) in enumerate(zip(intervals, counts, strict=True))
    ]
    every = sum(counts, Counter[str]())
    totals = [(tone, tone.capitalize(), every[tone]) for tone in ORDER if every[tone]]
    return Histogram(intervals[0].interval_start, intervals[-1].interval_end, bars, totals)


def timeline(tasks: Sequence[TaskRun], start: datetime | None, end: datetime) -> list[Span]:
    """Where each task is between the start and the end of its run; what has not begun waits at the end."""
    first = min([one.start_time for one in tasks if one.start_time] + ([start] if start else []), default=end)
    whole = max((end - first) / timedelta(microseconds=1), 1)

    def at(moment: datetime) -> float:
        return min(max((moment - first) / timedelta(microseconds=1) / whole * 100, 0), 100)

    spans = []
    for one in tasks:
        begins = at(one.start_time) if one.start_time else 100.0
        ends = at(one.end_time or end) if one.start_time else 100.0
        spans.append(
            Span(one, round(min(begins, 99.4), 2), round(max(ends - begins, 0.6), 2), one.start_time is not None)
        )
    return spans


def _by_tone(states: Sequence[HistoryState]) -> Counter[str]:
    found: Counter[str] = Counter()
    for state in states:
        found[TONES.get(state.state_name, state.state_type.lower())] += state.count_runs
    return found


def _parts(count: Counter[str], most: int) -> list[Part]:
    """From the foot up; the least of a bad kind stays visible."""
    parts, foot = [], HEIGHT
    for tone in ORDER:
        if count[tone]:
            height = max(count[tone] / most * (HEIGHT - SLENDEREST * 3), SLENDEREST)
            foot -= height
            parts.append(Part(tone, round(foot, 2), round(height, 2)))
    return parts


def _title(interval: HistoryInterval, count: Counter[str]) -> str:
    words = ", ".join(f"{count[tone]} {tone}" for tone in ORDER if count[tone]) or "no runs"
    return f"{interval.interval_start:%Y-%m-%d %H:%M} UTC: {words}"
