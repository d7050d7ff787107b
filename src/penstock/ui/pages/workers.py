"""What a pool's workers are told: to pause, to drain, to work again; and forgetting those that are gone."""

from __future__ import annotations

from penstock.errors import InvalidRequest
from penstock.server.bind import Reply
from penstock.ui.reader import Reader, segment
from penstock.ui.routes import page
from penstock.wire import pool_workers, workers
from penstock.wire.pool_workers import Orders, Wish

WISHES = {
    "pause": (Wish.PAUSE, "takes no more runs"),
    "drain": (Wish.DRAIN, "ends with its last job"),
    "resume": (Wish.WORK, "takes runs again"),
}


@page("POST", "/pools/{name}/workers/{worker}/{action}")
async def order(at: Reader, name: str, worker: str, action: str) -> Reply:
    """Tells a worker to pause, to drain, or to work again; or forgets it."""
    back = at.link(f"/pools/{segment(name)}", tab="workers")
    if action == "forget":
        await at.api.call(workers.delete_worker, work_pool_name=name, name=worker)
        return at.go(back, f"The worker {worker} is forgotten. It is listed again when it gives a sign of life.")
    if action not in WISHES:
        raise InvalidRequest(f"{action!r} is nothing that a worker can be told.")
    wish, said = WISHES[action]
    await at.api.call(pool_workers.order_worker, Orders(wish=wish), name=name, worker=worker)
    return at.go(back, f"The worker {worker} {said}, from its next sign of life on.")
