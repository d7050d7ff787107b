"""How many runs fulfil a filter: of hours that were tallied by their sums, and the others one by one."""

from __future__ import annotations

from penstock.core.tallied_spans import one_bar
from penstock.store.columns import STARTED
from penstock.store.database import Query, Rows, Steps, intent
from penstock.store.filters import Selection
from penstock.store.statements import statement
from penstock.store.tallied_spans import Figures, Tallied


@intent
def number_of(selection: Selection, tallied: Tallied | None) -> Steps[int]:
    """How many runs a selection finds, whatever its limit; `tallied` is the same selection."""
    if tallied is None:
        return int((yield selection.count())[0][0])
    division = yield from tallied.known(one_bar(tallied.low, tallied.high))
    found = 0
    for query in tallied.figures("sum(runs)", 0, division, selection.dialect):
        found += _sum((yield query))
    moment = STARTED.format(t=selection.noun.table)
    if division.rest:
        figures = Figures("count(*)", 0, selection.noun.table, moment, selection.where)
        found += _sum((yield figures.within(division.rest, selection.dialect, selection.parameters)))
    if tallied.low is None and tallied.high is None:
        found += _sum((yield _without_moment(selection, moment)))
    return found


def _without_moment(selection: Selection, moment: str) -> Query:
    text = f"select count(*) from {selection.noun.table} where {moment} is null and {selection.where}"
    return Query(statement("without_moment", text), selection.parameters)


def _sum(rows: Rows) -> int:
    return sum(int(row[0] or 0) for row in rows)
