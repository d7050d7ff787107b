"""Runs by state, counted once for each hour that is over, so that a chart of a month need not look at a million runs.

An hour is announced, counted, and settled. The database itself notices each change of one of its runs from the
announcement on (triggers, for runs are written in many places), and from then on the hour is not settled: its runs are
counted one by one again until somebody tallies it anew. Nothing that writes runs waits for this or does more than look.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from penstock.clock import to_micros
from penstock.core.tallied_spans import HOUR
from penstock.store.database import Database, Row, Steps, intent
from penstock.store.statements import load

SQL = load("tallies")

STEP = 300_000_000
"""Microseconds of a step in the tallies of all runs; those of a flow, a deployment or a queue are by the hour."""
SETTLED_AFTER = timedelta(minutes=10)
"""How long after its end an hour is worth counting: the most runs that began in it have ended."""
_COLUMNS = ("scope", "begins", "state_type", "state_name", "runs", "ran", "late", "since", "unstarted", "due")


async def announce(store: Database, since: int, now: datetime, most: int) -> tuple[int, bool]:
    """Announces hours that are over and have runs, from a moment (microseconds) on.

    Gives the moment to go on from, and whether there are more. An hour that is announced twice stays as it is.
    """
    end = (to_micros(now - SETTLED_AFTER) // HOUR) * HOUR
    hours = await store.scan(_hours_with_runs(since, end, most))
    if hours:
        await store.write(_announce(hours))
    if store.dialect == "postgres":
        await store.write(_set_barriers())
    return (hours[-1] + HOUR if hours else since), len(hours) == most


@intent
def changed_hours(limit: int) -> Steps[list[int]]:
    """Announced hours whose tallies do not hold, the latest first."""
    return [row[0] for row in (yield SQL.changed_hours(limit=limit))]


async def tally(store: Database, hour: int) -> bool:
    """Counts an hour and keeps the tallies; False when one of its runs was changed meanwhile."""
    counted = await store.scan(_count(hour))
    return bool(counted) and await store.write(_keep(hour, counted))


@intent
def _hours_with_runs(since: int, end: int, most: int) -> Steps[list[int]]:
    hours: list[int] = []
    while len(hours) < most:
        rows = yield SQL.next_moment(begin=since, end=end)
        if rows[0][0] is None:
            break
        hours.append(int(rows[0][0]) // HOUR * HOUR)
        since = hours[-1] + HOUR
    return hours


@intent
def _announce(hours: Sequence[int]) -> Steps[None]:
    yield SQL.announce.each([{"hour": hour} for hour in hours])


@intent
def _set_barriers() -> Steps[None]:
    yield SQL.set_barriers()


@intent
def _count(hour: int) -> Steps[Sequence[Row]]:
    """Rows of the hour's changes so far and a tally; one with nulls for an hour without runs."""
    return (yield SQL.tally(hour=hour, end=hour + HOUR))


@intent
def _keep(hour: int, counted: Sequence[Row]) -> Steps[bool]:
    if not (yield SQL.settle(hour=hour, changes=counted[0][0])):
        return False
    yield SQL.forget(hour=hour, end=hour + HOUR)
    found = [dict(zip(_COLUMNS, row[1:], strict=True)) for row in counted if row[1] is not None]
    if found:
        yield SQL.keep.each(found)
    else:
        yield SQL.forget_hour(hour=hour)
    return True
