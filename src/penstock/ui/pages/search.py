"""Search: what has these words in its name, or this id."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

from penstock.errors import NotFound
from penstock.server.bind import Reply
from penstock.ui.reader import Reader, segment
from penstock.ui.routes import page
from penstock.ui.run_lists import Asked, list_page, names_of, rows_of
from penstock.wire import deployments, flow_runs, flows, work_pools
from penstock.wire.model import Criteria

SHOWN = 10


@page("GET", "/search")
async def search(at: Reader) -> Reply:
    """Runs of the last month, deployments and pools by name; an id leads there at once."""
    words = at.asked("q")[:100]
    by_id = await _by_id(at, words)
    if by_id is not None:
        return at.go(by_id)
    if not words:
        return at.render("search.html", find="", runs=[], found=[], flow_names={}, pools=[])
    (runs, _), found, pools = await asyncio.gather(
        list_page(at.api, Asked(now=at.now, name=words, window="30d"), "", SHOWN),
        at.api.call(
            deployments.filter_deployments,
            Criteria(deployments={"flow_or_deployment_name": {"like_": words}}, sort="NAME_ASC", limit=SHOWN),
        ),
        at.api.call(work_pools.filter_work_pools, Criteria(limit=200)),
    )
    names = await names_of(at.api, flows.filter_flows, "flows", [str(one.flow_id) for one in found])
    return at.render(
        "search.html",
        find=words,
        runs=await rows_of(at.api, runs),
        found=found,
        flow_names=names,
        pools=[(pool, segment(pool.name)) for pool in pools if words.lower() in pool.name.lower()][:SHOWN],
    )


async def _by_id(at: Reader, words: str) -> str | None:
    """Where the run or deployment of an id is."""
    try:
        id = UUID(words)
    except ValueError:
        return None
    reads: list[tuple[Any, str]] = [(flow_runs.read_flow_run, "/runs"), (deployments.read_deployment, "/deployments")]
    for endpoint, path in reads:
        try:
            await at.api.call(endpoint, id=id)
        except NotFound:
            continue
        return at.link(f"{path}/{id}")
    return None
