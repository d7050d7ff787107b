"""The work pools, and one of them: who works on it, its queues, its template, and what waits."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from penstock.errors import InvalidRequest, PenstockError
from penstock.server.bind import Reply
from penstock.ui.pool_facts import glance, pools_at_a_glance
from penstock.ui.reader import Reader, segment
from penstock.ui.routes import page
from penstock.ui.run_lists import Asked, list_page, rows_of
from penstock.ui.schema_forms import fields_of
from penstock.wire import pool_templates, pool_workers, work_pools, work_queues
from penstock.wire.model import Criteria
from penstock.wire.pool_templates import JobPreview, JobQuery
from penstock.wire.pool_workers import Orders, Wish
from penstock.wire.work_pools import WorkPoolUpdate
from penstock.wire.work_queues import WorkQueueUpdate

WISHES = {
    "pause": (Wish.PAUSE, "takes no more runs"),
    "drain": (Wish.DRAIN, "ends with its last job"),
    "resume": (Wish.WORK, "takes runs again"),
}


@page("GET", "/pools")
async def show_all(at: Reader) -> Reply:
    """All pools."""
    return at.render("pools.html", pools=await pools_at_a_glance(at.api))


@page("GET", "/pools/{name}")
async def show(at: Reader, name: str) -> Reply:
    """The page of a pool."""
    pool = await at.api.call(work_pools.read_work_pool, name=name)
    chosen = Asked(now=at.now, pool=name, window="7d")
    one, queues, templates, (active, _), (waiting, _) = await asyncio.gather(
        glance(at.api, pool),
        at.api.call(work_queues.filter_pool_queues, Criteria(limit=100), work_pool_name=name),
        at.api.call(pool_templates.list_pool_templates, name=name),
        list_page(at.api, replace(chosen, states=("running", "pending")), "", 10),
        list_page(at.api, replace(chosen, states=("scheduled",)), "", 10),
    )
    rows = await rows_of(at.api, [*active, *waiting])
    return at.render(
        "pool.html",
        pool=pool,
        one=one,
        queues=sorted(queues, key=lambda queue: queue.priority),
        templates=templates,
        variables=fields_of(pool.base_job_template.get("variables") or {}, {}),
        active=rows[: len(active)],
        waiting=rows[len(active) :],
    )


@page("GET", "/pools/{name}/job")
async def job(at: Reader, name: str) -> Reply:
    """The job of a run with nothing of its own: a part of the pool's page."""
    try:
        preview = await at.api.call(pool_templates.preview_job, JobQuery(), name=name)
    except PenstockError as error:
        preview = JobPreview(job_configuration={}, faults=[error.message])
    return at.render("pool_job.html", name=name, preview=preview)


@page("POST", "/pools/{name}/{action}")
async def change(at: Reader, name: str, action: str) -> Reply:
    """Pauses or resumes the pool."""
    paused = _paused(action)
    await at.api.call(work_pools.update_work_pool, WorkPoolUpdate(is_paused=paused), name=name)
    said = "is paused: its runs wait" if paused else "gives out runs again"
    return at.go(at.link(f"/pools/{segment(name)}"), f"The pool {name} {said}.")


@page("POST", "/pools/{name}/queues/{queue}/{action}")
async def change_queue(at: Reader, name: str, queue: str, action: str) -> Reply:
    """Pauses or resumes one of its queues."""
    paused = _paused(action)
    await at.api.call(work_queues.update_pool_queue, WorkQueueUpdate(is_paused=paused), work_pool_name=name, name=queue)
    said = "is paused: its runs wait" if paused else "gives out runs again"
    return at.go(at.link(f"/pools/{segment(name)}"), f"The queue {queue} {said}.")


@page("POST", "/pools/{name}/workers/{worker}/{action}")
async def order(at: Reader, name: str, worker: str, action: str) -> Reply:
    """Tells a worker to pause, to drain, or to work again."""
    if action not in WISHES:
        raise InvalidRequest(f"{action!r} is nothing that a worker can be told.")
    wish, said = WISHES[action]
    await at.api.call(pool_workers.order_worker, Orders(wish=wish), name=name, worker=worker)
    return at.go(at.link(f"/pools/{segment(name)}"), f"The worker {worker} {said}, from its next sign of life on.")


def _paused(action: str) -> bool:
    if action not in ("pause", "resume"):
        raise InvalidRequest(f"{action!r} is nothing that can be done here.")
    return action == "pause"
