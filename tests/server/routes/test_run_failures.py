"""Failed and crashed runs, grouped by whose they are."""

from __future__ import annotations

from typing import Any

import pytest

from penstock.store import run_failures
from tests.server.routes.conftest import Api


@pytest.fixture
async def failing(api: Api) -> dict[str, str]:
    """A deployment that fails three times for two reasons and crashes once, and a run without a deployment."""
    flow = str((await api.post("/flows/", {"name": "sales"}, 201))["id"])
    made = await api.post("/deployments/", {"name": "prod", "flow_id": flow, "tags": ["eu"]}, 201)
    ids = {"flow": flow, "prod": str(made["id"])}
    for name, deployment, kind, words in (
        ("one", ids["prod"], "FAILED", "no listener\nTraceback"),
        ("two", ids["prod"], "CRASHED", "killed"),
        ("three", ids["prod"], "FAILED", "no listener\nelsewhere"),
        ("good", ids["prod"], "COMPLETED", None),
        ("alone", None, "FAILED", None),
        ("four", ids["prod"], "FAILED", "other"),
    ):
        state = {"type": kind, "message": words}
        body = {"flow_id": flow, "name": name, "deployment_id": deployment, "state": state}
        ids[name] = str((await api.post("/flow_runs/", body, 201))["id"])
    return ids


async def failures(api: Api, **criteria: Any) -> list[tuple[Any, ...]]:
    found = await api.post("/penstock/flow_runs/failures", criteria)
    facts = ("deployment_id", "failed", "crashed", "reason", "of_reason")
    return [(*(one[fact] for fact in facts), one["last"]["name"]) for one in found["groups"]]


async def test_failures_are_counted_for_each_deployment_with_their_most_frequent_reason(
    api: Api, failing: dict[str, str]
) -> None:
    of_prod = (failing["prod"], 3, 1, "no listener", 2, "four")
    assert await failures(api) == [of_prod, (None, 1, 0, "", 1, "alone")]
    assert await failures(api, deployments={"tags": {"all_": ["eu"]}}) == [of_prod]
    assert await failures(api, deployments={"tags": {"all_": ["us"]}}) == []


async def test_no_more_are_counted_than_is_allowed_and_it_is_said_how_far(
    api: Api, failing: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (await api.post("/penstock/flow_runs/failures", {}))["reached"] is None
    monkeypatch.setattr(run_failures, "MOST_COUNTED", 2)
    monkeypatch.setattr(run_failures, "MOST_READ", 1)
    part = await api.post("/penstock/flow_runs/failures", {})
    by_deployment = {one["deployment_id"]: (one["failed"], one["read"]) for one in part["groups"]}
    assert by_deployment == {failing["prod"]: (1, 1), None: (1, 0)}
    assert part["reached"] == (await api.get(f"/flow_runs/{failing['alone']}"))["expected_start_time"]
