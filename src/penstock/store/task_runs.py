"""Task runs: made once for each key within their flow run, read without decoding."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from msgspec.structs import replace

from penstock.clock import to_micros
from penstock.errors import NotFound
from penstock.store.database import Steps, intent
from penstock.store.filters import Selection
from penstock.store.statements import statement
from penstock.store.tallied_counts import number_of
from penstock.store.tallied_spans import Tallied
from penstock.store.task_run_documents import SHOWN, decode, row_of, shown, shown_list
from penstock.store.task_run_states import SQL, state_row
from penstock.wire.task_runs import TaskRun

_READ = statement("read_task_run", f"select {SHOWN} from task_runs where id = :id")


@intent
def create(run: TaskRun) -> Steps[UUID]:
    """Makes a task run in its first state; gives its id, or that of the run its key had made before."""
    rows = yield SQL.insert_task(**row_of(run))
    if rows:
        if run.state is not None:
            yield SQL.insert_state(**state_row(run.id, run.state))
        return run.id
    known = yield SQL.by_key(flow_run_id=str(run.flow_run_id or ""), task_key=run.task_key, dynamic_key=run.dynamic_key)
    return UUID(known[0][0]) if known else run.id


@intent
def read(run_id: UUID, now: datetime) -> Steps[bytes | None]:
    """The JSON of a task run, or None."""
    rows = yield _READ(id=str(run_id))
    return shown(rows[0], to_micros(now)).encode() if rows else None


@intent
def list_runs(selection: Selection, now: datetime) -> Steps[bytes]:
    """The JSON array of the task runs that a selection finds."""
    return shown_list((yield selection.rows(SHOWN)), now)


@intent
def page(selection: Selection, tallied: Tallied | None, number: int, now: datetime) -> Steps[bytes]:
    """The JSON of a page of task runs, with its place among all; `tallied` is the same selection."""
    count = yield from number_of(selection, tallied)
    results = shown_list((yield selection.rows(SHOWN)), now)
    pages = -(-count // selection.limit) if selection.limit else 0
    place = f',"count":{count},"limit":{selection.limit},"pages":{pages},"page":{number}}}'
    return b'{"results":' + results + place.encode()


@intent
def rename(run_id: UUID, name: str, now: datetime) -> Steps[None]:
    """Gives a task run another name. NotFound for an unknown one."""
    yield SQL.lock_task(id=str(run_id))
    rows = yield SQL.facts(id=str(run_id))
    if not rows:
        raise NotFound("Task run not found")
    yield SQL.write_task(**row_of(replace(decode(rows[0][0]), name=name, updated=now)))


@intent
def delete(run_id: UUID) -> Steps[bool]:
    """Removes a task run with its states; False when there is none."""
    yield SQL.delete_states(id=str(run_id))
    return bool((yield SQL.delete_task(id=str(run_id))))
