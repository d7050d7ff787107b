"""The overview: what runs, what went wrong, what is late, and who works."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from penstock.core.pool_types import AGENT_TYPE
from penstock.server.bind import Reply
from penstock.ui.charts import histogram
from penstock.ui.pool_facts import pools_at_a_glance
from penstock.ui.reader import Reader
from penstock.ui.routes import page
from penstock.ui.run_lists import Asked, history, list_page, rows_of
from penstock.wire import deployments
from penstock.wire.model import Criteria

SHOWN = 6


@page("GET", "/")
async def overview(at: Reader) -> Reply:
    """The last 24 hours on one page."""
    day = Asked(now=at.now)
    (bars, pools, some, old), (wrong, late, active, coming) = await asyncio.gather(
        asyncio.gather(history(at.api, day), pools_at_a_glance(at.api), _any_deployment(at), _of_agents(at)),
        asyncio.gather(
            list_page(at.api, replace(day, states=("failed", "crashed")), "", SHOWN),
            list_page(at.api, replace(day, states=("late",), window="7d"), "", SHOWN),
            list_page(at.api, replace(day, states=("running", "pending"), window="7d"), "", SHOWN),
            list_page(at.api, replace(day, states=("scheduled",), window="next"), "", SHOWN),
        ),
    )
    runs = [run for part in (wrong, late, active, coming) for run in part[0]]
    rows = {row.run.id: row for row in await rows_of(at.api, runs)}
    lists = {
        name: [rows[run.id] for run in part[0]]
        for name, part in {"wrong": wrong, "late": late, "active": active, "coming": coming}.items()
    }
    more = {"wrong": bool(wrong[1]), "late": bool(late[1]), "active": bool(active[1]), "coming": bool(coming[1])}
    chart = histogram(bars)
    return at.render(
        "overview.html",
        chart=chart,
        lists=lists,
        more=more,
        pools=pools,
        of_agents=old,
        is_new=not some and not chart.count,
    )


async def _any_deployment(at: Reader) -> list[deployments.Deployment]:
    """One, if there is one."""
    return await at.api.call(deployments.filter_deployments, Criteria(limit=1))


async def _of_agents(at: Reader) -> int:
    """How many deployments agents carry out."""
    wanted = Criteria(work_pools={"type": {"any_": [AGENT_TYPE]}})
    return await at.api.call(deployments.count_deployments, wanted)
