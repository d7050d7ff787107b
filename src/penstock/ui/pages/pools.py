"""The work pools, and one of them, in tabs: runs, queues, workers, template, settings."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from penstock.core.pool_types import AGENT_TYPE, PUSH
from penstock.errors import InvalidRequest
from penstock.server.bind import Reply
from penstock.ui.pool_details import Details, sent_details
from penstock.ui.pool_facts import PoolGlance, glance, pools_at_a_glance, runs_of_workers
from penstock.ui.reader import Reader, segment
from penstock.ui.routes import page
from penstock.ui.run_lists import Asked, list_page, names_of, rows_of
from penstock.ui.template_forms import template_form
from penstock.ui.template_versions import template_versions
from penstock.wire import deployments, flows, work_pools, work_queues
from penstock.wire.model import Criteria
from penstock.wire.work_pools import WorkPool, WorkPoolUpdate

MOST_QUEUES = 200
SHOWN = 15
TABS = {"runs": "Runs", "queues": "Queues", "workers": "Workers", "template": "Template", "settings": "Settings"}
STILL = ("template", "settings")
"""Tabs with a form, which nothing changes while it is filled in."""


@page("GET", "/pools")
async def show_all(at: Reader) -> Reply:
    """All pools."""
    return at.render("pools.html", pools=await pools_at_a_glance(at.api))


@page("GET", "/pools/{name}")
async def show(at: Reader, name: str) -> Reply:
    """The page of a pool, at the tab that the address names."""
    pool = await at.api.call(work_pools.read_work_pool, name=name)
    asked = at.asked("tab")
    if asked not in tabs_of(pool):
        asked = "runs"
    one, values = await asyncio.gather(glance(at.api, pool), _LOADS[asked](at, pool))
    return render_pool(at, one, asked, **values)


def render_pool(at: Reader, one: PoolGlance, tab: str, status: int = 200, **values: Any) -> Reply:
    """A pool's page at a tab, which the values are for."""
    return at.render(
        "pool.html",
        status,
        pool=one.pool,
        one=one,
        path=f"/pools/{segment(one.pool.name)}",
        tab=tab,
        tabs=tabs_of(one.pool),
        is_still=tab in STILL,
        **values,
    )


def tabs_of(pool: WorkPool) -> dict[str, str]:
    """A pool's tabs by their word in the address: agents give no sign of themselves, and take jobs from blocks."""
    left_out: tuple[str, ...] = ("workers", "template") if pool.type == AGENT_TYPE else ()
    left_out = ("workers",) if pool.type.endswith(PUSH) else left_out
    return {name: words for name, words in TABS.items() if name not in left_out}


@page("POST", "/pools/{name}/{action}")
async def change(at: Reader, name: str, action: str) -> Reply:
    """Pauses or resumes the pool."""
    paused = paused_by(action)
    await at.api.call(work_pools.update_work_pool, WorkPoolUpdate(is_paused=paused), name=name)
    said = "is paused: its runs wait" if paused else "gives out runs again"
    tab = at.field("tab") if at.field("tab") in TABS else ""
    return at.go(at.link(f"/pools/{segment(name)}", tab=tab), f"The pool {name} {said}.")


@page("POST", "/pools/{name}/settings")
async def save_settings(at: Reader, name: str) -> Reply:
    """Changes description and limit."""
    details = sent_details(at, name)
    if not details.faults:
        update = WorkPoolUpdate(description=details.description, concurrency_limit=details.concurrency_limit)
        await at.api.call(work_pools.update_work_pool, update, name=name)
        return at.go(at.link(f"/pools/{segment(name)}", tab="settings"), f"The pool {name} was changed.")
    pool = await at.api.call(work_pools.read_work_pool, name=name)
    return render_pool(at, await glance(at.api, pool), "settings", 422, details=details)


