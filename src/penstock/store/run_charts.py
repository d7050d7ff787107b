"""What charts ask of runs: how late they are, and how many were in which state over time."""

from __future__ import annotations

from datetime import datetime, timedelta

from penstock.clock import to_micros
from penstock.store.database import Query, Steps, intent
from penstock.store.filters import Selection
from penstock.store.statements import statement
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


def _query(selection: Selection, text: str, now: datetime, **more: int) -> Query:
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
def history(
    selection: Selection, start: datetime, end: datetime, step: timedelta, now: datetime
) -> Steps[list[HistoryInterval]]:
    """Runs by state over equal intervals, by when they started or should have."""
    # The bounds are not cast: SQLite finds no index for an expression that is compared with a typed value.
    text = (
        "select ({moment} - cast(:first as bigint)) / cast(:step as bigint), {t}.state_type, {t}.state_name,"
        " count(*), sum({ran}), sum({late}) / 1e6 from {t}"
        " where {where} and {moment} >= :first and {moment} < :last"
        " group by 1, 2, 3 order by 1, 2, 3"
    )
    bounds = {"first": to_micros(start), "last": to_micros(end), "step": step // timedelta(microseconds=1)}
    rows = yield _query(selection, text, now, **bounds)
    found: dict[int, list[HistoryState]] = {}
    for index, kind, name, count, ran, late in rows:
        if kind is None:
            continue
        one = HistoryState(
            state_type=StateType(kind),
            state_name=name,
            count_runs=count,
            sum_estimated_run_time=float(ran),
            sum_estimated_lateness=float(late),
        )
        found.setdefault(int(index), []).append(one)
    intervals = []
    for index in range(-((start - end) // step)):
        begin = start + index * step
        intervals.append(HistoryInterval(interval_start=begin, interval_end=begin + step, states=found.get(index, [])))
    return intervals
