"""The graph of a run as numbers: in which row each task is, from where to where, and what it waited for.

It is drawn at one of three levels of detail, by how many tasks the time that is looked at has: a row for each, bars
packed into rows, or a crowd of which only the number at work is shown. The templates draw it as SVG.
"""

from __future__ import annotations

import bisect
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from penstock.clock import from_micros, to_micros
from penstock.ui.charts import ORDER
from penstock.ui.wording import seconds, tone
from penstock.wire.flow_runs import Graph, GraphArtifact, Node

ROWS_UP_TO = 60
PACKED_UP_TO = 400
MOST_ROWS = 40
MOST_LINKS = 600
MOST_MARKS = 200
SLOTS = 96
CROWD_HEIGHT = 160.0
LEAST_WINDOW = timedelta(milliseconds=2)
_STEPS = (1, 2, 5)
_CLOCK_STEPS = (15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400)


@dataclass(frozen=True, slots=True)
class Window:
    """The time that is looked at, within that of the run."""

    first: datetime
    last: datetime
    begin: datetime
    end: datetime

    @property
    def is_whole(self) -> bool:
        """Whether nothing of the run is outside."""
        return self.begin <= self.first and self.end >= self.last

    @property
    def length(self) -> timedelta:
        """How long it is."""
        return self.end - self.begin

    def at(self, moment: datetime) -> float:
        """Where a moment is, in hundredths; one outside is below 0 or above 100."""
        return (moment - self.begin) / self.length * 100

    def zoomed(self, factor: float) -> tuple[int, int]:
        """The ends of a window around the same middle, `factor` times as long."""
        return self._kept(self.begin + self.length / 2, self.length * factor)

    def moved(self, share: float) -> tuple[int, int]:
        """The ends of a window as long, moved by a share of its length."""
        return self._kept(self.begin + self.length / 2 + self.length * share, self.length)

    def _kept(self, middle: datetime, length: timedelta) -> tuple[int, int]:
        """In microseconds, inside of the run's time."""
        length = min(max(length, LEAST_WINDOW), self.last - self.first)
        begin = min(max(middle - length / 2, self.first), self.last - length)
        return to_micros(begin), to_micros(begin + length)


@dataclass(frozen=True, slots=True)
class Bar:
    """A task or a subflow, in hundredths of the window; `after` are the names of what it waited for."""

    node: Node
    row: int
    x: float
    width: float
    depth: int
    after: tuple[str, ...]

    @property
    def is_flow(self) -> bool:
        """Whether it is a run of its own."""
        return self.node.kind == "flow-run"


@dataclass(frozen=True, slots=True)
class Link:
    """From the end of one bar to the beginning of another."""

    before: UUID
    after: UUID
    x: float
    width: float
    top: int
    rows: int
    falls: bool


@dataclass(frozen=True, slots=True)
class Mark:
    """An artifact where it was made, in hundredths; `row` is its task's, None for one that the run itself made."""

    artifact: GraphArtifact
    x: float
    row: int | None


@dataclass(frozen=True, slots=True)
class Slot:
    """A stretch of time of a crowd: how many were at work, by tone; `begin` and `end` are what to look at next."""

    x: float
    width: float
    title: str
    parts: tuple[tuple[str, float, float], ...]
    begin: int
    end: int


@dataclass(frozen=True, slots=True)
class Picture:
    """A drawn graph; of bars and slots one is empty."""

    window: Window
    detail: str
    bars: Sequence[Bar]
    links: Sequence[Link]
    marks: Sequence[Mark]
    slots: Sequence[Slot]
    ticks: Sequence[tuple[float, str]]
    rows: int
    seen: int
    total: int
    notable: Sequence[tuple[str, int]]
    """How many of all went wrong or run still, by tone."""
    names: Mapping[UUID, str]


def nodes_of(graph: Graph) -> list[Node]:
    """The nodes of a graph that came over the wire, by when they began."""
    return msgspec.convert([pair[1] for pair in graph.nodes], list[Node])


