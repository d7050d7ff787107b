"""A task run as a row: its document, the columns that are found and sorted by, and how it is shown."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec

from penstock.clock import to_micros
from penstock.core.states import TERMINAL
from penstock.store.database import Row
from penstock.wire.model import encode
from penstock.wire.states import StateType
from penstock.wire.task_runs import TaskRun

decode = msgspec.json.Decoder(TaskRun).decode

_UNSTORED = b',"estimated_run_time":0.0,"estimated_start_time_delta":0.0}'
_TERMINAL = frozenset(kind.value for kind in TERMINAL)
_RUNNING = StateType.RUNNING.value

SHOWN = (
    "task_runs.doc, task_runs.state_type, task_runs.state_timestamp, task_runs.total_run_time,"
    " task_runs.start_time, task_runs.expected_start_time"
)
"""The columns of `task_runs` that `shown` needs."""


def row_of(run: TaskRun) -> dict[str, Any]:
    """The run's columns and its document, without what is computed when it is read."""
    if run.estimated_run_time or run.estimated_start_time_delta:
        run = msgspec.structs.replace(run, estimated_run_time=0.0, estimated_start_time_delta=0.0)
    return {
        "id": str(run.id),
        "name": run.name,
        "flow_run_id": None if run.flow_run_id is None else str(run.flow_run_id),
        "task_key": run.task_key,
        "dynamic_key": run.dynamic_key,
        "tags": encode(run.tags).decode() if run.tags else "[]",
        "state_id": None if run.state_id is None else str(run.state_id),
        "state_type": run.state_type.value if run.state_type else None,
        "state_name": run.state_name,
        "state_timestamp": to_micros(run.state.timestamp) if run.state else None,
        "start_time": _micros(run.start_time),
        "end_time": _micros(run.end_time),
        "expected_start_time": _micros(run.expected_start_time),
        "next_scheduled_start_time": _micros(run.next_scheduled_start_time),
        "total_run_time": run.total_run_time,
        "created": _micros(run.created) or 0,
        "updated": _micros(run.updated) or 0,
        "doc": encode(run)[: -len(_UNSTORED)].decode() + "}",
    }


def _micros(moment: datetime | None) -> int | None:
    return None if moment is None else to_micros(moment)


def shown(row: Row, now: int) -> str:
    """The JSON of a task run as the API answers it, from the columns `SHOWN`; `now` in microseconds."""
    doc, kind, since, ran, start, expected = row
    if kind == _RUNNING:
        ran += max(0, now - since) / 1e6
    late = 0.0
    if expected is not None and start is not None:
        late = max(0, start - expected) / 1e6
    elif expected is not None and kind not in _TERMINAL and now > expected:
        late = (now - expected) / 1e6
    return f'{doc[:-1]},"estimated_run_time":{ran!r},"estimated_start_time_delta":{late!r}}}'


def shown_list(rows: Iterable[Row], now: datetime) -> bytes:
    """The JSON array of task runs."""
    micros = to_micros(now)
    return ("[" + ",".join([shown(row, micros) for row in rows]) + "]").encode()
