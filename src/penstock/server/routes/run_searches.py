"""Runs by a part of their name, or by a tag."""

from __future__ import annotations

from penstock.errors import InvalidRequest
from penstock.server.bind import Encoded, Request, handles
from penstock.store import run_searches as store
from penstock.store.filters import asked, select
from penstock.wire import run_searches as wire
from penstock.wire.run_searches import RunSearch

SORTS = {"START_TIME_DESC": True, "START_TIME_ASC": False}
_AROUND = ("flows", "deployments", "task_runs", "work_pools", "work_queues")


@handles(wire.search_flow_runs)
async def search(at: Request, body: RunSearch) -> Encoded:
    """The runs that fit, of those that one request looks at."""
    sort = body.sort or "START_TIME_DESC"
    if sort not in SORTS:
        raise InvalidRequest(f"Input should be one of {', '.join(SORTS)}", loc=("body", "sort"))
    only_time = not (set(body.flow_runs or {}) - {"start_time"} or any(asked(noun, body) for noun in _AROUND))
    among = select("flow_runs", body, at.store.dialect)
    wanted = store.search_among(among, body.name_like, body.tag, only_time=only_time, downwards=SORTS[sort])
    return Encoded(await at.store.scan(store.search(wanted, at.now)))
