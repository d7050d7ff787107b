"""Whether a log line is wanted: the log filter of the API as a function of one line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec

from penstock.core.text_queries import matches_text
from penstock.errors import InvalidRequest
from penstock.wire.logs import Log

Matcher = Callable[[Log], bool]


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pass


class Level(_Part, frozen=True):
    """Bounds of the level, both included."""

    ge_: int | None = None
    le_: int | None = None


class Timestamp(_Part, frozen=True):
    """Bounds of the time, both included."""

    before_: datetime | None = None
    after_: datetime | None = None


class RunId(_Part, frozen=True):
    """Lines of some runs, or of none."""

    any_: list[UUID] | None = None
    is_null_: bool | None = None


class Text(_Part, frozen=True):
    """Words in the message."""

    query: str


class LogFilter(_Part, frozen=True):
    """What may be asked of log lines."""

    operator: Literal["and_", "or_"] = "and_"
    level: Level | None = None
    timestamp: Timestamp | None = None
    flow_run_id: RunId | None = None
    task_run_id: RunId | None = None
    text: Text | None = None


def read_filter(raw: Mapping[str, Any]) -> LogFilter:
    """The filter a client sent. Raises `InvalidRequest` for one that can't be understood."""
    try:
        return msgspec.convert(raw, LogFilter)
    except msgspec.ValidationError as error:
        raise InvalidRequest(f"The log filter can't be understood: {error}") from error


def matcher(wanted: LogFilter) -> Matcher:
    """A function that tells whether a line is wanted."""
    tests = [*_bounds(wanted), *_runs("flow_run_id", wanted.flow_run_id), *_runs("task_run_id", wanted.task_run_id)]
    if wanted.text and wanted.text.query.strip():
        query = wanted.text.query
        tests.append(lambda log: matches_text(query, log.message))
    together = any if wanted.operator == "or_" and tests else all
    return lambda log: together(test(log) for test in tests)


def _bounds(wanted: LogFilter) -> list[Matcher]:
    level, when = wanted.level or Level(), wanted.timestamp or Timestamp()
    tests: list[Matcher] = []
    if (lowest := level.ge_) is not None:
        tests.append(lambda log: log.level >= lowest)
    if (highest := level.le_) is not None:
        tests.append(lambda log: log.level <= highest)
    if (first := when.after_) is not None:
        tests.append(lambda log: log.timestamp >= first)
    if (last := when.before_) is not None:
        tests.append(lambda log: log.timestamp <= last)
    return tests


def _runs(field: str, wanted: RunId | None) -> list[Matcher]:
    tests: list[Matcher] = []
    if wanted and wanted.any_ is not None:
        ids = frozenset(wanted.any_)
        tests.append(lambda log: getattr(log, field) in ids)
    if wanted and wanted.is_null_ is not None:
        null = wanted.is_null_
        tests.append(lambda log: (getattr(log, field) is None) is null)
    return tests
