"""Rows counted once for each hour that is over, so that a chart of a month need not look at a million of them.

An hour is announced, counted, and settled, of each noun by itself. The database notices each change of one of its rows
from the announcement on (triggers, for rows are written in many places), and from then on the hour is not settled: its
rows are counted one by one again until somebody tallies it anew. Nothing that writes waits for this or does more than
look.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from penstock.clock import to_micros
from penstock.core.tallied_spans import HOUR
from penstock.store.database import Database, Row, Steps, intent
from penstock.store.statements import Statements, load

SQL = load("tallies")

SETTLED_AFTER = timedelta(minutes=10)
"""How long after its end an hour is worth counting: the most runs that began in it have ended."""


@dataclass(frozen=True, slots=True)
class Tallies:
    """How a noun is tallied: `next_moment`, `tally`, `forget` and `keep`, and the columns that `tally` gives."""

    sql: Statements
    columns: Sequence[str]


_OF_RUNS = ("length", "begins", "state_type", "state_name", "runs", "ran", "late", "since", "unstarted", "due")
NOUNS: Mapping[str, Tallies] = {
    "flow_runs": Tallies(load("flow_run_tallies"), ("scope", *_OF_RUNS)),
    "task_runs": Tallies(load("task_run_tallies"), _OF_RUNS),
    "events": Tallies(load("event_tallies"), ("length", "begins", "event", "events", "earliest", "latest")),
}


async def announce(store: Database, noun: str, since: int, now: datetime, most: int) -> tuple[int, bool]:
    """Announces hours that are over and have rows, from a moment (microseconds) on.

    Gives the moment to go on from, and whether there are more. An hour that is announced twice stays as it is.
    """
    end = (to_micros(now - SETTLED_AFTER) // HOUR) * HOUR
    hours = await store.scan(_hours_with_rows(noun, since, end, most))
    if hours:
        await store.write(_announce(noun, hours))
    if store.dialect == "postgres":
        await store.write(_set_barriers())
    return (hours[-1] + HOUR if hours else since), len(hours) == most


@intent
def changed_hours(limit: int) -> Steps[list[tuple[str, int]]]:
    """Announced hours whose tallies do not hold, by noun, the latest first."""
    return [(row[0], row[1]) for row in (yield SQL.changed_hours(limit=limit))]


async def tally(store: Database, noun: str, hour: int) -> bool:
    """Counts an hour and keeps the tallies; False when one of its rows was changed meanwhile."""
    counted = await store.scan(_count(noun, hour))
    return bool(counted) and await store.write(_keep(noun, hour, counted))


@intent
def _hours_with_rows(noun: str, since: int, end: int, most: int) -> Steps[list[int]]:
    hours: list[int] = []
    while len(hours) < most:
        rows = yield NOUNS[noun].sql.next_moment(begin=since, end=end)
        if rows[0][0] is None:
            break
        hours.append(int(rows[0][0]) // HOUR * HOUR)
        since = hours[-1] + HOUR
    return hours


@intent
def _announce(noun: str, hours: Sequence[int]) -> Steps[None]:
    yield SQL.announce.each([{"noun": noun, "hour": hour} for hour in hours])


@intent
def _set_barriers() -> Steps[None]:
    yield SQL.set_barriers()


@intent
def _count(noun: str, hour: int) -> Steps[Sequence[Row]]:
    """Rows of the hour's changes so far and a tally; one with nulls for an hour without rows."""
    return (yield NOUNS[noun].sql.tally(hour=hour, end=hour + HOUR))


@intent
def _keep(noun: str, hour: int, counted: Sequence[Row]) -> Steps[bool]:
    if not (yield SQL.settle(noun=noun, hour=hour, changes=counted[0][0])):
        return False
    tallies = NOUNS[noun]
    yield tallies.sql.forget(hour=hour, end=hour + HOUR)
    found = [dict(zip(tallies.columns, row[1:], strict=True)) for row in counted if row[1] is not None]
    if found:
        yield tallies.sql.keep.each(found)
    else:
        yield SQL.forget_hour(noun=noun, hour=hour)
    return True