@page("GET", "/pools/{name}/delete")
async def ask_to_delete(at: Reader, name: str) -> Reply:
    """Asks whether the pool shall go, with what depends on it."""
    pool = await at.api.call(work_pools.read_work_pool, name=name)
    of_pool = {"name": {"any_": [name]}}
    used = await at.api.call(deployments.filter_deployments, Criteria(work_pools=of_pool, sort="NAME_ASC", limit=SHOWN))
    flow_of = await names_of(at.api, flows.filter_flows, "flows", sorted({str(one.flow_id) for one in used}))
    path = f"/pools/{segment(name)}"
    return at.render(
        "sure.html",
        title=f"Delete the pool {name}?",
        section="pools",
        sentences=[
            f"The {pool.type} pool {name} and its queues will be gone, with its job template and the versions of it.",
            "Its runs and deployments stay, without a pool: nobody carries them out until they get another one.",
        ],
        depends=[(f"/deployments/{one.id}", f"{flow_of.get(one.flow_id, '')}/{one.name}") for one in used],
        depends_on="Deployments that use it",
        action=f"{path}/delete",
        fields={"sure": "yes"},
        words="Delete the pool",
        back=at.link(path, tab="settings"),
        of=name,
    )


@page("POST", "/pools/{name}/delete")
async def delete(at: Reader, name: str) -> Reply:
    """Deletes the pool, for who has been asked."""
    if at.field("sure") != "yes":
        return at.go(at.link(f"/pools/{segment(name)}/delete"))
    await at.api.call(work_pools.delete_work_pool, name=name)
    return at.go(at.link("/pools"), f"The pool {name} was deleted.")


def paused_by(action: str) -> bool:
    """Whether an action pauses; `InvalidRequest` for one that neither pauses nor resumes."""
    if action not in ("pause", "resume"):
        raise InvalidRequest(f"{action!r} is nothing that can be done here.")
    return action == "pause"


async def _runs(at: Reader, pool: WorkPool) -> dict[str, Any]:
    chosen = Asked(now=at.now, pool=pool.name, window="7d")
    (active, _), (waiting, _), (ended, older), (ahead, _) = await asyncio.gather(
        list_page(at.api, replace(chosen, states=("running", "pending")), "", SHOWN),
        list_page(at.api, replace(chosen, states=("scheduled",)), "", SHOWN),
        list_page(at.api, replace(chosen, states=("completed", "failed", "crashed", "cancelled")), "", SHOWN),
        list_page(at.api, replace(chosen, states=("scheduled",), window="next"), "", 5),
    )
    rows = await rows_of(at.api, [*active, *waiting, *ended, *ahead])
    now, past = len(active) + len(waiting), len(active) + len(waiting) + len(ended)
    return {"current": rows[:now], "ended": rows[now:past], "ahead": rows[past:], "older": bool(older)}


async def _queues(at: Reader, pool: WorkPool) -> dict[str, Any]:
    found = await at.api.call(work_queues.filter_pool_queues, Criteria(limit=MOST_QUEUES), work_pool_name=pool.name)
    return {"queues": sorted(found, key=lambda queue: queue.priority)}


async def _workers(at: Reader, pool: WorkPool) -> dict[str, Any]:
    return {"at_work": await runs_of_workers(at.api, pool, at.now)}


async def _template(at: Reader, pool: WorkPool) -> dict[str, Any]:
    form, versions = await asyncio.gather(
        template_form(at.api, pool.base_job_template, pool.type), template_versions(at.api, pool.name)
    )
    return {"form": form, "versions": versions, "fault": ""}


async def _settings(at: Reader, pool: WorkPool) -> dict[str, Any]:
    limit = "" if pool.concurrency_limit is None else str(pool.concurrency_limit)
    return {"details": Details(pool.name, pool.description or "", limit)}


_LOADS: dict[str, Callable[[Reader, WorkPool], Awaitable[dict[str, Any]]]] = {
    "runs": _runs,
    "queues": _queues,
    "workers": _workers,
    "template": _template,
    "settings": _settings,
}
