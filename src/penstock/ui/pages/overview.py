"""The overview: what runs, what went wrong, what is late, and who works."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from penstock.core.pool_types import AGENT_TYPE
from penstock.server.bind import Reply
from penstock.ui.charts import Histogram, histogram
from penstock.ui.pool_facts import pools_at_a_glance
from penstock.ui.reader import Reader
from penstock.ui.routes import page
from penstock.ui.run_lists import NOBODY, Asked, Row, history, list_page, names_of, resolved, rows_of
from penstock.ui.task_lists import task_history
from penstock.wire import deployments, flows
from penstock.wire.model import Criteria
from penstock.wire.run_failures import Failures, FailuresFound, group_failures

SHOWN = 6
SPANS = {"24h": "24 hours", "7d": "7 days", "30d": "30 days"}
"""The times that the address may ask for, and their words."""
WRONG = ("failed", "crashed")


@dataclass(frozen=True, slots=True)
class Wrong:
    """The failures of a deployment, or of a flow without one, by name; `words` lead to them in the list of runs."""

    of: Failures
    flow: str
    deployment: str
    words: dict[str, Any]


@page("GET", "/")
async def overview(at: Reader) -> Reply:
    """A day, a week or a month on one page: of all runs, of a flow or deployment, or of deployments with a tag."""
    asked = await _asked(at)
    here = {name: at.asked(name) for name in ("of", "tag") if at.asked(name)}
    (bars, pools, some, old), failures, lists, tasks = await asyncio.gather(
        asyncio.gather(history(at.api, asked), pools_at_a_glance(at.api), _any_deployment(at), _of_agents(at)),
        _failures(at, asked),
        _lists(at, asked),
        _tasks(at, asked, here),
    )
    chart = histogram(bars)
    return at.render(
        "overview.html",
        asked=asked,
        spans=SPANS,
        here=here,
        chart=chart,
        tasks=tasks,
        wrong=await _named(at, asked, failures),
        wrong_more=len(failures.groups[SHOWN:]),
        looked_to=failures.reached,
        **lists,
        pools=pools,
        of_agents=old,
        is_new=not (some or chart.count or here),
    )


async def _asked(at: Reader) -> Asked:
    """The runs that the address names. A tag is one of deployments: their runs are tallied, those of a tag are not."""
    when, tag = at.asked("when"), at.asked("tag")[:200]
    window = when if when in SPANS else "24h"
    asked = await resolved(at.api, Asked(now=at.now, window=window, of=at.asked("of")[:400]))
    if not tag:
        return asked
    deployed: dict[str, Any] = {"tags": {"all_": [tag]}}
    if asked.deployment:
        deployed["id"] = {"any_": [str(asked.deployment)]}
    elif asked.flow:
        of_flow = Criteria(flows={"id": {"any_": [str(asked.flow)]}}, deployments=deployed)
        found = await at.api.call(deployments.filter_deployments, of_flow)
        deployed = {"id": {"any_": [str(one.id) for one in found] or [NOBODY]}}
    return replace(asked, flow=None, deployment=None, deployed=deployed)


async def _lists(at: Reader, asked: Asked) -> dict[str, Any]:
    """The first runs that are late, that run, and that come; and of which there are more."""
    chosen = {
        "late": replace(asked, states=("late",), window="7d"),
        "active": replace(asked, states=("running", "pending"), window="7d"),
        "coming": replace(asked, states=("scheduled",), window="next"),
    }
    found = await asyncio.gather(*(list_page(at.api, one, "", SHOWN) for one in chosen.values()))
    rows = {row.run.id: row for row in await rows_of(at.api, [run for runs, _ in found for run in runs])}
    parts = dict(zip(chosen, found, strict=True))
    lists: dict[str, list[Row]] = {name: [rows[run.id] for run in runs] for name, (runs, _) in parts.items()}
    return {"lists": lists, "more": {name: bool(key) for name, (_, key) in parts.items()}}


async def _tasks(at: Reader, asked: Asked, here: dict[str, str]) -> Histogram | None:
    """The task runs of the time, in one bar; nothing where only some are meant, as only all of them are tallied."""
    return None if here else histogram(await task_history(at.api, asked, bars=1))


async def _failures(at: Reader, asked: Asked) -> FailuresFound:
    start, end = asked.span
    wanted = asked.criteria(after_=start.isoformat(), before_=end.isoformat())
    return await at.api.call(group_failures, Criteria(**wanted))


async def _named(at: Reader, asked: Asked, found: FailuresFound) -> Sequence[Wrong]:
    """The first groups with their names, and the words that lead to their runs."""
    shown = found.groups[:SHOWN]
    flow_names, names = await asyncio.gather(
        names_of(at.api, flows.filter_flows, "flows", sorted({str(one.flow_id) for one in shown})),
        names_of(
            at.api,
            deployments.filter_deployments,
            "deployments",
            sorted({str(one.deployment_id) for one in shown if one.deployment_id}),
        ),
    )
    return [
        Wrong(
            one,
            flow_names.get(one.flow_id, ""),
            names.get(one.deployment_id, "a deleted one") if one.deployment_id else "",
            {"state": WRONG, "when": asked.window, **_owner(one)},
        )
        for one in shown
    ]


def _owner(one: Failures) -> dict[str, Any]:
    return {"deployment": one.deployment_id} if one.deployment_id else {"flow": one.flow_id}


async def _any_deployment(at: Reader) -> list[deployments.Deployment]:
    """One, if there is one."""
    return await at.api.call(deployments.filter_deployments, Criteria(limit=1))


async def _of_agents(at: Reader) -> int:
    """How many deployments agents carry out."""
    wanted = Criteria(work_pools={"type": {"any_": [AGENT_TYPE]}})
    return await at.api.call(deployments.count_deployments, wanted)
