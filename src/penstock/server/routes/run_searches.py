"""Runs by a part of their name, or by a tag."""

from __future__ import annotations

from msgspec.structs import replace

from penstock.errors import InvalidRequest
from penstock.server.bind import Encoded, Request, handles
from penstock.store import run_searches as store
from penstock.store.filters import asked, select
from penstock.wire import run_searches as wire
from penstock.wire.run_searches import RunSearch

SORTS = {"START_TIME_DESC": True, "START_TIME_ASC": False}
_AROUND = ("flows", "flow_runs", "deployments", "task_runs", "work_pools", "work_queues")


@handles(wire.search_flow_runs)
async def search(at: Request, body: RunSearch) -> Encoded:
    """The runs that fit, of those that one request looks at."""
    return await _search(at, body, "flow_runs")


@handles(wire.search_task_runs)
async def search_tasks(at: Request, body: RunSearch) -> Encoded:
    """The task runs that fit, of those that one request looks at."""
    return await _search(at, body, "task_runs")


async def _search(at: Request, body: RunSearch, noun: str) -> Encoded:
    sort = body.sort or "START_TIME_DESC"
    if sort not in SORTS:
        raise InvalidRequest(f"Input should be one of {', '.join(SORTS)}", loc=("body", "sort"))
    around = (one for one in _AROUND if one != noun)
    only_time = not (set(asked(noun, body) or {}) - {"start_time"} or any(asked(one, body) for one in around))
    among = select(noun, replace(body, sort=None), at.store.dialect)
    wanted = store.search_among(among, body.name_like, body.tag, only_time=only_time, downwards=SORTS[sort])
    return Encoded(await at.store.scan(store.search(wanted, at.now)))
