"""The last runs of each of some flows or deployments."""

from __future__ import annotations

from penstock.errors import InvalidRequest
from penstock.server.bind import Request, handles
from penstock.store import recent_runs as store
from penstock.store.filters import bounded
from penstock.wire import recent_runs as wire
from penstock.wire.recent_runs import RecentQuery, RecentRun

MOST_OF = 100
MOST_EACH = 50


@handles(wire.list_recent_runs)
async def list_recent(at: Request, body: RecentQuery) -> list[RecentRun]:
    """At most 50 runs of each of at most 100 flows or deployments."""
    if len(body.ids) > MOST_OF:
        raise InvalidRequest(f"Recent runs can be asked for of at most {MOST_OF} at once, not of {len(body.ids)}.")
    bounded(body.limit, MOST_EACH)
    return await at.store.scan(store.list_recent(body)) if body.ids else []
