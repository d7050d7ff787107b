"""The last runs and the next ones of flows and deployments, asked for in one request."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.server.routes.conftest import Api

NOW = datetime.now(UTC)


async def run_at(api: Api, flow: str, name: str, hours: float, deployment: str | None = None) -> str:
    """A run that is due so many hours from now."""
    moment = (NOW + timedelta(hours=hours)).isoformat()
    state = {"type": "SCHEDULED", "state_details": {"scheduled_time": moment}}
    body = {"flow_id": flow, "name": name, "state": state, "deployment_id": deployment}
    return str((await api.post("/flow_runs/", body, 201))["id"])


async def recent(api: Api, of: str, ids: list[str], **more: Any) -> list[tuple[str, str]]:
    span = {"after": (NOW - timedelta(days=7)).isoformat(), "before": NOW.isoformat()}
    found = await api.post("/penstock/flow_runs/recent", {"of": of, "ids": ids, **span, **more})
    return [(one["of"], one["name"]) for one in found]


async def test_each_flow_has_its_own_last_runs_the_newest_first(api: Api) -> None:
    first, second, third = [str((await api.post("/flows/", {"name": n}, 201))["id"]) for n in ("a", "b", "c")]
    for hours in (-1, -2, -3):
        await run_at(api, first, f"a{hours}", hours)
    await run_at(api, second, "b-2.5", -2.5)
    await run_at(api, second, "long ago", -24 * 8)
    await run_at(api, second, "to come", 1)
    await run_at(api, third, "not asked for", -1)
    assert await recent(api, "flow", [first, second], limit=2) == [
        (first, "a-1"),
        (first, "a-2"),
        (second, "b-2.5"),
    ]
    assert await recent(api, "flow", []) == []


async def test_a_deployments_next_runs_are_those_scheduled_soonest(api: Api) -> None:
    flow = (await api.post("/flows/", {"name": "f"}, 201))["id"]
    one, other = [
        str((await api.post("/deployments/", {"name": n, "flow_id": flow}, 201))["id"]) for n in ("one", "other")
    ]
    for name, hours, deployment in (("later", 3, one), ("soon", 1, one), ("past", -1, one), ("its own", 2, other)):
        await run_at(api, flow, name, hours, deployment)
    gone = await run_at(api, flow, "called off", 0.5, one)
    await api.post(f"/flow_runs/{gone}/set_state", {"state": {"type": "CANCELLED"}}, 201)
    ahead = {"after": NOW.isoformat(), "before": (NOW + timedelta(days=1)).isoformat(), "ahead": True, "limit": 1}
    assert await recent(api, "deployment", [one, other], **ahead) == [(one, "soon"), (other, "its own")]


async def test_more_than_is_answered_at_once_is_refused(api: Api) -> None:
    span = {"after": NOW.isoformat(), "before": NOW.isoformat()}
    many = {"of": "flow", "ids": ["00000000-0000-0000-0000-000000000000"] * 101, **span}
    await api.post("/penstock/flow_runs/recent", many, 422)
    await api.post("/penstock/flow_runs/recent", {"of": "flow", "ids": [], "limit": 51, **span}, 422)
    await api.post("/penstock/flow_runs/recent", {"of": "pool", "ids": [], **span}, 422)
