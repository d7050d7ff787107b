"""The runs: found by what the address says, over time, and changed many at once."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from penstock.clock import from_micros
from penstock.errors import InvalidRequest
from penstock.server.bind import Reply
from penstock.ui.charts import histogram, scatter
from penstock.ui.reader import Reader, id_in
from penstock.ui.routes import page
from penstock.ui.run_lists import (
    LONGEST,
    STATES,
    USUAL,
    WINDOWS,
    Asked,
    count_new,
    history,
    list_page,
    names_of,
    resolved,
    rows_of,
    sample,
)
from penstock.ui.saved_views import read_views
from penstock.wire import deployments, flow_runs, flows, work_pools
from penstock.wire.flow_runs import BulkOrchestrated, BulkSetState, FlowRun
from penstock.wire.model import BulkSelection, Criteria
from penstock.wire.states import OrchestrationResult, OrchestrationStatus, StateCreate, StateType

MOST_AT_ONCE = 50
MOST_NEW = 100
MISSING = "It is not there any more."
WORDS = ("state", "when", "begin", "end", "of", "flow", "deployment", "pool", "name", "tag", "parent")
PLURALS = {"flow": "flows", "deployment": "deployments", "parent": "flow_runs"}
DRAWN_AT_ONCE = ("1h", "24h", "next")
"""The times whose histogram comes with the page; that of a longer one comes after it, and that of a search."""
RETRY = StateCreate(type=StateType.SCHEDULED, name="AwaitingRetry", message="Retried from the dashboard")
ACTIONS = {
    "cancel": ("Cancel", "asked to end", StateCreate(type=StateType.CANCELLING), False),
    "retry": ("Retry", "scheduled to run again", RETRY, True),
    "delete": ("Delete", "deleted, with logs and task runs", None, False),
}
"""What can be done with runs: the word, what becomes of them, the state that is proposed, and whether it is forced."""


@page("GET", "/runs")
async def show(at: Reader) -> Reply:
    """A page of runs with a chart of the same selection, which follows by itself where it is of a long time."""
    named = asked_by(at)
    asked = await resolved(at.api, named)
    (runs, older), pools, about, views = await asyncio.gather(
        list_page(at.api, asked, at.asked("after")),
        at.api.call(work_pools.filter_work_pools, Criteria(limit=100)),
        _about(at, named),
        read_views(at.api, at.query),
    )
    at_once = (asked.window in DRAWN_AT_ONCE or asked.own is not None) and not asked.searches
    return at.render(
        "runs.html",
        asked=asked,
        **(await _chart(at, asked) if at_once else {"chart": None, "spots": None}),
        rows=await rows_of(at.api, runs),
        older=older,
        pools=sorted(pool.name for pool in pools),
        about=about,
        views=views,
        states=list(STATES),
        windows={key: words for key, (words, _) in WINDOWS.items()},
        words=words_of(at.query),
    )


@page("GET", "/runs/chart")
async def chart(at: Reader) -> Reply:
    """The chart alone, of the same words in the address: a long time takes a while to be counted."""
    return at.render(
        "runs_chart.html", words=words_of(at.query), **await _chart(at, await resolved(at.api, asked_by(at)))
    )


@page("GET", "/runs/new")
async def news(at: Reader) -> Reply:
    """How many runs of the selection were due since a moment: what a page says that does not change by itself."""
    since, asked = at.asked("since"), await resolved(at.api, asked_by(at))
    moment = from_micros(int(since)) if since.isdigit() and len(since) < 18 else at.now
    count = 0 if asked.ahead else await count_new(at.api, asked, moment, MOST_NEW)
    return at.render("runs_new.html", count=count, most=MOST_NEW, words=words_of(at.query))


@page("POST", "/runs/change")
async def change(at: Reader) -> Reply:
    """Asks once more, with the runs by name; then does it."""
    action = at.field("action")
    if action not in ACTIONS:
        raise InvalidRequest(f"{action!r} is nothing that can be done with runs.")
    ids = [str(id_in(one)) for one in at.form.get("id", [])][:MOST_AT_ONCE]
    back = at.field("back") if at.field("back").startswith(at.link("/runs")) else at.link("/runs")
    if not ids:
        return at.go(back, "Choose runs first.", "bad")
    chosen = {"id": {"any_": ids}}
    if at.field("sure") != "yes":
        runs = await at.api.call(flow_runs.filter_flow_runs, Criteria(flow_runs=chosen, limit=MOST_AT_ONCE))
        return at.render(
            "runs_change.html", rows=await rows_of(at.api, runs), action=action, words=ACTIONS[action], back=back
        )
    results = await _do(at, action, ids)
    gone = action == "delete" and any(one in back for one in ids)
    back = at.link("/runs") if gone else back
    done = [id for id, reason in results.items() if not reason]
    if len(done) == len(results):
        return at.go(back, f"{_count(len(done))} {ACTIONS[action][1]}.")
    runs = await at.api.call(flow_runs.filter_flow_runs, Criteria(flow_runs=chosen, limit=MOST_AT_ONCE))
    rows = await rows_of(at.api, runs)
    return at.render("runs_changed.html", rows=rows, results=results, done=len(done), words=ACTIONS[action], back=back)


def asked_by(at: Reader) -> Asked:
    """The selection that the address names; what it can't mean is left out."""
    window = at.asked("when", USUAL)
    return Asked(
        now=at.now,
        states=tuple(state for state in dict.fromkeys(at.query.get("state", [])) if state in STATES),
        name=at.asked("name")[:200],
        tag=at.asked("tag")[:200],
        flow=_id(at.asked("flow")),
        deployment=_id(at.asked("deployment")),
        pool=at.asked("pool"),
        window=window if window in WINDOWS else USUAL,
        of=at.asked("of")[:400],
        parent=_id(at.asked("parent")),
        no_subflows=at.asked("parent") == "none",
        own=_own_time(at.asked("begin"), at.asked("end")),
    )