def window_of(graph: Graph, nodes: Sequence[Node], now: datetime, begin: str = "", end: str = "") -> Window:
    """The time to look at: what the address names in microseconds as far as the run has it, else all of it."""
    starts = [node.start_time for node in nodes]
    ends = [node.end_time or now for node in nodes]
    first = min([*starts, *([graph.start_time] if graph.start_time else [])], default=now)
    last = max([*ends, *([graph.end_time] if graph.end_time else [now])], default=now)
    last = max(last, first + LEAST_WINDOW)
    asked = [from_micros(int(one)) if one.isdigit() and len(one) < 18 else None for one in (begin, end)]
    left, right = max(asked[0] or first, first), min(asked[1] or last, last)
    if right - left < LEAST_WINDOW:
        return Window(first, last, first, last)
    return Window(first, last, left, right)


def picture_of(nodes: Sequence[Node], window: Window, now: datetime, made: Sequence[GraphArtifact] = ()) -> Picture:
    """The graph as it is drawn; `made` are the artifacts that no task made."""
    names = {node.id: node.label for node in nodes}
    seen = [one for one in nodes if one.start_time <= window.end and (one.end_time or now) >= window.begin]
    detail = "rows"
    depths: dict[UUID, int] = {}
    rows: dict[UUID, int] = {}
    if len(seen) <= ROWS_UP_TO:
        seen, depths = _nested(seen)
        rows = {one.id: number for number, one in enumerate(seen)}
    else:
        packed = _packed(seen, window, now) if len(seen) <= PACKED_UP_TO else None
        detail, rows = ("packed", packed) if packed is not None else ("crowd", {})
    bars = [_bar(one, rows[one.id], depths.get(one.id, 0), window, now, names) for one in seen if one.id in rows]
    return Picture(
        window=window,
        detail=detail,
        bars=bars,
        links=_links(bars),
        marks=_marks(bars, made, window),
        slots=_slots(seen, window, now) if detail == "crowd" else [],
        ticks=_ticks(window),
        rows=max(rows.values(), default=-1) + 1,
        seen=len(seen),
        total=len(nodes),
        notable=_notable(nodes),
        names=names,
    )


def _notable(nodes: Sequence[Node]) -> list[tuple[str, int]]:
    found = Counter(tone(one) for one in nodes)
    return [(word, found[word]) for word in ("failed", "crashed", "running") if found[word]]


def _nested(nodes: Sequence[Node]) -> tuple[list[Node], dict[UUID, int]]:
    """In the order of time, with what was called inside of a task below it; and how deep each is."""
    known = {one.id for one in nodes}
    inside: dict[UUID | None, list[Node]] = {}
    for one in nodes:
        around = next((edge.id for edge in one.encapsulating if edge.id in known and edge.id != one.id), None)
        inside.setdefault(around, []).append(one)
    ordered: list[Node] = []
    depths: dict[UUID, int] = {}
    waiting = [(one, 0) for one in reversed(inside.pop(None, []))]
    while waiting:
        one, depth = waiting.pop()
        ordered.append(one)
        depths[one.id] = depth
        waiting += [(child, depth + 1) for child in reversed(inside.pop(one.id, []))]
    return ordered + [one for rest in inside.values() for one in rest], depths


def _packed(nodes: Sequence[Node], window: Window, now: datetime) -> dict[UUID, int] | None:
    """The first row that is free for each; None when they need too many rows."""
    gap = window.length * 0.004
    free: list[datetime] = []
    rows = {}
    for one in nodes:
        row = next((number for number, moment in enumerate(free) if moment <= one.start_time), len(free))
        if row == MOST_ROWS:
            return None
        free[row : row + 1] = [max(one.end_time or now, one.start_time) + gap]
        rows[one.id] = row
    return rows


def _bar(node: Node, row: int, depth: int, window: Window, now: datetime, names: Mapping[UUID, str]) -> Bar:
    begins, ends = window.at(node.start_time), window.at(node.end_time or now)
    left, right = max(begins, -1.0), min(ends, 101.0)
    after = tuple(names[edge.id] for edge in node.parents if edge.id in names)
    return Bar(node, row, round(left, 3), round(max(right - left, 0.15), 3), depth, after)


