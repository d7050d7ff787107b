"""What charts ask of runs: how late they are, and how many were in which state over time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise

from penstock.clock import from_micros, to_micros
from penstock.core.tallied_spans import HOUR, Bars, Span
from penstock.store.columns import STARTED
from penstock.store.database import Query, Rows, Steps, intent
from penstock.store.filters import Selection
from penstock.store.statements import statement
from penstock.store.tallied_spans import Figures, Tallied
from penstock.wire.flow_runs import HistoryInterval, HistoryState
from penstock.wire.states import StateType

_LATE = (
    "case when {t}.start_time is not null then (case when {t}.start_time > {t}.expected_start_time"
    " then {t}.start_time - {t}.expected_start_time else 0 end)"
    " when {t}.state_type not in ('COMPLETED', 'FAILED', 'CANCELLED', 'CRASHED') and :now > {t}.expected_start_time"
    " then :now - {t}.expected_start_time else 0 end"
)
_RAN = "{t}.total_run_time + (case when {t}.state_type = 'RUNNING' then (:now - {t}.state_timestamp) / 1e6 else 0 end)"


def _filled(text: str, table: str) -> str:
    """SQL over a table of runs; `{t}` is its name."""
    for name, part in (("{late}", _LATE), ("{ran}", _RAN), ("{moment}", STARTED)):
        text = text.replace(name, part)
    return text.replace("{t}", table).replace(":now", "cast(:now as bigint)")


@intent
def average_lateness(selection: Selection, now: datetime) -> Steps[float | None]:
    """By how many seconds the runs were or are late on average; None without runs."""
    text = f"{_filled('select avg({late}) / 1e6 from {t}', selection.noun.table)} where {selection.where}"
    rows = yield Query(statement("lateness", text), {**selection.parameters, "now": to_micros(now)})
    return None if rows[0][0] is None else float(rows[0][0])


@intent
def history(selection: Selection, tallied: Tallied | None, bars: Bars, now: datetime) -> Steps[list[HistoryInterval]]:
    """Runs by state over equal intervals, by when they started or should have; `tallied` is the same selection."""
    counts = _Counts()
    rest = [(bars.low, bars.high)]
    if tallied is not None:
        division = yield from tallied.known(bars, until=to_micros(now) - HOUR)
        more = {"first": bars.first, "step": bars.step, "now": to_micros(now)}
        for query in tallied.figures(_TALLIED, 3, division, selection.dialect, **more):
            counts.add((yield query))
        rest = division.rest
    if rest:
        counts.add((yield _of_rows(selection, bars, rest, now)))
    return counts.intervals(bars)


_TALLIED = (
    "(begins - cast(:first as bigint)) / cast(:step as bigint), state_type, state_name, sum(runs),"
    " sum(ran + case when state_type = 'RUNNING' then runs * (cast(:now as bigint) - begins) - since else 0 end) / 1e6,"
    " sum(late + unstarted * (cast(:now as bigint) - begins) - due) / 1e6"
)
"""The figures of the rows, from sums that were made when only the present moment was not known."""


def _of_rows(selection: Selection, bars: Bars, spans: Sequence[Span], now: datetime) -> Query:
    table = selection.noun.table
    columns = (
        "({moment} - cast(:first as bigint)) / cast(:step as bigint), {t}.state_type, {t}.state_name,"
        " count(*), sum({ran}), sum({late}) / 1e6"
    )
    figures = Figures(_filled(columns, table), 3, table, _filled("{moment}", table), selection.where)
    more = {"first": bars.first, "step": bars.step, "now": to_micros(now)}
    return figures.within(spans, selection.dialect, {**selection.parameters, **more})


class _Counts:
    """Runs by bar and state, from several queries."""

    def __init__(self) -> None:
        self._found: dict[tuple[int, str, str], list[float]] = {}

    def add(self, rows: Rows) -> None:
        """Adds rows of bar, state type and name, how many runs, and the seconds that they ran and were late."""
        for index, kind, name, *figures in rows:
            if kind:
                sums = self._found.setdefault((int(index), kind, name), [0, 0.0, 0.0])
                for place, figure in enumerate(figures):
                    sums[place] += float(figure)

    def intervals(self, bars: Bars) -> list[HistoryInterval]:
        """All bars in order, with their states by type and name."""
        states: dict[int, list[HistoryState]] = {}
        for (index, kind, name), (count, ran, late) in sorted(self._found.items()):
            one = HistoryState(
                state_type=StateType(kind),
                state_name=name,
                count_runs=int(count),
                sum_estimated_run_time=float(ran),
                sum_estimated_lateness=float(late),
            )
            states.setdefault(index, []).append(one)
        number = -((bars.first - bars.high) // bars.step)
        edges = [from_micros(bars.first + index * bars.step) for index in range(number + 1)]
        return [
            HistoryInterval(interval_start=begin, interval_end=end, states=states.get(index, []))
            for index, (begin, end) in enumerate(pairwise(edges))
        ]
