"""Flows: made by the first run or deployment that names them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from msgspec import UNSET
from msgspec.structs import replace

from penstock.errors import NotFound
from penstock.ids import new_id
from penstock.store.database import Steps, intent
from penstock.store.documents import Documents
from penstock.store.events import emit, event_of
from penstock.store.statements import load
from penstock.wire.events import ReceivedEvent
from penstock.wire.flows import Flow, FlowCreate, FlowUpdate

FLOWS = Documents("flows", Flow, columns=("name", "tags"), unique=("name",))
SQL = load("flows")


@intent
def create_flow(wanted: FlowCreate, now: datetime) -> Steps[tuple[bytes, list[ReceivedEvent]]]:
    """The flow of a name as JSON, made if need be; with the event of its making, if it was made."""
    known = yield FLOWS.fetch(wanted.name, "name")
    if known:
        return known[0][0].encode(), []
    flow = Flow(id=new_id(), name=wanted.name, tags=wanted.tags, labels=wanted.labels or {}, created=now, updated=now)
    made = yield FLOWS.insert(flow)
    found = yield FLOWS.fetch(wanted.name, "name")
    if not made:
        return found[0][0].encode(), []
    payload = {"name": flow.name, "tags": flow.tags, "labels": flow.labels}
    event = event_of("prefect.flow.created", "flow", flow.id, now=now, label=flow.name, payload=payload)
    yield emit(event)
    return found[0][0].encode(), [event]


@intent
def id_of(name: str) -> Steps[UUID | None]:
    """The id of the flow of a name."""
    rows = yield SQL.id_of(name=name)
    return UUID(rows[0][0]) if rows else None


@intent
def update_flow(id: UUID, change: FlowUpdate, now: datetime) -> Steps[None]:
    """Changes a flow's tags; `NotFound` when there is none."""
    flow = yield from FLOWS.find(id)
    if flow is None:
        raise NotFound("Flow not found")
    if change.tags is not UNSET:
        yield FLOWS.replace(replace(flow, tags=change.tags, updated=now))


@intent
def delete_flows(ids: Sequence[UUID]) -> Steps[list[UUID]]:
    """Deletes flows with their deployments and runs; gives those that were there."""
    deleted = []
    for id in ids:
        if (yield FLOWS.remove(id)):
            deleted.append(id)
            yield from _delete_what_belongs_to(id)
    return deleted


def _delete_what_belongs_to(id: UUID) -> Steps[None]:
    for query in (
        SQL.delete_states,
        SQL.delete_task_states,
        SQL.delete_task_runs,
        SQL.delete_runs,
        SQL.delete_deployments,
    ):
        yield query(flow_id=str(id))