def words_of(query: dict[str, list[str]]) -> dict[str, list[str]]:
    """The words of an address that choose runs."""
    return {name: query[name] for name in WORDS if any(query.get(name, ()))}


def _own_time(begin: str, end: str) -> tuple[datetime, datetime] | None:
    if not all(one.isdigit() and len(one) < 18 for one in (begin, end)):
        return None
    start, stop = from_micros(int(begin)), from_micros(int(end))
    return (start, stop) if timedelta(0) < stop - start < LONGEST else None


def _id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


async def _about(at: Reader, asked: Asked) -> dict[str, str]:
    """The names of the flow and the deployment that the address names by id."""
    found: dict[str, str] = {}
    nouns: list[tuple[str, UUID | None, Any]] = [
        ("flow", asked.flow, flows.filter_flows),
        ("deployment", asked.deployment, deployments.filter_deployments),
        ("parent", asked.parent, flow_runs.filter_flow_runs),
    ]
    for noun, id, endpoint in nouns:
        if id is not None:
            names = await names_of(at.api, endpoint, PLURALS[noun], [str(id)])
            found[noun] = names.get(id, str(id))
    return found


async def _do(at: Reader, action: str, ids: list[str]) -> dict[str, str]:
    """Changes the runs; why each could not be changed by its id, nothing where it was."""
    _, _, state, force = ACTIONS[action]
    chosen = {"id": {"any_": ids}}
    if state is None:
        gone = await at.api.call(flow_runs.bulk_delete_flow_runs, BulkSelection(flow_runs=chosen, limit=MOST_AT_ONCE))
        return {id: "" if id in gone.deleted else MISSING for id in ids}
    body = BulkSetState(state=state, flow_runs=chosen, force=force, limit=MOST_AT_ONCE)
    found = {str(one.flow_run_id): one for one in (await at.api.call(flow_runs.bulk_set_state, body)).results}
    return {id: _outcome(found.get(id), state) for id in ids}


def _outcome(verdict: BulkOrchestrated | None, state: StateCreate) -> str:
    if verdict is None:
        return MISSING
    return "" if was_taken(verdict, state) else verdict.details.reason or "Its state does not allow it."


async def _chart(at: Reader, asked: Asked) -> dict[str, Any]:
    """The histogram, or the lengths of runs where the address asks for those."""
    span = "" if asked.own else WINDOWS[asked.window][0].lower()
    if at.asked("chart") != "lengths":
        return {"chart": histogram(await history(at.api, asked)), "spots": None, "span": span}
    start, end = asked.span
    return {"chart": None, "spots": scatter(await sample(at.api, asked), start, end, at.now), "span": span}


def _count(number: int) -> str:
    return "1 run was" if number == 1 else f"{number} runs were"


def was_taken(verdict: OrchestrationResult | BulkOrchestrated, asked: StateCreate) -> bool:
    """Whether a proposal came about; a run without a job is cancelled at once, in place of being asked to end."""
    if verdict.status is OrchestrationStatus.ACCEPT:
        return True
    ended = verdict.state is not None and verdict.state.type is StateType.CANCELLED
    return ended and asked.type is StateType.CANCELLING


def can(run: FlowRun) -> dict[str, bool]:
    """What a run's state allows."""
    kind = str(run.state_type or "")
    ended = kind in ("COMPLETED", "FAILED", "CANCELLED", "CRASHED")
    is_own = run.parent_task_run_id is None
    return {
        "cancel": not ended and kind != "CANCELLING",
        "retry": ended and run.deployment_id is not None,
        "resume": kind == "PAUSED",
        "suspend": kind == "RUNNING" and None not in (run.deployment_id, run.work_pool_name) and is_own,
        "delete": ended or kind == "SCHEDULED",
    }
