"""The part of a log that a page shows: its end, its beginning, what is before or after it, or around one line."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from penstock.client.client import AsyncClient
from penstock.clock import EPOCH, from_micros, to_micros
from penstock.ui.paging import next_key, read_key
from penstock.ui.reader import Reader
from penstock.ui.run_lists import names_of
from penstock.ui.wording import iso, level_name
from penstock.wire import logs, task_runs
from penstock.wire.logs import Log
from penstock.wire.model import Criteria
from penstock.wire.task_runs import TaskRun

LINES = 100
"""Lines that a page begins with, and that are added at once."""
AROUND = 60
"""Lines on each side of one that an address names."""
AT_ONCE = 200
"""Lines that are read at once for a file."""
LEVELS = {"": 0, "info": 20, "warning": 30, "error": 40, "critical": 50}


@dataclass(frozen=True, slots=True)
class LogView:
    """Lines in order; `older` and `newer` are the keys of what is before and after, empty where nothing is."""

    lines: list[Log]
    older: str = ""
    newer: str = ""
    names: Mapping[UUID | None, str] = field(default_factory=dict)
    """Of the tasks that wrote lines, by id."""

    @property
    def last(self) -> int:
        """When the last line was written, in microseconds."""
        return to_micros(self.lines[-1].timestamp) if self.lines else 0


def log_filter(at: Reader, of: dict[str, Any]) -> dict[str, Any]:
    """The lines that the address asks for: from a level up, of one task, with some words in them."""
    wanted = dict(of)
    if least := LEVELS.get(at.asked("level"), 0):
        wanted["level"] = {"ge_": least}
    if at.asked("text"):
        wanted["text"] = {"query": at.asked("text")[:200]}
    if task := _id(at.asked("of")):
        wanted["task_run_id"] = {"any_": [str(task)]}
    return wanted


def of_run(id: UUID) -> dict[str, Any]:
    """The filter for the log of a flow run."""
    return {"flow_run_id": {"any_": [str(id)]}}


def of_task(task: TaskRun) -> dict[str, Any]:
    """The filter for the log of a task run, by its flow run too: by the task alone, all logs would be searched."""
    run = of_run(task.flow_run_id) if task.flow_run_id is not None else {}
    return {**run, "task_run_id": {"any_": [str(task.id)]}}


def log_values(at: Reader, of: str, log: LogView, ended: bool) -> dict[str, Any]:
    """What a page needs to show lines; `of` is the page of whose log it is. Only the end of a log is followed live."""
    words = {"level": at.asked("level"), "text": at.asked("text"), "of": at.asked("of")}
    live = not log.newer and not (ended and log.lines)
    return {
        "log": log,
        "log_of": of,
        "log_words": words,
        "log_ended": ended,
        "live_lines": at.link(f"{of}/log/live", after=log.last, **words) if live else "",
        "levels": list(LEVELS),
    }


async def read_log(at: Reader, wanted: dict[str, Any]) -> LogView:
    """What the address asks for: `older`, `newer`, `line`, `from=start`, or else the end."""
    if key := read_key(at.asked("older")):
        return await _before(at.api, wanted, *key)
    if key := read_key(at.asked("newer")):
        return await _after(at.api, wanted, *key)
    if (line := at.asked("line")).isdigit() and len(line) < 18:
        return await _around(at.api, wanted, from_micros(int(line)))
    if at.asked("from") == "start":
        return await _after(at.api, wanted, EPOCH, 0)
    found = await _read(at.api, wanted, "TIMESTAMP_DESC", LINES + 1)
    lines = found[:LINES]
    return LogView(lines[::-1], next_key([one.timestamp for one in lines]) if len(found) > LINES else "")


async def read_run_log(at: Reader, run: UUID) -> LogView:
    """What the address asks for of a run's log, with the names of the tasks that wrote it."""
    log = await read_log(at, log_filter(at, of_run(run)))
    return replace(log, names=await names_of_tasks(at.api, log.lines))


async def names_of_tasks(api: AsyncClient, lines: Sequence[Log]) -> dict[UUID | None, str]:
    """The names of the tasks that wrote some lines, by id."""
    ids = {str(line.task_run_id) for line in lines if line.task_run_id is not None}
    return await names_of(api, task_runs.filter_task_runs, "task_runs", sorted(ids))


async def text_of_log(api: AsyncClient, wanted: dict[str, Any]) -> AsyncIterator[bytes]:
    """The whole log as text, a line for each, read in parts."""
    moment, passed = EPOCH, 0
    while True:
        found = await _read(api, _since(wanted, moment), "TIMESTAMP_ASC", AT_ONCE, passed)
        yield "".join(
            f"{iso(one.timestamp)} {level_name(one.level).upper():8} {one.name}: {one.message}\n" for one in found
        ).encode()
        if len(found) < AT_ONCE:
            return
        key = read_key(next_key([one.timestamp for one in found], moment, passed))
        moment, passed = key or (moment, passed)


async def _before(
    api: AsyncClient, wanted: dict[str, Any], moment: datetime, passed: int, size: int = LINES
) -> LogView:
    """The lines before a key, and the key of those before them."""
    until = {**wanted, "timestamp": {"before_": moment.isoformat()}}
    found = await _read(api, until, "TIMESTAMP_DESC", size + 1, passed)
    lines = found[:size]
    more = len(found) > size
    return LogView(lines[::-1], next_key([one.timestamp for one in lines], moment, passed) if more else "")


async def _after(api: AsyncClient, wanted: dict[str, Any], moment: datetime, passed: int, size: int = LINES) -> LogView:
    """The lines from a key on, and the key of those after them."""
    found = await _read(api, _since(wanted, moment), "TIMESTAMP_ASC", size + 1, passed)
    lines = found[:size]
    more = len(found) > size
    return LogView(lines, newer=next_key([one.timestamp for one in lines], moment, passed) if more else "")


async def _around(api: AsyncClient, wanted: dict[str, Any], moment: datetime) -> LogView:
    """The lines around a moment; those of the moment itself are the first of the later half."""
    before, after = await asyncio.gather(
        _before(api, wanted, moment, 0, AROUND), _after(api, wanted, moment, 0, AROUND)
    )
    shown = {line.id for line in after.lines}
    return LogView([*(one for one in before.lines if one.id not in shown), *after.lines], before.older, after.newer)


def _since(wanted: dict[str, Any], moment: datetime) -> dict[str, Any]:
    return {**wanted, "timestamp": {"after_": moment.isoformat()}}


async def _read(api: AsyncClient, wanted: dict[str, Any], sort: str, limit: int, offset: int = 0) -> list[Log]:
    return await api.call(logs.filter_logs, Criteria(logs=wanted, sort=sort, limit=limit, offset=offset))


def _id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
