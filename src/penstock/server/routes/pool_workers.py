"""Workers in their own words, and what is wanted of them."""

from __future__ import annotations

from uuid import UUID

from penstock.errors import NotFound
from penstock.ids import new_id
from penstock.server.bind import Request, handles
from penstock.server.naming import check_name
from penstock.server.routes.work_pools import find
from penstock.store import workers as store
from penstock.wire import pool_workers as wire
from penstock.wire.pool_workers import Orders, PoolWorker, Wish, WorkerSign

MARKED_EVERY = 1.0
"""Seconds; a worker that polls more often is not written down each time."""
MOST_REMEMBERED = 10_000

_last_marked: dict[tuple[UUID, str], float] = {}


@handles(wire.sign_of_life)
async def sign(at: Request, body: WorkerSign, name: str) -> Orders:
    """A worker's sign of life, which is answered with what is wanted of it."""
    check_name(body.name)
    pool = await find(at, name)
    return Orders(wish=await at.store.write(store.sign(new_id(), pool.id, body, at.now)))


@handles(wire.list_workers_of_pool)
async def list_all(at: Request, name: str) -> list[PoolWorker]:
    """A pool's workers, those that live first."""
    return await at.store.read(store.of_pool((await find(at, name)).id))


@handles(wire.list_workers_by_pool)
async def list_by_pool(at: Request) -> dict[str, list[PoolWorker]]:
    """The workers of every pool that has any, by the pool's name; the first of each that live first."""
    return await at.store.read(store.by_pool())


@handles(wire.order_worker)
async def order(at: Request, body: Orders, name: str, worker: str) -> None:
    """Wants something of a worker; it learns of it at once if it waits for a run, else with its next sign of life."""
    pool = await find(at, name)
    if not await at.store.write(store.order(pool.id, worker, body.wish, at.now)):
        raise NotFound(f"There is no worker {worker!r} in work pool {name!r}.")
    at.hub.wake(orders_topic(pool.id, worker))


def orders_topic(pool_id: UUID, worker: str) -> str:
    """What is woken when something is wanted of a worker."""
    return f"orders {pool_id} {worker}"


async def wish_of(at: Request, pool_id: UUID, worker: str) -> Wish:
    """What is wanted of a worker that asks for runs; that it asks is noted."""
    key, moment = (pool_id, worker), at.now.timestamp()
    if moment - _last_marked.get(key, 0.0) > MARKED_EVERY:
        if len(_last_marked) >= MOST_REMEMBERED:
            _last_marked.clear()
        _last_marked[key] = moment
        return await at.store.write(store.mark_polled(pool_id, worker, at.now))
    return await at.store.read(store.wanted(pool_id, worker))
