"""Slots are live leases, on both databases."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from penstock.errors import InvalidRequest
from penstock.ids import new_id
from penstock.store import limits
from penstock.store.database import Database
from penstock.store.limits import Lease, Taken
from penstock.wire.limits import GlobalLimitCreate, GlobalLimitUpdate, LeaseHolder

NOW = datetime(2026, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


async def make(db: Database, name: str = "api", slots: int = 2, decay: float = 0) -> UUID:
    body = GlobalLimitCreate(name=name, limit=slots, slot_decay_per_second=decay)
    return (await db.write(limits.create(new_id(), body, NOW))).limit.id


async def lease(db: Database, *names: str, at: datetime = NOW) -> Taken:
    return await db.write(limits.take(names, 1, "concurrency", at, Lease(new_id(), at + MINUTE)))


async def used(db: Database, name: str, at: datetime = NOW) -> int:
    record = await db.read(limits.by_name(name, at))
    assert record is not None
    return record.limit.used(at)


async def test_takers_at_once_never_exceed_the_limit(db: Database) -> None:
    await make(db, slots=5)
    outcomes = await asyncio.gather(*(lease(db, "api") for _ in range(30)))
    assert sum(1 for outcome in outcomes if outcome.full is None) == 5
    assert await used(db, "api") == 5


async def test_all_limits_are_taken_or_none(db: Database) -> None:
    await make(db, "wide", 9)
    await make(db, "narrow", 1)
    await lease(db, "narrow")
    outcome = await lease(db, "wide", "narrow")
    assert outcome.full is not None
    assert outcome.full.name == "narrow"
    assert await used(db, "wide") == 0


async def test_a_slot_is_free_again_when_its_lease_ran_out(db: Database) -> None:
    await make(db, slots=1)
    await lease(db, "api")
    assert (await lease(db, "api")).full is not None
    later = NOW + MINUTE
    assert await used(db, "api", later) == 0
    assert (await lease(db, "api", at=later)).full is None


async def test_a_renewed_lease_keeps_its_slot_and_a_lapsed_one_can_not_be_renewed(db: Database) -> None:
    await make(db)
    held = Lease(new_id(), NOW + MINUTE)
    await db.write(limits.take(["api"], 1, "concurrency", NOW, held))
    assert await db.write(limits.renew_lease(held.id, 120, NOW))
    assert await used(db, "api", NOW + MINUTE) == 1
    assert not await db.write(limits.renew_lease(held.id, 120, NOW + 3 * MINUTE))


async def test_a_returned_lease_frees_its_slot_and_may_be_returned_twice(db: Database) -> None:
    await make(db)
    held = Lease(new_id(), NOW + MINUTE)
    await db.write(limits.take(["api"], 2, "concurrency", NOW, held))
    for _ in range(2):
        await db.write(limits.return_lease(held.id, NOW))
    assert await used(db, "api") == 0


async def test_a_lease_that_is_asked_for_again_takes_nothing_twice(db: Database) -> None:
    await make(db)
    held = Lease(new_id(), NOW + MINUTE)
    for _ in range(3):
        taken = await db.write(limits.take(["api"], 2, "concurrency", NOW, held))
        assert (taken.full, [limit.name for limit in taken.limits]) == (None, ["api"])
    assert await used(db, "api") == 2


async def test_a_rate_drains_with_time(db: Database) -> None:
    await make(db, slots=2, decay=1.0)
    for _ in range(2):
        assert (await db.write(limits.take(["api"], 1, "rate_limit", NOW))).full is None
    assert (await db.write(limits.take(["api"], 1, "rate_limit", NOW))).full is not None
    assert (await db.write(limits.take(["api"], 1, "rate_limit", NOW + timedelta(seconds=1)))).full is None


async def test_what_can_never_succeed_is_refused(db: Database) -> None:
    await make(db, slots=1)
    with pytest.raises(InvalidRequest, match="can never be free"):
        await db.write(limits.take(["api"], 2, "concurrency", NOW))
    with pytest.raises(InvalidRequest, match="slots decay"):
        await db.write(limits.take(["api"], 1, "rate_limit", NOW))


async def test_an_inactive_limit_limits_nothing(db: Database) -> None:
    await make(db, slots=1)
    record = await db.read(limits.by_name("api", NOW))
    assert record is not None
    await db.write(limits.update(record, GlobalLimitUpdate(active=False), NOW))
    for _ in range(3):
        assert (await lease(db, "api")).full is None


async def test_holders_are_told_and_reset_frees_them(db: Database) -> None:
    id = await make(db)
    holder = LeaseHolder(type="task_run", id=new_id())
    await db.write(limits.take(["api"], 1, "concurrency", NOW, Lease(new_id(), NOW + MINUTE, holder)))
    assert await db.read(limits.holders(id, NOW)) == [holder.id]
    await db.write(limits.reset(id, [], Lease(new_id(), NOW + MINUTE), NOW))
    assert await used(db, "api") == 0


async def test_lapsed_leases_are_forgotten(db: Database) -> None:
    await make(db)
    await lease(db, "api")
    assert await db.write(limits.forget_lapsed_leases(NOW)) == 0
    assert await db.write(limits.forget_lapsed_leases(NOW + MINUTE)) == 1
