"""Figures of a table's rows in many spans of time, and which spans tallies tell of instead."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from penstock.core.tallied_spans import HOUR, STEP, Bars, Division, Span, divided
from penstock.store.database import Query, Steps
from penstock.store.statements import statement
from penstock.store.tallies import SQL


@dataclass(frozen=True, slots=True)
class Tallied:
    """What a filter asks of the tallies of a noun: a condition on their table, from when and to before when.

    `by_steps` says that there are tallies of steps too, not of hours alone.
    """

    noun: str
    table: str
    where: str
    parameters: Mapping[str, Any]
    low: int | None = None
    high: int | None = None
    by_steps: bool = True

    def within(self, bars: Bars) -> Bars:
        """The part of a chart that the filter leaves."""
        low = bars.low if self.low is None else max(bars.low, self.low)
        high = bars.high if self.high is None else min(bars.high, self.high)
        return replace(bars, low=low, high=max(low, high))

    def known(self, bars: Bars, until: int | None = None) -> Steps[Division]:
        """Which part of a chart they tell of; of hours that begin before `until` only."""
        shown = self.within(bars)
        end = shown.high if until is None else min(shown.high, until)
        rows = yield SQL.settled_hours.steady(noun=self.noun, begin=shown.low - HOUR, end=end)
        return divided(shown, [row[0] for row in rows], by_steps=self.by_steps)

    def figures(self, columns: str, groups: int, division: Division, dialect: str, **more: Any) -> Iterator[Query]:
        """The queries for sums over the tallies, by the first so many columns."""
        for length, spans in ((HOUR, division.hours), (STEP, division.steps)):
            if spans:
                where = f"{self.table}.length = {length} and {self.where}"
                figures = Figures(columns, groups, self.table, f"{self.table}.begins", where)
                yield figures.within(spans, dialect, {**self.parameters, **more})


@dataclass(frozen=True, slots=True)
class Figures:
    """Figures of a table's rows that fulfil a condition, by the first so many of the columns."""

    columns: str
    groups: int
    table: str
    moment: str
    where: str

    def within(self, spans: Sequence[Span], dialect: str, parameters: Mapping[str, Any]) -> Query:
        """The query for those whose moment is in one of the spans, each looked up by the moment's index.

        The same group may come several times, with a part of its figures each.
        """
        more: dict[str, Any]
        # The bounds are not cast: SQLite finds no index for an expression that is compared with a typed value.
        if len(spans) == 1:
            text, more = self._from(self.table, ":"), {"span_begins": spans[0][0], "span_ends": spans[0][1]}
        elif dialect == "sqlite":
            one = "json_extract(value, '$[0]') as span_begins, json_extract(value, '$[1]') as span_ends"
            text = self._from(f"(select {one} from json_each(:spans)) spans cross join {self.table}")
            more = {"spans": json.dumps(spans)}
        else:
            listed = "unnest(cast(:begins as bigint[]), cast(:ends as bigint[])) spans (span_begins, span_ends)"
            text = f"select part.* from {listed} cross join lateral ({self._from(self.table)}) part"
            more = {"begins": [begins for begins, _ in spans], "ends": [ends for _, ends in spans]}
        return Query(statement("figures", text), {**parameters, **more})

    def _from(self, source: str, sign: str = "") -> str:
        within = f"{self.moment} >= {sign}span_begins and {self.moment} < {sign}span_ends"
        by = f" group by {', '.join(str(number + 1) for number in range(self.groups))}" if self.groups else ""
        return f"select {self.columns} from {source} where {within} and {self.where}{by}"
