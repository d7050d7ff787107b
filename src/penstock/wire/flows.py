"""Flows: a name that runs and deployments belong to."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from msgspec import UNSET, UnsetType, field

from penstock.wire.endpoint import delete, get, patch, post
from penstock.wire.model import Criteria, Labels, Model, Page, Write


class Flow(Model):
    """A flow, one per name."""

    id: UUID
    name: str
    created: datetime | None = None
    updated: datetime | None = None
    tags: list[str] = field(default_factory=list)
    labels: Labels | None = None


class FlowCreate(Write):
    """Registers a flow, or finds the one of that name."""

    name: str
    tags: list[str] = field(default_factory=list)
    labels: Labels | None = None


class FlowUpdate(Write):
    """Changes a flow's tags."""

    tags: list[str] | UnsetType = UNSET


create_flow = post("/flows/", body=FlowCreate, returns=Flow)
filter_flows = post("/flows/filter", body=Criteria, returns=list[Flow])
count_flows = post("/flows/count", body=Criteria, returns=int)
paginate_flows = post("/flows/paginate", body=Criteria, returns=Page[Flow])
read_flow_by_name = get("/flows/name/{name}", returns=Flow)
read_flow = get("/flows/{id}", returns=Flow)
update_flow = patch("/flows/{id}", body=FlowUpdate)
delete_flow = delete("/flows/{id}")
