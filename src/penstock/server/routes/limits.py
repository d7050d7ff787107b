"""Concurrency limits: global ones by name, the older ones by task tag, and taking their slots."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from uuid import UUID

from penstock.core.limits import NOTHING_HELD, TAG_PREFIX, Limit, wait
from penstock.errors import BadRequest, Gone, InvalidRequest, Locked, NotFound
from penstock.ids import new_id
from penstock.server.bind import Answer, Request, handles
from penstock.server.naming import check_name
from penstock.store import limits as store
from penstock.store.filters import bounded
from penstock.store.limits import Lease, Record
from penstock.wire import limits as wire
from penstock.wire.model import Criteria

_LEASE = wire.LEASE_HEADER.lower()
TAG_LEASE = timedelta(days=1)
"""How long a slot lasts that an older client took for a task run and never gave back."""


@handles(wire.create_global_limit)
async def create_global_limit(at: Request, body: wire.GlobalLimitCreate) -> wire.GlobalLimit:
    check_name(body.name)
    _check(body.limit, body.slot_decay_per_second)
    record = await at.store.write(store.create(new_id(), body, at.now))
    return _full(record, at.now)


@handles(wire.filter_global_limits)
async def filter_global_limits(at: Request, body: Criteria) -> list[wire.GlobalLimitSummary]:
    records = await at.store.read(store.page(bounded(body.limit), body.offset or 0, at.now))
    return [_summary(record, at.now) for record in records]


@handles(wire.read_global_limit)
async def read_global_limit(at: Request, id_or_name: str) -> wire.GlobalLimitSummary:
    return _summary(await _find(at, id_or_name), at.now)


@handles(wire.update_global_limit)
async def update_global_limit(at: Request, body: wire.GlobalLimitUpdate, id_or_name: str) -> None:
    record = await _find(at, id_or_name)
    await at.store.write(store.update(record, body, at.now))


@handles(wire.delete_global_limit)
async def delete_global_limit(at: Request, id_or_name: str) -> None:
    record = await _find(at, id_or_name)
    await at.store.write(store.delete(record.limit.id))


@handles(wire.increment_global_limits)
async def increment_global_limits(at: Request, body: wire.SlotsTake) -> list[wire.LimitReference]:
    taken = await at.store.write(store.take(body.names, body.slots, body.mode, at.now))
    return _taken(at, taken, body.slots)


@handles(wire.increment_with_lease)
async def increment_with_lease(at: Request, body: wire.SlotsLease) -> wire.LeasedLimits:
    _check_duration(body.lease_duration)
    lease = Lease(_wanted_lease(at), at.now + timedelta(seconds=body.lease_duration), body.holder)
    limits = _taken(at, await at.store.write(store.take(body.names, body.slots, body.mode, at.now, lease)), body.slots)
    return wire.LeasedLimits(lease_id=lease.id if limits else NOTHING_HELD, limits=limits)


def _wanted_lease(at: Request) -> UUID:
    """The id that the client has chosen, or a new one."""
    given = at.header(_LEASE)
    try:
        return UUID(given) if given else new_id()
    except ValueError:
        raise BadRequest(f"{wire.LEASE_HEADER} must be a UUID, not {given!r}.") from None


@handles(wire.decrement_global_limits)
async def decrement_global_limits(at: Request, body: wire.SlotsReturn) -> list[wire.LimitReference]:
    limits = await at.store.write(store.give_back(body.names, body.slots, body.occupancy_seconds, at.now))
    return [_reference(limit) for limit in limits]


@handles(wire.decrement_with_lease)
async def decrement_with_lease(at: Request, body: wire.LeaseReturn) -> None:
    if body.lease_id != NOTHING_HELD:
        await at.store.write(store.return_lease(body.lease_id, at.now))


@handles(wire.renew_lease)
async def renew_lease(at: Request, body: wire.LeaseRenewal, lease_id: UUID) -> None:
    _check_duration(body.lease_duration)
    if lease_id == NOTHING_HELD:
        return
    if not await at.store.write(store.renew_lease(lease_id, body.lease_duration, at.now)):
        raise Gone(f"The lease {lease_id} has run out or was given back.")


@handles(wire.list_holders)
async def list_holders(at: Request, body: wire.HolderQuery) -> list[wire.SlotHolder]:
    """Who holds the slots of some limits; what was taken without a lease has no holder."""
    return await at.store.read(store.leases_of(body.limit_ids, bounded(body.limit), at.now))


@handles(wire.create_tag_limit)
async def create_tag_limit(at: Request, body: wire.TagLimitCreate) -> wire.TagLimit | Answer[wire.TagLimit]:
    _check(body.concurrency_limit, 0)
    name = TAG_PREFIX + body.tag
    known = await at.store.read(store.by_name(name, at.now))
    if known is None:
        new = wire.GlobalLimitCreate(name=name, limit=body.concurrency_limit)
        return await _tag_limit(at, await at.store.write(store.create(new_id(), new, at.now)))
    await at.store.write(store.update(known, wire.GlobalLimitUpdate(limit=body.concurrency_limit), at.now))
    return Answer(await _tag_limit(at, await _find(at, name)), 200)


@handles(wire.filter_tag_limits)
async def filter_tag_limits(at: Request, body: Criteria) -> list[wire.TagLimit]:
    records = await at.store.read(store.page(bounded(body.limit), body.offset or 0, at.now, TAG_PREFIX))
    return [await _tag_limit(at, record) for record in records]


@handles(wire.read_tag_limit_by_tag)
async def read_tag_limit_by_tag(at: Request, tag: str) -> wire.TagLimit:
    return await _tag_limit(at, await _find(at, TAG_PREFIX + tag))


@handles(wire.delete_tag_limit_by_tag)
async def delete_tag_limit_by_tag(at: Request, tag: str) -> None:
    record = await _find(at, TAG_PREFIX + tag)
    await at.store.write(store.delete(record.limit.id))


@handles(wire.reset_tag_limit)
async def reset_tag_limit(at: Request, body: wire.TagLimitReset, tag: str) -> None:
    record = await _find(at, TAG_PREFIX + tag)
    holders = body.slot_override or []
    await at.store.write(store.reset(record.limit.id, holders, Lease(new_id(), at.now + TAG_LEASE), at.now))


@handles(wire.read_tag_limit)
async def read_tag_limit(at: Request, id: UUID) -> wire.TagLimit:
    return await _tag_limit(at, await _find(at, str(id)))


@handles(wire.delete_tag_limit)
async def delete_tag_limit(at: Request, id: UUID) -> None:
    record = await _find(at, str(id))
    await at.store.write(store.delete(record.limit.id))


@handles(wire.increment_tag_limits)
async def increment_tag_limits(at: Request, body: wire.TagSlots) -> list[wire.LimitReference]:
    """Takes a slot of each tag for a task run, as clients before 3.4.11 do; held for a day at most."""
    names = [TAG_PREFIX + name for name in body.names]
    holder = wire.LeaseHolder(type="task_run", id=body.task_run_id)
    lease = Lease(new_id(), at.now + TAG_LEASE, holder)
    return _taken(at, await at.store.write(store.take(names, 1, "concurrency", at.now, lease)), 1)


@handles(wire.decrement_tag_limits)
async def decrement_tag_limits(at: Request, body: wire.TagSlots) -> list[wire.LimitReference]:
    names = [TAG_PREFIX + name for name in body.names]
    limits = [found.limit for name in names if (found := await at.store.read(store.by_name(name, at.now)))]
    await at.store.write(store.release_holder([limit.id for limit in limits], body.task_run_id))
    return [_reference(limit) for limit in limits]


async def _find(at: Request, id_or_name: str) -> Record:
    """By id where the text is one, else by name."""
    try:
        found = await at.store.read(store.by_id(UUID(id_or_name), at.now))
    except ValueError:
        found = await at.store.read(store.by_name(id_or_name, at.now))
    if found is None:
        raise NotFound("Concurrency Limit not found")
    return found


def _check(limit: int, decay: float) -> None:
    if limit < 0:
        raise InvalidRequest("Input should be greater than or equal to 0", loc=("body", "limit"))
    if decay < 0:
        raise InvalidRequest("Input should be greater than or equal to 0", loc=("body", "slot_decay_per_second"))


def _check_duration(seconds: float) -> None:
    if not 60 <= seconds <= 86_400:
        raise InvalidRequest("Input should be from 60 to 86400 seconds", loc=("body", "lease_duration"))


def _taken(at: Request, taken: store.Taken, slots: int) -> list[wire.LimitReference]:
    if taken.full is not None:
        asked = at.settings.server
        tagged = taken.full.name.startswith(TAG_PREFIX)
        longest = (
            asked.tasks.tag_concurrency_slot_wait_seconds
            if tagged
            else asked.concurrency.maximum_concurrency_slot_wait_seconds
        )
        raise Locked(retry_after=wait(taken.full, slots, random.random(), longest))
    return [_reference(limit) for limit in taken.limits]


def _reference(limit: Limit) -> wire.LimitReference:
    return wire.LimitReference(id=limit.id, name=limit.name, limit=limit.limit)


def _full(record: Record, now: datetime) -> wire.GlobalLimit:
    limit = record.limit
    return wire.GlobalLimit(
        id=limit.id,
        created=record.created,
        updated=record.updated,
        active=limit.active,
        name=limit.name,
        limit=limit.limit,
        active_slots=limit.used(now),
        denied_slots=limit.denied,
        slot_decay_per_second=limit.decay,
        avg_slot_occupancy_seconds=limit.occupancy,
    )


def _summary(record: Record, now: datetime) -> wire.GlobalLimitSummary:
    limit = record.limit
    return wire.GlobalLimitSummary(
        id=limit.id,
        created=record.created,
        updated=record.updated,
        active=limit.active,
        name=limit.name,
        limit=limit.limit,
        active_slots=limit.used(now),
        slot_decay_per_second=limit.decay,
    )


async def _tag_limit(at: Request, record: Record) -> wire.TagLimit:
    limit = record.limit
    return wire.TagLimit(
        id=limit.id,
        created=record.created,
        updated=record.updated,
        tag=limit.name.removeprefix(TAG_PREFIX),
        concurrency_limit=limit.limit,
        active_slots=await at.store.read(store.holders(limit.id, at.now)),
    )
