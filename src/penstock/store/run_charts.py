"""What charts ask of runs: how late they are, and how many were in which state over time."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

from penstock.clock import from_micros, to_micros
from penstock.core.tallied_spans import HOUR, Bars, Span, split
from penstock.store.database import Query, Rows, Steps, intent
from penstock.store.filters import Selection
from penstock.store.statements import statement
from penstock.store.tallied_filters import Tallied
from penstock.store.tallies import SQL
from penstock.wire.flow_runs import HistoryInterval, HistoryState
from penstock.wire.states import StateType

_LATE = (
    "case when {t}.start_time is not null then (case when {t}.start_time > {t}.expected_start_time"
    " then {t}.start_time - {t}.expected_start_time else 0 end)"
    " when {t}.state_type not in ('COMPLETED', 'FAILED', 'CANCELLED', 'CRASHED') and :now > {t}.expected_start_time"
    " then :now - {t}.expected_start_time else 0 end"
)
_RAN = "{t}.total_run_time + (case when {t}.state_type = 'RUNNING' then (:now - {t}.state_timestamp) / 1e6 else 0 end)"
_MOMENT = "coalesce({t}.start_time, {t}.expected_start_time)"


def _query(selection: Selection, text: str, now: datetime, **more: Any) -> Query:
    """A query over all rows of a selection; `{t}` is its table, `{where}` its condition."""
    for name, part in (("{late}", _LATE), ("{ran}", _RAN), ("{moment}", _MOMENT)):
        text = text.replace(name, part)
    text = text.replace("{t}", selection.noun.table).replace("{where}", selection.where)
    text = text.replace(":now", "cast(:now as bigint)")
    return Query(statement("chart", text), {**selection.parameters, "now": to_micros(now), **more})


@intent
def average_lateness(selection: Selection, now: datetime) -> Steps[float | None]:
    """By how many seconds the runs were or are late on average; None without runs."""
    rows = yield _query(selection, "select avg({late}) / 1e6 from {t} where {where}", now)
    return None if rows[0][0] is None else float(rows[0][0])


@intent
def history(selection: Selection, tallied: Tallied | None, bars: Bars, now: datetime) -> Steps[list[HistoryInterval]]:
    """Runs by state over equal intervals, by when they started or should have; `tallied` is the same selection."""
    counts = _Counts()
    known: list[Span] = []
    rest = [(bars.low, bars.high)]
    if tallied is not None:
        shown = tallied.within(bars)
        rows = yield SQL.settled_hours(begin=shown.low - HOUR, end=min(shown.high, to_micros(now) - HOUR))
        known, rest = split(shown, [row[0] for row in rows], tallied.length)
    if known and tallied is not None:
        counts.add((yield _of_tallies(tallied, selection.dialect, bars, known, now)))
    if rest:
        counts.add((yield _of_rows(selection, bars, rest, now)))
    return counts.intervals(bars)


def _of_rows(selection: Selection, bars: Bars, spans: Sequence[Span], now: datetime) -> Query:
    # The bounds are not cast: SQLite finds no index for an expression that is compared with a typed value.
    columns = (
        "({moment} - cast(:first as bigint)) / cast(:step as bigint), {t}.state_type, {t}.state_name,"
        " count(*), sum({ran}), sum({late}) / 1e6"
    )
    text, parameters = _Grouped(columns, "{t}", "{moment}", "{where}").within(spans, selection.dialect)
    return _query(selection, text, now, first=bars.first, step=bars.step, **parameters)


def _of_tallies(tallied: Tallied, dialect: str, bars: Bars, spans: Sequence[Span], now: datetime) -> Query:
    """The same figures of the same runs, from sums that were made when only the present moment was not known."""
    columns = (
        "(begins - cast(:first as bigint)) / cast(:step as bigint), state_type, state_name, sum(runs),"
        " sum(ran + case when state_type = 'RUNNING' then runs * (cast(:now as bigint) - begins) - since else 0 end)"
        " / 1e6, sum(late + unstarted * (cast(:now as bigint) - begins) - due) / 1e6"
    )
    text, parameters = _Grouped(columns, "run_tallies", "begins", tallied.where).within(spans, dialect)
    more = {"first": bars.first, "step": bars.step, "now": to_micros(now)}
    return Query(statement("tallied chart", text), {**tallied.parameters, **parameters, **more})


@dataclass(frozen=True, slots=True)
class _Grouped:
    """Figures by their first three columns, of a table's rows that fulfil a condition."""

    columns: str
    table: str
    moment: str
    where: str

    def within(self, spans: Sequence[Span], dialect: str) -> tuple[str, dict[str, Any]]:
        """Those whose moment is in one of the spans, each span looked up by the moment's index; maybe in parts."""
        if len(spans) == 1:
            return self._from(self.table, ":"), {"span_begins": spans[0][0], "span_ends": spans[0][1]}
        if dialect == "sqlite":
            one = "json_extract(value, '$[0]') as span_begins, json_extract(value, '$[1]') as span_ends"
            text = self._from(f"(select {one} from json_each(:spans)) spans cross join {self.table}")
            return text, {"spans": json.dumps(spans)}
        listed = "unnest(cast(:begins as bigint[]), cast(:ends as bigint[])) spans (span_begins, span_ends)"
        columns = {"begins": [begins for begins, _ in spans], "ends": [ends for _, ends in spans]}
        return f"select part.* from {listed} cross join lateral ({self._from(self.table)}) part", columns

    def _from(self, source: str, sign: str = "") -> str:
        within = f"{self.moment} >= {sign}span_begins and {self.moment} < {sign}span_ends"
        return f"select {self.columns} from {source} where {within} and {self.where} group by 1, 2, 3"


class _Counts:
    """Runs by bar and state, from several queries."""

    def __init__(self) -> None:
        self._found: dict[tuple[int, str, str], list[float]] = {}

    def add(self, rows: Rows) -> None:
        """Adds rows of bar, state type and name, how many runs, and the seconds that they ran and were late."""
        for index, kind, name, *figures in rows:
            if kind is not None:
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
