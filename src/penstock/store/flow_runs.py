"""Flow runs: made once for each key, read without decoding, changed only where nobody else did."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from penstock.clock import from_micros, to_micros
from penstock.core.run_events import Surroundings
from penstock.core.states import stamp, with_details
from penstock.core.transitions import apply_state
from penstock.errors import Conflict
from penstock.store import run_limits
from penstock.store.database import Database, Steps, intent
from penstock.store.deployments import cancels_new
from penstock.store.filters import Selection
from penstock.store.flow_run_documents import SHOWN, decode, place_text, shown, shown_list
from penstock.store.flow_run_states import SQL, change_row, tell_parent
from penstock.store.statements import statement
from penstock.store.tallied_counts import number_of
from penstock.store.tallied_spans import Tallied
from penstock.wire.deployments import Deployment
from penstock.wire.flow_runs import FlowRun, FlowRunInput
from penstock.wire.flows import Flow
from penstock.wire.states import StateCreate

_READ = statement(
    "read_flow_run",
    f"select {SHOWN['sqlite']} from flow_runs where id = :id",
    f"select {SHOWN['postgres']} from flow_runs where id = :id",
)
_decode_flow = msgspec.json.Decoder(Flow).decode
_decode_deployment = msgspec.json.Decoder(Deployment).decode


@dataclass(frozen=True, slots=True)
class Origin:
    """What a new run comes from."""

    flow: Flow
    deployment: Deployment | None
    around: Surroundings


@dataclass(frozen=True, slots=True)
class Created:
    """A run that was made, or with `known` the one that its key had made before; `event` as it was written."""

    run: FlowRun
    around: Surroundings
    known: bool = False
    event: bytes | None = None
    answer: bytes | None = None
    """The JSON of a run that was made, as the API answers it."""


@intent
def origin(flow_id: UUID, deployment_id: UUID | None, work_queue_id: UUID | None) -> Steps[Origin]:
    """What a new run comes from. Conflict for an unknown flow or deployment."""
    rows = yield SQL.surroundings(
        flow_id=str(flow_id),
        deployment_id=str(deployment_id) if deployment_id else None,
        work_queue_id=str(work_queue_id) if work_queue_id else None,
    )
    if not rows or (deployment_id is not None and rows[0][1] is None):
        raise Conflict("The flow or the deployment of the run does not exist.")
    flow_doc, deployment_doc, *place = rows[0]
    flow = _decode_flow(flow_doc)
    deployment = _decode_deployment(deployment_doc) if deployment_doc else None
    if deployment is None:
        return Origin(flow, None, Surroundings(flow.name, None, *place))
    around = Surroundings(flow.name, deployment.name, *place)
    return Origin(flow, deployment, replace(around, cancels_new=cancels_new(deployment)))


async def create(
    store: Database, run: FlowRun, state: StateCreate, around: Surroundings, *, state_id: UUID, now: datetime
) -> Created:
    """Makes a run in its first state, or finds the one that was made with its key."""
    first = stamp(state, id=state_id, now=now)
    first = with_details(first, flow_run_id=run.id, task_run_id=run.parent_task_run_id)
    run = apply_state(run, first, now=now)
    row = change_row(run, None, around, now)
    while True:
        if await store.write(_insert(row, run, store.dialect, now)):
            return Created(run, around, event=row["event_doc"].encode(), answer=_answer(row, around, now))
        known = await store.read(by_key(run.flow_id, run.idempotency_key))
        if known is not None:
            return Created(known, around, known=True)


def _answer(row: dict[str, Any], around: Surroundings, now: datetime) -> bytes:
    """A new run as it is shown, which need not be read again for that."""
    place = None
    if around.queue_name is not None and around.pool_id is not None and around.pool_name is not None:
        place = place_text(around.queue_name, around.pool_id, around.pool_name)
    columns = ("state_type", "state_timestamp", "total_run_time", "start_time", "expected_start_time")
    return shown((row["doc"], place, *(row[name] for name in columns)), to_micros(now)).encode()


@intent
def _insert(row: dict[str, Any], run: FlowRun, dialect: str, now: datetime) -> Steps[bool]:
    parent = run.parent_task_run_id
    if dialect == "postgres" and parent is None:
        return bool((yield SQL.insert_run_whole.alone(**row)))
    if not (yield SQL.insert_run(**row)):
        return False
    yield SQL.insert_state(**row)
    yield SQL.insert_event(**row)
    if parent is not None and run.state is not None:
        yield from tell_parent(run, run.state, parent, now)
    return True


@intent
def by_key(flow_id: UUID, key: str | None) -> Steps[FlowRun | None]:
    """The run of a flow that was made with an idempotency key."""
    rows = yield SQL.id_by_key(flow_id=str(flow_id), idempotency_key=key)
    if not rows:
        return None
    found = yield SQL.facts(id=rows[0][0])
    return decode(found[0][0]) if found else None


@intent
def read(run_id: UUID, now: datetime) -> Steps[bytes | None]:
    """The JSON of a run, or None."""
    rows = yield _READ(id=str(run_id))
    return shown(rows[0], to_micros(now)).encode() if rows else None


@intent
def list_runs(selection: Selection, now: datetime) -> Steps[bytes]:
    """The JSON array of the runs that a selection finds."""
    return shown_list((yield selection.rows(SHOWN[selection.dialect])), now)


@intent
def page(selection: Selection, tallied: Tallied | None, number: int, now: datetime) -> Steps[bytes]:
    """The JSON of a page of runs, with its place among all; `tallied` is the same selection."""
    count = yield from number_of(selection, tallied)
    results = shown_list((yield selection.rows(SHOWN[selection.dialect])), now)
    pages = -(-count // selection.limit) if selection.limit else 0
    place = f',"count":{count},"limit":{selection.limit},"pages":{pages},"page":{number}}}'
    return b'{"results":' + results + place.encode()


@intent
def ids(selection: Selection) -> Steps[list[UUID]]:
    """The ids of the runs that a selection finds."""
    return [UUID(row[0]) for row in (yield selection.rows("flow_runs.id"))]


@intent
def delete(run_id: UUID) -> Steps[bool]:
    """Removes a run with its states, results, inputs, logs and the slot it holds; False when there is none."""
    rows = yield SQL.delete_run(id=str(run_id))
    if not rows:
        return False
    run = decode(rows[0][0])
    lease = run.state.state_details.deployment_concurrency_lease_id if run.state else None
    if lease is not None:
        yield from run_limits.release(lease)
    for statement_ in (SQL.delete_states, SQL.delete_inputs, SQL.delete_logs, SQL.delete_results):
        yield statement_(id=str(run_id))
    return True


@intent
def add_input(id: UUID, run_id: UUID, key: str, value: str, sender: str | None, now: datetime) -> Steps[None]:
    """Keeps an input of a run; Conflict when the key is used."""
    rows = yield SQL.insert_input(
        id=str(id), flow_run_id=str(run_id), key=key, value=value, sender=sender, created=to_micros(now)
    )
    if not rows:
        raise Conflict("The run has an input of this key.")


@intent
def read_input(run_id: UUID, key: str) -> Steps[str | None]:
    """The text kept under a key."""
    rows = yield SQL.read_input(flow_run_id=str(run_id), key=key)
    return str(rows[0][0]) if rows else None


@intent
def list_inputs(run_id: UUID, prefix: str, limit: int, without: Sequence[str]) -> Steps[list[FlowRunInput]]:
    """Inputs of a run by the beginning of their keys, oldest first."""
    rows = yield SQL.list_inputs(flow_run_id=str(run_id), prefix=prefix, prefix_end=prefix + "\U0010ffff")
    found = [
        FlowRunInput(
            id=UUID(id),
            flow_run_id=run_id,
            key=key,
            value=value,
            sender=sender,
            created=from_micros(created),
            updated=from_micros(created),
        )
        for id, _, key, value, sender, created in rows
        if key not in without
    ]
    return found[:limit]


@intent
def delete_input(run_id: UUID, key: str) -> Steps[bool]:
    """Forgets an input; False when there is none."""
    return bool((yield SQL.delete_input(flow_run_id=str(run_id), key=key)))
