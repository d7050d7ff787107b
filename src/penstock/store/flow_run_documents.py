"""A flow run as a row: its document, the columns that are found and sorted by, and how it is shown.

The stored document is the run as the API answers it without its last five fields. Those belong to other
tables or change with the time, so they are put at the document's end when it is read, without decoding.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec

from penstock.clock import to_micros
from penstock.core.states import TERMINAL
from penstock.store.database import Row
from penstock.wire.flow_runs import FlowRun
from penstock.wire.model import encode
from penstock.wire.states import StateType

decode = msgspec.json.Decoder(FlowRun).decode

_UNSTORED = (
    b',"work_queue_name":null,"work_pool_id":null,"work_pool_name":null'
    b',"estimated_run_time":0.0,"estimated_start_time_delta":0.0}'
)
_PLACE = (
    "(select {json}('work_queue_name', q.name, 'work_pool_id', p.id, 'work_pool_name', p.name){text}"
    " from work_queues q join work_pools p on p.id = q.work_pool_id where q.id = flow_runs.work_queue_id)"
)
_NO_PLACE = '"work_queue_name":null,"work_pool_id":null,"work_pool_name":null'
_QUEUE_ID = '"work_queue_id":'
_TERMINAL = frozenset(kind.value for kind in TERMINAL)
_RUNNING = StateType.RUNNING.value

_REST = (
    "flow_runs.state_type, flow_runs.state_timestamp, flow_runs.total_run_time,"
    " flow_runs.start_time, flow_runs.expected_start_time"
)
SHOWN = {
    "sqlite": f"flow_runs.doc, {_PLACE.format(json='json_object', text='')}, {_REST}",
    "postgres": f"flow_runs.doc, {_PLACE.format(json='json_build_object', text='::text')}, {_REST}",
}
"""The columns of `flow_runs` that `shown` needs."""
DUE = "flow_runs.doc, flow_runs.state_id, flow_runs.total_run_time, flow_runs.start_time, flow_runs.expected_start_time"
"""The columns of `flow_runs` that `due_list` needs."""


def place_text(queue: str, pool_id: str, pool: str) -> str:
    """A queue and its pool as the second of the columns `SHOWN`."""
    return encode({"work_queue_name": queue, "work_pool_id": pool_id, "work_pool_name": pool}).decode()


def document(run: FlowRun) -> str:
    """What is stored of a run."""
    if run.work_queue_name is not None or run.work_pool_id is not None:
        run = msgspec.structs.replace(run, work_queue_name=None, work_pool_id=None, work_pool_name=None)
    if run.estimated_run_time or run.estimated_start_time_delta:
        run = msgspec.structs.replace(run, estimated_run_time=0.0, estimated_start_time_delta=0.0)
    return encode(run)[: -len(_UNSTORED)].decode() + "}"


def row_of(run: FlowRun) -> dict[str, Any]:
    """The run's columns and its document."""
    state = run.state
    return {
        "id": str(run.id),
        "name": run.name,
        "flow_id": str(run.flow_id),
        "deployment_id": _text(run.deployment_id),
        "work_queue_id": _text(run.work_queue_id),
        "parent_task_run_id": _text(run.parent_task_run_id),
        "idempotency_key": run.idempotency_key,
        "tags": encode(run.tags).decode() if run.tags else "[]",
        "state_id": _text(run.state_id),
        "state_type": run.state_type.value if run.state_type else None,
        "state_name": run.state_name,
        "state_timestamp": to_micros(state.timestamp) if state else None,
        "start_time": _micros(run.start_time),
        "end_time": _micros(run.end_time),
        "expected_start_time": _micros(run.expected_start_time),
        "next_scheduled_start_time": _micros(run.next_scheduled_start_time),
        "total_run_time": run.total_run_time,
        "run_count": run.run_count,
        "auto_scheduled": run.auto_scheduled,
        "retry_type": run.empirical_policy.retry_type,
        "created": _micros(run.created) or 0,
        "updated": _micros(run.updated) or 0,
        "doc": document(run),
    }


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _micros(moment: datetime | None) -> int | None:
    return None if moment is None else to_micros(moment)


def shown(row: Row, now: int) -> str:
    """The JSON of a run as the API answers it, from the columns `SHOWN`; `now` in microseconds."""
    doc, place, kind, since, ran, start, expected = row
    if kind == _RUNNING:
        ran += max(0, now - since) / 1e6
    late = 0.0
    if start is not None or kind not in _TERMINAL:
        late = _late(start, expected, now)
    if place:
        where = place[1:-1]
    else:
        doc, where = _without_queue(doc), _NO_PLACE
    return f'{doc[:-1]},{where},"estimated_run_time":{ran!r},"estimated_start_time_delta":{late!r}}}'


def _without_queue(doc: str) -> str:
    """The document of a run whose queue is no more. Deleting a queue rewrites no runs: there may be a million.

    Only ids and escaped text stand before the queue's id, so the first place with its name is the right one.
    """
    value = doc.index(_QUEUE_ID) + len(_QUEUE_ID)
    if doc[value] != '"':
        return doc
    end = doc.index('"', value + 1) + 1
    return f"{doc[:value]}null{doc[end:]}"


def shown_list(rows: Iterable[Row], now: datetime) -> bytes:
    """The JSON array of runs."""
    micros = to_micros(now)
    return ("[" + ",".join([shown(row, micros) for row in rows]) + "]").encode()


def due_parts(rows: Iterable[Row], head: str, place: str, now: int) -> list[str]:
    """The pieces of the JSON of scheduled runs in one place, as a poll answers them: each after `head`, no state.

    A worker polls often and is answered much, so the pieces are joined once, by the caller. A state's id is
    younger than all else in its run's document: where it last opens a state, there the state begins.
    """
    parts: list[str] = []
    where = place[1:-1]
    for doc, state_id, ran, start, expected in rows:
        late = _late(start, expected, now)
        tail = f',"state":null,{where},"estimated_run_time":{ran!r},"estimated_start_time_delta":{late!r}}}}}'
        parts += (head, doc[: doc.rindex(f',"state":{{"id":"{state_id}"')], tail, ",")
    return parts


def _late(start: int | None, expected: int | None, now: int) -> float:
    """By how many seconds a run started late, or is late by now."""
    return 0.0 if expected is None else max(0, (now if start is None else start) - expected) / 1e6
