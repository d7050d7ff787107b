"""Figures for those who watch over the server and scale its workers."""

from __future__ import annotations

from collections.abc import Iterator

from penstock.core.metrics import Gauge, exposition
from penstock.errors import NotFound
from penstock.server.bind import Request, handles
from penstock.store import scaling as store
from penstock.wire import scaling as wire
from penstock.wire.scaling import PoolLoad


@handles(wire.read_load)
async def read_load(at: Request, name: str) -> PoolLoad:
    """How much a pool has to do, for an autoscaler that reads JSON."""
    found = await at.store.scan(store.load_of_pools(at.now, name))
    if not found:
        raise NotFound(f'Work pool "{name}" not found.')
    return found[0]


@handles(wire.list_loads)
async def list_loads(at: Request) -> list[PoolLoad]:
    """How much each pool has to do, by name."""
    return await at.store.scan(store.load_of_pools(at.now))


@handles(wire.read_metrics)
async def read_metrics(at: Request) -> str:
    """The same of all pools and limits, and whether the services are well, as Prometheus reads it."""
    loads = await at.store.scan(store.load_of_pools(at.now))
    gauges = [gauge for load in loads for gauge in _of_pool(load)]
    for name, size, used in await at.store.scan(store.slots_of_limits(at.now)):
        about = {"limit": name}
        gauges.append(Gauge("penstock_limit_slots", "Slots of a concurrency limit.", size, about))
        gauges.append(Gauge("penstock_limit_slots_used", "Slots that are taken.", used, about))
    problems = len(at.problems())
    return exposition([Gauge("penstock_problems", "Services that are not well.", problems), *gauges])


def _of_pool(load: PoolLoad) -> Iterator[Gauge]:
    about = {"work_pool": load.work_pool, "type": load.type}
    yield Gauge("penstock_work_pool_due_runs", "Runs that are due and not taken.", load.due_runs, about)
    waits = load.oldest_due_seconds
    yield Gauge("penstock_work_pool_oldest_due_seconds", "How long the oldest due run has waited.", waits, about)
    yield Gauge("penstock_work_pool_active_runs", "Runs that are pending or running.", load.active_runs, about)
    yield Gauge("penstock_work_pool_workers", "Workers that are online.", load.workers, about)
    yield Gauge("penstock_work_pool_paused", "1 while the pool is paused.", load.is_paused, about)
    if load.free_slots is not None:
        yield Gauge("penstock_work_pool_free_slots", "Slots that are free.", load.free_slots, about)
