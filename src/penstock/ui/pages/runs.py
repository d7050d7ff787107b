"""The runs: found by what the address says, over time, and changed many at once."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

from penstock.errors import InvalidRequest
from penstock.server.bind import Reply
from penstock.ui.charts import histogram
from penstock.ui.reader import Reader, id_in
from penstock.ui.routes import page
from penstock.ui.run_lists import STATES, USUAL, WINDOWS, Asked, history, list_page, names_of, rows_of
from penstock.wire import deployments, flow_runs, flows, work_pools
from penstock.wire.flow_runs import BulkOrchestrated, BulkSetState, FlowRun
from penstock.wire.model import BulkSelection, Criteria
from penstock.wire.states import OrchestrationResult, OrchestrationStatus, StateCreate, StateType

MOST_AT_ONCE = 50
DRAWN_AT_ONCE = ("1h", "24h", "next")
"""The times whose histogram comes with the page; that of a longer one comes after it."""
RETRY = StateCreate(type=StateType.SCHEDULED, name="AwaitingRetry", message="Retried from the dashboard")
ACTIONS = {
    "cancel": ("Cancel", "asked to end", StateCreate(type=StateType.CANCELLING), False),
    "retry": ("Retry", "scheduled to run again", RETRY, True),
    "delete": ("Delete", "deleted, with logs and task runs", None, False),
}
"""What can be done with runs: the word, what becomes of them, the state that is proposed, and whether it is forced."""


@page("GET", "/runs")
async def show(at: Reader) -> Reply:
    """A page of runs with a histogram of the same selection, which follows by itself where it is of a long time."""
    asked = asked_by(at)
    (runs, older), pools, about = await asyncio.gather(
        list_page(at.api, asked, at.asked("after")),
        at.api.call(work_pools.filter_work_pools, Criteria(limit=100)),
        _about(at, asked),
    )
    return at.render(
        "runs.html",
        asked=asked,
        chart=histogram(await history(at.api, asked)) if asked.window in DRAWN_AT_ONCE else None,
        rows=await rows_of(at.api, runs),
        older=older,
        pools=sorted(pool.name for pool in pools),
        about=about,
        states=list(STATES),
        windows={key: words for key, (words, _) in WINDOWS.items()},
    )


@page("GET", "/runs/chart")
async def chart(at: Reader) -> Reply:
    """The histogram alone, of the same words in the address: a long time takes a while to be counted."""
    asked = asked_by(at)
    return at.render("runs_chart.html", chart=histogram(await history(at.api, asked)))


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
    said, kind = await _do(at, action, chosen)
    gone = action == "delete" and any(one in back for one in ids)
    return at.go(at.link("/runs") if gone else back, said, kind)


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
    )


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
    ]
    for noun, id, endpoint in nouns:
        if id is not None:
            names = await names_of(at.api, endpoint, f"{noun}s", [str(id)])
            found[noun] = names.get(id, str(id))
    return found


async def _do(at: Reader, action: str, chosen: dict[str, Any]) -> tuple[str, str]:
    """Changes the runs; what to say of it, and whether it went well."""
    _, became, state, force = ACTIONS[action]
    if state is None:
        gone = await at.api.call(flow_runs.bulk_delete_flow_runs, BulkSelection(flow_runs=chosen, limit=MOST_AT_ONCE))
        return f"{_count(len(gone.deleted))} {became}.", "ok"
    body = BulkSetState(state=state, flow_runs=chosen, force=force, limit=MOST_AT_ONCE)
    results = (await at.api.call(flow_runs.bulk_set_state, body)).results
    refused = [one for one in results if not was_taken(one, state)]
    said = f"{_count(len(results) - len(refused))} {became}."
    if refused:
        said += f" {_count(len(refused))} could not be: {refused[0].details.reason or 'the state does not allow it'}"
    return said, "bad" if refused else "ok"


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
    return {
        "cancel": not ended and kind != "CANCELLING",
        "retry": ended and run.deployment_id is not None,
        "resume": kind == "PAUSED",
        "delete": ended or kind == "SCHEDULED",
    }
