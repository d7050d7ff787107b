"""What the dashboard draws of runs: lateness, histories, and a run's log lines as a file."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec

from penstock.clock import to_micros
from penstock.core.tallied_spans import Bars
from penstock.errors import InvalidRequest, NotFound
from penstock.server.bind import Request, handles
from penstock.store import flow_runs, run_charts
from penstock.store.filters import select
from penstock.store.log_files import lines_of
from penstock.store.tallied_filters import tallied
from penstock.wire import flow_runs as wire
from penstock.wire import task_runs as task_wire
from penstock.wire.flow_runs import HistoryInterval, HistoryQuery
from penstock.wire.logs import Log
from penstock.wire.model import Criteria

MOST_INTERVALS = 500
_decode = msgspec.json.Decoder(Log).decode


@handles(wire.average_lateness)
async def lateness(at: Request, body: Criteria) -> Any:
    """By how many seconds the runs are late on average; null without runs."""
    return await at.store.scan(run_charts.average_lateness(select("flow_runs", body, at.store.dialect), at.now))


@handles(wire.flow_run_history)
async def flow_run_history(at: Request, body: HistoryQuery) -> list[HistoryInterval]:
    """Flow runs by state over equal intervals."""
    return await _history(at, body, "flow_runs")


@handles(task_wire.task_run_history)
async def task_run_history(at: Request, body: HistoryQuery) -> list[HistoryInterval]:
    """Task runs by state over equal intervals."""
    return await _history(at, body, "task_runs")


async def _history(at: Request, body: HistoryQuery, noun: str) -> list[HistoryInterval]:
    step = timedelta(seconds=body.history_interval_seconds)
    if step < timedelta(seconds=1):
        raise InvalidRequest("history_interval must be a second or more.")
    if (body.history_end - body.history_start) / step > MOST_INTERVALS:
        raise InvalidRequest(f"A history has at most {MOST_INTERVALS} intervals; ask for longer ones.")
    selection = select(noun, body, at.store.dialect)
    known = tallied(noun, body, at.store.dialect)
    first, last = to_micros(body.history_start), to_micros(body.history_end)
    bars = Bars(first, step // timedelta(microseconds=1), first, last)
    return await at.store.scan(run_charts.history(selection, known, bars, at.now))


@handles(wire.download_logs)
async def download_logs(at: Request, id: UUID) -> str:
    """A run's log lines as CSV."""
    if await at.store.read(flow_runs.read(id, at.now)) is None:
        raise NotFound("Flow run not found")
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["timestamp", "level", "flow_run_id", "task_run_id", "message"])
    for doc in await at.store.scan(lines_of(id)):
        line = _decode(doc)
        writer.writerow([line.timestamp, line.level, line.flow_run_id, line.task_run_id, line.message])
    return text.getvalue()
