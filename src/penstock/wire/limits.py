"""Concurrency limits: global ones by name, older ones by task tag, and the leases that hold their slots."""

from __future__ import annotations

from datetime import datetime
from types import NoneType
from uuid import UUID

from msgspec import UNSET, UnsetType, field

from penstock.wire.endpoint import delete, get, patch, post
from penstock.wire.model import Criteria, Model, Write


class TagLimit(Model):
    """A limit on task runs with a tag; `active_slots` are the task runs that hold one."""

    id: UUID
    tag: str
    concurrency_limit: int
    created: datetime | None = None
    updated: datetime | None = None
    active_slots: list[UUID] = field(default_factory=list)


class TagLimitCreate(Write):
    """Sets a tag's limit."""

    tag: str
    concurrency_limit: int


class GlobalLimit(Model):
    """A named limit; with a decay it is a rate limit."""

    id: UUID
    name: str
    limit: int
    created: datetime | None = None
    updated: datetime | None = None
    active: bool = True
    active_slots: int = 0
    denied_slots: int = 0
    slot_decay_per_second: float = 0
    avg_slot_occupancy_seconds: float = 2.0


class GlobalLimitCreate(Write):
    """A new named limit."""

    name: str
    limit: int
    active: bool = True
    active_slots: int = 0
    denied_slots: int = 0
    slot_decay_per_second: float = 0


class GlobalLimitUpdate(Write):
    """Changes a named limit."""

    active: bool | UnsetType | None = UNSET
    name: str | UnsetType | None = UNSET
    limit: int | UnsetType | None = UNSET
    active_slots: int | UnsetType | None = UNSET
    denied_slots: int | UnsetType | None = UNSET
    slot_decay_per_second: float | UnsetType | None = UNSET


class GlobalLimitSummary(Model):
    """A named limit as lists show it."""

    id: UUID
    name: str
    limit: int
    active_slots: int
    created: datetime | None = None
    updated: datetime | None = None
    active: bool = True
    slot_decay_per_second: float = 2.0


class LimitReference(Model):
    """A limit that was taken from or given back to."""

    id: UUID
    name: str
    limit: int


class LeasedLimits(Model):
    """The lease on the taken slots."""

    lease_id: UUID
    limits: list[LimitReference]


class LeaseHolder(Write):
    """Who holds a lease: `flow_run`, `task_run` or `deployment`."""

    type: str
    id: UUID


LEASE_HEADER = "X-Penstock-Lease"


class TagLimitReset(Model):
    """Frees a tag's slots, or sets who holds them."""

    slot_override: list[UUID] | None = None


class TagSlots(Model):
    """Slots of tags for a task run, as older clients take them."""

    names: list[str]
    task_run_id: UUID


class SlotsTake(Model):
    """All or nothing; `mode` is `concurrency` or `rate_limit`."""

    slots: int
    names: list[str]
    mode: str = "concurrency"
    create_if_missing: bool | None = None


class SlotsLease(Model):
    """As `SlotsTake`, held until given back or `lease_duration` seconds (60 to 86,400) passed.

    A client may choose the lease's id, in the header `LEASE_HEADER`: asking again with it takes nothing twice.
    """

    slots: int
    names: list[str]
    mode: str = "concurrency"
    lease_duration: float = 300
    holder: LeaseHolder | None = None


class SlotsReturn(Model):
    """Gives slots back that were taken without a lease."""

    slots: int
    names: list[str]
    occupancy_seconds: float | None = None
    create_if_missing: bool | None = None


class LeaseReturn(Model):
    """Gives a lease back."""

    lease_id: UUID


class LeaseRenewal(Model):
    """Keeps a lease, 60 to 86,400 seconds from now."""

    lease_duration: float = 300


class HolderQuery(Model):
    """Whose slots are asked for: of these limits, at most so many of those who hold one."""

    limit_ids: list[UUID]
    limit: int = 200


class SlotHolder(Model):
    """A lease on slots of a limit, and who holds it, where that was said.

    `holder_name` is the run's, task run's or deployment's, while there is one; `flow_run_id` the run that a task is of.
    """

    lease_id: UUID
    limit_id: UUID
    slots: int
    acquired: datetime
    expires: datetime
    holder_type: str | None = None
    holder_id: UUID | None = None
    holder_name: str | None = None
    flow_run_id: UUID | None = None


create_tag_limit = post("/concurrency_limits/", body=TagLimitCreate, returns=TagLimit, status=201)
filter_tag_limits = post("/concurrency_limits/filter", body=Criteria, returns=list[TagLimit])
read_tag_limit_by_tag = get("/concurrency_limits/tag/{tag}", returns=TagLimit)
delete_tag_limit_by_tag = delete("/concurrency_limits/tag/{tag}", status=200)
reset_tag_limit = post("/concurrency_limits/tag/{tag}/reset", body=TagLimitReset, returns=NoneType)
read_tag_limit = get("/concurrency_limits/{id}", returns=TagLimit)
delete_tag_limit = delete("/concurrency_limits/{id}", status=200)
increment_tag_limits = post("/concurrency_limits/increment", body=TagSlots, returns=list[LimitReference])
decrement_tag_limits = post("/concurrency_limits/decrement", body=TagSlots, returns=list[LimitReference])
create_global_limit = post("/v2/concurrency_limits/", body=GlobalLimitCreate, returns=GlobalLimit, status=201)
filter_global_limits = post("/v2/concurrency_limits/filter", body=Criteria, returns=list[GlobalLimitSummary])
increment_global_limits = post("/v2/concurrency_limits/increment", body=SlotsTake, returns=list[LimitReference])
increment_with_lease = post("/v2/concurrency_limits/increment-with-lease", body=SlotsLease, returns=LeasedLimits)
decrement_global_limits = post("/v2/concurrency_limits/decrement", body=SlotsReturn, returns=list[LimitReference])
decrement_with_lease = post(
    "/v2/concurrency_limits/decrement-with-lease", body=LeaseReturn, returns=NoneType, status=204
)
renew_lease = post("/v2/concurrency_limits/leases/{lease_id}/renew", body=LeaseRenewal, returns=NoneType, status=204)
read_global_limit = get("/v2/concurrency_limits/{id_or_name}", returns=GlobalLimitSummary)
update_global_limit = patch("/v2/concurrency_limits/{id_or_name}", body=GlobalLimitUpdate)
delete_global_limit = delete("/v2/concurrency_limits/{id_or_name}")
list_holders = post("/penstock/concurrency_limits/holders", body=HolderQuery, returns=list[SlotHolder])