def _links(bars: Sequence[Bar]) -> list[Link]:
    placed = {bar.node.id: bar for bar in bars}
    found: list[Link] = []
    for bar in bars:
        for edge in bar.node.parents:
            if (parent := placed.get(edge.id)) is not None and len(found) < MOST_LINKS:
                found.append(_link(parent, bar))
    return found


def _link(parent: Bar, child: Bar) -> Link:
    begins, ends = min(parent.x + parent.width, child.x), child.x
    top, rows = min(parent.row, child.row), abs(parent.row - child.row)
    width = max(ends - begins, 0.4)
    return Link(
        parent.node.id, child.node.id, round(ends - width, 3), round(width, 3), top, rows, child.row >= parent.row
    )


def _marks(bars: Sequence[Bar], made: Sequence[GraphArtifact], window: Window) -> list[Mark]:
    placed: list[tuple[GraphArtifact, int | None]] = [(one, None) for one in made]
    placed += [(one, bar.row) for bar in bars for one in bar.node.artifacts]
    found = [(one, window.at(one.created), row) for one, row in placed if one.created is not None]
    # A little inside, so that a mark at either end is not cut through.
    return [Mark(one, round(min(max(x, 0.8), 99.2), 3), row) for one, x, row in found if 0 <= x <= 100][:MOST_MARKS]


def _slots(nodes: Sequence[Node], window: Window, now: datetime) -> list[Slot]:
    """How many were at work in each stretch; counted by who comes and who goes, so that many cost little."""
    step = window.length / SLOTS
    edges = [window.begin + step * number for number in range(SLOTS + 1)]
    comes: list[Counter[str]] = [Counter() for _ in range(SLOTS + 1)]
    for one in nodes:
        kind = tone(one)
        first = max(bisect.bisect_right(edges, one.start_time) - 1, 0)
        last = max(bisect.bisect_left(edges, one.end_time or now), first + 1)
        comes[min(first, SLOTS)][kind] += 1
        comes[min(last, SLOTS)][kind] -= 1
    counts = []
    present: Counter[str] = Counter()
    for change in comes[:SLOTS]:
        present.update(change)
        counts.append(Counter(present))
    most = max((count.total() for count in counts), default=1) or 1
    return [_slot(window, number, edges, count, most) for number, count in enumerate(counts) if count.total()]


def _slot(window: Window, number: int, edges: Sequence[datetime], count: Counter[str], most: int) -> Slot:
    parts, foot = [], CROWD_HEIGHT
    for kind in ORDER:
        if count[kind]:
            height = max(count[kind] / most * (CROWD_HEIGHT - 12), 2.0)
            foot -= height
            parts.append((kind, round(foot, 1), round(height, 1)))
    words = ", ".join(f"{count[kind]} {kind}" for kind in ORDER if count[kind])
    after = seconds(max((edges[number] - window.first).total_seconds(), 0))
    left, right = edges[max(number - 2, 0)], edges[min(number + 3, len(edges) - 1)]
    width = 100 / SLOTS
    return Slot(
        x=round(number * width, 3),
        width=round(width, 3),
        title=f"After {after}: {words}",
        parts=tuple(parts),
        begin=to_micros(left),
        end=to_micros(right),
    )


def _ticks(window: Window) -> list[tuple[float, str]]:
    """Places and words of four to eight round times since the run began."""
    step = _step(window.length.total_seconds() / 6)
    begin, end = ((moment - window.first).total_seconds() for moment in (window.begin, window.end))
    number = int(begin / step)
    marks = (step * one for one in range(number, number + 12))
    return [(round((mark - begin) / (end - begin) * 100, 3), _mark(mark)) for mark in marks if begin <= mark <= end]


def _step(about: float) -> float:
    """A round number of seconds near another."""
    if about >= _CLOCK_STEPS[0]:
        return float(next((one for one in _CLOCK_STEPS if one >= about), _days(about)))
    power = 1e-6
    while power * 10 <= about:
        power *= 10
    return next((power * one for one in _STEPS if power * one >= about), power * 10)


def _days(about: float) -> float:
    return 86_400.0 * max(round(about / 86_400), 1)


def _mark(second: float) -> str:
    if second < 0.0995:
        return "0" if second < 1e-7 else f"{second * 1000:g} ms"
    return f"{second:g} s" if second < 60 else seconds(second)
