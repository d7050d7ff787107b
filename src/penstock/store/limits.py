"""Concurrency limits and the leases that hold their slots.

A slot is in use because a live lease is here (DESIGN, law 2): taking inserts a lease, giving back deletes
it, and a holder that dies is forgotten when its lease runs out. Taking locks the limits' rows in the
order of their ids, so that two takers can neither both win the last slot nor wait for each other.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from penstock.clock import from_micros, to_micros
from penstock.core.limits import Limit, check, new_occupancy
from penstock.errors import Conflict
from penstock.store.database import Row, Steps, intent
from penstock.store.statements import load
from penstock.wire.limits import GlobalLimitCreate, GlobalLimitUpdate, LeaseHolder, SlotHolder
from penstock.wire.model import changed

SQL = load("limits")


@dataclass(frozen=True, slots=True)
class Record:
    """A limit with the times of its row."""

    limit: Limit
    created: datetime
    updated: datetime


@dataclass(frozen=True, slots=True)
class Lease:
    """What a taker wants to hold: under this id, until then."""

    id: UUID
    expires_at: datetime
    holder: LeaseHolder | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """The limits that were taken from, or, with `full`, the one that had no room (then nothing was taken)."""

    limits: Sequence[Limit]
    full: Limit | None = None


@intent
def create(id: UUID, body: GlobalLimitCreate, now: datetime) -> Steps[Record]:
    """Adds a limit; Conflict when there is one of that name."""
    rows = yield SQL.insert_limit(
        id=str(id),
        name=body.name,
        max_slots=body.limit,
        active=body.active,
        slots=float(body.active_slots),
        denied_slots=body.denied_slots,
        decay=float(body.slot_decay_per_second),
        now=to_micros(now),
    )
    if not rows:
        raise Conflict(f"A concurrency limit named {body.name!r} exists already.")
    return (yield from _by_names([body.name], now))[0]


@intent
def by_name(name: str, now: datetime) -> Steps[Record | None]:
    """The limit of that name."""
    found = yield from _by_names([name], now)
    return found[0] if found else None


@intent
def by_id(id: UUID, now: datetime) -> Steps[Record | None]:
    """The limit of that id."""
    rows = yield SQL.limit_by_id(id=str(id), now=to_micros(now))
    return _record(rows[0]) if rows else None


@intent
def page(limit: int, offset: int, now: datetime, prefix: str = "") -> Steps[list[Record]]:
    """Limits by name, of those that begin with the prefix."""
    rows = yield SQL.list_limits(
        prefix=prefix, end=prefix + "\U0010ffff", limit=limit, offset=offset, now=to_micros(now)
    )
    return [_record(row) for row in rows]


@intent
def update(record: Record, body: GlobalLimitUpdate, now: datetime) -> Steps[None]:
    """Writes the fields that the body sets."""
    limit = record.limit
    changes = changed(body)
    slots = changes.get("active_slots")
    yield SQL.update_limit(
        id=str(limit.id),
        name=changes.get("name") or limit.name,
        max_slots=limit.limit if changes.get("limit") is None else changes["limit"],
        active=limit.active if changes.get("active") is None else changes["active"],
        slots=limit.taken if slots is None else float(slots),
        slots_at=to_micros(limit.taken_at if slots is None else now),
        denied_slots=limit.denied if changes.get("denied_slots") is None else changes["denied_slots"],
        decay=limit.decay if changes.get("slot_decay_per_second") is None else float(changes["slot_decay_per_second"]),
        now=to_micros(now),
    )


@intent
def delete(id: UUID) -> Steps[None]:
    """Removes a limit and its leases."""
    yield SQL.delete_leases_of_limit(id=str(id))
    yield SQL.delete_limit(id=str(id))


@intent
def take(names: Iterable[str], slots: int, mode: str, now: datetime, lease: Lease | None = None) -> Steps[Taken]:
    """Takes from all of the limits or from none; names without a limit are passed over.

    InvalidRequest when it can never succeed. A lease that is held already is not taken again: who asks for it had no
    answer the first time.
    """
    text = json.dumps(sorted(set(names)))
    yield SQL.lock_limits(names=text)
    rows = yield SQL.limits_by_name(names=text, now=to_micros(now))
    limits = [_record(row).limit for row in rows]
    if lease is not None and (yield SQL.held_by_lease(id=str(lease.id), now=to_micros(now))):
        return Taken(limits)
    check(limits, slots, mode)
    full = next((limit for limit in limits if not limit.has_room(slots, now)), None)
    if full is not None:
        yield SQL.set_denied(id=str(full.id), denied=full.denied + slots)
        return Taken((), full)
    for limit in limits:
        if limit.active:
            yield from _hold(limit, slots, now, lease)
    return Taken(limits)


def _hold(limit: Limit, slots: int, now: datetime, lease: Lease | None) -> Steps[None]:
    """Counts what drains by itself or has no owner; leases the rest."""
    if lease is None or limit.decay:
        taken = limit.used(now) if limit.decay else limit.taken
        yield SQL.set_taken(id=str(limit.id), slots=taken + slots, now=to_micros(now))
    if lease is not None:
        yield SQL.insert_lease(
            id=str(lease.id),
            limit_id=str(limit.id),
            slots=slots,
            holder_type=lease.holder.type if lease.holder else None,
            holder_id=str(lease.holder.id) if lease.holder else None,
            now=to_micros(now),
            expires_at=to_micros(lease.expires_at),
        )


@intent
def give_back(names: Iterable[str], slots: int, held_for: float | None, now: datetime) -> Steps[list[Limit]]:
    """Returns slots that were taken without a lease."""
    text = json.dumps(sorted(set(names)))
    yield SQL.lock_limits(names=text)
    rows = yield SQL.limits_by_name(names=text, now=to_micros(now))
    limits = [_record(row).limit for row in rows]
    for limit in limits:
        taken = limit.used(now) if limit.decay else limit.taken
        yield SQL.set_taken(id=str(limit.id), slots=max(0.0, taken - slots), now=to_micros(now))
        if held_for:
            yield SQL.set_occupancy(id=str(limit.id), occupancy=new_occupancy(limit, held_for))
    return limits


@intent
def return_lease(id: UUID, now: datetime) -> Steps[None]:
    """Gives a lease back; one that is gone already is no error."""
    rows = yield SQL.delete_lease(id=str(id))
    for limit_id, slots, acquired_at in rows:
        found = yield SQL.limit_by_id(id=limit_id, now=to_micros(now))
        if not found:
            continue
        limit = _record(found[0]).limit
        held_for = (now - from_micros(acquired_at)).total_seconds()
        yield SQL.set_occupancy(id=limit_id, occupancy=new_occupancy(limit, held_for))
        if limit.decay:
            yield SQL.set_taken(id=limit_id, slots=float(max(0, limit.used(now) - slots)), now=to_micros(now))


@intent
def renew_lease(id: UUID, seconds: float, now: datetime) -> Steps[bool]:
    """Extends a live lease; False when it is gone."""
    rows = yield SQL.renew_lease(id=str(id), now=to_micros(now), expires_at=to_micros(now + timedelta(seconds=seconds)))
    return bool(rows)


@intent
def forget_lapsed_leases(now: datetime) -> Steps[int]:
    """Removes leases that ran out; they held nothing any more. Gives how many."""
    return len((yield SQL.delete_lapsed_leases(now=to_micros(now))))


@intent
def holders(limit_id: UUID, now: datetime) -> Steps[list[UUID]]:
    """The task runs that hold a slot, longest first."""
    return [UUID(row[0]) for row in (yield SQL.holders(limit_id=str(limit_id), now=to_micros(now)))]


@intent
def leases_of(limit_ids: Iterable[UUID], most: int, now: datetime) -> Steps[list[SlotHolder]]:
    """The live leases on the slots of some limits, those of a limit together, its longest first."""
    rows = yield SQL.leases_of_limits(ids=json.dumps([str(id) for id in limit_ids]), limit=most, now=to_micros(now))
    return [_holder(row) for row in rows]


def _holder(row: Row) -> SlotHolder:
    (id, limit_id, slots, acquired_at, expires_at, holder_type, holder_id, holder_name, flow_run_id) = row
    return SlotHolder(
        lease_id=UUID(id),
        limit_id=UUID(limit_id),
        slots=slots,
        acquired=from_micros(acquired_at),
        expires=from_micros(expires_at),
        holder_type=holder_type,
        holder_id=UUID(holder_id) if holder_id else None,
        holder_name=holder_name,
        flow_run_id=UUID(flow_run_id) if flow_run_id else None,
    )


@intent
def reset(limit_id: UUID, holders: Sequence[UUID], lease: Lease, now: datetime) -> Steps[None]:
    """Frees every slot of a limit, then gives one to each of the task runs named."""
    yield SQL.delete_leases_of_limit(id=str(limit_id))
    yield SQL.set_taken(id=str(limit_id), slots=0.0, now=to_micros(now))
    for number, holder in enumerate(holders):
        yield SQL.insert_lease(
            id=str(UUID(int=lease.id.int + number)),
            limit_id=str(limit_id),
            slots=1,
            holder_type="task_run",
            holder_id=str(holder),
            now=to_micros(now),
            expires_at=to_micros(lease.expires_at),
        )


@intent
def release_holder(limit_ids: Iterable[UUID], holder: UUID) -> Steps[None]:
    """Gives back what a task run holds of these limits."""
    for limit_id in limit_ids:
        yield SQL.delete_holder(limit_id=str(limit_id), holder_id=str(holder))


def _by_names(names: list[str], now: datetime) -> Steps[list[Record]]:
    rows = yield SQL.limits_by_name(names=json.dumps(names), now=to_micros(now))
    return [_record(row) for row in rows]


def _record(row: Row) -> Record:
    (id, name, max_slots, active, slots, slots_at, denied, decay, occupancy, created, updated, leased) = row
    limit = Limit(
        UUID(id), name, max_slots, bool(active), slots, from_micros(slots_at), int(leased), denied, decay, occupancy
    )
    return Record(limit, from_micros(created), from_micros(updated))
