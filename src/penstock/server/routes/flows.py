"""Flows."""

from __future__ import annotations

from uuid import UUID

from penstock.errors import NotFound
from penstock.server.bind import Answer, Encoded, Request, handles
from penstock.server.naming import check_name
from penstock.store.flows import FLOWS, create_flow, delete_flows, update_flow
from penstock.wire import flows as wire
from penstock.wire.flows import Flow, FlowCreate, FlowUpdate
from penstock.wire.model import Criteria


@handles(wire.create_flow)
async def create(at: Request, body: FlowCreate) -> Answer[Flow]:
    """Gives the flow of a name, made by this call (201) or before (200)."""
    check_name(body.name)
    known = await at.store.read(FLOWS.read(body.name, "name"))
    if known:  # every run of a script asks; only the first one writes
        return Answer(Encoded(known), 200)
    flow, events = await at.store.write(create_flow(body, at.now))
    at.hub.publish_events(events)
    return Answer(Encoded(flow), 201 if events else 200)


@handles(wire.filter_flows)
async def list_flows(at: Request, body: Criteria) -> Encoded:
    """Flows by their own fields, or those of their runs, deployments and pools."""
    return Encoded(await at.store.scan(FLOWS.list(body, at.store.dialect, most=at.most)))


@handles(wire.count_flows)
async def count(at: Request, body: Criteria) -> int:
    """How many flows a filter finds."""
    return await at.store.scan(FLOWS.count(body, at.store.dialect))


@handles(wire.paginate_flows)
async def page(at: Request, body: Criteria) -> Encoded:
    """One page of flows."""
    return Encoded(await at.store.scan(FLOWS.page(body, at.store.dialect, most=at.most)))


@handles(wire.read_flow_by_name)
async def read_by_name(at: Request, name: str) -> Encoded:
    """A flow by its name."""
    return _found(await at.store.read(FLOWS.read(name, "name")))


@handles(wire.read_flow)
async def read(at: Request, id: UUID) -> Encoded:
    """A flow by its id."""
    return _found(await at.store.read(FLOWS.read(id)))


@handles(wire.update_flow)
async def update(at: Request, body: FlowUpdate, id: UUID) -> None:
    """Changes a flow's tags."""
    await at.store.write(update_flow(id, body, at.now))


@handles(wire.delete_flow)
async def delete(at: Request, id: UUID) -> None:
    """Deletes a flow with its deployments and runs."""
    if not await at.store.write(delete_flows([id])):
        raise NotFound("Flow not found")


def _found(flow: bytes | None) -> Encoded:
    if flow is None:
        raise NotFound("Flow not found")
    return Encoded(flow)
