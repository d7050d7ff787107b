"""Events counted by name, by resource and over time.

What only asks for names and a time is told by tallies where they hold, and counted event by event elsewhere.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from penstock.clock import from_micros, to_micros
from penstock.core.tallied_spans import Bars, Span, one_bar
from penstock.store.database import Row, Steps, intent
from penstock.store.event_selection import TIMED, EventSelection
from penstock.store.tallied_spans import Figures, Tallied
from penstock.wire.events import EventCount

Part = tuple[int, int, int]
"""How many events, and when the earliest and the latest of them occurred."""


@intent
def count_events(selection: EventSelection) -> Steps[int]:
    """How many events there are in a selection."""
    rows = yield from _figures(selection, _whole(selection), "count(*)", "sum(events)")
    return sum(int(row[0] or 0) for row in rows)


@intent
def count_by_name(selection: EventSelection) -> Steps[list[EventCount]]:
    """Events counted by name, most first."""
    rows = "events.event, count(*), min(occurred), max(occurred)"
    tallies = "event_tallies.event, sum(events), min(earliest), max(latest)"
    found: dict[str, Part] = {}
    for name, *part in (yield from _figures(selection, _whole(selection), rows, tallies, groups=1)):
        found[name] = _together(found.get(name), part)
    return _most_first([(name, name, *part) for name, part in sorted(found.items())])


@intent
def count_by_resource(selection: EventSelection) -> Steps[list[EventCount]]:
    """Events counted by resource, most first, labelled with a name of the resource when it has one."""
    name = (
        "max(json_extract(doc, '$.resource.\"prefect.resource.name\"'))"
        if selection.dialect == "sqlite"
        else "max(doc::jsonb -> 'resource' ->> 'prefect.resource.name')"
    )
    columns = f"resource_id, {name}, count(*), min(occurred), max(occurred)"
    rows = yield selection.query(f"select {columns} from events where {{where}} group by 1 order by 1")
    return _most_first(rows)


@intent
def count_by_time(selection: EventSelection, start: datetime, span: timedelta, spans: int) -> Steps[list[EventCount]]:
    """Events counted for each of so many spans of time from `start` on; spans without any count 0."""
    first, step = to_micros(start), span // timedelta(microseconds=1)
    bars = replace(_whole(selection), first=first, step=step)
    index = "({moment} - cast(:first as bigint)) / cast(:step as bigint), "
    rows, tallies = index.format(moment="occurred") + "count(*)", index.format(moment="begins") + "sum(events)"
    counts = dict.fromkeys(range(spans), 0)
    for place, count in (yield from _figures(selection, bars, rows, tallies, groups=1, first=first, step=step)):
        counts[int(place)] = counts.get(int(place), 0) + int(count)
    return [_span(place, start + span * place, span, counts[place]) for place in range(spans)]


def tallied_events(selection: EventSelection) -> Tallied | None:
    """What the tallies have of a selection; None where only the events themselves can tell."""
    if not selection.named and selection.where != TIMED:
        return None
    where = selection.named.replace("events.", "event_tallies.") or "true"
    return Tallied("events", "event_tallies", where, selection.parameters)


def _whole(selection: EventSelection) -> Bars:
    return one_bar(selection.parameters["since"], selection.parameters["until"] + 1)


def _figures(
    selection: EventSelection, bars: Bars, rows: str, tallies: str, *, groups: int = 0, **more: Any
) -> Steps[list[Row]]:
    """Columns over the events, and what they are over tallies; the same group may come several times."""
    found: list[Row] = []
    rest: list[Span] = [(bars.low, bars.high)]
    if tallied := tallied_events(selection):
        division = yield from tallied.known(bars)
        for query in tallied.figures(tallies, groups, division, selection.dialect, **more):
            found += yield query
        rest = division.rest
    if rest:
        figures = Figures(rows, groups, "events", "events.occurred", selection.where)
        found += yield figures.within(rest, selection.dialect, {**selection.parameters, **more})
    return found


def _together(known: Part | None, part: list[Any]) -> Part:
    count, earliest, latest = (int(figure) for figure in part)
    if known is None:
        return count, earliest, latest
    return known[0] + count, min(known[1], earliest), max(known[2], latest)


def _most_first(rows: Any) -> list[EventCount]:
    return [
        EventCount(
            value=value, label=label or value, count=count, start_time=from_micros(first), end_time=from_micros(last)
        )
        for value, label, count, first, last in sorted(rows, key=lambda row: -row[2])
    ]


def _span(index: int, start: datetime, span: timedelta, count: int) -> EventCount:
    end = start + span - timedelta(microseconds=1)
    return EventCount(value=str(index), label=start.isoformat(), count=count, start_time=start, end_time=end)
