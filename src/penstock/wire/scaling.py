"""What Penstock adds for those who decide how many workers there should be."""

from __future__ import annotations

from penstock.wire.endpoint import get
from penstock.wire.model import Model


class PoolLoad(Model):
    """How much a pool has to do. `due_runs` are counted up to 10,000; `free_slots` is None without a limit."""

    work_pool: str
    type: str
    due_runs: int
    oldest_due_seconds: float
    active_runs: int
    workers: int
    free_slots: int | None = None
    is_paused: bool = False


read_load = get("/penstock/work_pools/{name}/load", returns=PoolLoad)
list_loads = get("/penstock/work_pools/loads", returns=list[PoolLoad])
read_metrics = get("/metrics", returns=str, text=True)
