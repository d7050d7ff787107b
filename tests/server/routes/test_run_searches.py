"""Runs are searched by a part of their name or a tag, so many at once, and the search goes on where it ended."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from penstock.store import run_searches
from tests.server.routes.conftest import Api

NOW = datetime.now(UTC)


@pytest.fixture
async def herons(api: Api) -> Api:
    """Ten runs of the last ten hours, in turn `grey-heron` with a tag and `robin`; and one to come."""
    flow = (await api.post("/flows/", {"name": "f"}, 201))["id"]
    for hours in range(11):
        moment = (NOW - timedelta(hours=hours) + timedelta(minutes=-30 if hours < 10 else 700)).isoformat()
        state = {"type": "SCHEDULED", "state_details": {"scheduled_time": moment}}
        name = f"grey-heron-{hours}" if hours % 2 == 0 else f"robin-{hours}"
        body = {"flow_id": flow, "name": name, "state": state, "tags": ["tall", "x"] if hours % 2 == 0 else []}
        await api.post("/flow_runs/", body, 201)
    return api


async def found(api: Api, **wanted: Any) -> tuple[list[str], str | None]:
    answer = await api.post("/penstock/flow_runs/search", wanted)
    return [run["name"] for run in answer["runs"]], answer["reached"]


def until(moment: str) -> dict[str, Any]:
    return {"start_time": {"before_": moment}}


async def test_parts_of_names_and_tags_are_found_the_newest_first(herons: Api) -> None:
    past = until(NOW.isoformat())
    grey = [f"grey-heron-{hours}" for hours in (0, 2, 4, 6, 8)]
    assert await found(herons, name_like="HERON", flow_runs=past) == (grey, None)
    assert await found(herons, tag="tall", flow_runs=past) == (grey, None)
    assert await found(herons, name_like="heron-4", tag="x", flow_runs=past) == (["grey-heron-4"], None)
    assert await found(herons, tag="tal", flow_runs=past) == ([], None)
    assert (await found(herons, name_like="heron", flow_runs=past, limit=2, offset=1))[0] == grey[1:3]
    assert (await found(herons, name_like="heron", sort="START_TIME_ASC", limit=2))[0] == grey[:-3:-1]


async def test_other_criteria_hold_too(herons: Api) -> None:
    assert await found(herons, name_like="heron", flows={"name": {"any_": ["g"]}}) == ([], None)
    done = {"state": {"type": {"any_": ["COMPLETED"]}}}
    assert await found(herons, name_like="heron", flow_runs=done) == ([], None)


async def test_a_search_that_looked_at_enough_says_where_to_go_on(herons: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MOST_LOOKED_AT", "MOST_READ"):
        monkeypatch.setattr(run_searches, name, 4)
    names, edge = [], NOW.isoformat()
    for _ in range(3):
        some, reached = await found(herons, name_like="heron", flow_runs=until(edge))
        names.append(some)
        edge = reached or "the end"
    assert names == [["grey-heron-0", "grey-heron-2"], ["grey-heron-4", "grey-heron-6"], ["grey-heron-8"]]
    assert edge == "the end"
    assert await found(herons, name_like="heron", flow_runs=until(NOW.isoformat()), limit=1) == (["grey-heron-0"], None)


async def test_task_runs_are_searched_across_the_runs_they_belong_to(herons: Api) -> None:
    ids = [run["id"] for run in await herons.post("/flow_runs/filter", {"limit": 2})]
    for number, kind in enumerate(("COMPLETED", "FAILED", "FAILED", "RUNNING")):
        body = {"task_key": "load", "dynamic_key": str(number), "name": f"load-{number}"}
        made = await herons.post("/task_runs/", {**body, "flow_run_id": ids[number % 2]}, 201)
        await herons.post(f"/task_runs/{made['id']}/set_state", {"state": {"type": kind}, "force": True}, 201)

    async def names(**wanted: Any) -> list[str]:
        answer = await herons.post("/penstock/task_runs/search", wanted)
        assert answer["reached"] is None
        return [run["name"] for run in answer["runs"]]

    failed = {"state": {"type": {"any_": ["FAILED"]}}}
    assert await names() == ["load-3", "load-2", "load-1", "load-0"]
    assert await names(task_runs=failed, flow_runs={"id": {"any_": [ids[0]]}}) == ["load-2"]
    assert await names(task_runs=failed, name_like="AD-1") == ["load-1"]
    assert await names(sort="START_TIME_ASC", limit=1, offset=1) == ["load-1"]


async def test_other_sorts_are_refused(herons: Api) -> None:
    await herons.post("/penstock/flow_runs/search", {"name_like": "x", "sort": "NAME_ASC"}, 422)
